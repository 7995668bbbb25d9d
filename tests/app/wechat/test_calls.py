"""Each call of the gateway against the fake, over real HTTP."""

import dataclasses
import io
import json
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import text

from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import (
    Forbidden,
    Invalid,
    SandanError,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from app.kernel.work import unit_of_work
from app.wechat import errors
from app.wechat.answers import SubscribeMessage, schema_of
from app.wechat.errors import fault_of
from app.wechat.gateway import DEV_APPID, DevCodes, NotConfigured
from app.wechat.real import Gateway, session_signature
from config import Wechat
from tests.app.wechat.conftest import APPID, answering, listening
from tests.conftest import MONDAY

DATA = {
    "thing1": "三号楼电梯停运",
    "character_string2": "2026-1116-0001",
    "phrase3": "已受理",
    "time4": "2026年11月16日 10:00",
    "thing5": "物业已接单",
}
SEND = "cgi-bin/message/subscribe/send"


def message(**changes):
    fields = {"openid": "o-1", "template_id": "fake-accepted", "data": DATA, "page": "pages/t?i=1"}
    return SubscribeMessage(**{**fields, **changes})


def test_a_code_names_its_openid_once_and_needs_no_token(fake, gateway):
    code = fake.order("codes", openid="o-1")["code"]

    assert (gateway.exchange(code).openid, gateway.appid()) == ("o-1", APPID)
    with pytest.raises(Unauthenticated) as used:
        gateway.exchange(code)

    assert used.value.code == "bad_code"
    assert fake.calls("cgi-bin/stable_token") == 0


@pytest.mark.parametrize("late", [0, 301])
def test_a_code_unknown_or_too_old_is_refused(fake, gateway, late):
    code = fake.order("codes", openid="o-1")["code"] if late else "nobody-made-this"
    fake.clock[0] += late

    with pytest.raises(Unauthenticated):
        gateway.exchange(code)


@pytest.mark.parametrize(
    ("kind", "refusal", "code"),
    [
        ("40226", Forbidden, "wechat_risk_blocked"),
        ("45011", TooMany, "too_many"),
        ("-1", Unavailable, "wechat_busy"),
        ("45009", Unavailable, "wechat_busy"),
        ("40125", Unavailable, "wechat_busy"),
        ("html", Unavailable, "wechat_busy"),
    ],
)
def test_who_logs_in_is_told_in_words(fake, gateway, kind, refusal, code):
    fake.order("fail", path="sns/jscode2session", kind=kind)

    with pytest.raises(refusal) as told:
        gateway.exchange("any")

    assert told.value.code == code


def test_one_user_who_asks_too_often_holds_back_nobody_else(fake, gateway):
    fake.order("fail", path="sns/jscode2session", kind="45011")
    with pytest.raises(TooMany):
        gateway.exchange("any")

    assert gateway.exchange(fake.order("codes", openid="o-2")["code"]).openid == "o-2"


def test_a_phone_code_gives_the_number_of_its_own_user_only(fake, gateway):
    code = fake.order("phone_codes", openid="o-1", phone="10012345678")["code"]

    with pytest.raises(Invalid) as refusal:
        gateway.phone_number(code, "o-2")
    assert refusal.value.code == "bad_phone_code"
    assert gateway.phone_number(code, "o-1") == "10012345678"
    with pytest.raises(Invalid):
        gateway.phone_number(code, "o-1")


@pytest.mark.parametrize("mark", [{"appid": "wx-another"}, None, {}, "x"])
def test_a_number_marked_for_another_app_is_refused(scripted, mark):
    info = {"purePhoneNumber": "10012345678", "countryCode": "86", "watermark": mark}
    with scripted({"errcode": 0, "phone_info": info}) as gateway, pytest.raises(Invalid):
        gateway.phone_number("code", "o-1")


@pytest.mark.parametrize("country", ["49", 1, None, ""])
def test_a_foreign_number_is_never_taken_for_one_of_ours(scripted, country):
    mark = {"appid": APPID}
    info = {"purePhoneNumber": "15100000000", "countryCode": country, "watermark": mark}
    answer = {"errcode": 0, "phone_info": info}
    with scripted(answer) as gateway, pytest.raises(Invalid) as refusal:
        gateway.phone_number("code", "o-1")

    assert refusal.value.code == "foreign_phone"


def test_an_allowed_message_arrives_with_state_and_language(fake, gateway):
    fake.order("allow", openid="o-1", template_id="fake-accepted")

    sent = gateway.send_subscribe(message())

    (arrived,) = fake.state.outbox
    assert arrived["msgid"] == sent.msgid
    assert (arrived["state"], arrived["lang"]) == ("developer", "zh_CN")
    assert (arrived["data"], arrived["page"]) == (DATA, "pages/t?i=1")
    with pytest.raises(errors.NoGrant):
        gateway.send_subscribe(message())


def test_what_does_not_fit_the_template_is_refused_and_keeps_the_grant(fake, gateway):
    fake.order("allow", openid="o-1", template_id="fake-accepted")
    for wrong in ({"thing1": "长" * 21}, {"phrase3": "abc"}, {"thing5": ""}, {"time4": "明天"}):
        with pytest.raises(errors.BadTemplate):
            gateway.send_subscribe(message(data={**DATA, **wrong}))

    assert gateway.send_subscribe(message()).msgid


def test_chinese_travels_as_it_is(scripted):
    seen = []
    with scripted({"errcode": 0}, seen) as gateway:
        sent = gateway.send_subscribe(message())

    ((_, body),) = seen
    assert sent.msgid is None
    assert "三号楼".encode() in body
    assert b"\\u" not in body
    assert json.loads(body)["data"]["thing1"] == {"value": "三号楼电梯停运"}


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [
        (-1, errors.Busy),
        *((code, errors.TokenRefused) for code in (40001, 40014, 42001)),
        *(
            (code, errors.Misconfigured)
            for code in (40164, 40013, 40125, 40243, 41002, 41004, 48001, 48004)
        ),
        (40003, errors.UnknownOpenid),
        (40029, errors.BadCode),
        (40163, errors.BadCode),
        (40226, errors.RiskBlocked),
        (45009, errors.QuotaReached),
        (45011, errors.QuotaReached),
        (40033, errors.BadData),
        (47001, errors.BadData),
        *((code, errors.BadTemplate) for code in (40037, 41030, 47003)),
        (43101, errors.NoGrant),
        (45015, errors.WindowClosed),
        (45047, errors.WindowClosed),
        (61010, errors.UserInactive),
        (87009, errors.SessionStale),
        (45109, errors.Withdrawn),
        (45103, errors.Withdrawn),
        (43108, errors.WechatFault),
    ],
)
def test_every_number_has_its_class_and_keeps_the_request_id(fake, gateway, errcode, kind):
    fake.order("fail", path=SEND, kind=str(errcode), times=9)

    with pytest.raises(errors.WechatFault) as fault:
        gateway.send_subscribe(message())

    assert type(fault.value) is kind
    assert (fault.value.errcode, fault.value.rid) == (errcode, "fake0000-00000000-00000000")


