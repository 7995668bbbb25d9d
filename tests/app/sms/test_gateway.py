"""Texts go to a provider signed, to a demo's table, or nowhere; what fails tells nothing."""

import dataclasses
import hashlib
import hmac
import socket

import pytest
from structlog.testing import capture_logs

from app.kernel import clock, marks
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.sms import gateway, queries
from app.sms.gateway import DemoTexts, HttpProvider, NotConfigured, NotSetUp, SmsFault
from config import DEMO, PRODUCTION, TEST, Sms
from tests.make.outside import outside

PHONE, WORDS = "10020000099", "您的工单有新进展"
KEY = "canary-key"


@pytest.fixture
def demo(settings):
    return dataclasses.replace(settings, env=DEMO)


def mark():
    with unit_of_work():
        marks.mark_demo()


def provider(there):
    return HttpProvider(Sms(url=there.url, key=KEY, sign="三单"))


def faulty(there):
    with pytest.raises(SmsFault) as fault:
        provider(there).send(PHONE, WORDS, purpose="notice")
    return fault.value


def test_a_provider_is_sent_a_signed_request():
    with outside() as there, clock.frozen():
        provider(there).send(PHONE, WORDS, purpose="notice")
        now = int(clock.now().timestamp())

    (asked,) = there.asked
    expected = hmac.new(KEY.encode(), asked.body, hashlib.sha256).hexdigest()
    said = asked.json()
    assert asked.headers["X-Sandan-Signature"] == f"sha256={expected}"
    assert (said["phone"], said["text"], said["sign"]) == (PHONE, WORDS, "三单")
    assert (said["purpose"], said["timestamp"]) == ("notice", now)
    assert KEY not in f"{asked.body!r} {asked.headers}"


def test_two_texts_are_told_apart_by_their_nonce():
    with outside() as there:
        for _ in range(2):
            provider(there).send(PHONE, WORDS, purpose="notice")

    assert len({one.json()["nonce"] for one in there.asked}) == 2


@pytest.mark.parametrize(
    ("status", "maybe_sent", "final"),
    [
        (429, False, False),
        (503, False, False),
        (500, True, False),
        (502, True, False),
        (400, False, True),
        (401, False, True),
        (302, False, True),
    ],
)
def test_a_status_says_what_is_to_be_done(status, maybe_sent, final):
    with outside(lambda _: (status, b"no")) as there:
        fault = faulty(there)

    assert (fault.maybe_sent, fault.final) == (maybe_sent, final)
    assert not {PHONE, WORDS, KEY} & set(str(fault).split())


def test_hanging_up_may_have_sent_it():
    with outside(lambda _: None) as there:
        fault = faulty(there)

    assert fault.maybe_sent
    assert not fault.final


def test_nobody_there_has_sent_nothing():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    nobody = HttpProvider(Sms(url=f"http://127.0.0.1:{port}/", key=KEY))

    with pytest.raises(SmsFault) as fault:
        nobody.send(PHONE, WORDS, purpose="code")

    assert not fault.value.maybe_sent
    assert PHONE not in repr(fault.value)


def test_nothing_is_sent_with_a_transaction_open(app):
    with outside() as there, unit_of_work(), pytest.raises(RuntimeError):
        provider(there).send(PHONE, WORDS, purpose="code")

    assert there.asked == []


def test_a_demo_keeps_the_text_sealed_and_says_so(app, demo):
    mark()

    with capture_logs() as logs:
        DemoTexts(demo).send(PHONE, WORDS, purpose="notice")

    (kept,) = queries.kept()
    raw = session.connection().exec_driver_sql("SELECT phone, text FROM demo_sms").one()
    assert (kept.phone, kept.text, kept.purpose) == (PHONE, WORDS, "notice")
    assert PHONE not in raw[0]
    assert WORDS not in raw[1]
    assert [(one["event"], one["words"]) for one in logs] == [("demo_sms_kept", WORDS)]


def test_a_demo_forgets_old_texts(app, demo, monkeypatch):
    mark()
    monkeypatch.setattr(gateway, "KEPT", 3)

    for number in range(5):
        DemoTexts(demo).send(PHONE, f"第{number}条", purpose="notice")

    assert [one.text for one in queries.kept()] == ["第4条", "第3条", "第2条"]


def test_without_the_mark_nothing_is_kept_or_logged(app, demo):
    with capture_logs() as logs, pytest.raises(NotSetUp):
        DemoTexts(demo).send(PHONE, WORDS, purpose="code")

    assert logs == []
    assert queries.kept() == ()


@pytest.mark.parametrize("env", [PRODUCTION, TEST])
def test_texts_are_kept_in_demo_mode_only(settings, env):
    other = dataclasses.replace(settings, env=env)

    assert isinstance(gateway.for_settings(other), NotConfigured)
    with pytest.raises(ValueError, match="demo mode only"):
        DemoTexts(other)


def test_a_demo_never_sends_to_the_numbers_it_invented(demo):
    provided = dataclasses.replace(demo, sms=Sms(url="http://127.0.0.1:1/", key=KEY))

    assert isinstance(gateway.for_settings(provided), DemoTexts)


def test_settings_with_a_provider_choose_it(settings):
    provided = dataclasses.replace(settings, sms=Sms(url="http://127.0.0.1:1/", key=KEY))

    assert isinstance(gateway.for_settings(provided), HttpProvider)


def test_with_nothing_set_nobody_sends():
    gateway.install(NotConfigured())

    with pytest.raises(NotSetUp) as fault:
        gateway.send(PHONE, WORDS, purpose="code")

    assert fault.value.final
