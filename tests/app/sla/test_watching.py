"""When the watcher looks at a ticket's clocks, and what it notes."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.sla import ops, queries
from app.sla.models import SlaBreach
from app.sla.rules import PROMISES
from tests.make.clocks import a_ticket_of_ten_hours, begin, keep, newest, note, row_of
from tests.make.moments import TICK
from tests.make.sla import a_promised_ticket, a_world

pytestmark = pytest.mark.usefixtures("app")

ACCEPT, RESPOND, RESOLVE = PROMISES
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_the_next_look_is_at_the_warning_and_then_just_after_the_due_time(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)

    begun = keep(ticket_id, monday + HOUR, ops.resume())
    _, early = note(ticket_id, monday + 8 * HOUR - TICK)
    _, warned = note(ticket_id, monday + 8 * HOUR)
    _, in_time = note(ticket_id, monday + 10 * HOUR)
    broken, late = note(ticket_id, monday + 10 * HOUR + TICK)

    assert begun.look_at == early.look_at == monday + 8 * HOUR
    assert warned.look_at == in_time.look_at == monday + 10 * HOUR + TICK
    assert [kept.due_soon for kept in (early, warned, in_time, late)] == [False, True, True, False]
    assert [clock.kind for clock in broken] == [RESOLVE]
    assert (late.look_at, late.broken) == (None, 1)


def test_the_next_look_is_for_the_earliest_running_clock(monday):
    a_world()
    a_promised_ticket(monday - 3 * DAY)
    ticket_id = a_promised_ticket(monday)
    told = newest(ticket_id)

    begun = keep(ticket_id, monday, ops.resume())
    accepted = keep(ticket_id, monday + 5 * MINUTE, ops.meet(ACCEPT))
    stopped = keep(ticket_id, monday + 9 * MINUTE, ops.stop())

    assert begun.look_at == told[ACCEPT].warn_at
    assert accepted.look_at == told[RESPOND].warn_at
    assert stopped.look_at is None


def test_a_paused_clock_is_not_looked_at_until_it_goes_on(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)

    paused = keep(ticket_id, monday + HOUR, ops.pause(monday + DAY))
    resumed = keep(ticket_id, monday + 3 * HOUR, ops.resume())

    assert paused.look_at is None
    assert paused.clocks[RESOLVE].due_at == monday + DAY + 9 * HOUR
    assert resumed.clocks[RESOLVE].due_at == monday + 12 * HOUR
    assert resumed.look_at == monday + 10 * HOUR


def test_a_warning_is_noted_once(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)

    note(ticket_id, monday + 8 * HOUR)
    note(ticket_id, monday + 9 * HOUR)

    assert row_of(ticket_id, RESOLVE).warned_at == monday + 8 * HOUR
    assert queries.breaches(ticket_id) == []


def test_a_clock_that_was_extended_is_due_soon_only_when_its_own_time_has_run_again(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)
    note(ticket_id, monday + 8 * HOUR)

    extended = keep(ticket_id, monday + 9 * HOUR, ops.extend(RESOLVE, "10h"))
    _, again = note(ticket_id, monday + 16 * HOUR)

    assert (extended.due_soon, extended.look_at) == (False, monday + 16 * HOUR)
    assert (again.due_soon, again.look_at) == (True, monday + 20 * HOUR + TICK)
    assert row_of(ticket_id, RESOLVE).warned_at == monday + 16 * HOUR


def test_a_broken_promise_is_noted_once_and_charged_to_who_held_it(monday):
    a_world()
    ticket_id, firm, other = a_ticket_of_ten_hours(monday), uuid4(), uuid4()
    noise = a_ticket_of_ten_hours(monday)
    late = monday + 11 * HOUR

    first, _ = note(ticket_id, late, firm)
    again, kept = note(ticket_id, late + HOUR, other)
    done = keep(ticket_id, late + 2 * HOUR, ops.meet(RESOLVE), holder_id=other)

    assert (len(first), again, kept.broken, done.broken) == (1, [], 0, 0)
    assert row_of(ticket_id, RESOLVE).warned_at is None
    [breach] = queries.breaches(ticket_id)
    assert (breach.kind, breach.round, breach.tier) == (RESOLVE, 1, 0)
    assert (breach.due_at, breach.noted_at) == (monday + 10 * HOUR, late)
    assert breach.holder_id == firm
    assert queries.breaches(noise) == []


@pytest.mark.parametrize("end", [ops.meet(RESOLVE), ops.stop(RESOLVE)])
def test_a_clock_that_ends_late_leaves_its_breach(monday, end):
    a_world()
    ticket_id, firm = a_ticket_of_ten_hours(monday), uuid4()
    late = monday + 10 * HOUR + TICK

    kept = keep(ticket_id, late, end, holder_id=firm)
    again = keep(ticket_id, late + HOUR, end, ops.stop(), holder_id=uuid4())
    note(ticket_id, late + DAY, uuid4())

    [breach] = queries.breaches(ticket_id)
    assert (breach.due_at, breach.noted_at, breach.holder_id) == (monday + 10 * HOUR, late, firm)
    assert row_of(ticket_id, RESOLVE).breached_at == monday + 10 * HOUR
    assert (kept.broken, again.broken) == (1, 0)


def test_a_clock_that_ends_at_its_due_moment_leaves_none(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)

    kept = keep(ticket_id, monday + 10 * HOUR, ops.meet(RESOLVE))

    assert (kept.broken, list(queries.breaches(ticket_id))) == (0, [])


def test_each_round_has_a_breach_of_its_own(monday):
    a_world()
    ticket_id, first, second = a_ticket_of_ten_hours(monday), uuid4(), uuid4()
    again = monday + DAY

    keep(ticket_id, again, begin(RESOLVE, "1h", again), holder_id=first)
    note(ticket_id, again + DAY, second)

    told = [(one.round, one.due_at, one.holder_id) for one in queries.breaches(ticket_id)]
    assert told == [(1, monday + 10 * HOUR, first), (2, again + HOUR, second)]


def test_a_breach_is_neither_changed_nor_deleted(monday):
    a_world()
    ticket_id = a_ticket_of_ten_hours(monday)
    note(ticket_id, monday + DAY)

    for statement in (update(SlaBreach).values(holder_id=uuid4()), delete(SlaBreach)):
        with pytest.raises(DBAPIError, match="append-only"), unit_of_work():
            session.execute(statement)

    assert len(session.scalars(select(SlaBreach)).all()) == 1
