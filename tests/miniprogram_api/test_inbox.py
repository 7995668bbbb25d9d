"""News over HTTP: the inbox with its delivery report, wishes, grants, what staff may see."""

from uuid import uuid4

import pytest
from sqlalchemy import select

from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.notifications.models import Message
from app.notifications.rules.settling import Outcome, Result
from app.notifications.rules.ways import Way
from tests.make import news
from tests.make import tickets as make
from tests.make.answers import refused, taken

WISH = {"channels": ["sms"], "quiet_from": "21:30", "quiet_to": "06:30", "digest": False}


@pytest.fixture(autouse=True)
def ways():
    with news.outfit(Way.WECHAT) as posts:
        yield posts


@pytest.fixture
def resident(client_for):
    return client_for("resident")


def test_the_inbox_shows_news_the_newest_first_with_what_became_of_it(world, resident, ways):
    news.template("accepted", "resident", "T1")
    news.allow(world, "resident", "T1")
    ticket_id = make.accepted(world, make.submitted(world))
    news.drained()

    page = taken(resident.get("/me/inbox"))

    kinds = [one["kind"] for one in page["items"]]
    assert sorted(kinds) == ["accepted", "binding_confirmed", "dispatched", "received"]
    accepted = next(one for one in page["items"] if one["kind"] == "accepted")
    assert accepted["ticket_id"] == str(ticket_id)
    assert accepted["title"] == "已接单"
    (way,) = accepted["ways"]
    assert (way["channel"], way["channel_text"], way["state_text"]) == (
        "wechat",
        "微信通知",
        "已发送",
    )
    assert page["unread"] == 4


def test_the_inbox_pages_and_is_ones_own(world, resident, client_for):
    make.accepted(world, make.submitted(world))
    news.drained()

    first = taken(resident.get("/me/inbox", limit=3))
    rest = taken(resident.get("/me/inbox", limit=3, cursor=first["next_cursor"]))
    ids = [one["id"] for one in first["items"] + rest["items"]]
    assert len(ids) == len(set(ids)) == 4
    assert rest["next_cursor"] is None
    other = taken(client_for("neighbour").get("/me/inbox"))
    assert not set(ids) & {one["id"] for one in other["items"]}


def test_read_news_is_read_by_its_owner_only(world, resident, client_for):
    make.submitted(world)
    news.drained()
    ids = [one["id"] for one in taken(resident.get("/me/inbox"))["items"]]

    stolen = taken(client_for("neighbour").post("/me/inbox/read", {"ids": ids}))
    assert stolen["read"] == 0
    done = taken(resident.post("/me/inbox/read", {"ids": ids[:1]}))
    assert (done["read"], done["unread"]) == (1, len(ids) - 1)
    left = taken(resident.get("/me/inbox", unread="true"))["items"]
    assert [one["id"] for one in left] == ids[1:]


def test_wishes_begin_as_usual_and_are_kept(resident):
    assert taken(resident.get("/me/notify")) == {
        "channels": [],
        "quiet_from": "22:00",
        "quiet_to": "07:00",
        "digest": True,
    }

    assert taken(resident.put("/me/notify", WISH)) == WISH
    assert taken(resident.get("/me/notify")) == WISH


@pytest.mark.parametrize(
    "change",
    [
        {"channels": ["inbox"]},
        {"channels": ["sms", "sms"]},
        {"quiet_from": "25:00"},
        {"quiet_to": "9"},
        {"more": 1},
    ],
)
def test_wishes_that_make_no_sense_are_refused(resident, change):
    refused(resident.put("/me/notify", {**WISH, **change}), 422)


def test_what_to_ask_for_now_and_what_was_answered(world, resident):
    news.template("accepted", "resident", "T1")
    news.template("please_confirm", "resident", "T2")

    assert taken(resident.get("/me/subscriptions", moment="submit"))["ask"] == ["T1", "T2"]
    report = {
        "id": str(uuid4()),
        "results": [
            {"template_id": "T1", "status": "accept"},
            {"template_id": "T2", "status": "reject"},
        ],
    }
    for _ in range(2):
        told = taken(resident.post("/me/subscriptions", report))
    assert {one["template_id"]: one["left"] for one in told["balance"]} == {"T1": 1, "T2": 0}


def test_staff_read_who_was_told_what_and_what_came_of_it(world, client_for, ways):
    news.template("accepted", "resident", "T1")
    news.allow(world, "resident", "T1")
    ways[Way.WECHAT].outcomes = [Outcome(Result.REFUSED, "NoGrant", no_grant=True)]
    ticket_id = make.submitted(world)
    news.drained()
    make.accepted(world, ticket_id)
    news.drained()

    items = taken(client_for("community").get(f"/work/{ticket_id}/messages"))["items"]

    told = {(one["who"], one["what"], one["channel"], one["state"]) for one in items}
    assert ("反映人", "已接单", "wechat", "refused") in told
    assert ("反映人", "已接单", "inbox", "sent") in told
    assert any(one["audience"] == "handler" and one["who"].isdigit() for one in items)
    assert not any(word in str(items) for word in ("周桂芳", "桂花苑", "10020000000"))


def test_staff_who_have_nothing_to_do_with_it_find_nothing(world, client_for):
    ticket_id = make.submitted(world, make.GUARD)

    for name in ("manager", "rival", "resident", "other_community"):
        refused(client_for(name).get(f"/work/{ticket_id}/messages"), 404)


def test_what_wechat_says_arrived_is_said_to_have_arrived(world, resident, ways):
    news.template("accepted", "resident", "T1")
    news.allow(world, "resident", "T1")
    make.accepted(world, make.submitted(world))
    news.drained()
    with unit_of_work():
        sent = select(Message).where(Message.channel == Way.WECHAT)
        session.scalars(sent).one().arrived_at = clock.now()

    items = taken(resident.get("/me/inbox"))["items"]

    (way,) = next(one["ways"] for one in items if one["kind"] == "accepted")
    assert way["state_text"] == "已送达"
