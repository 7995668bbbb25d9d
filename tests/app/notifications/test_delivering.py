"""A message ends somewhere: sent, refused, fallen back or dead, and never twice unmarked."""

from datetime import timedelta
from uuid import UUID

import pytest

from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.outbox import OutboxEvent
from app.kernel.work import in_unit, unit_of_work
from app.notifications import queries, service
from app.notifications.events import MessageDue
from app.notifications.rules.settling import Outcome, Result, State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.notifications.service import delivering, granting
from app.notifications.service.delivering import InHand
from app.notifications.service.telling import News, tell
from tests.make import news
from workers import jobs

BUSY = Outcome(Result.AGAIN, "Busy")
LOST = Outcome(Result.AGAIN, "Busy", maybe_sent=True)
REFUSED = Outcome(Result.REFUSED, "NoGrant", no_grant=True)
BROKEN = Outcome(Result.BROKEN, "BadTemplate")
FACTS = {"category": "楼道灯", "place": "桂花苑3幢", "number": "1234 5678", "state": "已接单"}


@pytest.fixture
def ways():
    with news.outfit(Way.WECHAT, Way.SMS) as posts:
        yield posts


@pytest.fixture
def allowed(world, ways):
    """The resident has allowed two messages."""
    news.drained()
    news.template("accepted", "resident", "T1")
    news.allow(world, "resident", "T1", 2)
    return ways


def owed(world, *, urgent=False, name="resident"):
    """Owe the resident a message; its row outside the inbox that is tried first."""
    event_id = UUID(int=len(news.messages()) + 1)
    facts = FACTS | {"time": "2026年11月16日 10:00"}
    with unit_of_work():
        tell(
            News(
                event_id=event_id,
                kind="accepted",
                audience=Audience.RESIDENT,
                facts=facts,
                urgent=urgent,
            ),
            [world.people[name]],
        )
    return next(one.id for one in news.messages(event_id=event_id) if one.channel is not Way.INBOX)


def again(message_id):
    return next(one for one in news.messages() if one.id == message_id)


def left(world, name="resident"):
    session.rollback()
    session.expire_all()
    row = queries.balances(world.people[name]).get("T1")
    entries = session.query(granting.GrantEntry).filter_by(template_id="T1").all()
    session.rollback()
    if row is None:
        return 0
    assert row.granted - row.used == sum(one.delta for one in entries)
    return row.granted - row.used


def test_a_message_is_sent_once_and_spends_one_grant(world, allowed):
    message_id = owed(world)
    news.drained()
    news.drained()

    (parcel,) = allowed[Way.WECHAT].carried
    assert parcel.data == {
        "thing1": "楼道灯",
        "thing2": "桂花苑3幢",
        "character_string3": "12345678",
        "phrase4": "已接单",
        "time5": "2026年11月16日 10:00",
    }
    assert again(message_id).state is State.SENT
    assert left(world) == 1


def test_nothing_is_sent_with_a_transaction_open(world, allowed):
    seen = []
    allowed[Way.WECHAT].outcomes = [lambda _: seen.append(in_unit()) or news.SENT]
    owed(world)
    news.drained()

    assert seen == [False]


def test_a_busy_channel_is_tried_again_and_keeps_the_grant(world, allowed):
    allowed[Way.WECHAT].outcomes = [BUSY, news.SENT]
    message_id = owed(world)
    news.drained()

    waiting = again(message_id)
    assert (waiting.state, waiting.maybe_repeated) == (State.WAITING, False)
    assert waiting.due_at > clock.now()
    assert left(world) == 2
    with news.later(minutes=5):
        news.drained()
    assert again(message_id).state is State.SENT
    assert left(world) == 1


def test_what_may_have_arrived_is_repeated_once_and_marked(world, allowed):
    allowed[Way.WECHAT].outcomes = [LOST]
    message_id = owed(world)
    for hours in range(5):
        with news.later(hours=hours):
            news.drained()

    ended = again(message_id)
    assert len(allowed[Way.WECHAT].carried) == 2
    assert (ended.state, ended.maybe_repeated) == (State.DEAD, True)
    assert left(world) == 1  # one grant carried both


def test_a_repetition_that_wechat_refuses_ends_there(world, allowed):
    allowed[Way.WECHAT].outcomes = [LOST, REFUSED]
    message_id = owed(world)
    for hours in range(3):
        with news.later(hours=hours):
            news.drained()

    assert again(message_id).state is State.REFUSED
    assert left(world) == 0


def test_a_refusal_empties_the_ledger_and_falls_to_the_next_way(world, allowed):
    allowed[Way.WECHAT].outcomes = [REFUSED]
    message_id = owed(world, urgent=True)
    news.drained()

    assert again(message_id).state is State.FELL_BACK
    (text,) = news.messages(channel=Way.SMS)
    assert text.state is State.SENT
    assert allowed[Way.SMS].carried[0].text.startswith("桂花苑3幢的“楼道灯”")
    assert left(world) == 0


