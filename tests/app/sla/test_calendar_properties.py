"""Laws of working time on the published calendar, to the microsecond, from 2024 to 2027.

``test_rules`` proves the arithmetic on invented calendars against a slow walk; here it is
the real one, with the years it knows, the year it does not, and the seams between them.
"""

from datetime import date, timedelta

import chinese_calendar
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.catalog.rules import WALL_CLOCK
from app.kernel.clock import SHANGHAI
from app.sla.calendars import Calendars, DayKind, HoursKind
from app.sla.rules import Token, Unit, advance, due, is_guess, promise, time_used
from tests.make.moments import TICK, moments, moments_between, on, tokens
from tests.make.sla import published, shanghai, terms

HOUR = timedelta(hours=1)
KNOWN_UNTIL = shanghai("2027-01-01 00:00")


def day_of(moment):
    return moment.astimezone(SHANGHAI).date()


known_moments = moments_between(date(2024, 1, 2), date(2026, 9, 30))
counted = st.sampled_from([Unit.SERVICE_HOURS, Unit.WORKING_HOURS])
clocks = st.sampled_from([unit for unit in Unit if unit is not Unit.WORKING_DAYS])
whole_hours = st.integers(1, 200).map(lambda hours: hours * HOUR)
lengths = whole_hours | st.timedeltas(TICK, 200 * HOUR)
gaps = st.timedeltas(timedelta(0), timedelta(days=40))


@given(moments, lengths, lengths, clocks)
def test_any_more_time_ends_later(start, length, more, unit):
    shorter = advance(start, length, unit, published())

    assert start < shorter < advance(start, length + more, unit, published())


@given(moments, gaps, lengths, clocks)
def test_starting_later_never_ends_earlier(start, gap, length, unit):
    assert advance(start + gap, length, unit, published()) >= advance(
        start, length, unit, published()
    )


@given(moments, lengths, lengths, clocks)
def test_running_on_from_any_stop_ends_where_one_run_ends(start, first, second, unit):
    halfway = advance(start, first, unit, published())

    assert advance(halfway, second, unit, published()) == advance(
        start, first + second, unit, published()
    )


@given(moments, lengths, clocks)
def test_a_run_ends_at_the_first_moment_that_has_used_its_length(start, length, unit):
    end = advance(start, length, unit, published())

    assert time_used(start, end, unit, published()) == length
    assert time_used(start, end - TICK, unit, published()) == length - TICK


@given(moments, gaps, clocks)
def test_the_time_used_leads_back_to_the_end_or_to_the_closing_before_it(start, gap, unit):
    end = start + gap
    used = time_used(start, end, unit, published())

    back = advance(start, used, unit, published())

    assert back <= end
    assert time_used(back, end, unit, published()) == timedelta(0)


@given(moments, gaps, gaps, clocks)
def test_a_wider_stretch_never_holds_less_time_nor_more_than_the_wall_clock(start, a, b, unit):
    inner = time_used(start + a, start + a + b, unit, published())

    assert timedelta(0) <= inner <= b
    assert inner <= time_used(start, start + a + b, unit, published())
    assert inner <= time_used(start + a, start + a + b + a, unit, published())


@given(moments, st.integers(1, 200), clocks)
def test_a_token_in_hours_is_a_run_of_its_length(start, amount, unit):
    length = {Unit.MINUTES: timedelta(minutes=1), Unit.DAYS: 24 * HOUR}.get(unit, HOUR)

    assert due(start, Token(amount, unit), published()) == advance(
        start, amount * length, unit, published()
    )


@given(known_moments, st.integers(1, 60))
def test_working_days_are_counted_as_the_published_calendar_counts_them(start, amount):
    end = due(start, Token(amount, Unit.WORKING_DAYS), published()).astimezone(SHANGHAI)
    days = (day_of(end) - day_of(start)).days
    after = (day_of(start) + timedelta(days=n) for n in range(1, days + 1))

    assert sum(chinese_calendar.is_workday(day) for day in after) == amount
    assert chinese_calendar.is_workday(end.date())
    assert (end.hour, end.minute, end.second, end.microsecond) == (18, 0, 0, 0)


