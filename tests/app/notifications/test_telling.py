"""Who is told what of a ticket, and who never is."""

from datetime import timedelta

import pytest

from app.identity import service as identity
from app.identity.rules import BindingKind, Role
from app.identity.service import NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.notifications import queries as news_queries
from app.notifications import service
from app.notifications.rules.ways import Way
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.service import Words
from tests.make import leaves, news
from tests.make import tickets as make
from workers import jobs

BURST = "EMG-BURST"


@pytest.fixture(autouse=True)
def ways():
    with news.outfit(Way.WECHAT, Way.SMS) as posts:
        yield posts


def test_a_report_tells_the_reporter_and_whoever_hands_the_work_out(world):
    make.submitted(world)
    news.drained()

    assert news.told(world) == {
        ("resident", "received"),
        ("resident", "dispatched"),
        ("manager", "dispatched"),
    }


def test_what_waits_for_dispatch_is_told_to_the_desk(world):
    make.submitted(world, make.UNSURE)
    news.drained()

    desk = {who for who, kind in news.told(world) if kind in ("submitted", "dispatched")}
    assert {"community", "community2"} <= desk
    assert not desk & {"other_community", "manager", "rival"}


def test_the_resident_is_told_of_each_turn(world):
    ticket_id = make.resolved(world, make.submitted(world))
    news.drained()

    kinds = {kind for who, kind in news.told(world) if who == "resident"}
    assert kinds == {"received", "dispatched", "accepted", "started", "please_confirm"}
    (ask,) = news.messages(kind="please_confirm")
    assert ask.ticket_id == ticket_id
    assert ask.page.endswith(str(ticket_id))


def test_nobody_is_told_what_they_did_themselves(world):
    ticket_id = make.accepted(world, make.submitted(world))
    with unit_of_work():
        tickets.withdraw(world.actor("resident"), ticket_id, Words("好了"))
    news.drained()

    assert ("resident", "withdrawn") not in news.told(world)
    assert ("repairer", "withdrawn") in news.told(world)


def test_a_step_told_again_makes_nothing_twice(world):
    ticket_id = make.accepted(world, make.submitted(world))
    news.drained()
    before = len(news.messages())
    step = queries.steps_of(ticket_id)[-1]
    event = TicketMoved(
        ticket_id, step.id, step.seq, step.action.value, "accepted", event_id=step.id
    )

    for _ in range(2):
        with unit_of_work():
            service.on_ticket_moved(event)

    assert len(news.messages()) == before + len(news.messages(event_id=step.id))
    assert len(news.messages(event_id=step.id)) == 1


def test_a_message_says_no_name_no_phone_and_nobodys_words(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("还是黑的"))
    news.drained()

    said = " ".join(one.title + one.text + one.facts for one in news.messages(ticket_id=ticket_id))
    assert "桂花苑" in said
    hidden = ("周桂芳", "孟铁生", "10020000000", "看不见路", "换了灯泡", "还是黑的", "301室")
    assert [one for one in hidden if one in said] == []


def test_the_words_are_sealed_in_the_database(world):
    make.submitted(world)
    news.drained()
    session.rollback()

    rows = session.connection().exec_driver_sql("SELECT title, text, facts FROM message").all()
    assert rows
    assert not any("桂花苑" in cell or "已收到" in cell for row in rows for cell in row)


@pytest.mark.parametrize(
    ("category", "accused"),
    [(make.GUARD, {"manager", "repairer", "repairer2"}), (make.STAFF, {"community", "community2"})],
)
def test_the_accused_hears_nothing_of_an_accusing_ticket(world, category, accused):
    make.submitted(world, category)
    news.drained()

    assert news.messages()
    assert not accused & {who for who, _ in news.told(world)}


def test_deny_wins_over_another_hat(world):
    with unit_of_work():
        identity.appoint(
            SYSTEM, world.people["community"], Role.REPAIRER, world.organisations["firm"]
        )
    make.submitted(world, make.GUARD)
    news.drained()

    heard = {who for who, _ in news.told(world)}
    assert "community2" in heard
    assert "community" not in heard


def test_the_accused_is_told_that_there_is_a_brief_and_no_more(world):
    ticket_id = make.submitted(world, make.GUARD)
    with unit_of_work():
        tickets.brief(world.actor("community"), ticket_id, Words("有居民反映巡逻少"))
    news.drained()

    (told,) = news.messages(kind="brief", channel=Way.INBOX)
    assert told.person_id == world.people["manager"]
    assert told.ticket_id is None
    assert told.facts == "{}"
    assert "桂花苑" not in told.text


def test_a_question_is_told_to_the_second_person_and_its_answer_to_the_asker(world):
    ticket_id = make.started(world, make.submitted(world))
    leaves.ask_pause(world, ticket_id)
    news.drained()

    waiting = {who for who, kind in news.told(world) if kind == "review_waiting"}
    assert {"community", "community2"} <= waiting
    assert not waiting & {"repairer", "manager"}


def test_whoever_left_is_told_nothing(world):
    ticket_id = make.accepted(world, make.submitted(world))
    news.leave(world, "neighbour")
    news.leave(world, "manager")
    news.drained()

    assert ticket_id
    assert "manager" not in {who for who, _ in news.told(world)}


