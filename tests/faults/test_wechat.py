"""WeChat failing, lying and being imitated (W-1 to W-15), over real HTTP on both sides.

Forged, stale, foreign and repeated pushes (W-1 to W-4) stand in
tests/miniprogram_api/test_wechat_push.py; one refresh for twenty workers and the bounds of
every call (W-9, W-10) in tests/app/wechat/test_faults.py; verdicts on what people send
(W-14, W-15) in tests/app/moderation/test_looking.py.
"""

import io
import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

from app.identity.models import WechatIdentity
from app.identity.service import logins
from app.kernel import clock, crypto
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.notifications import queries as news_queries
from app.notifications.rules.settling import State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.notifications.service import delivering
from app.notifications.service.telling import News, tell
from app.wechat.gateway import DEV_APPID
from tests.make import dump, news
from tests.make import tickets as make
from tests.make.bridge import PUSH_KEY, SECRET, bridge, drained

API = "mp/v1"
TEMPLATE = "fake-accepted"
FIELDS = {
    "thing1": "{category}",
    "character_string2": "{number}",
    "phrase3": "{state}",
    "time4": "{time}",
    "thing5": "{place}",
}
FACTS = {
    "category": "楼道灯",
    "place": "桂花苑3幢",
    "number": "12345678",
    "state": "已接单",
    "time": "2026年11月16日 10:00",
}
PHONE = "10055550123"


@pytest.fixture(autouse=True)
def one_time(world) -> Iterator[None]:
    """The real time, which the threads of both servers live in."""
    with clock.frozen(datetime.now(UTC)):
        yield


@pytest.fixture
def wechat(bare_app, settings, monkeypatch):
    monkeypatch.setattr(news, "FIELDS", FIELDS)
    with bridge(bare_app, settings) as opened:
        yield opened


def log_in(wechat, code, *, device="", headers=None, **more):
    body = {"code": code, **({"device": device} if device else {}), **more}
    return requests.post(f"{wechat.url}{API}/session", json=body, headers=headers, timeout=10)


def code_of(wechat, openid):
    return wechat.order("codes", openid=openid)["code"]


def owe(world, number=1, *, urgent=True, name="resident"):
    """Owe the resident a message; the event it is known by."""
    told = News(
        event_id=UUID(int=number),
        kind="accepted",
        audience=Audience.RESIDENT,
        facts=FACTS,
        urgent=urgent,
    )
    with unit_of_work():
        tell(told, [world.people[name]])
    return told.event_id


def allowed(wechat, world, times=1):
    """Have the resident allow messages; the pushes alone tell us."""
    news.template("accepted", "resident", TEMPLATE)
    for number in range(1, times + 1):
        # two taps within one second are one to WeChat's receivers: each has a second of its own
        wechat.fake.extensions["callbacks"].now = lambda n=number: time.time() + n
        wechat.order("allow", openid="dev-resident", template_id=TEMPLATE)
        assert wechat.wait(lambda n=number: answers(wechat) >= n)
    drained(seconds=1)
    assert balance(world) == times


def answers(wechat):
    return sum(one["answer"] == "success" for one in wechat.told)


def balance(world):
    session.rollback()
    session.expire_all()
    row = news_queries.balances(world.people["resident"]).get(TEMPLATE)
    return row.granted - row.used if row else 0


def by_wechat(event_id):
    return next(one for one in news.messages(event_id=event_id) if one.channel is Way.WECHAT)


# W-5, W-6: who somebody is


def test_a_code_is_exchanged_once_and_refused_to_others(wechat):
    code = code_of(wechat, "dev-resident")

    first = log_in(wechat, code, device="own-phone")
    second = log_in(wechat, code, device="another-phone")

    assert (first.status_code, second.status_code) == (200, 401)
    assert second.json()["code"] == "bad_code"


def test_control_a_log_in_that_remembers_codes_for_anybody_is_seen(wechat, monkeypatch):
    kept = {}
    known = logins.gateway.exchange

    def forgetful(code):
        return kept.setdefault(code, None) or kept.update({code: known(code)}) or kept[code]

    monkeypatch.setattr(logins.gateway, "exchange", forgetful)
    code = code_of(wechat, "dev-resident")
    log_in(wechat, code, device="own-phone")

    assert log_in(wechat, code, device="another-phone").status_code == 200