@given(known_moments, whole_hours)
def test_an_office_promise_never_ends_on_a_published_day_off(start, length):
    end = advance(start, length, Unit.WORKING_HOURS, published())

    assert chinese_calendar.is_workday(day_of(end))


@given(moments_between(date(2024, 2, 1), date(2024, 2, 28)), counted)
@example(shanghai("2024-02-28 23:59"), Unit.WORKING_HOURS)
def test_the_leap_day_counts_as_a_day_of_its_own(start, unit):
    leap, march = shanghai("2024-02-29 00:00"), shanghai("2024-03-01 00:00")
    a_day = 7 * HOUR if unit is Unit.WORKING_HOURS else 12 * HOUR

    until, through = (time_used(start, end, unit, published()) for end in (leap, march))

    assert through - until == a_day
    assert day_of(advance(start, until + HOUR, unit, published())) == date(2024, 2, 29)
    assert day_of(advance(start, through + TICK, unit, published())) == date(2024, 3, 1)


@given(moments_between(date(2024, 2, 28), date(2024, 2, 29)))
def test_a_working_day_from_the_days_around_the_leap_day(start):
    end = due(start, Token(1, Unit.WORKING_DAYS), published())

    # The moment a microsecond before 28 February still belongs to the 27th.
    following = day_of(start) + timedelta(days=1)
    assert end == on(following, 18 * 60)


@given(
    st.integers(2024, 2027),
    st.timedeltas(TICK, timedelta(days=20)),
    st.timedeltas(TICK, timedelta(days=20)),
    clocks,
)
def test_nothing_is_lost_or_counted_twice_at_the_turn_of_a_year(year, before, after, unit):
    turn = shanghai(f"{year}-01-01 00:00")
    old = time_used(turn - before, turn, unit, published())
    new = time_used(turn, turn + after, unit, published())

    assert time_used(turn - before, turn + after, unit, published()) == old + new
    if new:
        whole = advance(turn - before, old + new, unit, published())
        assert whole == advance(turn, new, unit, published())


@settings(deadline=None)
@given(st.lists(st.tuples(moments, tokens), min_size=2, max_size=5))
def test_what_was_asked_before_does_not_change_an_answer(asked):
    """Years are laid out as they are asked for; their order must not show."""
    forth, back = (Calendars(published().days, published().known_years) for _ in range(2))

    told = [due(start, token, forth) for start, token in asked]

    assert told == [due(start, token, back) for start, token in reversed(asked)][::-1]


@given(st.dates(date(2027, 1, 1), date(2027, 12, 31)))
def test_a_year_without_data_works_monday_to_friday(day):
    assert published().is_workday(day) is (day.weekday() < 5)
    assert bool(published().spans(HoursKind.WORKDAY, day)) is (day.weekday() < 5)


@settings(deadline=None)
@given(moments_between(date(2027, 1, 2), date(2027, 12, 31)), tokens)
def test_in_a_year_without_data_a_promise_is_that_of_an_empty_calendar(start, token):
    assert due(start, token, published()) == due(start, token, Calendars())


@given(moments, tokens)
def test_a_due_time_is_a_guess_exactly_when_it_needs_days_nobody_entered(start, token):
    end = due(start, token, published())
    missing = published().missing_years(start, end)

    leans = token.unit not in (*WALL_CLOCK, Unit.SERVICE_HOURS) and end >= KNOWN_UNTIL
    assert is_guess(start, end, token, published()) is leans
    assert missing == tuple(range(max(2027, day_of(start).year), day_of(end).year + 1))


@given(moments)
def test_a_promise_names_every_year_without_data_that_it_reaches(start):
    made = promise(terms(), start, published())  # 4wh, 2wd, 5wd

    reached = range(day_of(start).year, day_of(max(made.accept, made.resolve)).year + 1)
    assert [words[:4] for words in made.warnings] == [str(year) for year in reached if year > 2026]
    assert bool(made.guessed) is bool(made.warnings)


@settings(deadline=None)
@given(moments, tokens, st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_a_day_outside_the_run_does_not_matter(start, token, day):
    """So an edition that changes other days gives the same due time."""
    end = due(start, token, published())
    for kind in DayKind:
        other = Calendars({**published().days, day: kind}, published().known_years)
        if not day_of(start) <= day <= day_of(end):
            assert due(start, token, other) == end
