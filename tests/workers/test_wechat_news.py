"""What WeChat pushes, from the door to its effect: grants, ends of messages, people."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text

from app.identity import service as identity
from app.identity.models import WechatIdentity
from app.identity.rules import LoginMethod
from app.identity.service.sessions import open_session
from app.kernel import clock, outbox
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.outbox import OutboxDelivery
from app.kernel.work import unit_of_work
from app.notifications import queries as news_queries
from app.notifications import service as news_service
from app.notifications.rules.settling import Outcome, Result, State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.notifications.service.telling import News, tell
from app.privacy import queries as privacy_queries
from app.privacy import service as privacy
from app.wechat import gateway, pushes
from app.wechat.events import WechatSubscriptionSent, openid_index
from app.wechat.gateway import DEV_APPID, WechatLogin
from tests.make import news
from tests.make.pushing import OPENID, OURS, answered, event, push

FACTS = {
    "category": "楼道灯",
    "place": "桂花苑3幢",
    "number": "1234 5678",
    "state": "已接单",
    "time": "2026年11月16日 10:00",
}


@pytest.fixture(autouse=True)
def bridge(world):
    """WeChat and text as ways out, pushes coming in, one template."""
    pushes.install(OURS)
    news.drained()
    with news.outfit(Way.WECHAT, Way.SMS, pushed=True) as posts:
        news.template("accepted", "resident", "T1")
        yield posts
    pushes.install(None)


@pytest.fixture
def wechat(bare_app):
    """Push something and let it be worked out."""
    client = bare_app.test_client()

    def tell_us(body):
        assert push(client, body).data == b"success"
        news.drained()

    return tell_us


def balance(world, name="resident"):
    session.rollback()
    session.expire_all()
    row = news_queries.balances(world.people[name]).get("T1")
    return row.granted - row.used if row else None


def sent_message(world, bridge, msgid="77"):
    """Have one message go out through WeChat; its event."""
    bridge[Way.WECHAT].outcomes[:] = [Outcome(Result.SENT, msgid=msgid)]
    event_id = UUID(int=4711)
    told = News(
        event_id=event_id, kind="accepted", audience=Audience.RESIDENT, facts=FACTS, urgent=True
    )
    with unit_of_work():
        tell(told, [world.people["resident"]])
    news.drained()
    return event_id


def ways_of(event_id):
    return {one.channel: one for one in news.messages(event_id=event_id)}


def ended(msgid, errcode):
    item = {"TemplateId": "T1", "MsgID": msgid, "ErrorCode": errcode, "ErrorStatus": "x"}
    return event("subscribe_msg_sent_event", List=[item])


def dead_letters():
    session.rollback()
    return session.scalars(select(OutboxDelivery).where(OutboxDelivery.dead_at.is_not(None))).all()


# grants


def test_each_accepted_popup_is_one_message_more(world, wechat):
    wechat(answered("T1"))
    with news.later(seconds=1):
        wechat(answered("T1"))

    assert balance(world) == 2


def test_the_same_popup_twenty_times_counts_once(world, bare_app):
    body = answered("T1")
    for _ in range(20):
        push(bare_app.test_client(), body)
    news.drained()

    assert balance(world) == 1


def test_a_refused_popup_gives_nothing_and_takes_nothing(world, wechat):
    wechat(answered("T1"))
    wechat(answered("T1", "reject"))

    assert balance(world) == 1


def test_switching_a_template_off_ends_what_was_allowed(world, wechat):
    wechat(answered("T1"))
    wechat(answered("T1", "reject", "change"))

    assert balance(world) == 0


def test_switching_it_on_again_is_no_message(world, wechat):
    wechat(answered("T1", "accept", "change"))

    assert balance(world) in (None, 0)


def test_an_answer_of_somebody_nobody_knows_is_left_alone(world, wechat):
    wechat(answered("T1", openid="o-nobody"))

    assert dead_letters() == []


# how a message ended


def test_a_message_that_reached_its_phone_says_so(world, bridge, wechat):
    wechat(answered("T1"))
    event_id = sent_message(world, bridge)
    wechat(ended("77", 0))

    row = ways_of(event_id)[Way.WECHAT]
    assert (row.state, row.arrived_at) == (State.SENT, clock.now())


def test_a_message_that_did_not_goes_on_to_the_next_way(world, bridge, wechat):
    wechat(answered("T1"))
    event_id = sent_message(world, bridge)
    wechat(ended("77", 20001))

    found = ways_of(event_id)
    assert (found[Way.WECHAT].state, found[Way.WECHAT].error) == (State.FELL_BACK, "NotDelivered")
    assert found[Way.SMS].state is State.SENT


def test_the_end_of_a_message_is_heard_once(world, bridge, wechat):
    wechat(answered("T1"))
    event_id = sent_message(world, bridge)
    wechat(ended("77", 20001))
    with news.later(seconds=1):
        wechat(ended("77", 0))

    assert len(bridge[Way.SMS].carried) == 1
    assert ways_of(event_id)[Way.WECHAT].arrived_at is None


@pytest.mark.parametrize("msgid", ["78", ""])
def test_the_end_of_an_unknown_message_is_left_alone(world, bridge, wechat, msgid):
    wechat(answered("T1"))
    event_id = sent_message(world, bridge)
    wechat(ended(msgid, 20001))

    assert ways_of(event_id)[Way.WECHAT].state is State.SENT
    assert dead_letters() == []


def test_an_end_told_before_we_settled_is_asked_again(world, bridge, wechat):
    """WeChat is faster than our second transaction now and then."""
    wechat(answered("T1"))
    early = []

    def tell_first(_parcel):
        told = WechatSubscriptionSent(openid_index(OPENID), "T1", "77", 0, "success")
        with unit_of_work(), pytest.raises(news_service.NotSettledYet):
            news_service.on_message_ended(told)
        early.append(told)
        with unit_of_work():
            outbox.record(told)
        return Outcome(Result.SENT, msgid="77")

    bridge[Way.WECHAT].outcomes[:] = [tell_first]
    told = News(
        event_id=UUID(int=9), kind="accepted", audience=Audience.RESIDENT, facts=FACTS, urgent=True
    )
    with unit_of_work():
        tell(told, [world.people["resident"]])
    news.drained()
    with news.later(minutes=1):
        news.drained()

    assert early
    assert ways_of(UUID(int=9))[Way.WECHAT].arrived_at is not None


# people


def linked(world, name="resident"):
    session.rollback()
    session.expire_all()
    query = select(WechatIdentity).where(WechatIdentity.person_id == world.people[name])
    return session.scalars(query).one()


def agree(world, name="resident"):
    with unit_of_work():
        privacy.publish(SYSTEM, "第一版")
        privacy.answer(world.actor(name), 1, agreed=True, device="d-1")


def logged_in(world, name, method):
    with unit_of_work():
        opened = open_session(world.people[name], method, clock.now())
    assert opened is not None
    return opened.token


def test_who_takes_back_what_wechat_told_is_known_there_no_more(world, wechat):
    agree(world)
    token = logged_in(world, "resident", LoginMethod.WECHAT)
    by_text = logged_in(world, "resident", LoginMethod.SMS)
    wechat(event("user_authorization_revoke", OpenID=OPENID))

    session.rollback()
    raw = session.execute(text("SELECT openid, unionid FROM wechat_identity")).all()
    session.rollback()
    assert linked(world).openid == ""
    assert linked(world).unionid is None
    assert raw
    assert identity.authenticate(token) is None
    assert identity.authenticate(by_text) is not None
    newest = privacy_queries.consents_of(world.people["resident"])[0]
    assert (newest.agreed, newest.device) == (False, "wechat")


def test_nothing_is_sent_to_who_took_it_back(world, bridge, wechat):
    wechat(answered("T1"))
    wechat(event("user_authorization_cancellation", OpenID=OPENID))
    sent_message(world, bridge)

    assert bridge[Way.WECHAT].carried == []
    assert len(bridge[Way.SMS].carried) == 1


def test_who_comes_back_by_themselves_finds_their_reports(world, wechat):
    wechat(event("user_authorization_revoke", OpenID=OPENID))

    class Knowing:
        def exchange(self, code):
            return WechatLogin(appid=DEV_APPID, openid=code, unionid="u-1")

    gateway.install(Knowing())
    with news.later(minutes=5):
        again = identity.log_in_with_code(OPENID)
    gateway.install(gateway.NotConfigured())

    assert again.actor.person_id == world.people["resident"]
    assert (linked(world).openid, linked(world).unionid) == (OPENID, "u-1")


def test_taking_it_back_long_ago_does_not_undo_a_new_log_in(world, wechat, bare_app):
    push(bare_app.test_client(), event("user_authorization_revoke", OpenID=OPENID))
    with unit_of_work():
        row = session.get(WechatIdentity, linked(world).id)
        row.linked_at = clock.now() + timedelta(seconds=1)
    news.drained()

    assert linked(world).openid == OPENID


def test_nobody_else_is_touched(world, wechat):
    wechat(event("user_authorization_revoke", OpenID=OPENID))

    assert linked(world, "neighbour").openid == "dev-neighbour"


# the service window


def wrote(openid=OPENID, number="1"):
    return {**event("", openid), "MsgType": "text", "Content": "灯坏了", "MsgId": number}


def test_who_writes_to_the_service_window_is_told_where_they_are_heard(world, wechat):
    for number in range(3):
        wechat(wrote(number=str(number)))

    told = [one for one in news.messages(channel=Way.INBOX) if one.kind == "wrote"]
    assert [one.person_id for one in told] == [world.people["resident"]]
    assert "上报" in told[0].text
    assert "灯坏了" not in told[0].text


def test_a_stranger_who_writes_is_counted_and_no_more(world, wechat):
    before = len(news.messages())
    wechat(wrote(openid="o-nobody"))

    assert len(news.messages()) == before
    assert dead_letters() == []
