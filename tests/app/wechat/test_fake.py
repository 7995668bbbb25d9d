"""The fake WeChat: never in production, and as strict as the real one."""

import dataclasses
import threading

import pytest
import requests

from app.wechat import errors, gateway, pushes
from app.wechat.answers import SubscribeMessage
from app.wechat.fake import make_fake
from app.wechat.fields import wrong_field
from app.wechat.gateway import DevCodes
from app.wechat.happenings import Answered, Deauthorised, MediaChecked, SubscriptionAnswered
from app.wechat.real import Gateway
from config import DEMO, PRODUCTION, Wechat
from tests.app.wechat.conftest import listening
from tests.app.wechat.test_calls import DATA
from tests.conftest import MONDAY

WECHAT = Wechat(appid="wx1", secret="s")


def test_it_refuses_to_be_in_production(settings):
    production = dataclasses.replace(settings, env=PRODUCTION, wechat=WECHAT)

    with pytest.raises(ValueError, match="does not exist in production"):
        make_fake(production)
    assert make_fake(dataclasses.replace(settings, env=DEMO, wechat=WECHAT))


def test_it_needs_to_know_whose_platform_it_plays(settings):
    with pytest.raises(ValueError, match="mini-program"):
        make_fake(dataclasses.replace(settings, wechat=None))


def test_only_a_demo_is_answered_by_it(settings):
    as_demo = dataclasses.replace(WECHAT, appid="dev")
    given = dataclasses.replace(settings, wechat=as_demo)

    assert dataclasses.replace(given, env=DEMO).fakes_wechat
    assert not dataclasses.replace(given, env=PRODUCTION).fakes_wechat
    assert not dataclasses.replace(settings, env=DEMO, wechat=WECHAT).fakes_wechat
    assert type(gateway.for_settings(given)) is Gateway
    assert type(gateway.for_settings(dataclasses.replace(given, env=DEMO))) is DevCodes


def heard(fake):
    query, body = fake.heard.next()
    return pushes.read(query, body, "application/json", MONDAY).happened


def test_an_answer_for_messages_is_pushed_to_us_sealed(fake):
    assert fake.order("allow", openid="o-1", template_id="fake-accepted")["left"] == 1

    answered = Answered("fake-accepted", "accept", "0")
    assert heard(fake) == SubscriptionAnswered("o-1", (answered,), "popup")
    assert b"o-1" not in fake.heard.got[0][1]


def test_a_refusal_gives_no_grant(fake):
    told = fake.order("allow", openid="o-1", template_id="fake-accepted", status="reject")

    assert told["left"] == 0
    assert heard(fake).answers[0].status == "reject"


def test_a_photo_is_fetched_and_its_verdict_pushed(fake, gateway):
    fetched = threading.Event()

    def photo(handler) -> None:
        fetched.set()
        handler.send_response(200)
        handler.end_headers()

    fake.order("media", suggest="risky")
    with listening(photo) as url:
        trace_id = gateway.check_media("o-1", f"{url}a.jpg", "image")
        assert heard(fake) == MediaChecked(trace_id, "risky", 21000, failed=False)
    assert fetched.is_set()


def test_a_photo_that_cannot_be_fetched_is_told_as_failed(fake, gateway):
    trace_id = gateway.check_media("o-1", "http://127.0.0.1:1/a.jpg", "image")

    assert heard(fake) == MediaChecked(trace_id, "", 0, failed=True)


def test_a_push_that_is_not_answered_comes_three_times(fake, door):
    made = fake.app.extensions["callbacks"]
    made.url = "http://127.0.0.1:1/"

    made._deliver({"Event": "debug_demo"})

    assert [one["attempt"] for one in made.told] == [1, 2, 3]


def test_somebody_can_write_and_take_permission_back(fake):
    fake.order("say", openid="o-1", text="在吗")
    assert heard(fake).text == "在吗"
    fake.heard.arrived.clear()
    fake.order("deauthorise", openid="o-1")
    assert heard(fake) == Deauthorised("o-1")


def test_what_was_delivered_can_be_read_by_people_and_programs(fake, gateway):
    fake.order("allow", openid="o-1", template_id="fake-accepted")
    gateway.send_subscribe(
        SubscribeMessage("o-1", "fake-accepted", {**DATA, "thing5": "<b>一会儿到</b>"})
    )

    (shown,) = requests.get(f"{fake.url}fake/outbox", timeout=5).json()["messages"]
    page = requests.get(f"{fake.url}fake/outbox", headers={"Accept": "text/html"}, timeout=5)

    assert shown["fields"]["事项"] == "三号楼电梯停运"
    assert "受理通知" in page.text
    assert "&lt;b&gt;一会儿到" in page.text


def test_a_failure_is_ordered_for_so_many_calls(fake, gateway):
    fake.order("fail", path="wxaapi/newtmpl/gettemplate", kind="-1", times=2)
    for _ in range(2):
        with pytest.raises(errors.Busy):
            gateway.templates()

    assert gateway.templates()
    assert fake.order("fail", path="x", kind="nonsense")["errcode"] == 47001
    told = requests.get(f"{fake.url}fake/calls", timeout=5).json()
    assert told["calls"]["wxaapi/newtmpl/gettemplate"] == 3


def test_a_stable_token_stays_the_same_until_it_is_nearly_over(fake):
    state = fake.state
    first, _ = state.stable_token(force=False)
    fake.clock[0] += 6000
    assert state.stable_token(force=False) == (first, 1200)
    fake.clock[0] += 901
    second, left = state.stable_token(force=False)

    assert (second != first, left) == (True, 7200)
    state.check_token(first)  # the old one lives on for its last minutes
    fake.clock[0] += 300
    with pytest.raises(Exception, match="42001"):
        state.check_token(first)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("thing1", "字" * 20, "字" * 21),
        ("number1", "12.50", "一"),
        ("letter1", "abc", "a1"),
        ("symbol1", "!!", "!!!!!!"),
        ("character_string1", "A-1" * 10, "三号"),
        ("time1", "2019年10月1日 15:01", "下午三点"),
        ("time1", "15:01~16:30", "15"),
        ("date1", "2026-11-16", "16:00"),
        ("amount1", "¥12.5元", "十二元"),
        ("phone_number1", "010-12345", "打电话"),
        ("car_number1", "京A12345", "京A12345678"),
        ("name1", "王" * 10, "王" * 11),
        ("phrase1", "已受理", "已受理了吗啊"),
        ("phrase1", "办结", "done"),
        ("const1", "anything", " "),
    ],
)
def test_a_field_takes_what_wechat_takes(field, good, bad):
    schema = {field: "x"}

    assert wrong_field(schema, {field: {"value": good}}) is None
    assert field in (wrong_field(schema, {field: {"value": bad}}) or "")
    assert field in (wrong_field(schema, {}) or "")


@pytest.mark.usefixtures("monday")
def test_the_fake_goes_by_the_clock_of_the_house_which_a_demo_may_move(settings):
    made = make_fake(dataclasses.replace(settings, env=DEMO, wechat=WECHAT))

    assert made.extensions["fake"].now() == MONDAY.timestamp()
