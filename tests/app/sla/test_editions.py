"""Every past state of the calendar stays, and a due time can be computed by it again."""

from datetime import date, timedelta

import pytest
from sqlalchemy import delete, event, select, update
from sqlalchemy.exc import DBAPIError

from app.kernel import stamps
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.work import unit_of_work
from app.sla import queries, rules, service
from app.sla.calendars import DayKind
from app.sla.models import CalendarEdition, SlaClock, WorkdayCalendar, WorkHours
from app.sla.rows import read_csv
from app.sla.rules import Token, Unit
from tests.faults.collision import collide, inside
from tests.make.sla import (
    a_district,
    a_promise,
    a_ticket,
    a_world,
    bring_in,
    days_off,
    open_from,
    published,
    seeded_calendar,
    shanghai,
)

pytestmark = pytest.mark.usefixtures("app", "monday")

TUESDAY = date(2026, 11, 17)
HOUR = timedelta(hours=1)
TUESDAY_OFF = "date,kind,name\n2026-11-17,holiday,停水检修\n"
TUESDAY_ON = "date,kind,name\n2026-11-17,workday,照常上班\n"


def due(start, token, edition=None, district_id=None):
    return rules.due(
        shanghai(start), Token.parse(token), queries.calendars(district_id, edition=edition)
    )


def editions():
    return session.execute(
        select(
            CalendarEdition.number,
            CalendarEdition.what,
            CalendarEdition.source,
            CalendarEdition.district_id,
        ).order_by(CalendarEdition.number)
    ).all()