def test_an_openid_that_a_client_names_makes_nobody_else_of_it(wechat, world):
    headers = {"X-WX-OPENID": "dev-admin", "openid": "dev-admin", "X-Openid": "dev-admin"}

    told = log_in(wechat, code_of(wechat, "dev-resident"), headers=headers).json()
    named = log_in(wechat, code_of(wechat, "dev-resident"), openid="dev-admin")

    mine = {**headers, "Authorization": f"Bearer {told['token']}"}
    me = requests.get(f"{wechat.url}{API}/me", headers=mine, timeout=5).json()
    who = logins.authenticate(told["token"])
    assert who is not None
    assert who.person_id == world.people["resident"]
    assert (told["roles"], me["roles"]) == (list(who.roles), list(who.roles))
    assert named.status_code == 422


# W-7: nothing secret is anywhere


def everything_said(wechat, world, written: io.StringIO) -> str:
    """Go through a life at WeChat, failures too, and gather all that is said and kept."""
    said = ""
    code = code_of(wechat, "canary-openid")
    for kind in ("-1", "html", "timeout", "drip", "drop_after_delivery"):
        wechat.order("fail", path="sns/jscode2session", kind=kind, times=1, seconds=4)
        said += log_in(wechat, code_of(wechat, "canary-openid")).text
    opened = log_in(wechat, code, device="d")
    token = opened.json()["token"]
    said += opened.text.replace(token, "") + str(opened.headers)
    phone_code = wechat.order("phone_codes", openid="canary-openid", phone=PHONE)["code"]
    mine = {"Authorization": f"Bearer {token}"}
    for sent in (phone_code, phone_code):
        answer = requests.post(
            f"{wechat.url}{API}/me/phone", json={"code": sent}, headers=mine, timeout=5
        )
        said += answer.text
    wechat.order("say", openid="canary-openid", text="canary-words")
    make.submitted(world, text="灯坏了")
    drained(minutes=1)
    said += written.getvalue()
    return said + dump.whole()


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that any library or we log, down to the smallest detail."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def canaries(wechat) -> dict[str, str]:
    """What may stand nowhere: the keys, every token, session key, code, openid, phone, words."""
    state = wechat.state
    found = {
        "secret": SECRET,
        "push key": PUSH_KEY,
        "openid": "canary-openid",
        "phone": PHONE,
        "words": "canary-words",
        "session key": state.sessions["canary-openid"],
    }
    found |= {f"access token {n}": one for n, one in enumerate(state.tokens)}
    found |= {f"js code {n}": one for n, one in enumerate(state.codes)}
    return found | {f"phone code {n}": one for n, one in enumerate(state.phone_codes)}


def test_no_secret_of_wechat_is_said_logged_or_kept_readable(wechat, world, written):
    said = everything_said(wechat, world, written)

    hidden = canaries(wechat)
    assert [name for name in hidden if name.startswith("access token")]
    assert [name for name, one in hidden.items() if one in said] == []


def test_control_an_unsealed_column_is_found(wechat, world, written, monkeypatch):
    monkeypatch.setattr(crypto, "seal", str)
    monkeypatch.setattr(crypto, "open_sealed", str)
    log_in(wechat, code_of(wechat, "canary-openid"))

    assert "canary-openid" in dump.whole()


# W-8 stands with the places: a scene opens nothing (tests/miniprogram_api/test_places.py)


# W-10: a WeChat that hangs


