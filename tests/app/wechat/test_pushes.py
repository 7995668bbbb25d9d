"""Pushes: the published samples open, and nothing that is not WeChat's is believed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from wechatpy.crypto import WeChatWxaCrypto

from app.kernel import crypto, outbox
from app.kernel.db import session
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.wechat import events, pushes, service
from app.wechat.fake.callbacks import seal
from app.wechat.happenings import (
    Answered,
    Deauthorised,
    Delivered,
    MediaChecked,
    SubscriptionAnswered,
    SubscriptionSent,
    Unknown,
    UserMessage,
)
from app.wechat.models import WechatPush
from app.wechat.pushes import PushRefused
from config import Wechat
from tests.conftest import MONDAY
from workers import jobs

# Tencent's published samples: keys of nobody. (Secret scanners: allow-list the file.)
VECTORS = json.loads((Path(__file__).parent / "published_vectors.json").read_text("utf-8"))
VECTORS = VECTORS["vectors"]
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OURS = Wechat(appid="wx1", secret="s", push_token="token", push_key=KEY)
PLAIN = Wechat(appid="wx1", secret="s", push_token="token")
OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"


def of(vector, **more) -> Wechat:
    key = vector.get("encoding_aes_key", "")
    appid = vector.get("appid") or vector.get("corp_id") or "wx1"
    fields = {"appid": appid, "secret": "s", "push_token": vector["token"], "push_key": key}
    return Wechat(**{**fields, **more})


def query_of(vector, **more) -> dict[str, str]:
    names = ("timestamp", "nonce", "signature", "msg_signature", "encrypt_type", "openid")
    return {name: vector[name] for name in names if name in vector} | more


def moment_of(vector) -> datetime:
    return datetime.fromtimestamp(int(vector["timestamp"]), UTC)


def body_of(vector) -> bytes:
    body = vector["body"]
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def read(vector, **more):
    return pushes.read(query_of(vector, **more), body_of(vector), "", moment_of(vector))


@pytest.fixture(autouse=True)
def set_up():
    pushes.install(OURS)
    yield
    pushes.install(None)


def push(body, settings=OURS, at=MONDAY):
    """Seal a body as WeChat does, and read it."""
    told = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    query, raw = seal(settings, told, int(at.timestamp()))
    return pushes.read(query, raw, "application/json", MONDAY)


def event(name, **fields):
    return {
        "ToUserName": "gh_1",
        "FromUserName": OPENID,
        "CreateTime": int(MONDAY.timestamp()),
        "MsgType": "event",
        "Event": name,
        **fields,
    }


def test_the_published_question_for_the_address_is_answered():
    vector = VECTORS["push_url_verification"]
    pushes.install(of(vector))
    query = query_of(vector, echostr=vector["echostr"])

    assert pushes.verify_url(query) == vector["respond_with_body"]
    for wrong in (
        {"signature": "0" * 40},
        {"nonce": "1"},
        {"echostr": "<script>"},
        {"echostr": ""},
    ):
        with pytest.raises(PushRefused):
            pushes.verify_url({**query, **wrong})


def test_the_published_secure_push_opens():
    vector = VECTORS["push_secure_json"]
    pushes.install(of(vector))

    assert read(vector).happened == Unknown("debug_demo")


def test_the_published_xml_push_that_carries_both_is_read_from_the_sealed_part():
    vector = VECTORS["wxbizmsgcrypt_mp_xml_compat"]
    pushes.install(of(vector))

    said = read(vector).happened

    assert said == UserMessage(
        openid="oyORnuP8q7ou2gfYjqLzSIWZf0rs",
        kind="text",
        text="abcdteT",
        msgid="6054768590064713728",
    )


def test_the_published_plain_push_is_read_while_no_key_is_set_up():
    vector = VECTORS["push_plain_json"]
    pushes.install(of(vector))

    assert read(vector).happened == Unknown("debug_demo")
    with pytest.raises(PushRefused, match="signature"):
        read(vector, signature="0" * 40)


def test_the_published_sample_of_wecom_opens_with_the_same_keys():
    vector = VECTORS["wxbizmsgcrypt_work_verify_url"]
    proof = (vector["token"], vector["timestamp"], vector["nonce"], vector["echostr"])

    opened = pushes._opened(of(vector), query_of(vector), vector["echostr"])

    assert pushes.sign(*proof) == vector["msg_signature"]
    assert opened == vector["respond_with_body"]


def test_the_published_sample_of_user_data_opens():
    vector = VECTORS["wxbizdatacrypt"]
    box = WeChatWxaCrypto(vector["session_key"], vector["iv"], vector["appid"])

    assert box.decrypt_message(vector["encrypted_data"]) == vector["decrypted"]


def test_the_signature_that_does_not_cover_the_body_is_never_believed():
    vector = VECTORS["push_secure_json"]
    pushes.install(of(vector))
    query = query_of(vector, signature=vector["signature_do_not_use"])

    for forged in (
        {**query, "msg_signature": vector["signature_do_not_use"]},
        query | {"msg_signature": ""},
    ):
        with pytest.raises(PushRefused, match="signature"):
            pushes.read(forged, body_of(vector), "", moment_of(vector))


def test_the_search_would_see_a_reader_that_believes_it(monkeypatch):
    """The control: with the body's own proof left out, the forged push goes through."""
    query, raw = seal(OURS, json.dumps(event("debug_demo")), int(MONDAY.timestamp()))
    forged = {**query, "msg_signature": ""}
    monkeypatch.setattr(pushes, "_check_signature", lambda *_: None)
    monkeypatch.setattr("wechatpy.crypto._get_signature", lambda *_: "")

    assert pushes.read(forged, raw, "", MONDAY).happened == Unknown("debug_demo")


