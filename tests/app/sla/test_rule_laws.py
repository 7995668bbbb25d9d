"""Laws of due times that hold for every calendar, against a slow walk over it."""

import os
import time
from datetime import date, datetime, timedelta
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.kernel.clock import SHANGHAI
from app.sla.calendars import DayKind, HoursKind, Regime, Span
from app.sla.rules import (
    Calendars,
    Token,
    Unit,
    advance,
    due,
    share_of,
    time_used,
)
from tests.make.sla import published, shanghai

COUNTED = (Unit.SERVICE_HOURS, Unit.WORKING_HOURS, Unit.WORKING_DAYS)
FIRST = date(2026, 12, 20)
LENGTH = 60


@st.composite
def spans_of_a_day(draw):
    cuts = draw(st.lists(st.integers(0, 48), min_size=2, max_size=6, unique=True).map(sorted))
    pairs = [(cuts[i] * 30, cuts[i + 1] * 30) for i in range(0, len(cuts) - 1, 2)]
    return tuple(Span(opens, closes) for opens, closes in pairs)


@st.composite
def regimes(draw):
    spans = list(draw(spans_of_a_day()))
    if draw(st.booleans()):
        weekday = draw(st.integers(0, 6))
        spans += [Span(s.opens, s.closes, weekday) for s in draw(spans_of_a_day())]
    later = draw(st.lists(st.integers(1, LENGTH), max_size=1))
    more = [Regime(FIRST + timedelta(days=n), draw(spans_of_a_day())) for n in later]
    return (Regime(date(2020, 1, 1), tuple(spans)), *more)


days = st.integers(0, LENGTH).map(lambda n: FIRST + timedelta(days=n))
calendars = st.builds(
    Calendars,
    days=st.dictionaries(days, st.sampled_from(DayKind), max_size=12),
    known_years=st.frozensets(st.sampled_from([2026, 2027])),
    daily=regimes(),
    office=regimes(),
)
minutes = st.integers(0, 30 * 1440)
starts = minutes.map(lambda n: shanghai("2026-12-25 00:00") + timedelta(minutes=n))
counted = st.sampled_from(COUNTED)
tokens = st.builds(Token, st.integers(1, 12), st.sampled_from(Unit))


def is_open(moment, kind, calendars):
    """Look a minute up the slow way: the day's intervals, both ends counted as open."""
    local = moment.astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    today = calendars.spans(kind, local.date())
    yesterday = calendars.spans(kind, local.date() - timedelta(days=1))
    return any(s.opens <= minute <= s.closes for s in today) or (
        minute == 0 and any(s.closes == 1440 for s in yesterday)
    )


def runs(moment, kind, calendars):
    """Tell whether the minute beginning at ``moment`` counts."""
    local = moment.astimezone(SHANGHAI)
    minute = local.hour * 60 + local.minute
    return any(s.opens <= minute < s.closes for s in calendars.spans(kind, local.date()))


def kind_of(unit):
    return HoursKind.DAILY if unit is Unit.SERVICE_HOURS else HoursKind.WORKDAY


def walked(start, token, calendars):
    """The oracle: walk minute by minute, or day by day for working days."""
    if token.unit is Unit.WORKING_DAYS:
        day, left = start.astimezone(SHANGHAI).date(), token.amount
        while left:
            day += timedelta(days=1)
            left -= calendars.is_workday(day)
        closing = max(s.closes for s in calendars.spans(HoursKind.WORKDAY, day))
        return datetime(day.year, day.month, day.day, tzinfo=SHANGHAI) + timedelta(minutes=closing)
    left, moment = token.amount * 60, start
    while left:
        left -= runs(moment, kind_of(token.unit), calendars)
        moment += timedelta(minutes=1)
    return moment


@settings(max_examples=150, deadline=None)
@given(starts, st.integers(1, 6), counted, calendars)
def test_bisection_finds_what_walking_finds(start, amount, unit, calendars):
    token = Token(amount, unit)

    assert due(start, token, calendars) == walked(start, token, calendars)


@settings(max_examples=60, deadline=None)
@given(starts, st.integers(0, 3 * 1440), counted, calendars)
def test_measuring_finds_what_counting_minutes_finds(start, length, unit, calendars):
    end = start + timedelta(minutes=length)
    ticks = (start + timedelta(minutes=n) for n in range(length))
    counted_minutes = sum(runs(tick, kind_of(unit), calendars) for tick in ticks)

    assert time_used(start, end, unit, calendars) == timedelta(minutes=counted_minutes)