def test_a_hung_wechat_fails_no_report_and_holds_no_log_in(wechat, world, client_for):
    for path in ("wxa/msg_sec_check", "cgi-bin/message/subscribe/send", "sns/jscode2session"):
        wechat.order("fail", path=path, kind="timeout", times=9, seconds=8)
    code = code_of(wechat, "dev-resident")
    begun = time.monotonic()
    hung = log_in(wechat, code)
    took = time.monotonic() - begun
    answer = client_for("resident").post(
        "/tickets",
        {
            "category": make.LIGHT,
            "place": {"scene": world.scenes["building"]},
            "text": "灯不亮",
            "contact": "10020000000",
        },
    )

    assert (hung.status_code, hung.json()["code"]) == (503, "wechat_busy")
    assert took < 5
    assert answer.status_code == 201
    assert wechat.calls("wxa/msg_sec_check") == 0


# W-11, W-12, W-13: messages


def test_a_used_up_quota_stops_all_sending_until_it_comes_back(wechat, world):
    allowed(wechat, world, 3)
    wechat.order("fail", path="cgi-bin/message/subscribe/send", kind="45009", times=1)
    events = [owe(world, number, urgent=False) for number in (1, 2, 3)]
    drained(hours=12)
    drained(hours=12, minutes=10)

    assert wechat.calls("cgi-bin/message/subscribe/send") == 1
    assert {by_wechat(one).state for one in events} == {State.WAITING}
    assert balance(world) == 3
    drained(hours=40)
    assert {by_wechat(one).state for one in events} == {State.SENT}


def test_a_refused_message_is_final_and_stands_in_the_inbox(wechat, world):
    allowed(wechat, world, 2)
    wechat.state.grants.clear()  # used up at WeChat, whatever we counted
    event_id = owe(world)
    for minutes in (0, 5, 60):
        drained(minutes=minutes)

    assert by_wechat(event_id).state is State.REFUSED
    assert wechat.calls("cgi-bin/message/subscribe/send") == 1
    assert balance(world) == 0
    inbox = [one for one in news.messages(event_id=event_id) if one.channel is Way.INBOX]
    assert [one.state for one in inbox] == [State.SENT]


def test_an_answer_lost_after_delivery_repeats_at_most_once_and_says_so(wechat, world):
    allowed(wechat, world, 5)
    path = "cgi-bin/message/subscribe/send"
    wechat.order("fail", path=path, kind="drop_after_delivery", times=9)
    event_id = owe(world)
    for minutes in (0, 5, 30, 120):
        drained(minutes=minutes)

    assert len(wechat.state.outbox) <= 2
    assert wechat.calls(path) == len(wechat.state.outbox)
    row = by_wechat(event_id)
    assert (row.state, row.uncertain, row.maybe_repeated) == (State.DEAD, True, True)


def test_control_a_carrier_that_forgets_repeats_more_often(wechat, world, monkeypatch):
    allowed(wechat, world, 9)
    path = "cgi-bin/message/subscribe/send"
    wechat.order("fail", path=path, kind="drop_after_delivery", times=9)
    real = delivering.settling.judge

    def forgetful(attempt, outcome, now, luck):
        blind = type(outcome)(**{**vars_of(outcome), "maybe_sent": False})
        return real(attempt, blind, now, luck)

    monkeypatch.setattr(delivering.settling, "judge", forgetful)
    owe(world, urgent=False)
    for hours in (12, 13, 15, 18):
        drained(hours=hours)

    assert len(wechat.state.outbox) > 2


def vars_of(outcome):
    return {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}


# the whole way round


def test_grants_come_from_wechat_and_a_message_arrives(wechat, world):
    allowed(wechat, world)
    event_id = owe(world)
    drained(seconds=2)

    row = by_wechat(event_id)
    assert (row.state, row.msgid) == (State.SENT, wechat.state.outbox[0]["msgid"])
    assert balance(world) == 0


def test_who_takes_back_what_they_told_is_sent_nothing(wechat, world):
    allowed(wechat, world)
    before = answers(wechat)
    wechat.order("deauthorise", openid="dev-resident")
    assert wechat.wait(lambda: answers(wechat) > before)
    drained(seconds=2)
    owe(world)
    drained(seconds=4)

    query = select(WechatIdentity.openid).where(
        WechatIdentity.appid == DEV_APPID,
        WechatIdentity.person_id == world.people["resident"],
    )
    assert session.scalar(query) == ""
    assert wechat.state.outbox == []
