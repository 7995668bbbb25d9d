"""A turn of a lane: everything owed is run, nothing holds up the rest, it ends in time."""

import time
from datetime import timedelta

import pytest

from app.kernel import clock, outbox
from app.kernel.outbox import Lane
from app.kernel.work import unit_of_work
from tests.make.outbox import (
    Happened,
    deliveries,
    leave_a_mark,
    listener,
    marks,
    record,
    wiring,
)
from workers import drain
from workers.limits import alarm
from workers.timetable import Timed

pytestmark = pytest.mark.usefixtures("app")


def turn(wired, lane=Lane.SHORT, **facts):
    rung = []
    more = drain.turn(wired, lane, ring=rung.append, **facts)
    return more, rung


def test_a_turn_runs_everything_that_is_owed():
    wired = wiring(listener(), batch=7)
    events = record(50)

    more, _ = turn(wired)

    assert not more
    assert marks() == {event.event_id: 1 for event in events}
    assert not drain.is_due(wired, Lane.SHORT)


def test_what_a_listener_records_runs_in_the_same_turn():
    def tell(event):
        leave_a_mark(event)
        if event.number < 3:
            outbox.record(Happened(number=event.number + 1))

    record()

    turn(wiring(listener(tell)))

    assert len(marks()) == 4


def test_each_lane_runs_its_own_and_wakes_the_other():
    wired = wiring(listener(), listener(name="slow", queue=Lane.LONG))
    record(2)

    _, rung = turn(wired)

    assert rung == [Lane.LONG]
    assert {row.listener for row in deliveries() if row.done_at} == {"marker"}
    turn(wired, Lane.LONG)
    assert all(row.done_at for row in deliveries())


def test_a_turn_ends_in_time_and_gives_back_what_it_did_not_start():
    def slowly(event):
        time.sleep(0.05)
        leave_a_mark(event)

    wired = wiring(listener(slowly), batch=20, budget_s=0.12)
    record(20)

    more, _ = turn(wired)

    assert more
    assert 1 <= len(marks()) <= 4
    rest = [row for row in deliveries() if not row.done_at]
    assert all((row.attempts, row.claimed_by, row.tried) == (0, None, False) for row in rest)


def test_a_stop_lets_the_delivery_in_hand_finish():
    stopped = []

    def stop_inside(event):
        leave_a_mark(event)
        stopped.append(True)

    wired = wiring(listener(stop_inside))
    record(5)

    turn(wired, stopping=lambda: bool(stopped))

    assert len(marks()) == 1
    assert outbox.backlog().ready == 4


def test_poison_and_a_crowd_of_its_kind_do_not_hold_up_the_good():
    def handle(event):
        if event.number % 5 == 0:
            raise ValueError
        leave_a_mark(event)

    record(100)

    turn(wiring(listener(handle, max_attempts=1)))

    assert len(marks()) == 80
    assert outbox.backlog().dead == 20


def test_a_time_limit_is_a_failure():
    def hang(event):
        leave_a_mark(event)
        time.sleep(5)

    wired = wiring(listener(hang, timeout_s=0.05, max_attempts=1))
    record()
    began = time.monotonic()

    turn(wired, bound=alarm)

    assert time.monotonic() - began < 2
    assert (marks(), outbox.backlog().dead) == ({}, 1)


def test_the_timetable_is_kept_too():
    served = []
    jobs = (
        Timed(name="test.short", every_s=3600, run=served.append),
        Timed(name="test.long", every_s=3600, run=served.append, lane=Lane.LONG),
    )
    wired = wiring(timetable=jobs)

    assert drain.is_due(wired, Lane.SHORT)
    turn(wired)
    turn(wired)

    assert len(served) == 1
    assert not drain.is_due(wired, Lane.SHORT)
    assert drain.is_due(wired, Lane.LONG)


def test_a_row_waits_for_its_day():
    wired = wiring(listener())
    tomorrow = clock.now() + timedelta(days=1)
    record(due=tomorrow)

    turn(wired)
    assert marks() == {}
    with clock.frozen(tomorrow):
        assert drain.is_due(wired, Lane.SHORT)
        turn(wired)

    assert len(marks()) == 1


def test_the_product_is_wired_without_contradiction():
    names = [job.name for job in drain.PRODUCT.timetable]

    assert len(names) == len(set(names))
    for heard in drain.PRODUCT.listeners.values():
        assert all(one.timeout_s < 600 or one.queue is Lane.LONG for one in heard)


def test_a_unit_left_open_by_the_caller_is_an_error_not_a_hang():
    record()

    with unit_of_work(), pytest.raises(RuntimeError, match="nest"):
        turn(wiring(listener()))
