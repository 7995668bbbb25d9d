"""Who had a report first is shown to staff, and answers for it until somebody has accepted."""

from datetime import timedelta

from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.make import leaves
from tests.make import tickets as make
from tests.make.answers import refused, taken


def shown(client_for, ticket_id, who="community"):
    return taken(client_for(who).get(f"/work/{ticket_id}"))["first_handler"]


def returned(world, ticket_id):
    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("不归我们"))
    with unit_of_work():
        tickets.decide(world.actor("community"), ticket_id, approved=True, words=Words("同意"))


def test_the_first_stays_answerable_after_a_return_until_another_accepts(world, client_for):
    ticket_id = make.submitted(world)
    first = shown(client_for, ticket_id)
    returned(world, ticket_id)
    waiting = shown(client_for, ticket_id)
    make.dispatched_by_hand(world, ticket_id, to="rival_firm")
    unaccepted = shown(client_for, ticket_id)
    make.accepted(world, ticket_id, by="rival")
    over = shown(client_for, ticket_id)

    told = [first, waiting, unaccepted, over]
    assert [one["organisation"] for one in told] == ["安居物业"] * 4
    assert [one["answerable"] for one in told] == [True, True, True, False]


def test_where_nobody_had_it_yet_nobody_is_named(world, client_for):
    ticket_id = make.submitted(world, make.STAFF)

    assert shown(client_for, ticket_id, "street") is None


def test_the_first_finds_it_in_a_list_of_its_own_and_says_how_it_stands(world, client_for):
    ticket_id = make.submitted(world)
    returned(world, ticket_id)
    leaves.watched(queries.get(ticket_id).accept_due_at + timedelta(minutes=1))
    phone = client_for("manager")

    (card,) = taken(phone.get("/work", queue="first_duty"))["items"]
    detail = taken(phone.get(f"/work/{ticket_id}"))
    said = taken(phone.post(f"/work/{ticket_id}/progress", {"text": "已联系居民说明"}))

    assert card["id"] == str(ticket_id)
    assert [one["action"] for one in detail["actions"]] == ["progress"]
    assert said["timeline"][-1]["who"].startswith("安居物业")
    assert taken(client_for("rival").get("/work", queue="first_duty"))["items"] == []
    refused(phone.get(f"/work/{ticket_id}/contact"), 404)
