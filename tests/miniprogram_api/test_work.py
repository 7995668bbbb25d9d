"""The work of staff over HTTP: worklists, one ticket, the number to ring."""

import pytest
from sqlalchemy import select

from app.identity import service as identity
from app.identity.rules import Role
from app.identity.service import NewGrant
from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditEntry
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from tests.make import tickets as make
from tests.make.answers import refused, taken, walked

QUEUES = ["to_dispatch", "pool", "mine", "team", "overdue", "awaiting_review", "follow_up", "all"]


def ids(phone, queue, **query):
    return [one["id"] for one in taken(phone.get("/work", queue=queue, **query))["items"]]


def pooled(world):
    ticket_id = make.submitted(world, make.UNSURE)
    target = Target(organisation_id=world.organisations["firm"], claimable=True)
    with unit_of_work():
        tickets.dispatch(world.actor("community"), ticket_id, target, Words("谁有空"))
    return ticket_id


@pytest.fixture
def filled(world):
    """One ticket in each worklist, with noise of another compound and community."""
    make.submitted(world, scene="rival_building", by="stranger")
    make.submitted(world, make.UNSURE, scene="old_building", by="old_resident")
    found = {"team": make.submitted(world)}
    found["mine"] = make.started(world, make.submitted(world))
    found["pool"] = pooled(world)
    found["done"] = make.resolved(world, make.submitted(world))
    found["asked"] = make.submitted(world)
    with unit_of_work():
        tickets.ask_return(
            world.actor("repairer"), found["asked"], "other_party", Words("不归我们")
        )
    found["waiting"] = make.submitted(world, make.GUARD)
    return {key: str(one) for key, one in found.items()}


@pytest.mark.parametrize(
    ("name", "queue", "expected"),
    [
        ("community", "to_dispatch", {"waiting"}),
        ("other_community", "to_dispatch", set()),
        ("street", "to_dispatch", set()),
        ("repairer", "to_dispatch", set()),
        ("repairer2", "pool", {"pool"}),
        ("rival", "pool", set()),
        ("repairer", "mine", {"mine"}),
        ("repairer2", "mine", set()),
        ("repairer", "team", {"team", "mine", "pool", "asked"}),
        ("manager", "team", {"team", "mine", "pool", "asked"}),
        ("community", "awaiting_review", {"asked"}),
        ("community2", "awaiting_review", {"asked"}),
        ("other_community", "awaiting_review", set()),
        ("repairer", "awaiting_review", set()),
        ("community", "follow_up", {"done"}),
        ("repairer", "follow_up", set()),
        ("resident", "all", set()),
        ("committee_chair", "all", set()),
        ("admin", "all", set()),
    ],
)
def test_each_worklist_holds_what_it_says(filled, client_for, name, queue, expected):
    found = set(ids(client_for(name), queue))

    assert {key for key, one in filled.items() if one in found} == expected


def test_overdue_is_what_is_late_now(filled, client_for):
    phone = client_for("repairer")
    assert ids(phone, "overdue") == []

    with make.after(hours=3):
        late = taken(phone.get("/work", queue="overdue"))["items"]

    assert {filled["team"], filled["asked"]} <= {one["id"] for one in late}
    assert all(one["overdue"].startswith("已超时") for one in late)


@pytest.mark.parametrize(
    "queue", ["to-dispatch", "awaiting-review", "due-Soon", "TEAM", "briefs", "x"]
)
def test_queues_are_spelled_one_way(client_for, queue):
    refused(client_for("repairer").get("/work", queue=queue), 422, "invalid")


def test_without_a_name_it_is_the_team(filled, client_for):
    phone = client_for("repairer")

    assert taken(phone.get("/work")) == taken(phone.get("/work", queue="team"))


@pytest.mark.parametrize("queue", ["team", "all", "overdue"])
def test_a_worklist_pages_by_due_time_without_repeats(world, client_for, queue):
    made = []
    for minutes in range(5):
        with make.after(minutes=minutes):
            made.append(str(make.submitted(world)))
    phone = client_for("repairer")

    with make.after(hours=4):
        pages = walked(phone, "/work", limit=2, queue=queue)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one["id"] for page in pages for one in page] == made
    due = [one["next_due_at"] for page in pages for one in page]
    assert due == sorted(due)


def test_reviews_page_by_their_own_due_time(world, client_for):
    asked = []
    for minutes in range(3):
        with make.after(minutes=minutes):
            asked.append(make.submitted(world))
            with unit_of_work():
                words = Words("不归我们")
                tickets.ask_return(world.actor("repairer"), asked[-1], "other_party", words)

    pages = walked(client_for("community"), "/work", limit=2, queue="awaiting_review")

    assert [one["id"] for page in pages for one in page] == [str(one) for one in asked]
    assert {one["review"] for page in pages for one in page} == {"return"}


def test_a_ticket_is_found_by_its_number(filled, client_for):
    phone = client_for("repairer")
    number = taken(phone.get(f"/work/{filled['team']}"))["number"]

    assert ids(phone, "all", number=number) == [filled["team"]]
    assert ids(phone, "all", number=number.replace(" ", "")) == [filled["team"]]
    assert ids(client_for("rival"), "all", number=number) == []
    refused(phone.get("/work", queue="all", number="abc"), 422, "invalid")


