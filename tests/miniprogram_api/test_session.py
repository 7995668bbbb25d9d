"""Log-in and log-out over HTTP."""

from datetime import datetime, timedelta

import pytest

from app.identity import service as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX, Phone


@pytest.fixture
def client(bare_app, world, wechat):
    return bare_app.test_client()


def log_in(client, code="dev-repairer"):
    return client.post(PREFIX + "/session", json={"code": code})


def test_a_code_opens_a_session(client, world):
    body = taken(log_in(client))

    assert body["person"] == {
        "id": str(world.people["repairer"]),
        "name": "孟铁生",
        "work_number": "1009",
    }
    assert body["roles"] == ["repairer"]
    assert datetime.fromisoformat(body["expires_at"]) > clock.now() + timedelta(days=1)
    assert taken(Phone(client, body["token"]).get("/me"))["roles"] == ["repairer"]


def test_who_is_new_becomes_a_resident_without_a_name(client):
    body = taken(log_in(client, "dev-somebody-new"))

    assert body["roles"] == []
    assert body["person"]["name"] is None


def test_the_answer_is_never_kept_for_a_repeat(client):
    headers = {"Idempotency-Key": "same-key"}
    tokens = {
        client.post(PREFIX + "/session", json={"code": "dev-head"}, headers=headers).json["token"]
        for _ in range(2)
    }

    assert len(tokens) == 2


def test_a_deactivated_person_does_not_come_in(client, world):
    with unit_of_work():
        identity.deactivate(SYSTEM, world.people["repairer"])

    refused(log_in(client), 403, "account_deactivated")


def test_without_wechat_the_door_says_so(bare_app, world):
    answer = log_in(bare_app.test_client())

    refused(answer, 503, "wechat_not_configured")
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    "body", [{}, {"code": ""}, {"code": None}, {"code": 7}, {"code": "x" * 200}, {"code": "a\0b"}]
)
def test_a_code_that_cannot_be_one_is_refused(client, body):
    said = refused(client.post(PREFIX + "/session", json=body), 422, "invalid")

    assert list(said["errors"]) == ["code"]


def test_logging_out_ends_this_session_and_no_other(client):
    here = Phone(client, taken(log_in(client))["token"])
    there = Phone(client, taken(log_in(client))["token"])

    left = here.delete("/session")

    assert (left.status_code, left.data) == (204, b"")
    refused(here.get("/me"), 401, "unauthenticated")
    assert there.get("/me").status_code == 200


def test_nobody_cannot_log_out(client):
    refused(client.delete(PREFIX + "/session"), 401, "unauthenticated")


def test_deactivation_ends_every_session_at_once(client, world):
    phone = Phone(client, taken(log_in(client))["token"])

    with unit_of_work():
        identity.deactivate(SYSTEM, world.people["repairer"])

    refused(phone.get("/work"), 401, "unauthenticated")


def test_guessing_codes_is_slowed_down(client):
    answers = [log_in(client, f"dev-guess-{n}") for n in range(61)]

    assert {answer.status_code for answer in answers[:60]} == {200}
    refused(answers[60], 429, "too_many")
    assert int(answers[60].headers["Retry-After"]) > 0
