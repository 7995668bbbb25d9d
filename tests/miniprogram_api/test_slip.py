"""A slip over HTTP: filed at the counter, followed and confirmed without a log-in."""

from uuid import UUID

import pytest

from tests.make import tickets as make
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX, Phone


@pytest.fixture
def client(bare_app, world):
    return bare_app.test_client()


@pytest.fixture
def receipt(client_for, world):
    """What the building head gets for a report filed for a neighbour."""
    sent = {
        "category": make.LIGHT,
        "place": {"scene": world.scenes["building"]},
        "text": "楼道灯不亮",
        "on_behalf": True,
        "channel": "phone",
        "contact": {"name": "周桂芳", "phone": "10020000000"},
    }
    return taken(client_for("head").post("/tickets", sent), 201)


def opened(client, receipt, **changes):
    sent = {"number": receipt["number"], "code": receipt["query_code"], **changes}
    return client.post(PREFIX + "/slip", json=sent)


def resolve(world, receipt):
    return make.resolved(world, UUID(receipt["id"]))


def test_the_receipt_of_a_report_for_another_carries_the_code(receipt):
    assert len(receipt["query_code"]) == 6


def test_a_report_of_ones_own_has_no_slip(client_for, world):
    sent = {
        "category": make.LIGHT,
        "place": {"scene": world.scenes["building"]},
        "text": "楼道灯不亮",
    }

    assert taken(client_for("resident").post("/tickets", sent), 201)["query_code"] is None


def test_a_repeated_report_tells_the_same_code(client_for, world):
    sent = {
        "category": make.LIGHT,
        "place": {"scene": world.scenes["building"]},
        "text": "楼道灯不亮",
        "on_behalf": True,
        "channel": "counter",
    }
    head = client_for("head")

    first, again = (taken(head.post("/tickets", sent, key="k-1"), 201) for _ in range(2))

    assert again == first


def test_a_channel_of_the_counter_needs_somebody_at_the_counter(client_for, world):
    sent = {
        "category": make.LIGHT,
        "place": {"scene": world.scenes["building"]},
        "text": "楼道灯不亮",
        "channel": "counter",
    }

    assert "channel" in refused(client_for("resident").post("/tickets", sent), 422)["errors"]


def test_the_slip_opens_the_ticket_with_what_may_be_done(client, receipt):
    body = taken(opened(client, receipt))

    assert body["ticket"]["number"] == receipt["number"]
    assert {one["action"] for one in body["ticket"]["actions"]} == {"supplement"}


def test_words_are_added_and_the_verdict_closes(client, world, receipt):
    holder = Phone(client, taken(opened(client, receipt))["token"])
    taken(holder.post("/slip/supplement", {"text": "三楼的也不亮"}))
    resolve(world, receipt)

    closed = taken(holder.post("/slip/rate", {"solved": "yes", "satisfaction": "satisfied"}))

    assert closed["state"] == "closed"
    assert taken(holder.get("/slip/ticket"))["state_words"] == closed["state_words"]
    refused(holder.post("/slip/rate", {"solved": "yes"}), 409)


def test_not_solved_sends_it_back(client, world, receipt):
    holder = Phone(client, taken(opened(client, receipt))["token"])
    resolve(world, receipt)

    assert taken(holder.post("/slip/rework", {"text": "还是不亮"}))["state"] == "in_progress"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"code": "000000"}, 401), ({"number": "1000 0000 0000"}, 401), ({"code": "12"}, 422)],
)
def test_a_slip_that_is_none_is_refused_in_words(client, receipt, changes, status):
    refused(opened(client, receipt, **changes), status)


def test_the_slip_opens_no_other_door_and_no_other_token_opens_it(client, client_for, receipt):
    holder = Phone(client, taken(opened(client, receipt))["token"])

    for path in ("/me", "/tickets", f"/tickets/{receipt['id']}", "/work"):
        refused(holder.get(path), 401)
    refused(client_for("head").get("/slip/ticket"), 401)
    refused(client.get(PREFIX + "/slip/ticket"), 401)


@pytest.mark.parametrize("act", ["supplement", "rework", "rate"])
def test_fields_that_are_ours_to_set_are_refused(client, receipt, act):
    holder = Phone(client, taken(opened(client, receipt))["token"])
    sent = {"text": "说明", **({"solved": "yes"} if act == "rate" else {}), "state": "closed"}

    assert "state" in refused(holder.post(f"/slip/{act}", sent), 422)["errors"]


def test_a_lost_slip_is_written_anew_by_who_filed_it(client, client_for, receipt):
    fresh = taken(client_for("head").post(f"/tickets/{receipt['id']}/slip"), 201)

    refused(client_for("neighbour").post(f"/tickets/{receipt['id']}/slip"), 404)
    taken(opened(client, fresh))
    if fresh["query_code"] != receipt["query_code"]:
        refused(opened(client, receipt), 401, "bad_slip")
