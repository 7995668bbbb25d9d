"""Each way out turns what goes wrong into what is to be done; nothing secret leaves it."""

import dataclasses
from datetime import timedelta

import pytest

from app.kernel import clock
from app.notifications.channels import Parcel, Reach, outfits
from app.notifications.channels.texts import SmsChannel
from app.notifications.channels.wechat import MEND_WITHIN, WechatChannel, outcome_of
from app.notifications.channels.wecom import WecomChannel
from app.notifications.rules.settling import Result
from app.notifications.rules.ways import Way
from app.sms import gateway as sms
from app.sms.gateway import HttpProvider, NotConfigured
from app.wechat import errors, gateway
from app.wechat.gateway import Sent
from config import DEMO, Sms, Wechat, Wecom
from tests.make.outside import outside

TOKEN, SECRET = "canary-token", "canary-secret"
STAFF = Reach(openid="o-1", phone="10020000001", account="1003", is_staff=True)
PARCEL = Parcel(
    key="k", reach=STAFF, title="新工单待接单", text="桂花苑", page="staff/ticket/ticket?id=1"
)


def wecom(there, public_url=""):
    settings = Wecom(corp_id="ww1", agent_id=7, secret=SECRET, api_url=there.url)
    return WecomChannel(settings, public_url)


def replying(*sends, tokens=None):
    """Answer token requests, and sends in turn."""
    given = iter(tokens or [])
    answers = iter(sends)

    def answer(asked):
        if asked.path.startswith("/cgi-bin/gettoken"):
            return next(
                given, (200, b'{"errcode":0,"access_token":"canary-token","expires_in":7200}')
            )
        return next(answers)

    return answer


GIVEN = (200, b'{"errcode":0,"access_token":"canary-token","expires_in":7200}')
OK = (200, b'{"errcode":0,"errmsg":"ok","msgid":"m1"}')


def failed(code):
    return 200, f'{{"errcode":{code},"errmsg":"no"}}'.encode()


def test_wecom_fetches_one_token_for_many_messages():
    with outside(replying(OK, OK)) as there:
        channel = wecom(there)
        outcomes = [channel.send(PARCEL) for _ in range(2)]

    assert [(one.result, one.msgid) for one in outcomes] == [(Result.SENT, "m1")] * 2
    assert [one.path.partition("?")[0] for one in there.asked] == [
        "/cgi-bin/gettoken",
        "/cgi-bin/message/send",
        "/cgi-bin/message/send",
    ]
    said = there.asked[1].json()
    assert (said["touser"], said["agentid"], said["msgtype"]) == ("1003", 7, "text")


def test_wecom_sends_a_card_where_our_page_can_be_opened():
    with outside(replying(OK)) as there:
        wecom(there, "https://sandan.example").send(PARCEL)

    card = there.asked[1].json()["textcard"]
    assert card["url"] == "https://sandan.example/m/#/staff/ticket/ticket?id=1"


def test_wecom_renews_a_stale_token_once():
    with outside(replying(failed(42001), OK)) as there:
        assert wecom(there).send(PARCEL).result is Result.SENT

    with outside(replying(failed(42001), failed(42001))) as there:
        outcome = wecom(there).send(PARCEL)
    assert outcome.result is Result.AGAIN
    assert outcome.until is not None
    assert len(there.asked) == 4


@pytest.mark.parametrize(
    ("answer", "result", "closes"),
    [
        (failed(-1), Result.AGAIN, False),
        (failed(45009), Result.LATER, True),
        (failed(60020), Result.AGAIN, True),
        (failed(60111), Result.REFUSED, False),
        (failed(40058), Result.BROKEN, False),
        ((200, b'{"errcode":0,"invaliduser":"1003"}'), Result.REFUSED, False),
        ((200, b"<html>"), Result.AGAIN, False),
    ],
)
def test_wecom_answers_are_read_by_what_is_to_be_done(answer, result, closes):
    with outside(replying(answer)) as there:
        outcome = wecom(there).send(PARCEL)

    assert (outcome.result, outcome.until is not None) == (result, closes)


def test_a_hang_up_of_wecom_may_have_sent_it_and_of_the_token_not():
    with outside(replying(None)) as there:
        lost = wecom(there).send(PARCEL)
    with outside(replying(tokens=[None])) as there:
        early = wecom(there).send(PARCEL)

    assert (lost.result, lost.maybe_sent) == (Result.AGAIN, True)
    assert (early.result, early.maybe_sent) == (Result.AGAIN, False)


