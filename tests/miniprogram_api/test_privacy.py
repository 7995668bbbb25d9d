"""The notice, consents, the copy and the way out, over HTTP."""

import pytest

from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.privacy import service
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX


@pytest.fixture
def notice(world):
    with unit_of_work():
        service.publish_shipped(SYSTEM)


def test_anybody_reads_the_notice(bare_app, notice):
    body = taken(bare_app.test_client().get(PREFIX + "/privacy"))

    assert body["version"] == 1
    assert "注销" in body["text"]


def test_without_a_notice_there_is_none(bare_app, world):
    refused(bare_app.test_client().get(PREFIX + "/privacy"), 404, "no_notice")


def test_an_answer_is_kept_and_listed(client_for, notice):
    phone = client_for("resident")

    taken(phone.post("/me/consents", {"version": 1, "agreed": False}), 201)
    taken(phone.post("/me/consents", {"version": 1, "agreed": True}), 201)

    agreed = [one["agreed"] for one in taken(phone.get("/me/consents"))["items"]]
    assert sorted(agreed) == [False, True]
    refused(phone.post("/me/consents", {"version": 2, "agreed": True}), 409, "newer_notice")


def test_the_copy_is_ones_own(client_for, notice):
    copy = taken(client_for("resident").post("/me/export"))

    assert copy["account"]["name"] == "周桂芳"
    assert copy["account"]["dwellings"]


def test_the_way_out_needs_the_word(client_for, notice):
    phone = client_for("stranger")
    refused(phone.post("/me/erasure", {"confirm": "是"}), 422)

    assert phone.post("/me/erasure", {"confirm": "注销"}).status_code == 204

    refused(phone.get("/me"), 401)


def test_staff_do_not_leave_this_way(client_for, notice):
    refused(client_for("repairer").post("/me/erasure", {"confirm": "注销"}), 422, "still_staff")
