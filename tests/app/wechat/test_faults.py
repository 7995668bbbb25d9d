"""What the gateway does when WeChat fails: few calls, bounded time, nothing secret told."""

import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import requests
from sqlalchemy import text
from wechatpy import WeChatClient

from app.kernel import clock, outward
from app.kernel.db import session
from app.kernel.errors import SandanError
from app.kernel.ids import new_id
from app.kernel.metrics import REGISTRY
from app.kernel.telemetry import set_up_logging
from app.wechat import errors, pauses, tokens
from app.wechat.answers import SubscribeMessage
from app.wechat.real import Gateway
from config import Wechat
from tests.app.wechat.conftest import APPID, SECRET
from tests.app.wechat.test_calls import DATA, SEND
from tests.conftest import MONDAY

STABLE = "cgi-bin/stable_token"
LIST = "wxaapi/newtmpl/gettemplate"


def together(app, count: int, act: Callable[[], object]) -> list[object]:
    """Run ``act`` in so many threads at once; give what each returned or raised."""
    ended: list[object] = []
    start = threading.Barrier(count)

    def run() -> None:
        with app.app_context(), clock.frozen(MONDAY):
            start.wait(10)
            try:
                ended.append(act())
            except Exception as error:
                ended.append(error)
            finally:
                session.remove()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return ended


def workers_meet_an_expired_token(app, fake) -> None:
    gateway = fake.gateway()
    gateway.templates()
    fake.order("expire")
    fake.state.calls.clear()

    ended = together(app, 20, gateway.templates)

    assert [one for one in ended if isinstance(one, Exception)] == []
    assert len(ended) == 20


def test_twenty_workers_with_an_expired_token_make_one_refresh(app, fake):
    workers_meet_an_expired_token(app, fake)

    assert fake.calls(STABLE) == 1
    assert fake.calls(LIST) <= 40


def test_without_the_lease_they_would_make_many(app, fake, monkeypatch):
    monkeypatch.setattr(tokens, "_lease", lambda *_: new_id())

    workers_meet_an_expired_token(app, fake)

    assert fake.calls(STABLE) > 1


def test_a_token_is_fetched_once_and_kept_sealed(fake, gateway):
    gateway.templates()
    fake.gateway().templates()

    assert fake.calls(STABLE) == 1
    stored = str(session.execute(text("SELECT * FROM wechat_token")).all())
    assert fake.state.newest not in stored
    assert APPID in stored


def test_the_next_token_is_fetched_before_the_old_one_ends(fake, gateway):
    gateway.templates()
    fake.clock[0] += 6901

    with clock.frozen(MONDAY + timedelta(seconds=6901)):
        gateway.templates()

    assert fake.calls(STABLE) == 2
    assert fake.calls(LIST) == 2


def test_a_token_that_is_still_good_is_used_while_the_next_cannot_be_had(fake, gateway):
    gateway.templates()
    fake.order("fail", path=STABLE, kind="-1", times=9)

    with clock.frozen(MONDAY + timedelta(seconds=6901)):
        assert gateway.templates()
        assert gateway.templates()

    assert fake.calls(STABLE) == 2  # the first, and one that failed: not again at once


def test_a_refresher_that_died_holds_nobody_for_long(fake, gateway, monkeypatch):
    monkeypatch.setattr(tokens, "WAIT_S", 0.2)
    assert tokens._lease(APPID, 0, MONDAY)

    with pytest.raises(errors.Busy):
        gateway.templates()
    assert fake.calls(STABLE) == 0
    with clock.frozen(MONDAY + tokens.LEASE):
        assert gateway.templates()


def test_who_comes_late_with_a_token_changes_nothing(fake, gateway):
    late = tokens._lease(APPID, 0, MONDAY)
    with clock.frozen(MONDAY + tokens.LEASE):
        gateway.templates()

    tokens._settle(APPID, late, token="from long ago", generation=1)

    with clock.frozen(MONDAY + tokens.LEASE):
        assert gateway.templates()
    assert fake.calls(STABLE) == 1


def test_a_token_refused_for_good_is_given_up_after_two_calls(fake, gateway, caplog):
    fake.order("fail", path=LIST, kind="40001", times=99)

    with pytest.raises(errors.TokenRefused):
        gateway.templates()

    assert (fake.calls(LIST), fake.calls(STABLE)) == (2, 2)
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    with pytest.raises(errors.TokenRefused):
        gateway.templates()
    assert fake.calls(LIST) == 2  # for half a minute nobody even tries
    with clock.frozen(MONDAY + timedelta(seconds=31)), pytest.raises(errors.TokenRefused):
        gateway.templates()
    assert fake.calls(LIST) == 4


