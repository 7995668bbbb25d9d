"""Due times: the published calendars and the boundaries; ``test_rule_laws`` has the laws."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.kernel.clock import SHANGHAI
from app.sla.calendars import DEFAULT_SPANS, DayKind, HoursKind, Regime, Span, span_errors
from app.sla.rules import (
    PROMISES,
    Calendars,
    ClockKind,
    Token,
    Unit,
    due,
    in_time,
    promise,
    warn_at,
)
from tests.make.sla import published, shanghai, terms


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
    assert [made.due_at(kind) for kind in PROMISES] == [made.accept, made.respond, made.resolve]


def test_the_result_of_a_part_is_promised_from_the_submission_of_the_whole():
    whole, part = shanghai("2026-11-12 10:00"), shanghai("2026-11-16 10:00")

    made = promise(terms(), part, published(), resolve_start=whole)

    assert (made.accept, made.respond) == (
        shanghai("2026-11-16 16:00"),
        shanghai("2026-11-18 18:00"),
    )
    assert made.resolve == promise(terms(), whole, published()).resolve
    assert [made.start_of(kind) for kind in PROMISES] == [part, part, whole]


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