@pytest.mark.parametrize("name", ["push_token", "push_key", "appid"])
def test_a_push_made_with_another_secret_or_for_another_app_is_refused(name):
    other = {"push_token": "another", "push_key": KEY[::-1], "appid": "wx2"}[name]
    forger = Wechat(
        **{**{"appid": "wx1", "secret": "s", "push_token": "token", "push_key": KEY}, name: other}
    )

    with pytest.raises(PushRefused):
        push(event("debug_demo"), forger)


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24])
def test_a_stale_push_is_refused(minutes):
    with pytest.raises(PushRefused, match="stale"):
        push(event("debug_demo"), at=MONDAY + timedelta(minutes=minutes))

    assert push(event("debug_demo"), at=MONDAY - timedelta(minutes=4)).happened


def test_without_the_look_at_its_time_a_stale_push_would_go_through(monkeypatch):
    monkeypatch.setattr(pushes, "FRESH", timedelta(days=3))

    assert push(event("debug_demo"), at=MONDAY - timedelta(days=1)).happened


def test_with_a_push_key_a_plain_push_is_refused():
    with pytest.raises(PushRefused, match="plain"):
        push(event("debug_demo"), PLAIN)


def test_with_nothing_set_up_nothing_is_taken():
    pushes.install(None)
    with pytest.raises(PushRefused, match="not set up"):
        push(event("debug_demo"))
    pushes.install(Wechat(appid="wx1", secret="s"))
    with pytest.raises(PushRefused, match="not set up"):
        pushes.verify_url({})


ITEM = {"TemplateId": "t-1", "SubscribeStatusString": "accept", "PopupScene": "2"}
OTHER = {"TemplateId": "t-2", "SubscribeStatusString": "reject", "PopupScene": 0}
XML = (
    "<xml><ToUserName>gh</ToUserName><FromUserName>{openid}</FromUserName><CreateTime>{at}"
    "</CreateTime><MsgType>event</MsgType><Event>subscribe_msg_popup_event</Event>"
    "<SubscribeMsgPopupEvent>{items}</SubscribeMsgPopupEvent></xml>"
)
XML_ITEM = (
    "<List><TemplateId>{TemplateId}</TemplateId><SubscribeStatusString>{SubscribeStatusString}"
    "</SubscribeStatusString><PopupScene>{PopupScene}</PopupScene></List>"
)


def as_xml(*items):
    rows = "".join(XML_ITEM.format(**item) for item in items)
    return XML.format(openid=OPENID, at=int(MONDAY.timestamp()), items=rows)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (event("subscribe_msg_popup_event", List=ITEM), 1),
        (event("subscribe_msg_popup_event", List=[ITEM, OTHER]), 2),
        (event("subscribe_msg_popup_event", **ITEM), 1),
        (event("subscribe_msg_popup_event", List=ITEM, CreateTime=str(int(MONDAY.timestamp()))), 1),
        (event("subscribe_msg_popup_event", SubscribeMsgPopupEvent={"List": [ITEM, OTHER]}), 2),
        (as_xml(ITEM), 1),
        (as_xml(ITEM, OTHER), 2),
    ],
)
def test_every_way_of_writing_an_answer_reads_the_same(body, count):
    read = push(body)

    answers = (Answered("t-1", "accept", "2"), Answered("t-2", "reject", "0"))[:count]
    assert read.happened == SubscriptionAnswered(OPENID, answers, "popup")
    assert read.at == MONDAY