def test_a_daily_quota_comes_back_at_midnight_in_shanghai():
    late = MONDAY.astimezone(clock.SHANGHAI).replace(hour=23, minute=59)

    assert fault_of(45009, "", now=late).until == late + timedelta(minutes=1)
    assert fault_of(45009, "", now=MONDAY).until == MONDAY + timedelta(hours=14)
    assert fault_of(45009, "", now=MONDAY, minutely=True).until == MONDAY + timedelta(minutes=1)
    assert fault_of(45011, "", now=MONDAY).until == MONDAY + timedelta(minutes=1)


def test_templates_come_with_their_schema_and_go(fake, gateway):
    added = gateway.add_template("1234", [1, 2, 5], "工单")

    found = {one.id: one for one in gateway.templates()}
    assert schema_of(found[added].content) == {
        "thing1": "字段1",
        "thing2": "字段2",
        "thing5": "字段5",
    }
    assert list(schema_of(found["fake-accepted"].content)) == list(DATA)
    gateway.delete_template(added)
    assert added not in {one.id for one in gateway.templates()}


@pytest.mark.parametrize(
    ("content", "schema"),
    [
        ("姓名：{{name1.DATA}}\n金额: {{amount12.DATA}}", {"name1": "姓名", "amount12": "金额"}),
        ("{{character_string3.DATA}}", {"character_string3": ""}),
        ("没有字段", {}),
        ("头\n\n事项:{{thing1.DATA}}  时间:{{time2.DATA}}", {"thing1": "事项", "time2": "时间"}),
    ],
)
def test_a_schema_follows_from_the_content(content, schema):
    assert schema_of(content) == schema


@pytest.mark.parametrize(
    ("words", "suggest", "label"),
    [("楼道灯坏了", "pass", 100), ("干部腐败", "review", 20001), ("腐败，还赌博", "risky", 20006)],
)
def test_a_text_gets_its_verdict(gateway, words, suggest, label):
    verdict = gateway.check_text("o-1", words, 2)

    assert (verdict.suggest, verdict.label, bool(verdict.trace_id)) == (suggest, label, True)


def test_a_user_away_for_two_hours_is_not_checked_by_machine(fake, gateway):
    gateway.exchange(fake.order("codes", openid="o-1")["code"])
    assert gateway.check_text("o-1", "你好", 2).suggest == "pass"
    fake.clock[0] += 7201

    with pytest.raises(errors.UserInactive):
        gateway.check_text("o-1", "你好", 2)


def test_a_place_code_is_a_picture_and_a_refusal_is_none(fake, gateway):
    drawn = gateway.place_code("s=abc123", "pages/report")

    assert Image.open(io.BytesIO(drawn)).format == "PNG"
    fake.order("fail", path="wxa/getwxacodeunlimit", kind="41030")
    with pytest.raises(errors.BadTemplate):
        gateway.place_code("s=abc123", "pages/none")
    fake.order("fail", path="wxa/getwxacodeunlimit", kind="html")
    with pytest.raises(errors.Busy):
        gateway.place_code("s=abc123", "pages/report")