def statements_of(act):
    """Run ``act`` and list what it read."""
    sent = []

    def note(*given):
        sent.append(given[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return [statement for statement in sent if statement.startswith("SELECT")]


def test_each_change_opens_the_next_edition_and_says_what_it_was(monday):
    here = a_district()
    assert queries.edition() == 0

    seeded_calendar()
    brought = bring_in(TUESDAY_OFF, district_id=here)
    open_from([(8 * 60, 16 * 60)], date(2026, 12, 1))

    seed, days, hours = editions()
    assert (seed.number, seed.what, seed.district_id) == (1, "seed", None)
    assert seed.source.startswith("chinesecalendar ")
    assert days == (2, "import", "test.csv", here)
    assert hours == (3, "hours", "手工录入", None)
    assert brought.edition == 2
    assert queries.edition() == queries.calendars().edition == 3
    assert set(session.scalars(select(CalendarEdition.at))) == {monday}


def test_what_changes_nothing_opens_no_edition():
    seeded_calendar()
    first = bring_in(days_off(2027))

    seeded_calendar()
    again = bring_in(days_off(2027))
    tried = bring_in(days_off(2028), dry_run=True)
    with pytest.raises(Invalid):
        bring_in("date,kind,name\n2026-13-01,holiday,元旦\n")

    assert (first.edition, again.edition, tried.edition) == (2, None, None)
    assert [row.number for row in editions()] == [1, 2]
    assert queries.edition() == 2


def test_a_replaced_day_leaves_the_older_editions_as_they_were():
    seeded_calendar()
    asked = ("2026-11-16 17:00", "2wh")
    first = queries.calendars()
    promised = due(*asked)
    bring_in(TUESDAY_OFF)
    second = queries.calendars()
    delayed = due(*asked)

    bring_in(TUESDAY_ON)

    assert TUESDAY not in queries.calendars(edition=1).days
    assert queries.calendars(edition=2).days[TUESDAY] is DayKind.HOLIDAY
    assert queries.calendars().days[TUESDAY] is DayKind.WORKDAY
    assert (queries.calendars(edition=1), queries.calendars(edition=2)) == (first, second)
    assert (promised, delayed) == (shanghai("2026-11-17 10:00"), shanghai("2026-11-18 10:00"))
    assert [due(*asked, edition=n) for n in (1, 2, 3)] == [promised, delayed, promised]


def test_a_whole_year_entered_later_is_missing_in_the_older_edition():
    seeded_calendar()
    asked = ("2026-12-31 17:00", "2wh")
    guessed = due(*asked)

    bring_in(days_off(2027))

    assert 2027 in queries.known_years()
    assert 2027 not in queries.calendars(edition=1).known_years
    assert due(*asked, edition=1) == guessed < due(*asked) == due(*asked, edition=2)


def test_new_hours_leave_the_older_editions_as_they_were():
    seeded_calendar()
    before = queries.calendars()
    open_from([(8 * 60, 16 * 60)], TUESDAY)
    here = a_district()
    open_from([(10 * 60, 12 * 60)], TUESDAY, district_id=here)

    found = [due("2026-11-16 17:30", "1wh", n, here) for n in (1, 2, 3)]

    assert found == [shanghai(f"2026-11-17 {at}") for at in ("09:30", "08:30", "10:30")]
    assert queries.calendars(here, edition=1) == before
    assert queries.calendars(edition=3) == queries.calendars(edition=2) != before


def test_a_districts_day_goes_before_the_nations_at_every_edition():
    here, elsewhere = a_district("甲区"), a_district("乙区")
    seeded_calendar()
    bring_in(TUESDAY_OFF, district_id=here)
    bring_in(TUESDAY_ON, district_id=elsewhere)
    bring_in(TUESDAY_ON)
    bring_in(TUESDAY_OFF)
    bring_in(TUESDAY_ON, district_id=here)

    def kinds(district_id):
        return [queries.calendars(district_id, n).days.get(TUESDAY) for n in range(1, 7)]

    off, on = DayKind.HOLIDAY, DayKind.WORKDAY
    assert kinds(None) == [None, None, None, on, off, off]
    assert kinds(here) == [None, off, off, off, off, on]
    assert kinds(elsewhere) == [None, None, on, on, on, on]


def test_before_the_first_edition_the_week_holds_and_there_is_none_after_the_last():
    seeded_calendar()

    empty = queries.calendars(edition=0)

    assert (empty.days, empty.known_years, empty.office, empty.edition) == ({}, frozenset(), (), 0)
    for number in (2, -1):
        with pytest.raises(NotFound):
            queries.calendars(edition=number)


def test_the_due_times_of_a_clock_are_found_again_by_its_edition(monday):
    a_world()
    here = a_district()
    bring_in(TUESDAY_OFF, district_id=here)
    ticket_id = a_ticket(monday)
    a_promise(ticket_id, monday, district_id=here)

    bring_in(TUESDAY_ON, district_id=here)
    open_from([(8 * 60, 16 * 60)], TUESDAY, district_id=here)

    rows = session.scalars(select(SlaClock).filter_by(ticket_id=ticket_id)).all()
    then = queries.calendars(here, edition=rows[0].calendar_version)
    again = {row.kind: rules.due(row.started_at, Token.parse(row.token), then) for row in rows}
    assert {row.calendar_version for row in rows} == {2}
    assert again == {row.kind: row.due_at for row in rows}
    assert again != {
        row.kind: rules.due(row.started_at, Token.parse(row.token), queries.calendars(here))
        for row in rows
    }


@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (CalendarEdition, {"source": "别处"}),
        (WorkdayCalendar, {"name": "别的节日"}),
        (WorkHours, {"opens": 1}),
    ],
)
def test_what_was_entered_is_neither_changed_nor_deleted(model, changes):
    seeded_calendar()

    for statement in (update(model).values(**changes), delete(model)):
        with pytest.raises(DBAPIError, match="append-only"), unit_of_work():
            session.execute(statement)