def test_a_change_of_mind_is_told_from_an_answer():
    read = push(event("subscribe_msg_change_event", List=OTHER))

    assert read.happened.by == "change"


def test_how_a_message_ended_is_read():
    item = {"TemplateId": "t-1", "MsgID": "1700", "ErrorCode": "0", "ErrorStatus": "success"}
    read = push(event("subscribe_msg_sent_event", List=[item]))

    assert read.happened == SubscriptionSent(OPENID, (Delivered("t-1", "1700", 0, "success"),))


def verdict(suggest="pass", label="100", **more):
    return event(
        "wxa_media_check",
        trace_id="tr-1",
        version=2,
        result={"suggest": suggest, "label": label},
        **more,
    )


@pytest.mark.parametrize(
    ("body", "checked"),
    [
        (verdict(), MediaChecked("tr-1", "pass", 100, failed=False)),
        (verdict("risky", 20002), MediaChecked("tr-1", "risky", 20002, failed=False)),
        (verdict(errcode=-1008), MediaChecked("tr-1", "", 0, failed=True)),
        (verdict(suggest="perhaps"), MediaChecked("tr-1", "", 0, failed=True)),
        (
            event("wxa_media_check", trace_id="tr-1", isrisky=1, status_code=0),
            MediaChecked("tr-1", "risky", 21000, failed=False),
        ),
        (
            event("wxa_media_check", trace_id="tr-1", isrisky="0", status_code="0"),
            MediaChecked("tr-1", "pass", 100, failed=False),
        ),
        (
            event("wxa_media_check", trace_id="tr-1", isrisky=0, status_code=4294966288),
            MediaChecked("tr-1", "", 0, failed=True),
        ),
        (event("wxa_media_check", trace_id="tr-1"), MediaChecked("tr-1", "", 0, failed=True)),
    ],
)
def test_both_versions_of_a_media_verdict_are_read(body, checked):
    assert push(body).happened == checked


def test_a_user_who_takes_permission_back_is_named_by_openid():
    read = push(event("user_authorization_revoke", FromUserName="gh", OpenID=OPENID))

    assert read.happened == Deauthorised(OPENID)


def test_the_key_is_the_same_for_a_repeat_and_another_for_another():
    one = push(event("subscribe_msg_popup_event", List=ITEM))
    again = push(event("subscribe_msg_popup_event", List=[ITEM]), at=MONDAY + timedelta(seconds=5))
    others = [
        push(event("subscribe_msg_popup_event", List=OTHER)),
        push(event("subscribe_msg_popup_event", List=ITEM, CreateTime=1)),
        push(event("subscribe_msg_popup_event", List=ITEM, FromUserName="o-2")),
        push(event("subscribe_msg_change_event", List=ITEM)),
        push(verdict()),
    ]

    assert one.key == again.key
    assert len({one.key, *(each.key for each in others)}) == 6
    assert OPENID not in one.key


def text_message(number="77"):
    return {
        "FromUserName": OPENID,
        "CreateTime": 1,
        "MsgType": "text",
        "Content": "我家停水了",
        "MsgId": number,
    }


@pytest.mark.usefixtures("app")
def test_a_push_is_told_upward_once():
    read = push(event("subscribe_msg_popup_event", List=[ITEM, OTHER]))
    for expected in (True, False):
        with unit_of_work():
            assert service.take(read) is expected

    assert session.scalar(select(func.count()).select_from(OutboxEvent)) == 2
    assert session.scalar(select(WechatPush.kind)) == "SubscriptionAnswered"


@pytest.mark.usefixtures("app")
def test_what_is_told_upward_names_nobody_and_can_be_read_back():
    with unit_of_work():
        service.take(push(text_message()))
        service.take(push(event("user_authorization_revoke")))

    stored = str(session.execute(text("SELECT * FROM outbox_event")).all())
    stored += str(session.execute(text("SELECT * FROM wechat_push")).all())
    assert OPENID not in stored
    assert "停水" not in stored
    (row,) = session.scalars(select(OutboxEvent).where(OutboxEvent.topic == "wechat.user_wrote"))
    told = outbox.events.decode(
        row.topic, row.payload, event_id=row.id, occurred_at=row.recorded_at
    )
    assert crypto.open_sealed(told.sealed_openid) == OPENID
    assert crypto.open_sealed(told.sealed_text) == "我家停水了"
    assert told.openid_index == events.openid_index(OPENID)