def test_the_code_of_a_released_program_checks_its_page(scripted):
    seen = []
    with scripted(b"\x89PNG", seen, "image/png", state="formal") as gateway:
        assert gateway.place_code("s=1", "pages/report") == b"\x89PNG"

    asked = json.loads(seen[0][1])
    assert (asked["check_path"], asked["env_version"]) == (True, "release")


def test_a_link_is_made_for_some_days(gateway):
    assert gateway.url_link("pages/t", "i=1", 30).startswith("https://")


def test_a_session_key_is_checked_without_being_sent(fake, gateway):
    gateway.exchange(fake.order("codes", openid="o-1")["code"])
    key = fake.state.sessions["o-1"]

    assert gateway.check_session("o-1", key)
    assert not gateway.check_session("o-1", "another")


def test_the_signature_of_a_session_is_the_one_worked_out_by_hand():
    # The sample key that Tencent publishes, see wechat_vectors.json.
    assert session_signature("tiihtNczf5v6AKRyjwEUhQ==") == (
        "7154f9f8b4b76b92f541cbf0e37d48840fa06e5e42da92a6f80168a1516a4735"
    )


@pytest.mark.parametrize("body", [{}, {"errcode": 0}, [], 7, "x", {"errcode": "many"}, None])
def test_an_answer_nobody_understands_is_no_answer(scripted, body):
    with scripted(body) as gateway:
        with pytest.raises(Unavailable):
            gateway.exchange("code")
        with pytest.raises(errors.Busy):
            gateway.check_media("o-1", "https://example.org/a.jpg", "image")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["appid", "suggest", "label", "watermark"]), inner)
    ),
    max_leaves=6,
)
FIELDS = ("errcode", "errmsg", "openid", "unionid", "phone_info", "data", "result", "trace_id")
ANSWERS = st.dictionaries(st.sampled_from((*FIELDS, "msgid", "base_resp", "url_link")), VALUES)
DEEP = b"[" * 100_000


@hypothesis(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(ANSWERS.map(lambda body: json.dumps(body).encode()) | st.binary(max_size=40) | st.just(DEEP))
def test_whatever_wechat_answers_ends_in_words_or_a_fault(app, body):
    said = [body]

    def handle(handler) -> None:
        answering(said[0])(handler)

    with listening(handle) as url, clock.frozen(MONDAY):
        gateway = Gateway(Wechat(appid=APPID, secret="s", api_url=url))
        for act in (
            lambda: gateway.exchange("code"),
            lambda: gateway.phone_number("code", "o-1"),
            lambda: gateway.send_subscribe(message()),
            gateway.templates,
            lambda: gateway.check_text("o-1", "你好", 2),
            lambda: gateway.place_code("s=1", "pages/report"),
        ):
            with suppress(errors.WechatFault, SandanError):
                act()
            with unit_of_work():
                session.execute(text("DELETE FROM wechat_pause"))


def test_choices_of_a_field_come_with_its_template(scripted):
    choices = [{"keywordCode": "enum2.DATA", "enumValueList": ["好", "差"]}]
    row = {"priTmplId": "t-1", "title": "x", "content": "", "type": 3}
    with scripted({"errcode": 0, "data": [row | {"keywordEnumValueList": choices}]}) as gateway:
        (found,) = gateway.templates()

    assert (found.is_long_term, found.choices) == (True, {"enum2": ("好", "差")})


def test_nothing_is_asked_inside_a_transaction(gateway):
    with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
        gateway.templates()
    with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
        gateway.exchange("code")


@pytest.mark.usefixtures("app")
def test_without_a_mini_program_every_call_says_so():
    nobody = NotConfigured()

    assert nobody.appid() is None
    for login in (lambda: nobody.exchange("x"), lambda: nobody.phone_number("x", "o")):
        with pytest.raises(Unavailable) as refusal:
            login()
        assert refusal.value.code == "wechat_not_configured"
    with pytest.raises(errors.NotSetUp):
        nobody.send_subscribe(message())
    with pytest.raises(errors.NotSetUp):
        nobody.check_session("o", "k")


def test_in_a_demo_other_codes_go_to_the_fake_once_the_database_is_marked(
    fake, settings, mark_demo
):
    demo = DevCodes(_demo(fake, settings))
    code = fake.order("codes", openid="o-guest")["code"]
    with pytest.raises(Unavailable):
        demo.exchange(code)

    mark_demo()

    assert demo.exchange(code).openid == "o-guest"
    assert demo.exchange("dev-grid").openid == "dev-grid"
    assert fake.calls("sns/jscode2session") == 1
    with pytest.raises(Unauthenticated):
        demo.exchange("dev-Grid")
    assert fake.calls("sns/jscode2session") == 1


def _demo(fake, settings):
    played = dataclasses.replace(fake.settings, appid=DEV_APPID)
    fake.state.settings = played
    return dataclasses.replace(settings, env="demo", wechat=played)