def test_no_outcome_of_wecom_holds_a_secret():
    answers = [failed(code) for code in (-1, 45009, 60020, 40058)]
    with outside(replying(*answers, None)) as there:
        channel = wecom(there)
        outcomes = [channel.send(PARCEL) for _ in range(5)]

    assert TOKEN in there.asked[1].path
    assert not any(word in repr(outcomes) for word in (TOKEN, SECRET, "桂花苑"))
    assert not any(word in repr(PARCEL) for word in ("桂花苑", "10020000001", "o-1"))


FAULTS = [
    (errors.Busy(-1), Result.AGAIN, False, False),
    (errors.Busy(maybe_done=True), Result.AGAIN, True, False),
    (errors.NoGrant(43101), Result.REFUSED, False, True),
    (errors.UnknownOpenid(40003), Result.REFUSED, False, False),
    (errors.BadTemplate(47003), Result.BROKEN, False, False),
    (errors.BadData(47001), Result.BROKEN, False, False),
    (errors.NotSetUp(), Result.BROKEN, False, False),
    (errors.TokenRefused(40001), Result.AGAIN, False, False),
    (errors.Misconfigured(40164), Result.AGAIN, False, False),
]


@pytest.mark.parametrize(("fault", "result", "maybe_sent", "no_grant"), FAULTS)
def test_every_fault_of_wechat_is_an_outcome(fault, result, maybe_sent, no_grant):
    outcome = outcome_of(fault)

    assert (outcome.result, outcome.maybe_sent, outcome.no_grant) == (result, maybe_sent, no_grant)
    assert outcome.error == type(fault).__name__


def test_wrong_keys_and_a_used_up_quota_close_the_channel(monday):
    until = clock.now() + timedelta(hours=5)

    assert outcome_of(errors.Misconfigured(40164)).until == clock.now() + MEND_WITHIN
    assert outcome_of(errors.QuotaReached(until, 45009)).until == until


class Mini:
    """A mini-program that takes every message."""

    def __init__(self):
        self.taken = []

    def exchange(self, code):
        raise NotImplementedError

    def send_subscribe(self, message):
        self.taken.append(message)
        return Sent("77")


def test_wechat_is_handed_openid_template_fields_and_page():
    mini = Mini()
    gateway.install(mini)
    try:
        outcome = WechatChannel().send(
            dataclasses.replace(PARCEL, template_id="T1", data={"thing1": "灯"})
        )
    finally:
        gateway.install(gateway.NotConfigured())

    (message,) = mini.taken
    assert (outcome.result, outcome.msgid) == (Result.SENT, "77")
    assert (message.openid, message.template_id, message.data) == ("o-1", "T1", {"thing1": "灯"})


def test_without_a_mini_program_wechat_is_broken():
    gateway.install(gateway.NotConfigured())

    assert WechatChannel().send(PARCEL).result is Result.BROKEN


@pytest.mark.parametrize(
    ("answer", "result", "maybe_sent"),
    [
        ((200, b""), Result.SENT, False),
        ((429, b""), Result.AGAIN, False),
        ((500, b""), Result.AGAIN, True),
        ((400, b""), Result.REFUSED, False),
    ],
)
def test_every_answer_of_a_provider_is_an_outcome(answer, result, maybe_sent):
    with outside(lambda _: answer) as there:
        sms.install(HttpProvider(Sms(url=there.url, key=SECRET)))
        try:
            outcome = SmsChannel().send(PARCEL)
        finally:
            sms.install(NotConfigured())

    assert (outcome.result, outcome.maybe_sent) == (result, maybe_sent)
    assert "10020000001" not in repr(outcome)


def test_without_a_provider_texts_are_broken():
    sms.install(NotConfigured())

    assert SmsChannel().send(PARCEL).result is Result.BROKEN


def test_texts_go_to_mobiles_only():
    assert SmsChannel().reaches(STAFF)
    assert not SmsChannel().reaches(dataclasses.replace(STAFF, phone="0571000000"))


def test_an_installation_has_the_ways_its_settings_name(settings):
    wechat = Wechat(appid="wx1", secret=SECRET, push_token="t", push_key="k" * 43)
    whole = dataclasses.replace(
        settings,
        wechat=wechat,
        sms=Sms(url="http://127.0.0.1:1/", key=SECRET),
        wecom=Wecom(corp_id="c", agent_id=1, secret=SECRET),
    )

    assert outfits.for_settings(settings).ways == {}
    assert set(outfits.for_settings(whole).ways) == {Way.WECHAT, Way.WECOM, Way.SMS}
    assert (outfits.for_settings(whole).appid, outfits.for_settings(whole).pushed) == ("wx1", True)
    assert set(outfits.for_settings(dataclasses.replace(settings, env=DEMO)).ways) == {Way.SMS}