@pytest.mark.parametrize("name", ["repairer", "manager", "community", "street", "grid"])
def test_who_goes_there_or_decides_reads_the_unit(world, client_for, name):
    ticket_id = make.submitted(world, scene="unit")
    phone = client_for(name)

    (card,) = taken(phone.get("/work", queue="all"))["items"]

    assert card["place"] == "桂花苑 3幢 2单元"
    assert taken(phone.get(f"/work/{ticket_id}"))["place"] == "桂花苑 3幢 2单元"


def test_who_only_reads_gets_no_further_than_the_building(world, client_for):
    ticket_id = make.submitted(world, scene="unit")
    with unit_of_work():
        street = world.places["street"]
        grant = NewGrant(person_id=world.people["head"], role=Role.AUDITOR, place_id=street)
        identity.grant(SYSTEM, grant)
    phone = client_for("head")

    (card,) = taken(phone.get("/work", queue="all"))["items"]

    assert card["place"] == "桂花苑 3幢"
    assert taken(phone.get(f"/work/{ticket_id}"))["place"] == "桂花苑 3幢"


def test_a_card_tells_due_handler_and_whose_hands(world, client_for):
    make.started(world, make.submitted(world))

    (card,) = taken(client_for("manager").get("/work"))["items"]

    assert (card["handler"], card["assignee"]) == ("安居物业", "1009")
    assert set(card["due"]) == {"accept", "respond", "resolve"}
    assert card["state_words"] == "办理中"


def test_a_ticket_shows_story_holdings_and_buttons(world, client_for):
    ticket_id = make.started(world, make.submitted(world))

    shown = taken(client_for("repairer").get(f"/work/{ticket_id}"))

    assert shown["text"] == "楼道灯不亮了，住301的老人看不见路"
    assert shown["contact"] == "100****0000"
    assert [one["organisation"] for one in shown["holdings"]] == ["安居物业"]
    assert {one["action"] for one in shown["actions"]} == {
        "progress",
        "assist",
        "appoint",
        "no_show",
        "quote",
        "resolve",
        "suspend",
        "extend",
        "escalate",
    }


def entries(action):
    session.rollback()
    query = select(AuditEntry).where(AuditEntry.action == action)
    return [(one.person_id, one.subject_id) for one in session.scalars(query)]


def test_each_look_at_a_ticket_is_written_down(world, client_for):
    ticket_id = make.submitted(world)

    taken(client_for("community").get(f"/work/{ticket_id}"))
    refused(client_for("rival").get(f"/work/{ticket_id}"), 404)

    assert entries("ticket.viewed") == [(world.people["community"], ticket_id)]


def test_the_full_number_is_for_the_lead_while_open_and_each_look_is_kept(world, client_for):
    ticket_id = make.submitted(world)
    path = f"/work/{ticket_id}/contact"

    seen = taken(client_for("repairer").get(path))
    for name in ("community", "street", "grid", "rival", "resident"):
        refused(client_for(name).get(path), 404, "not_found")

    assert seen == {"name": "周桂芳", "phone": "10020000000"}
    assert entries("ticket.contact_seen") == [(world.people["repairer"], ticket_id)]
    with unit_of_work():
        tickets.withdraw(world.actor("resident"), ticket_id, Words())
    refused(client_for("repairer").get(path), 404, "not_found")


def test_a_firm_that_was_relieved_reads_nothing_once_another_has_accepted(world, client_for):
    """Until then it answers for the report it had first, and never sees whom to ring."""
    ticket_id = make.submitted(world)
    with unit_of_work():
        target = Target(organisation_id=world.organisations["rival_firm"])
        tickets.transfer(world.actor("community"), ticket_id, target, Words("换一家"))
    first, rival = client_for("repairer"), client_for("rival")

    shown = taken(first.get(f"/work/{ticket_id}"))
    assert [one["action"] for one in shown["actions"]] == ["progress"]
    refused(first.get(f"/work/{ticket_id}/contact"), 404, "not_found")
    taken(rival.get(f"/work/{ticket_id}/contact"))

    make.accepted(world, ticket_id, "rival")
    refused(first.get(f"/work/{ticket_id}"), 404, "not_found")
    refused(first.get(f"/work/{ticket_id}/contact"), 404, "not_found")
    taken(rival.get(f"/work/{ticket_id}"))


def test_an_anonymous_report_names_nobody_to_anybody(world, client_for):
    ticket_id = make.submitted(world, "ENV-CLEAN", scene="home", anonymous=True, text="楼道很脏")

    for name in ("repairer", "manager", "community", "grid", "street", "district"):
        phone = client_for(name)
        answer = phone.get(f"/work/{ticket_id}")
        said = answer.get_data(as_text=True) + phone.get("/work", queue="all").get_data(True)
        refused(phone.get(f"/work/{ticket_id}/contact"), 404, "not_found")
        assert taken(answer)["anonymous"] is True
        assert taken(answer)["place"] == "桂花苑 3幢"
        hidden = ("周桂芳", "10020000000", "100****", "301", str(world.people["resident"]))
        assert [one for one in hidden if one in said] == [], name