def test_the_library_alone_would_ask_without_end(fake):
    """The control: what the gateway switches off."""
    fake.order("fail", path=LIST, kind="40001", times=5000)
    client = WeChatClient(APPID, SECRET, access_token="x")
    client._http.trust_env = False
    client.fetch_access_token = lambda: client.session.set(client.access_token_key, "y")

    with pytest.raises(RecursionError):
        client.get(fake.url + LIST, timeout=5)

    assert fake.calls(LIST) > 100


def test_a_used_up_quota_stops_the_call_until_it_comes_back(fake, gateway):
    fake.order("fail", path=SEND, kind="45009")
    message = SubscribeMessage("o-1", "fake-accepted", DATA)
    midnight = MONDAY + timedelta(hours=14)

    for _ in range(3):
        with pytest.raises(errors.QuotaReached) as told:
            gateway.send_subscribe(message)
        assert told.value.until == midnight

    assert fake.calls(SEND) == 1
    assert gateway.templates()  # other calls go on
    with clock.frozen(midnight), pytest.raises(errors.NoGrant):
        gateway.send_subscribe(message)
    assert fake.calls(SEND) == 2


def test_without_the_pause_a_used_up_quota_would_be_asked_again(fake, gateway, monkeypatch):
    monkeypatch.setattr(pauses, "check", lambda *_: None)
    fake.order("fail", path=SEND, kind="45009", times=9)

    for _ in range(3):
        with pytest.raises(errors.QuotaReached):
            gateway.send_subscribe(SubscribeMessage("o-1", "fake-accepted", DATA))

    assert fake.calls(SEND) == 3


def test_operators_see_what_is_refused_and_until_when(fake, gateway):
    fake.order("fail", path=SEND, kind="45009")
    with pytest.raises(errors.QuotaReached):
        gateway.send_subscribe(SubscribeMessage("o-1", "fake-accepted", DATA))

    refused = {"api": SEND, "fault": "QuotaReached"}
    assert REGISTRY.get_sample_value("sandan_wechat_faults_total", refused) >= 1
    until = REGISTRY.get_sample_value("sandan_wechat_paused_until_seconds", {"api": SEND})
    assert until == (MONDAY + timedelta(hours=14)).timestamp()


def test_wrong_settings_are_asked_about_once_in_five_minutes(fake, gateway, caplog):
    fake.order("fail", path=STABLE, kind="40164", times=2)

    for _ in range(3):
        with pytest.raises(errors.Misconfigured):
            gateway.templates()

    assert (fake.calls(STABLE), fake.calls(LIST)) == (1, 0)
    assert any(record.levelno == logging.ERROR for record in caplog.records)
    code = fake.order("codes", openid="o-1")["code"]
    assert gateway.exchange(code).openid == "o-1"  # logging in needs no token
    with clock.frozen(MONDAY + timedelta(minutes=5)), pytest.raises(errors.Misconfigured):
        gateway.templates()
    assert fake.calls(STABLE) == 2


def test_a_wrong_secret_is_a_setting_and_not_a_token(fake, gateway):
    fake.order("fail", path=STABLE, kind="40001", times=9)

    with pytest.raises(errors.Misconfigured):
        gateway.templates()
    assert fake.calls(STABLE) == 1


@pytest.mark.parametrize("kind", ["timeout", "drip"])
def test_a_hung_wechat_lets_go_in_time(fake, kind):
    """The fake would hold on for a minute; it is still at it when we are back."""
    gateway = fake.gateway(total_s=0.4)
    fake.order("fail", path="sns/jscode2session", kind=kind, seconds=60)
    fake.order("fail", path=STABLE, kind=kind, seconds=60)
    before = clock.datetime.now(clock.UTC)

    with pytest.raises(SandanError) as told:
        gateway.exchange("code")
    with pytest.raises(errors.Busy):
        gateway.templates()

    assert told.value.code == "wechat_busy"
    assert clock.datetime.now(clock.UTC) - before < timedelta(seconds=30)


def test_without_the_watchdog_a_drip_holds_on(fake, monkeypatch):
    """The control: the time-out between two bytes never comes."""
    monkeypatch.setattr(outward._Watch, "shut", lambda _: None)
    monkeypatch.setattr(outward._Watch, "is_over", False)
    fake.order("fail", path=LIST, kind="drip", seconds=1.5)
    before = clock.datetime.now(clock.UTC)

    with pytest.raises(errors.Busy):
        fake.gateway(total_s=0.2).templates()

    assert clock.datetime.now(clock.UTC) - before > timedelta(seconds=1)