def test_an_import_rolled_back_leaves_no_edition_and_no_trace():
    seeded_calendar()
    before = queries.calendars()

    def come_to_nothing():
        service.import_days(SYSTEM, read_csv(TUESDAY_OFF), source="first.csv")
        service.import_days(SYSTEM, read_csv(TUESDAY_ON), source="second.csv")
        assert (queries.edition(), queries.calendars().days[TUESDAY]) == (3, DayKind.WORKDAY)
        assert queries.calendars(edition=2).days[TUESDAY] is DayKind.HOLIDAY
        raise Conflict

    with pytest.raises(Conflict), unit_of_work():
        come_to_nothing()

    assert (queries.edition(), queries.calendars()) == (1, before)
    with pytest.raises(NotFound):
        queries.calendars(edition=2)
    bring_in(days_off(2027))
    assert TUESDAY not in queries.calendars(edition=2).days
    assert [row.source for row in editions()][1:] == ["test.csv"]


def test_hours_that_are_refused_open_no_edition():
    seeded_calendar()
    open_from([(8 * 60, 16 * 60)], TUESDAY)

    with pytest.raises(Conflict):
        open_from([(9 * 60, 16 * 60)], TUESDAY)

    assert queries.edition() == 2
    assert [row.number for row in editions()] == [1, 2]


def test_older_editions_do_not_outlive_a_swapped_database(app, database):
    seeded_calendar()
    bring_in(TUESDAY_OFF)
    bring_in(TUESDAY_ON)
    assert queries.calendars(edition=2).days[TUESDAY] is DayKind.HOLIDAY

    session.remove()
    db.engine.dispose()
    database.reset()
    stamps.forget_all()

    assert queries.edition() == 0
    for name in ("2027", "2028", "2029"):
        bring_in(days_off(int(name)))
    assert TUESDAY not in queries.calendars(edition=2).days


def test_a_book_is_a_few_statements_and_then_none():
    seeded_calendar()
    bring_in(TUESDAY_OFF)
    session.rollback()
    stamps.forget_all()

    def ask():
        queries.calendars()
        queries.calendars(edition=1)

    assert len(statements_of(ask)) == 6  # the stamps, the number, two for each book
    assert statements_of(ask) == []
    assert statements_of(queries.edition) == []


def test_more_older_editions_than_are_kept_are_still_told_right():
    seeded_calendar()
    for n in range(queries.OLDER_KEPT + 3):
        bring_in(TUESDAY_ON if n % 2 else TUESDAY_OFF)
    numbers = range(2, queries.edition() + 1)

    kinds = [queries.calendars(edition=n).days[TUESDAY] for n in (*numbers, *numbers)]

    expected = [DayKind.WORKDAY if n % 2 else DayKind.HOLIDAY for n in numbers]
    assert kinds == expected * 2


def test_imports_at_the_same_moment_get_an_edition_each(app):
    seeded_calendar()
    here = a_district()
    files = [f"date,kind,name\n2026-11-{n},holiday,停水检修\n" for n in (17, 17, 18, 19)]

    def bringing(text):
        lines = read_csv(text)
        return inside(
            app,
            lambda: service.import_days(SYSTEM, lines, source="test.csv", district_id=here).edition,
        )

    numbers = collide([bringing(text) for text in files])

    told = [row.number for row in editions()]
    assert told == list(range(1, len(told) + 1))
    assert {n for n in numbers if n} == set(told[1:])
    assert {17, 18, 19} <= {
        day.day for day in queries.calendars(here).days if day > date(2026, 11, 1)
    }


@pytest.mark.parametrize("year", [2024, 2025, 2026])
def test_every_published_holiday_and_make_up_day_is_followed(year):
    seeded_calendar()
    special = {day: kind for day, kind in published().days.items() if day.year == year}
    entered = queries.calendars()

    assert {day: kind for day, kind in entered.days.items() if day.year == year} == special
    assert len(special) > 28
    for day, kind in special.items():
        works = kind is DayKind.WORKDAY
        assert entered.is_workday(day) is works
        noon = shanghai(f"{day} 14:00")
        assert (rules.advance(noon, HOUR, Unit.WORKING_HOURS, entered) == noon + HOUR) is works
