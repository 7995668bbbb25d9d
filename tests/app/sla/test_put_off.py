"""Laws of a break: what was left before it is left after it, and nothing else changes."""

from datetime import date, timedelta

import chinese_calendar
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.catalog.rules import WALL_CLOCK
from app.sla import rules
from app.sla.calendars import Calendars
from app.sla.clocks import Clock, due_of, used_of, warn_of
from app.sla.ops import text_of
from app.sla.rules import ClockKind, Token, Unit, time_used
from tests.make.moments import (
    TICK,
    Break,
    lengths,
    moments,
    on,
    runs,
    runs_with_a_break,
    runs_with_breaks,
    tokens,
)
from tests.make.sla import published, shanghai

HOUR = timedelta(hours=1)
OFFICE = (Unit.WORKING_HOURS, Unit.WORKING_DAYS)
COUNTED = (Unit.SERVICE_HOURS, *OFFICE)
DAYS = st.dates(date(2024, 1, 1), date(2026, 12, 31))
MAKE_UP_SUNDAYS = sorted(
    day for day in chinese_calendar.workdays if day.year == 2026 and day.weekday() == 6
)


def later(run, pause, calendars=None):
    """Put a clock's due time off by one break."""
    begin, end = max(pause.begin, run.start), pause.end
    return rules.put_off(run.due, begin, end, run.token.unit, calendars or published())


def clock_of(run, breaks, percent=100):
    """The clock of a run with these breaks behind it."""
    amendments = tuple(("pause", text_of(one.begin), text_of(one.end)) for one in breaks)
    due_at = due_of(run.start, str(run.token), percent, amendments, published())
    return Clock(
        kind=ClockKind.RESOLVE,
        round=1,
        tier=0,
        token=str(run.token),
        percent=percent,
        calendar="workday",
        policy_version=1,
        edition=1,
        started_at=run.start,
        amendments=amendments,
        due_at=due_at,
        warn_at=due_at,
    )


# ---- one break --------------------------------------------------------------------------------


@settings(deadline=None)
@given(runs_with_a_break())
def test_what_was_left_before_a_break_is_left_after_it(drawn):
    run, pause = drawn
    assume(pause.begin < run.due)

    put_off = later(run, pause)

    left = time_used(pause.begin, run.due, run.token.unit, published())
    assert time_used(pause.end, put_off, run.token.unit, published()) == left


@settings(deadline=None)
@given(runs_with_a_break())
def test_a_break_never_brings_a_due_time_forward(drawn):
    run, pause = drawn

    assert later(run, pause) >= run.due


@settings(deadline=None)
@given(runs_with_a_break(), lengths)
def test_a_longer_break_never_ends_earlier(drawn, more):
    run, pause = drawn

    assert later(run, Break(pause.begin, pause.end + more)) >= later(run, pause)


@settings(deadline=None)
@given(runs_with_a_break(), lengths)
def test_two_adjoining_breaks_are_one(drawn, more):
    run, pause = drawn
    end = pause.end + more

    halfway = run._replace(due=later(run, pause))

    assert later(halfway, Break(pause.end, end)) == later(run, Break(pause.begin, end))


@settings(deadline=None)
@given(runs(), lengths, lengths)
def test_a_break_after_the_due_moment_changes_nothing(run, gap, length):
    assert later(run, Break(run.due + gap, run.due + gap + length)) == run.due


@settings(deadline=None)
@given(runs_with_a_break(tuple(WALL_CLOCK)))
def test_on_the_wall_clock_a_break_costs_its_own_length(drawn):
    run, pause = drawn
    assume(pause.begin < run.due)

    assert later(run, pause) == run.due + (pause.end - pause.begin)


@settings(deadline=None)
@given(runs_with_a_break(COUNTED))
def test_where_hours_are_counted_a_due_time_stays_in_opening_hours(drawn):
    run, pause = drawn

    put_off = later(run, pause)

    assert time_used(put_off - TICK, put_off, run.token.unit, published()) == TICK


@settings(deadline=None)
@given(runs_with_a_break(), lengths)
def test_a_break_that_ends_before_it_begins_is_none(drawn, back):
    run, pause = drawn

    assert later(run, Break(pause.begin, pause.begin - back)) == run.due


# ---- breaks that cost nothing, and some that do -----------------------------------------------


@settings(deadline=None)
@given(runs(OFFICE), DAYS, st.integers(0, 1440), st.integers(0, 1440))
def test_a_break_within_a_day_off_costs_no_office_time(run, day, a, b):
    assume(chinese_calendar.is_holiday(day))

    assert later(run, Break(on(day, min(a, b)), on(day, max(a, b)))) == run.due


@settings(deadline=None)
@given(runs(OFFICE), DAYS)
def test_a_break_over_night_or_over_noon_costs_no_office_time(run, day):
    night = Break(on(day, 18 * 60), on(day + timedelta(days=1), 9 * 60))
    noon = Break(on(day, 12 * 60), on(day, 14 * 60))

    assert later(run, night) == later(run, noon) == run.due


@settings(deadline=None)
@given(runs((Unit.SERVICE_HOURS,)), DAYS)
def test_a_break_over_night_costs_no_service_time(run, day):
    night = Break(on(day, 20 * 60), on(day + timedelta(days=1), 8 * 60))

    assert later(run, night) == run.due


@pytest.mark.parametrize("day", MAKE_UP_SUNDAYS)
def test_a_break_on_a_make_up_sunday_costs_office_time(day):
    friday = on(day - timedelta(days=2), 17 * 60)
    due = rules.due(friday, Token.parse("8wh"), published())

    put_off = rules.put_off(due, on(day, 9 * 60), on(day, 12 * 60), Unit.WORKING_HOURS, published())

    assert time_used(due, put_off, Unit.WORKING_HOURS, published()) == 3 * HOUR