def test_a_broken_template_gives_the_grant_back(world, allowed):
    allowed[Way.WECHAT].outcomes = [BROKEN]
    message_id = owed(world)
    news.drained()

    assert (again(message_id).state, again(message_id).error) == (State.DEAD, "BadTemplate")
    assert left(world) == 2


def test_without_a_grant_wechat_is_not_even_asked(world, allowed):
    message_id = owed(world, name="neighbour")
    news.drained()

    assert allowed[Way.WECHAT].carried == []
    assert (again(message_id).state, again(message_id).error) == (State.REFUSED, "NoGrant")


def test_two_messages_at_once_never_spend_the_same_grant(world, allowed):
    with unit_of_work():
        assert granting.reserve(world.people["resident"], "T1")
        assert granting.reserve(world.people["resident"], "T1")
        assert not granting.reserve(world.people["resident"], "T1")

    assert left(world) == 0


def test_a_used_up_quota_closes_the_channel_for_everybody_until_its_end(world, allowed):
    until = clock.now() + timedelta(hours=3)
    allowed[Way.WECHAT].outcomes = [Outcome(Result.LATER, "QuotaReached", until=until), news.SENT]
    first, second = owed(world), owed(world)
    news.drained()
    with news.later(hours=2):
        news.drained()

    assert len(allowed[Way.WECHAT].carried) == 1
    assert {again(one).due_at for one in (first, second)} == {until}
    with news.later(hours=3, seconds=1):
        news.drained()
    assert {again(one).state for one in (first, second)} == {State.SENT}
    assert left(world) == 0


def test_urgent_news_takes_the_next_way_while_a_channel_is_closed(world, allowed):
    until = clock.now() + timedelta(hours=3)
    allowed[Way.WECHAT].outcomes = [Outcome(Result.LATER, "QuotaReached", until=until)]
    owed(world)
    news.drained()

    message_id = owed(world, urgent=True)
    news.drained()

    assert again(message_id).state is State.FELL_BACK
    assert len(allowed[Way.SMS].carried) == 1


def test_retries_are_bounded_then_dead(world, allowed):
    allowed[Way.WECHAT].outcomes = [BUSY]
    message_id = owed(world)
    for hours in range(12):
        with news.later(hours=2 * hours):
            news.drained()

    assert again(message_id).state is State.DEAD
    assert len(allowed[Way.WECHAT].carried) == 6
    assert left(world) == 2


def test_a_message_of_a_dead_worker_is_taken_up_marked(world, allowed):
    message_id = owed(world)
    assert delivering.claim(message_id) is not None

    with pytest.raises(InHand):
        service.deliver(MessageDue(message_id))
    with news.later(minutes=1):
        service.deliver(MessageDue(message_id))

    ended = again(message_id)
    assert (ended.state, ended.maybe_repeated) == (State.SENT, True)
    assert left(world) == 1


def test_a_message_that_killed_two_workers_is_given_up(world, allowed):
    message_id = owed(world)
    for minutes in (0, 2):
        with news.later(minutes=minutes):
            assert delivering.claim(message_id) is not None
    with news.later(minutes=4):
        assert delivering.claim(message_id) is None

    ended = again(message_id)
    assert (ended.state, ended.error) == (State.DEAD, "WorkerDied")
    assert allowed[Way.WECHAT].carried == []


def test_who_comes_late_settles_nothing(world, allowed):
    message_id = owed(world)
    late = delivering.claim(message_id)
    with news.later(minutes=1):
        service.deliver(MessageDue(message_id))

    assert not delivering.settle(late, BROKEN)
    assert again(message_id).state is State.SENT


def test_a_forgotten_message_is_owed_again_but_not_every_minute(world, allowed):
    message_id = owed(world)
    session.query(outbox.OutboxDelivery).delete()
    session.query(OutboxEvent).delete()
    session.commit()
    with news.later(minutes=5):
        jobs.owe_messages(clock.now())
        assert owed_events() == 0
    with news.later(minutes=11):
        jobs.owe_messages(clock.now())
        jobs.owe_messages(clock.now())
        assert owed_events() == 1
        news.drained()

    assert again(message_id).state is State.SENT


def owed_events():
    session.rollback()
    counted = session.query(OutboxEvent).filter_by(topic=MessageDue.topic).count()
    session.rollback()
    return counted


def test_a_person_who_left_meanwhile_is_not_written_to(world, allowed):
    message_id = owed(world)
    news.leave(world, "resident")
    news.drained()

    assert allowed[Way.WECHAT].carried == []
    assert again(message_id).state is State.REFUSED


def test_a_way_that_was_taken_away_is_a_refusal(world, allowed):
    message_id = owed(world)
    with news.outfit():
        news.drained()

    assert again(message_id).error == "Unreachable"
