"""The timetable: each period served once, by whoever keeps the time."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.kernel import audit, clock, outbox
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.outbox import Lane, TimetableTick
from app.kernel.work import unit_of_work
from tests.make.outbox import heard_by, listener, record
from workers import timetable
from workers.timetable import Timed, at_shanghai

needs_database = pytest.mark.usefixtures("app")

NOON = datetime(2026, 11, 16, 4, 0, tzinfo=UTC)


def mark_inside(now: datetime) -> None:
    audit.record(SYSTEM, "ticked", "timetable", uuid4())


def mark_outside(now: datetime) -> None:
    with unit_of_work():
        mark_inside(now)


def ticked() -> int:
    counted = session.scalar(select(func.count()).select_from(audit.AuditEntry)) or 0
    session.rollback()
    return counted


@given(
    st.integers(0, 4 * 365 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    st.integers(1, 100_000),
    st.integers(0, 86_400),
)
@settings(max_examples=60, deadline=None)
def test_periods_follow_each_other_without_gap_or_overlap(now, every_s, offset_s):
    job = Timed(name="x", every_s=every_s, offset_s=offset_s, run=print)

    begin = datetime.fromtimestamp(job.slot(now) * every_s + offset_s, UTC)

    assert begin <= now < begin + timedelta(seconds=every_s)
    assert job.slot(begin) == job.slot(now)
    assert job.slot(begin - timedelta(seconds=1)) == job.slot(now) - 1


def test_a_daily_job_turns_at_its_hour_in_shanghai():
    job = Timed(name="x", every_s=86_400, offset_s=at_shanghai(3, 30), run=print)
    before = datetime(2026, 11, 16, 3, 29, 59, tzinfo=clock.SHANGHAI)
    after = datetime(2026, 11, 16, 3, 30, tzinfo=clock.SHANGHAI)

    assert job.slot(after) == job.slot(before) + 1


@needs_database
@pytest.mark.parametrize(("run", "work"), [(mark_inside, True), (mark_outside, False)])
def test_a_period_has_one_effect(run, work):
    jobs = [Timed(name="x", every_s=60, run=run, work=work)]

    with clock.frozen(NOON):
        timetable.keep(jobs, Lane.SHORT)
        timetable.keep(jobs, Lane.SHORT)
    with clock.frozen(NOON + timedelta(seconds=60)):
        timetable.keep(jobs, Lane.SHORT)

    assert ticked() == 2


@needs_database
def test_two_schedulers_have_one_effect(app):
    jobs = [Timed(name=f"x{i}", every_s=60, run=mark_inside, work=True) for i in range(10)]
    start = Barrier(4)

    def keep():
        with app.app_context(), clock.frozen(NOON):
            start.wait(5)
            timetable.keep(jobs, Lane.SHORT)

    threads = [Thread(target=keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert ticked() == 10


@needs_database
def test_a_keeper_that_was_away_does_now_what_is_due_now():
    jobs = [Timed(name="x", every_s=60, run=mark_outside)]
    with clock.frozen(NOON):
        timetable.keep(jobs, Lane.SHORT)

    with clock.frozen(NOON + timedelta(hours=3)):
        timetable.keep(jobs, Lane.SHORT)
        timetable.keep(jobs, Lane.SHORT)

    assert ticked() == 2


@needs_database
@pytest.mark.parametrize("work", [True, False])
def test_one_failing_job_does_not_hold_up_the_others_and_is_tried_again(work):
    tries = []

    def fail(now):
        tries.append(now)
        raise ValueError("张三")

    jobs = [
        Timed(name="bad", every_s=3600, run=fail, work=work),
        Timed(name="good", every_s=3600, run=mark_outside),
    ]

    for minutes in range(10):
        with clock.frozen(NOON + timedelta(minutes=minutes)):
            timetable.keep(jobs, Lane.SHORT)

    bad = session.get(TimetableTick, ("bad", jobs[0].slot(NOON)))
    assert (ticked(), len(tries)) == (1, 5)
    assert bad.error.startswith("ValueError: test_timetable.py:")
    assert bad.done_at is None


@needs_database
def test_finished_work_is_forgotten_after_its_time():
    with clock.frozen(NOON):
        record()
        wired = heard_by(listener())
        outbox.fan_out(wired)
        [lease] = outbox.claim(Lane.SHORT, limit=1, lease_s=60)
        outbox.deliver(lease, wired)

    timetable.forget_finished(NOON + timedelta(days=29))
    kept = len(session.scalars(select(outbox.OutboxEvent)).all())
    timetable.forget_finished(NOON + timedelta(days=31))

    assert kept == 1
    assert session.scalars(select(outbox.OutboxEvent)).all() == []