@pytest.mark.parametrize(
    ("begin", "end", "costs"),
    [
        ("2024-02-29 00:00", "2024-03-01 00:00", 7 * HOUR),  # the leap day
        ("2024-02-28 17:00", "2024-03-01 10:00", 9 * HOUR),
        ("2025-12-31 17:00", "2026-01-04 09:30", 1.5 * HOUR),  # the turn of a known year
        ("2026-01-01 00:00", "2026-01-02 00:00", 0 * HOUR),
        ("2026-12-31 17:00", "2027-01-01 10:00", 2 * HOUR),  # nobody knows: a Friday works
        ("2027-01-01 00:00", "2027-01-02 00:00", 7 * HOUR),
        ("2027-01-02 00:00", "2027-01-04 09:00", 0 * HOUR),
    ],
)
@pytest.mark.parametrize("token", ["60wh", "9wd"])
def test_a_break_costs_the_office_time_within_it(begin, end, costs, token):
    start = shanghai(begin) - timedelta(days=2)
    due = rules.due(start, Token.parse(token), published())

    put_off = rules.put_off(due, shanghai(begin), shanghai(end), Unit.WORKING_HOURS, published())

    assert time_used(due, put_off, Unit.WORKING_HOURS, published()) == costs


def test_a_break_over_a_make_up_day_costs_nothing_where_nobody_entered_it():
    day = date(2026, 9, 20)
    start = on(day - timedelta(days=2), 17 * 60)
    due = rules.due(start, Token.parse("8wh"), Calendars())

    put_off = rules.put_off(due, on(day, 0), on(day, 1440), Unit.WORKING_HOURS, Calendars())

    assert day in MAKE_UP_SUNDAYS
    assert put_off == due


# ---- clocks with breaks -----------------------------------------------------------------------


@settings(deadline=None)
@given(runs_with_breaks())
def test_at_its_due_time_a_clock_has_used_its_own_time_whatever_the_breaks(drawn):
    run, breaks = drawn
    clock = clock_of(run, breaks)

    assert used_of(clock, clock.due_at, published()) == time_used(
        run.start, run.due, run.token.unit, published()
    )


@settings(deadline=None)
@given(runs_with_breaks())
def test_a_clock_is_due_soon_when_80_percent_of_its_own_time_has_run(drawn):
    run, breaks = drawn
    clock = clock_of(run, breaks)

    moment = warn_of(clock, published())

    whole = time_used(run.start, run.due, run.token.unit, published())
    assert used_of(clock, moment, published()) == whole * 80 // 100
    assert run.start < moment < clock.due_at


@settings(deadline=None)
@given(runs_with_breaks(), lengths, lengths)
def test_a_clock_never_runs_backwards_nor_faster_than_its_unit(drawn, gap, more):
    run, breaks = drawn
    clock, unit = clock_of(run, breaks), run.token.unit

    sooner = used_of(clock, run.start + gap, published())
    later_on = used_of(clock, run.start + gap + more, published())

    went_by = time_used(run.start + gap, run.start + gap + more, unit, published())
    assert timedelta(0) <= sooner <= later_on <= sooner + went_by


@settings(deadline=None)
@given(runs_with_breaks())
def test_a_clock_stands_still_during_its_breaks(drawn):
    run, breaks = drawn
    clock = clock_of(run, breaks)

    assert all(
        used_of(clock, one.begin, published()) == used_of(clock, one.end, published())
        for one in breaks
    )


@settings(deadline=None)
@given(runs_with_a_break())
def test_a_clock_with_one_break_is_due_when_put_off_says(drawn):
    run, pause = drawn

    assert clock_of(run, [pause]).due_at == later(run, pause)


@settings(deadline=None)
@given(moments, tokens, st.integers(1, 99))
def test_a_share_of_a_promise_takes_that_share_of_its_time(start, token, percent):
    whole = rules.due(start, token, published())

    part = due_of(start, str(token), percent, (), published())

    used = time_used(start, whole, token.unit, published())
    assert time_used(start, part, token.unit, published()) == used * percent // 100


@settings(deadline=None)
@given(runs_with_a_break(), tokens)
def test_what_is_granted_after_a_break_runs_on_from_the_due_time_it_left(drawn, more):
    run, pause = drawn
    amendments = [("pause", text_of(pause.begin), text_of(pause.end)), ("extend", str(more))]

    granted = due_of(run.start, str(run.token), 100, amendments, published())

    assert granted == rules.due(later(run, pause), more, published()) > run.due


# ---- would these laws notice? -----------------------------------------------------------------


def by_the_wall(due_at, begin, end, unit, calendars):
    """A wrong put_off: it adds the break as the wall clock shows it."""
    return due_at + (end - begin) if begin < min(due_at, end) else due_at


def by_what_lies_before_the_due_time(due_at, begin, end, unit, calendars):
    """A wrong put_off: it forgets the part of a break that lies past the due time."""
    if begin >= due_at:
        return due_at
    taken = time_used(begin, min(end, due_at), unit, calendars)
    return rules.advance(due_at, taken, unit, calendars) if taken else due_at


@pytest.mark.parametrize("wrong", [by_the_wall, by_what_lies_before_the_due_time])
@pytest.mark.parametrize(
    "law",
    [
        test_what_was_left_before_a_break_is_left_after_it,
        test_at_its_due_time_a_clock_has_used_its_own_time_whatever_the_breaks,
    ],
)
def test_a_wrong_put_off_breaks_the_laws(monkeypatch, wrong, law):
    monkeypatch.setattr(rules, "put_off", wrong)

    with pytest.raises(AssertionError):
        law()
