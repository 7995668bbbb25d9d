"""Who had a report first is shown to staff, and answers for it until somebody has accepted."""

from app.kernel.work import unit_of_work
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.make import tickets as make
from tests.make.answers import taken


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