def test_a_tier_that_comes_in_is_told_in_service_hours(world):
    make.submitted(world)
    with news.later(days=10, hours=14):
        jobs.watch(clock.now())
        news.drained()

        came = {who for who, kind in news.told(world) if kind == "came_in"}
        assert came
        assert came <= {"community", "community2", "street", "street2"}


def test_a_duty_call_goes_out_at_once_by_text_and_wechat(world, ways):
    news.template("called", "duty", "T-duty")
    news.allow(world, "repairer", "T-duty")
    with unit_of_work():
        identity.start_shift(
            SYSTEM,
            NewShift(
                organisation_id=world.organisations["firm"],
                person_id=world.people["repairer"],
                starts_at=clock.now() - timedelta(hours=1),
                order=0,
            ),
        )
    with news.later(hours=17):
        make.submitted(world, BURST)
        news.drained()

        called = news.messages(kind="called")
        assert {one.channel for one in called} == {Way.INBOX, Way.WECHAT, Way.SMS}
        assert {one.due_at for one in called} == {clock.now()}
        texts = [one for one in ways[Way.SMS].carried if "请马上接单" in one.text]
        assert [one.reach.phone for one in texts] == ["10020000009"]


def test_ordinary_news_waits_until_morning_outside_the_inbox(world, ways):
    news.template("accepted", "resident", "T1")
    news.allow(world, "resident", "T1")
    ticket_id = make.submitted(world)
    with news.later(hours=13):
        make.accepted(world, ticket_id)
        news.drained()

        (outside,) = news.messages(kind="accepted", channel=Way.WECHAT)
        assert outside.due_at.hour == 23
        assert ways[Way.WECHAT].carried == []
        assert ("resident", "accepted") in news.told(world)
    with news.later(hours=22):
        news.drained()
        assert len(ways[Way.WECHAT].carried) == 1


def test_a_decided_home_is_told_to_its_person(world):
    with unit_of_work():
        claim = identity.claim_dwelling(
            world.actor("head"), world.places["next_door"], BindingKind.TENANT
        )
        identity.decide_binding(
            world.actor("community"), claim.id, confirmed=False, words="证件不清"
        )
    news.drained()

    (told,) = news.messages(kind="binding_refused", channel=Way.INBOX)
    assert told.person_id == world.people["head"]
    assert "302室" in told.text
    assert "证件" not in told.text


def inbox_of(world, name):
    session.rollback()
    found = news_queries.inbox(world.actor(name), cursor=None, limit=50)
    kinds = [one.message.kind for one in found.items if one.message.kind != "binding_confirmed"]
    assert len(kinds) == news_queries.unread(world.actor(name)) - len(found.items) + len(kinds)
    return kinds


def joins_the_firm(world, name):
    with unit_of_work():
        identity.appoint(SYSTEM, world.people[name], Role.REPAIRER, world.organisations["firm"])


def test_whoever_comes_to_belong_to_the_accused_no_longer_reads_older_news(world):
    make.submitted(world, make.GUARD)
    plain = make.submitted(world, by="neighbour", scene="building2")
    news.drained()
    assert "submitted" in inbox_of(world, "community")
    before = inbox_of(world, "community2")

    joins_the_firm(world, "community")

    told = news_queries.inbox(world.actor("community"), cursor=None, limit=50).items
    assert {one.message.ticket_id for one in told} <= {plain}
    assert "submitted" not in inbox_of(world, "community")
    assert inbox_of(world, "community2") == before


def test_what_they_reported_themselves_stays_theirs(world):
    make.submitted(world, make.GUARD)
    news.drained()

    joins_the_firm(world, "resident")

    assert "received" in inbox_of(world, "resident")


def test_a_message_on_its_way_to_who_is_accused_by_now_does_not_go_out(world, ways):
    news.template("submitted", "desk", "T-desk")
    for name in ("community", "community2"):
        news.allow(world, name, "T-desk")
    with news.later(hours=13):
        make.submitted(world, make.GUARD)
        news.drained()
    joins_the_firm(world, "community")
    with news.later(hours=22):
        news.drained()

    sent = {
        one.person_id: (one.state, one.error)
        for one in news.messages(kind="submitted", channel=Way.WECHAT)
    }
    assert sent[world.people["community"]] == ("refused", "Accused")
    assert sent[world.people["community2"]] == ("sent", None)
    assert [one.reach.openid for one in ways[Way.WECHAT].carried] == ["dev-community2"]
    assert news_queries.balances(world.people["community"])["T-desk"].used == 0


def test_a_redo_that_is_refused_is_told_to_the_resident_alone(world, ways):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("还是不亮"))
    words = Words("又换了", [make.photo(world, "repairer")])
    with unit_of_work():
        tickets.resolve(world.actor("repairer"), ticket_id, "fixed", words)
    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("第二次了"))
    with unit_of_work():
        tickets.decide(
            world.actor("community"), ticket_id, approved=False, words=Words("已看过现场，灯是亮的")
        )
    news.drained()

    assert {who for who, kind in news.told(world) if kind == "rework_refused"} == {"resident"}
    assert "review_refused" not in {kind for _, kind in news.told(world)}
    (told,) = news.messages(kind="rework_refused", channel=Way.INBOX)
    assert "请在2026年" in told.text
    assert "灯是亮的" not in told.text