@given(starts, tokens, calendars)
def test_nothing_is_due_before_it_starts(start, token, calendars):
    assert due(start, token, calendars) > start


@given(starts, minutes, tokens, calendars)
def test_a_later_start_is_never_due_earlier(start, later, token, calendars):
    assert due(start + timedelta(minutes=later), token, calendars) >= due(start, token, calendars)


@given(starts, st.integers(1, 30), st.integers(1, 30), st.sampled_from(Unit), calendars)
def test_more_time_is_due_later(start, amount, more, unit, calendars):
    short, long = Token(amount, unit), Token(amount + more, unit)

    assert due(start, short, calendars) < due(start, long, calendars)


@given(starts, st.integers(1, 12), st.integers(1, 12), st.sampled_from(Unit), calendars)
def test_time_may_be_given_in_two_parts(start, first, second, unit, calendars):
    assume(unit is not Unit.WORKING_DAYS)
    whole = due(start, Token(first + second, unit), calendars)

    halfway = due(start, Token(first, unit), calendars)

    assert due(halfway, Token(second, unit), calendars) == whole


@given(starts, st.integers(1, 9), st.integers(1, 9), calendars)
def test_working_days_add_up_where_no_day_ends_at_midnight(start, first, second, calendars):
    assume(all(span.closes < 1440 for regime in calendars.office for span in regime.spans))
    halfway = due(start, Token(first, Unit.WORKING_DAYS), calendars)

    assert due(halfway, Token(second, Unit.WORKING_DAYS), calendars) == due(
        start, Token(first + second, Unit.WORKING_DAYS), calendars
    )


@given(starts, st.integers(1, 12), counted, calendars)
def test_a_counted_promise_is_due_in_opening_hours(start, amount, unit, calendars):
    assert is_open(due(start, Token(amount, unit), calendars), kind_of(unit), calendars)


@given(starts, st.integers(1, 12), counted, calendars, days)
def test_another_holiday_never_makes_a_promise_due_earlier(start, amount, unit, calendars, day):
    token = Token(amount, unit)
    longer = Calendars(
        days={**calendars.days, day: DayKind.HOLIDAY},
        daily=calendars.daily,
        office=calendars.office,
    )

    assert due(start, token, longer) >= due(start, token, calendars)


@given(starts, st.integers(1, 500), counted, calendars)
def test_time_run_is_time_measured(start, length, unit, calendars):
    given_time = timedelta(minutes=length, microseconds=length)

    end = advance(start, given_time, unit, calendars)

    assert time_used(start, end, unit, calendars) == given_time


@given(starts, tokens, calendars, st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_pieces_of_time_add_up_to_the_whole(start, token, calendars, lengths):
    """Pauses will cut a clock into pieces; none of them may lose a microsecond."""
    cuts = [start]
    for length in lengths:
        cuts.append(cuts[-1] + timedelta(seconds=length, microseconds=7))

    pieces = [time_used(a, b, token.unit, calendars) for a, b in pairwise(cuts)]

    assert sum(pieces, timedelta()) == time_used(start, cuts[-1], token.unit, calendars)
    assert time_used(cuts[-1], start, token.unit, calendars) == timedelta(0)


@given(starts, tokens, calendars, st.integers(1, 99))
def test_a_share_lies_between_start_and_due(start, token, calendars, percent):
    due_at = due(start, token, calendars)

    assert start <= share_of(start, due_at, percent, token.unit, calendars) <= due_at


@settings(max_examples=20, deadline=None)
@given(starts, tokens, st.sampled_from(["UTC", "Asia/Shanghai", "America/New_York"]))
def test_the_zone_of_the_server_and_of_the_start_do_not_matter(start, token, zone):
    expected = due(start, token, published())
    kept = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        found = due(start.astimezone(), token, Calendars(published().days))
    finally:
        os.environ.pop("TZ") if kept is None else os.environ.update(TZ=kept)
        time.tzset()

    assert found == expected


def test_a_due_time_is_found_in_microseconds():
    """Generous: a shared machine; walking minutes would take a thousand times longer."""
    start, token, calendars = shanghai("2026-09-30 17:30"), Token.parse("60wd"), published()
    hours = Token.parse("400wh")
    due(start, hours, calendars)

    began = time.perf_counter()
    for _ in range(1000):
        due(start, token, calendars)
        due(start, hours, calendars)

    assert (time.perf_counter() - began) / 2000 < 0.0002
