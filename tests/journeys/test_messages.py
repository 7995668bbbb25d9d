"""What one resident hears of a report, from the first log-in to the verdict, over real HTTP.

A served product with its embedded worker, and the fake WeChat beside it.
"""

from uuid import uuid4

import pytest

from app.demo import words
from app.kernel.work import unit_of_work
from tests.faults.web import open_web
from tests.make import media
from tests.make.pretend import pretended
from tests.make.served import Handset, soon

NOWHERE = "http://127.0.0.1:9/"
AWAKE = {"channels": [], "quiet_from": "00:00", "quiet_to": "00:00", "digest": True}


@pytest.fixture
def platform(request, settings):
    """The fake; with a push key its popup events are the word, else what the client reports."""
    push_key = getattr(request, "param", "")
    with pretended(settings, push_url=NOWHERE, push_key=push_key) as there:
        yield there


@pytest.fixture
def served(town, settings, platform, tmp_path):
    with unit_of_work():
        words.tell()
    told = {
        "WECHAT_APPID": platform.wechat.appid,
        "WECHAT_SECRET": platform.wechat.secret,
        "WECHAT_STATE": platform.wechat.state,
        "WECHAT_API_URL": platform.url,
        "WECHAT_PUSH_TOKEN": platform.wechat.push_token,
        "WECHAT_PUSH_KEY": platform.wechat.push_key,
    }
    with open_web(settings, tmp_path, told=told) as web:
        web.start()
        web.wait()
        platform.aim(f"http://127.0.0.1:{web.port}/mp/v1/wechat/push")
        yield f"http://127.0.0.1:{web.port}"


@pytest.fixture
def come_in(served, platform):
    """Log in with a code of WeChat's, awake at every hour."""

    def log_in(openid, phone=""):
        handset = Handset(served)
        code = platform.turn("codes", openid=openid)["code"]
        handset.token = handset.post("/session", {"code": code, "device": openid})["token"]
        if phone:
            code = platform.turn("phone_codes", openid=openid, phone=phone)["code"]
            handset.post("/me/phone", {"code": code})
        handset.put("/me/notify", AWAKE)
        return handset

    return log_in


def answer_popup(platform, handset, openid, moment, *, truly=True):
    """Answer the question for messages, and report it; ``truly`` at WeChat as well."""
    asked = handset.get("/me/subscriptions", moment=moment)["ask"]
    for template_id in asked if truly else ():
        platform.turn("allow", openid=openid, template_id=template_id)
    said = [{"template_id": one, "status": "accept"} for one in asked]
    handset.post("/me/subscriptions", {"id": str(uuid4()), "results": said})
    soon(
        lambda: handset.get("/me/subscriptions", moment=moment)["balance"],
        lambda balance: len(balance) == len(asked),
    )
    return asked


def report(handset, town):
    body = {
        "category": "WPE-LIGHT",
        "place": {"scene": town.scenes["building"]},
        "text": "二楼到三楼的灯不亮",
        "media": [],
        "contact": "10044440001",
        "anonymous": False,
    }
    return handset.post("/tickets", body, expect=201)


def inbox_with(handset, kind):
    """Read the inbox once news of a kind is in it and nothing is under way."""

    def is_settled(page):
        states = [way["state"] for one in page["items"] for way in one["ways"]]
        kinds = [one["kind"] for one in page["items"]]
        return kind in kinds and not {"waiting", "sending"} & set(states)

    return soon(lambda: handset.get("/me/inbox", limit=50), is_settled)["items"]


def ways_of(items):
    return [
        (one["kind"], {way["channel"]: way["state"] for way in one["ways"]})
        for one in reversed(items)
    ]


def sent_to(platform, openid):
    return [
        (one["title"], one["fields"]["状态"], one["fields"]["说明"])
        for one in platform.delivered()
        if one["openid"] == openid
    ]


def work_through(repairer, resident, ticket_id):
    repairer.post(f"/work/{ticket_id}/accept")
    inbox_with(resident, "accepted")
    repairer.post(f"/work/{ticket_id}/start", {"text": "到楼下了"})
    photo = repairer.upload(media.jpeg())
    repairer.post(f"/work/{ticket_id}/resolve", {"text": "换了灯泡", "media": [photo]})


@pytest.mark.parametrize("platform", ["", "a" * 43], indirect=True, ids=["client", "push"])
def test_every_turn_of_a_report_reaches_who_allowed_it(town, platform, come_in):
    resident = come_in("o-zhou", "10044440001")
    manager = come_in("dev-manager")
    assert answer_popup(platform, resident, "o-zhou", "submit") == [
        "fake-accepted",
        "fake-finished",
    ]
    assert answer_popup(platform, manager, "dev-manager", "work") == ["fake-work"]

    ticket = report(resident, town)
    assert ("dispatched", {"wechat": "sent"}) in ways_of(inbox_with(manager, "dispatched"))
    work_through(come_in("dev-repairer"), resident, ticket["id"])
    inbox_with(resident, "please_confirm")
    verdict = {"solved": "yes", "satisfaction": "satisfied", "text": "亮了，谢谢"}
    closed = resident.post(f"/tickets/{ticket['id']}/rate", verdict)

    assert closed["state"] == "closed"
    assert ways_of(inbox_with(resident, "please_confirm")) == [
        ("received", {}),
        ("dispatched", {}),
        ("accepted", {"wechat": "sent"}),
        ("started", {}),
        ("please_confirm", {"wechat": "sent"}),
    ]
    assert sent_to(platform, "o-zhou") == [
        ("受理通知", "已接单", "已接单"),
        ("办结通知", "待您确认", "已处理，请您确认"),
    ]
    assert sent_to(platform, "dev-manager") == [("待办提醒", "待接单", "新工单待接单")]
    pages = [one["page"] for one in platform.delivered() if one["openid"] == "o-zhou"]
    assert pages == [f"pages/ticket/ticket?id={ticket['id']}"] * 2
    assert "受理通知" in platform.page()
    left = resident.get("/me/subscriptions", moment="submit")["balance"]
    assert {one["template_id"]: one["left"] for one in left} == {
        "fake-accepted": 0,
        "fake-finished": 0,
    }


def test_without_wechats_leave_the_news_stands_in_the_inbox_alone(town, platform, come_in):
    resident = come_in("o-xu", "10044440001")
    answer_popup(platform, resident, "o-xu", "submit", truly=False)

    work_through(come_in("dev-repairer"), resident, report(resident, town)["id"])

    assert ways_of(inbox_with(resident, "please_confirm")) == [
        ("received", {}),
        ("dispatched", {}),
        ("accepted", {"wechat": "refused"}),
        ("started", {}),
        ("please_confirm", {"wechat": "refused"}),
    ]
    assert sent_to(platform, "o-xu") == []
    balance = resident.get("/me/subscriptions", moment="submit")["balance"]
    assert {(one["left"], one["last_status"]) for one in balance} == {(0, "refused")}


def test_who_was_never_asked_is_told_in_the_inbox_and_wechat_is_left_alone(town, platform, come_in):
    resident = come_in("o-liang", "10044440001")

    work_through(come_in("dev-repairer"), resident, report(resident, town)["id"])

    news = dict(ways_of(inbox_with(resident, "please_confirm")))
    assert (news["accepted"], news["please_confirm"]) == (
        {"wechat": "refused"},
        {"wechat": "refused"},
    )
    assert "cgi-bin/message/subscribe/send" not in platform.calls()
