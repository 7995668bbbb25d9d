"""The door for WeChat's pushes: what is proven is taken once, all else changes nothing."""

import json
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import select

from app.kernel import clock
from app.kernel.db import session
from app.kernel.outbox.models import OutboxEvent
from app.wechat import pushes, service
from app.wechat.pushes import sign
from config import Wechat
from tests.make import dump, pushing
from tests.make.answers import refused
from tests.make.pushing import OTHERS, OURS, PATH, answered, push, question, sealed, send

PLAIN = Wechat(appid="wx1", secret="s", push_token="token")


@pytest.fixture(autouse=True)
def taken():
    pushes.install(OURS)
    yield
    pushes.install(None)


@pytest.fixture
def client(bare_app, world):
    return bare_app.test_client()


def told(topic="wechat.subscription_answered"):
    session.rollback()
    return session.scalars(select(OutboxEvent).where(OutboxEvent.topic == topic)).all()


def test_the_question_for_our_address_is_echoed_as_it_came(client):
    answer = client.get(PATH, query_string=question())

    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"4711abc", "text/plain")


def test_nobody_else_is_echoed(client):
    asked = {**question(), "nonce": "other"}

    refused(client.get(PATH, query_string=asked), 403, "push_refused")
    refused(client.get(PATH), 403, "push_refused")


def test_a_proven_push_is_noted_and_answered(client):
    answer = push(client, answered("t1"))

    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"success", "text/plain")
    assert len(told()) == 1


def test_a_push_in_xml_is_taken_too(client):
    at = int(clock.now().timestamp())
    query, body = sealed(
        "<xml><FromUserName>o1</FromUserName><CreateTime>"
        f"{at}</CreateTime><MsgType>event</MsgType>"
        "<Event>user_authorization_revoke</Event></xml>"
    )
    encrypted = json.loads(body)["Encrypt"]
    outer = f"<xml><ToUserName>gh</ToUserName><Encrypt>{encrypted}</Encrypt></xml>".encode()

    assert send(client, query, outer, content_type="text/xml").data == b"success"
    assert len(told("wechat.deauthorised")) == 1


def test_the_header_does_not_decide_what_a_body_is(client):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        query, body = sealed(answered(f"t-{len(kind)}"))
        assert send(client, query, body, content_type=kind).data == b"success"

    assert len(told()) == 3


def _wrong_signature():
    query, body = sealed(answered("t1"))
    return {**query, "msg_signature": "0" * 40}, body


def _signed_without_its_body():
    """What only ``signature`` proves: the body may be anybody's."""
    return sealed(answered("t1"))[0], sealed(answered("t2"))[1]


def _without_the_key():
    return sealed(answered("t1"), PLAIN)


def _oversized():
    query, _ = sealed(answered("t1"))
    return query, b"x" * (pushes.MAX_BYTES + 1)


FORGED = {
    "wrong signature": _wrong_signature,
    "another body": _signed_without_its_body,
    "plain": _without_the_key,
    "stale": lambda: sealed(answered("t1"), at=clock.now() - timedelta(minutes=6)),
    "from the future": lambda: sealed(answered("t1"), at=clock.now() + timedelta(minutes=6)),
    "another app": lambda: sealed(answered("t1"), OTHERS),
    "no query": lambda: ({}, sealed(answered("t1"))[1]),
    "no body": lambda: (sealed(answered("t1"))[0], b""),
    "no object": lambda: (sealed(answered("t1"))[0], b"[1]"),
    "not ours to read": lambda: sealed({"MsgType": "event", "Event": "wxa_media_check"}),
    "entities": lambda: sealed('<!DOCTYPE x [<!ENTITY a "b">]><xml><Event>&a;</Event></xml>'),
    "too large": _oversized,
}


@pytest.mark.parametrize("how", FORGED)
def test_what_is_not_wechats_changes_nothing(client, how):
    before = dump.tables()

    refused(send(client, *FORGED[how]()), 403, "push_refused")

    assert dump.tables() == before


def test_the_comparison_sees_what_a_push_changes(client):
    before = dump.tables()

    push(client, answered("t1"))

    assert dump.tables() != before


@pytest.mark.parametrize("how", ["wrong signature", "stale", "another app"])
def test_control_without_its_check_a_forged_push_would_be_taken(client, monkeypatch, how):
    query, body = FORGED[how]()
    if how == "wrong signature":
        monkeypatch.setattr(pushes, "_check_signature", lambda *_: None)
        # the library checks once more, so the bug is planted there as well
        monkeypatch.setattr(pushes, "_opened", lambda *_: json.dumps(answered("t1")))
    elif how == "stale":
        monkeypatch.setattr(pushes, "_check_fresh", lambda *_: None)
    else:
        pushes.install(OTHERS)

    assert send(client, query, body).data == b"success"


def test_twenty_repeats_in_any_order_have_one_effect(client):
    bodies = [sealed(answered(f"t{number}")) for number in range(4)]
    order = [(number * 7) % 4 for number in range(20)]

    answers = {send(client, *bodies[one]).data for one in order}

    assert answers == {b"success"}
    assert len(told()) == 4


def test_control_without_the_note_of_what_came_repeats_count(client, monkeypatch):
    monkeypatch.setattr(service, "first_time", lambda *_: True)
    query, body = sealed(answered("t1"))

    for _ in range(3):
        send(client, query, body)

    assert len(told()) == 3


def test_who_set_up_no_pushes_has_no_such_address(client):
    pushes.install(None)

    refused(push(client, answered("t1")), 404, "not_found")
    refused(client.get(PATH, query_string=question()), 404, "not_found")


def test_a_log_in_proves_nothing_here(client, client_for):
    token = client_for("admin").token
    query, body = _wrong_signature()

    refused(send(client, query, body, Authorization=f"Bearer {token}"), 403, "push_refused")


def test_the_log_says_why_and_nothing_of_what_was_sent(client):
    query, _ = sealed(answered("t1"))

    with structlog.testing.capture_logs() as lines:
        send(client, query, b"canary-body " * 1000)

    (line,) = [one for one in lines if one["event"] == "wechat_push_refused"]
    assert line == {"event": "wechat_push_refused", "log_level": "warning", "why": "malformed"}


def test_what_a_push_says_of_people_is_sealed_in_the_database(client):
    body = {**pushing.event("", "canary-openid"), "MsgType": "text", "Content": "canary-words"}
    push(client, {**body, "MsgId": "7"})

    assert len(told("wechat.user_wrote")) == 1
    assert "canary-" not in dump.whole()


def test_signing_is_over_the_sorted_parts():
    assert sign("b", "a") == sign("a", "b")