def test_a_message_whose_answer_is_lost_may_have_gone_out(fake, gateway):
    fake.order("allow", openid="o-1", template_id="fake-accepted")
    fake.order("fail", path=SEND, kind="drop_after_delivery")

    with pytest.raises(errors.Busy) as told:
        gateway.send_subscribe(SubscribeMessage("o-1", "fake-accepted", DATA))

    assert told.value.maybe_done
    assert len(fake.state.outbox) == 1
    assert fake.calls(SEND) == 1


def test_a_message_to_nobody_there_has_not_gone_out(fake, gateway):
    gateway.templates()
    away = Wechat(appid=APPID, secret=SECRET, api_url="http://127.0.0.1:1/")

    with pytest.raises(errors.Busy) as told:
        Gateway(away).send_subscribe(SubscribeMessage("o-1", "fake-accepted", DATA))

    assert not told.value.maybe_done


CODE, KEY, PHONE, TOKEN = "canary-code-77", "canary-key-78", "10099998888", "canary-token-79"
CANARIES = (SECRET, CODE, KEY, PHONE, TOKEN)


def everything_about(error: BaseException) -> str:
    """Write down all that a log or a report could show of an error, contexts and causes too."""
    told, seen = [], [error]
    for one in seen:
        told += ["".join(traceback.format_exception(one)), repr(one), str(one), repr(vars(one))]
        seen += [more for more in (one.__context__, one.__cause__) if more and more not in seen]
    return "\n".join(told)


def failing_in_every_way(fake) -> Iterator[str]:
    """Let each call that carries a secret fail in each way, and tell all that comes of it."""
    paths = (
        STABLE,
        "sns/jscode2session",
        "wxa/business/getuserphonenumber",
        "wxa/checksession",
        "wxa/msg_sec_check",
    )
    kinds = ("-1", "40001", "40029", "40125", "47003")
    kinds += ("html", "timeout", "drip", "drop_after_delivery")
    for number, kind in enumerate(kinds):
        for path in paths:
            fake.order("fail", path=path, kind=kind, times=3, seconds=2)
        with clock.frozen(MONDAY + timedelta(hours=3 * number)):
            yield from all_calls(fake.gateway(total_s=0.3))
    away = Gateway(Wechat(appid=APPID, secret=SECRET, api_url="http://127.0.0.1:1/"))
    yield from all_calls(away)


def all_calls(gateway) -> Iterator[str]:
    for act in (
        lambda: gateway.exchange(CODE),
        lambda: gateway.phone_number(CODE, PHONE),
        lambda: gateway.check_session("o-1", KEY),
        lambda: gateway.check_text("o-1", PHONE, 2),
    ):
        try:
            yield repr(act())
        except Exception as error:
            yield everything_about(error)


def test_no_failure_tells_a_secret(fake, caplog):
    set_up_logging("DEBUG")
    caplog.set_level(logging.DEBUG)
    fake.state.newest = TOKEN
    fake.state.tokens = {TOKEN: fake.clock[0] + 7200}
    try:
        told = list(failing_in_every_way(fake))
    finally:
        set_up_logging("INFO")

    whole = "\n".join([*told, caplog.text])
    assert sum("Traceback" in one for one in told) > 30
    assert "wechat_refused" in caplog.text
    assert [canary for canary in CANARIES if canary in whole] == []


def test_the_search_for_secrets_finds_them_in_the_library_alone():
    """The control: the same search over what wechatpy raises."""
    client = WeChatClient(APPID, SECRET, auto_retry=False, timeout=1)
    client._http.trust_env = False

    with pytest.raises(requests.RequestException) as refusal:
        client.get(
            "http://127.0.0.1:1/sns/jscode2session",
            params={"secret": SECRET, "js_code": CODE, "access_token": None},
        )

    assert SECRET in everything_about(refusal.value)


def test_settings_of_one_program_do_not_pause_in_vain(fake, gateway):
    """An error that only concerns one message pauses nothing."""
    for kind in ("43101", "47003", "40003", "-1", "45047"):
        fake.order("fail", path=SEND, kind=kind)
        with pytest.raises(errors.WechatFault):
            gateway.send_subscribe(SubscribeMessage("o-1", "fake-accepted", DATA))

    assert fake.calls(SEND) == 5
    assert session.execute(text("SELECT count(*) FROM wechat_pause")).scalar() == 0