@pytest.mark.usefixtures("app")
def test_every_kind_has_something_to_tell_or_nothing_by_intent():
    sent = {"TemplateId": "t", "MsgID": "1", "ErrorCode": 0, "ErrorStatus": "success"}
    kinds = {
        type(one).__name__
        for body in (
            verdict(),
            event("subscribe_msg_change_event", List=OTHER),
            event("subscribe_msg_sent_event", List=sent),
            text_message(),
            event("user_authorization_cancellation"),
            event("debug_demo"),
        )
        for one in events.told_by(push(body))
    }

    assert kinds == {
        "WechatMediaChecked",
        "WechatSubscriptionAnswered",
        "WechatSubscriptionSent",
        "WechatUserWrote",
        "WechatDeauthorised",
    }


@pytest.mark.usefixtures("app", "monday")
def test_pushes_too_old_to_come_again_are_forgotten():
    with unit_of_work():
        assert service.first_time("a")
        assert service.forget_pushes(MONDAY) == 0
        assert service.forget_pushes(MONDAY + timedelta(seconds=1)) == 1
        assert service.first_time("a")


@pytest.mark.usefixtures("app", "monday")
def test_the_timetable_forgets_pushes_after_a_week():
    with unit_of_work():
        service.first_time("a")

    jobs.forget_pushes(MONDAY + timedelta(days=6))
    with unit_of_work():
        assert not service.first_time("a")
    jobs.forget_pushes(MONDAY + timedelta(days=8))
    with unit_of_work():
        assert service.first_time("a")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["List", "suggest", "label", "TemplateId"]), inner)
    ),
    max_leaves=8,
)
NAMES = ("FromUserName", "CreateTime", "MsgType", "Event", "List", "result", "trace_id", "MsgId")
EVENTS = ("wxa_media_check", "subscribe_msg_popup_event", "subscribe_msg_sent_event", "event")
BODIES = st.dictionaries(
    st.sampled_from((*NAMES, "errcode", "isrisky", "status_code", "OpenID")),
    VALUES | st.sampled_from(EVENTS),
)
DEEP = st.sampled_from(["[" * 60_000, '{"a":' * 40_000, "<a>" * 50_000])


def refused_or_read(query, raw):
    refusal = None
    try:
        pushes.read(query, raw, "", MONDAY)
    except PushRefused as error:
        refusal = error
    # What the reader of JSON or AES raised would quote what it read.
    assert refusal is None or (refusal.__context__, refusal.__cause__) == (None, None)


@settings(max_examples=300, deadline=None)
@given(BODIES)
def test_a_proven_push_of_any_shape_is_read_or_refused(body):
    query, raw = seal(OURS, json.dumps(body), int(MONDAY.timestamp()))
    refused_or_read(query, raw)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode) | DEEP.map(str.encode))
def test_a_body_of_anything_is_refused(raw):
    stamp = str(int(MONDAY.timestamp()))
    for known in (OURS, PLAIN):
        pushes.install(known)
        query = {"timestamp": stamp, "nonce": "1", "signature": pushes.sign("token", stamp, "1")}
        refused_or_read(query, raw)
    pushes.install(OURS)


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=120) | st.sampled_from(["QUJD", "A" * 64, "=" * 8, "QUJDREVGR0hJSktMTU5PUA=="])
)
def test_a_sealed_part_that_is_none_is_refused_though_its_signature_is_right(sealed):
    stamp = str(int(MONDAY.timestamp()))
    try:
        proof = pushes.sign("token", stamp, "1", sealed)
    except UnicodeEncodeError:
        proof = ""
    query = {"timestamp": stamp, "nonce": "1", "msg_signature": proof}

    with pytest.raises(PushRefused):
        pushes.read(query, json.dumps({"Encrypt": sealed}).encode(), "", MONDAY)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "echostr"]),
        st.text(max_size=20),
    )
)
def test_a_query_of_anything_is_refused(query):
    _, raw = seal(OURS, json.dumps(event("debug_demo")), int(MONDAY.timestamp()))

    with pytest.raises(PushRefused):
        pushes.read(query, raw, "", MONDAY)
    with pytest.raises(PushRefused):
        pushes.verify_url(query)


def test_a_bomb_of_entities_is_refused():
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><xml><Encrypt>&b;</Encrypt></xml>'

    with pytest.raises(PushRefused):
        pushes.read({"timestamp": str(int(MONDAY.timestamp()))}, bomb.encode(), "", MONDAY)


def test_a_push_larger_than_any_of_theirs_is_refused():
    with pytest.raises(PushRefused, match="too large"):
        push(text_message() | {"Content": "x" * pushes.MAX_BYTES})
