"""Due times: the published calendars, the boundaries, and laws that hold for every calendar."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.kernel.clock import SHANGHAI
from app.sla.calendars import DEFAULT_SPANS, DayKind, HoursKind, Regime, Span, span_errors
from app.sla.rules import (
    Calendars,
    ClockKind,
    Token,
    Unit,
    advance,
    due,
    in_time,
    promise,
    share_of,
    time_used,
    warn_at,
)
from tests.make.sla import published, shanghai, terms

COUNTED = (Unit.SERVICE_HOURS, Unit.WORKING_HOURS, Unit.WORKING_DAYS)


def due_in_shanghai(start, token, calendars=None):
    found = due(shanghai(start), Token.parse(token), calendars or published())
    assert found.tzinfo is UTC
    return found.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("start", "token", "expected"),
    [
        # National Day 2025: 1–8 October off, Sunday 28 September and Saturday 11 October work.
        ("2025-09-26 17:00", "1wd", "2025-09-28 18:00"),
        ("2025-09-28 10:00", "4wh", "2025-09-28 16:00"),
        ("2025-09-30 17:00", "1wd", "2025-10-09 18:00"),
        ("2025-09-30 17:00", "4wh", "2025-10-09 12:00"),
        ("2025-10-03 10:00", "4wh", "2025-10-09 15:00"),
        ("2025-10-03 10:00", "1wd", "2025-10-09 18:00"),
        ("2025-10-10 17:30", "1wh", "2025-10-11 09:30"),
        ("2025-10-09 10:00", "5wd", "2025-10-15 18:00"),
        # Spring Festival 2025: 28 January–4 February off, Sunday 26 and Saturday 8 work.
        ("2025-01-24 16:00", "1wd", "2025-01-26 18:00"),
        ("2025-01-27 16:00", "3wd", "2025-02-07 18:00"),
        ("2025-01-27 17:00", "2wh", "2025-02-05 10:00"),
        ("2025-02-07 17:00", "2wh", "2025-02-08 10:00"),
        ("2025-02-08 17:00", "2wh", "2025-02-10 10:00"),
        # Spring Festival 2026: 15–23 February off, Saturdays 14 and 28 work.
        ("2026-02-13 17:00", "2wh", "2026-02-14 10:00"),
        ("2026-02-14 17:00", "2wh", "2026-02-24 10:00"),
        ("2026-02-14 10:00", "1wd", "2026-02-24 18:00"),
        ("2026-02-27 10:00", "1wd", "2026-02-28 18:00"),
        ("2026-02-28 10:00", "1wd", "2026-03-02 18:00"),
        # National Day 2026: 1–7 October off, Sunday 20 September and Saturday 10 October work.
        ("2026-09-18 17:00", "2wh", "2026-09-20 10:00"),
        ("2026-09-20 10:00", "1wd", "2026-09-21 18:00"),
        ("2026-09-24 10:00", "1wd", "2026-09-28 18:00"),
        ("2026-09-30 10:00", "5wd", "2026-10-13 18:00"),
        ("2026-10-09 17:30", "1wh", "2026-10-10 09:30"),
        ("2026-10-10 17:30", "1wh", "2026-10-12 09:30"),
        # Service hours and the wall clock know no holidays.
        ("2026-10-01 19:30", "1sh", "2026-10-02 08:30"),
        ("2026-10-01 06:00", "2sh", "2026-10-01 10:00"),
        ("2026-10-01 23:50", "30m", "2026-10-02 00:20"),
        ("2026-10-01 10:00", "7d", "2026-10-08 10:00"),
        # Leap day, month ends, year ends.
        ("2024-02-28 10:00", "1d", "2024-02-29 10:00"),
        ("2024-02-28 10:00", "1wd", "2024-02-29 18:00"),
        ("2024-02-29 17:30", "1wh", "2024-03-01 09:30"),
        ("2025-02-28 10:00", "24h", "2025-03-01 10:00"),
        ("2025-12-31 17:30", "1wh", "2026-01-04 09:30"),
        ("2025-12-31 10:00", "2wd", "2026-01-05 18:00"),
        ("2025-12-31 19:00", "2sh", "2026-01-01 09:00"),
        ("2025-12-31 23:59", "1m", "2026-01-01 00:00"),
    ],
)
def test_the_published_calendars_are_followed(start, token, expected):
    assert due_in_shanghai(start, token) == expected


@pytest.mark.parametrize(
    ("start", "token", "expected"),
    [
        ("2026-11-16 08:00", "1wh", "2026-11-16 10:00"),  # before opening: from the opening
        ("2026-11-16 09:00", "3wh", "2026-11-16 12:00"),  # exactly at closing: that day
        ("2026-11-16 12:00", "1wh", "2026-11-16 15:00"),  # from closing: from the next opening
        ("2026-11-16 13:00", "4wh", "2026-11-16 18:00"),
        ("2026-11-16 18:00", "1wh", "2026-11-17 10:00"),
        ("2026-11-16 23:00", "1wh", "2026-11-17 10:00"),
        ("2026-11-20 18:00", "1wh", "2026-11-23 10:00"),
        ("2026-11-21 10:00", "1wh", "2026-11-23 10:00"),
        ("2026-11-16 00:00", "1wd", "2026-11-17 18:00"),  # the hour of receipt does not matter
        ("2026-11-16 23:59", "1wd", "2026-11-17 18:00"),
        ("2026-11-20 10:00", "1wd", "2026-11-23 18:00"),
        ("2026-11-21 10:00", "1wd", "2026-11-23 18:00"),  # received on a rest day
        ("2026-11-22 23:59", "1wd", "2026-11-23 18:00"),
        ("2026-11-16 08:00", "12sh", "2026-11-16 20:00"),
        ("2026-11-16 20:00", "1sh", "2026-11-17 09:00"),
    ],
)
def test_each_boundary_has_one_meaning(start, token, expected):
    assert due_in_shanghai(start, token) == expected


def test_an_act_at_the_due_moment_keeps_the_promise():
    moment = shanghai("2026-11-16 12:00")

    assert in_time(moment, moment)
    assert in_time(moment - timedelta(microseconds=1), moment)
    assert not in_time(moment + timedelta(microseconds=1), moment)


def test_a_naive_start_is_refused():
    for token in ("1m", "1wh", "1wd"):
        with pytest.raises(ValueError, match="naive"):
            due(datetime(2026, 11, 16, 10), Token.parse(token), published())  # noqa: DTZ001


def test_a_calendar_without_working_time_ends_instead_of_searching_for_ever():
    first = date(2026, 1, 1).toordinal()
    never = Calendars(days={date.fromordinal(first + n): DayKind.HOLIDAY for n in range(366 * 62)})

    for token in ("1wh", "1wd"):
        with pytest.raises(ValueError, match="no working"):
            due(shanghai("2026-11-16 10:00"), Token.parse(token), never)


def test_a_year_without_data_follows_the_week_and_says_so():
    start = shanghai("2026-12-31 10:00")

    made = promise(terms(), start, published())  # 4wh, 2wd, 5wd

    assert made.respond == shanghai("2027-01-04 18:00")
    assert made.guessed == {ClockKind.RESPOND, ClockKind.RESOLVE}
    assert len(made.warnings) == 1
    assert "2027年" in made.warnings[0]


def test_the_wall_clock_needs_no_holidays_and_warns_of_none():
    made = promise(terms("WPE-LIGHT"), shanghai("2026-12-31 10:00"), published())

    assert made.guessed == frozenset()
    assert made.warnings == ()


def test_a_promise_keeps_its_terms():
    made = promise(terms(), shanghai("2026-11-16 10:00"), published())

    assert made.accept == shanghai("2026-11-16 16:00")
    assert made.respond == shanghai("2026-11-18 18:00")
    assert made.resolve == shanghai("2026-11-23 18:00")
    assert made.terms == terms()
    assert [made.due_at(kind) for kind in ClockKind] == [made.accept, made.respond, made.resolve]


def test_new_hours_hold_from_their_first_day_and_a_weekday_may_have_its_own():
    calendars = Calendars(
        office=(
            Regime(date(2026, 1, 1), DEFAULT_SPANS[HoursKind.WORKDAY]),
            Regime(date(2026, 11, 18), (Span(8 * 60, 16 * 60), Span(8 * 60, 12 * 60, weekday=4))),
        )
    )

    assert due_in_shanghai("2026-11-17 17:00", "2wh", calendars) == "2026-11-18 09:00"
    assert due_in_shanghai("2026-11-19 10:00", "1wd", calendars) == "2026-11-20 12:00"
    assert due_in_shanghai("2026-11-20 11:00", "2wh", calendars) == "2026-11-23 09:00"


@pytest.mark.parametrize(
    ("spans", "says"),
    [
        ((Span(600, 600),), "早于"),
        ((Span(600, 1500),), "早于"),
        ((Span(-1, 600),), "早于"),
        ((Span(540, 720), Span(700, 800)), "重叠"),
        ((Span(540, 720, weekday=7),), "星期应为"),
        ((Span(540, 720, weekday=0),), "没有时段"),
    ],
)
def test_wrong_hours_are_named(spans, says):
    assert any(says in words for words in span_errors(spans))


def test_hours_may_touch_and_end_at_midnight():
    assert list(span_errors((Span(540, 720), Span(720, 1440)))) == []


def test_a_clock_is_due_soon_at_80_percent_of_its_own_time():
    friday = shanghai("2026-11-20 17:00")
    due_at = due(friday, Token.parse("5wh"), published())

    soon = warn_at(friday, due_at, Unit.WORKING_HOURS, published())

    assert due_at == shanghai("2026-11-23 15:00")
    assert soon == shanghai("2026-11-23 12:00")
    assert warn_at(friday, friday + timedelta(hours=10), Unit.HOURS, published()) == (
        friday + timedelta(hours=8)
    )
    assert warn_at(friday, friday, Unit.WORKING_HOURS, published()) == friday


# ---- laws that hold for every calendar ------------------------------------------------------

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
