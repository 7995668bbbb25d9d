"""Entering the calendar, and what it does to promises."""

from datetime import date
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.work import unit_of_work
from app.sla import clocks, queries, service
from app.sla.calendars import DayKind
from app.sla.models import WorkdayCalendar, WorkHours
from app.sla.rows import read_csv
from app.sla.rules import ClockKind
from tests.make.sla import (
    a_district,
    a_promise,
    a_ticket,
    a_world,
    bring_in,
    days_off,
    open_from,
    seeded_calendar,
    shanghai,
)

pytestmark = pytest.mark.usefixtures("app")


def test_seeding_enters_every_year_the_package_knows_and_again_changes_nothing(monday):
    with unit_of_work():
        years = service.seed_calendar(SYSTEM)
    with unit_of_work():
        again = service.seed_calendar(SYSTEM)

    assert years == tuple(range(2004, 2027))
    assert again == ()
    assert session.scalar(select(func.count()).select_from(WorkdayCalendar)) > 700
    assert session.scalar(select(func.count()).select_from(WorkHours)) == 3
    told = session.scalars(select(WorkdayCalendar).filter_by(date=date(2026, 10, 10))).one()
    assert (told.kind, told.name) == ("workday", "国庆节")


def test_a_year_entered_by_hand_is_not_touched_by_the_seed(monday):
    bring_in(days_off(2026))

    with unit_of_work():
        years = service.seed_calendar(SYSTEM)

    assert years == tuple(range(2004, 2026))
    assert queries.calendars().is_workday(date(2026, 10, 1))


def test_an_empty_calendar_warns_of_this_year(monday):
    assert "2026年" in queries.calendar_warnings(monday)[0]


def test_the_warning_comes_before_promises_reach_the_missing_year(monday):
    seeded_calendar()

    assert queries.calendar_warnings(shanghai("2026-07-01 10:00")) == []
    told = queries.calendar_warnings(monday)
    assert len(told) == 1
    assert "2027年" in told[0]


def test_an_imported_year_ends_the_warning_but_moves_no_promise(monday):
    a_world()
    start = shanghai("2026-12-30 10:00")
    ticket_id, newer_id = a_ticket(start), a_ticket(start)
    before = a_promise(ticket_id, start)

    report = bring_in(days_off(2027))

    assert (report.added, report.years) == (11, (2027,))
    assert before.warnings != ()
    told = clocks.latest(queries.clocks(ticket_id))
    assert told[ClockKind.RESOLVE].due_at == before.resolve
    assert queries.calendar_warnings(monday) == []
    assert a_promise(newer_id, start).resolve > before.resolve
    assert [row.guessed for row in queries.clock_rows(newer_id)] == [False] * 3
    assert {row.kind: row.guessed for row in queries.clock_rows(ticket_id)} == {
        ClockKind.ACCEPT: False,
        ClockKind.RESPOND: True,
        ClockKind.RESOLVE: True,
    }


def test_a_dry_run_tells_and_changes_nothing(monday):
    seeded_calendar()

    report = bring_in(days_off(2027), dry_run=True)

    assert (report.added, report.dry_run) == (11, True)
    assert queries.calendar_warnings(monday) != []


def test_importing_twice_changes_nothing_and_a_changed_day_is_replaced(monday):
    seeded_calendar()
    bring_in(days_off(2027))

    again = bring_in(days_off(2027))
    changed = bring_in("date,kind,name\n2027-01-11,workday,上班\n2027-02-01,holiday,加假\n")

    assert (again.added, again.changed, again.unchanged) == (0, 0, 11)
    assert (changed.added, changed.changed, changed.unchanged) == (1, 1, 0)
    assert queries.calendars().is_workday(date(2027, 1, 11))
    assert not queries.calendars().is_workday(date(2027, 2, 1))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["1"]),
        ("day,what\n2027-01-01,holiday\n", ["1"]),
        ("date,kind,name\n2027-13-01,holiday,元旦\n", ["2"]),
        ("date,kind,name\n1999-01-01,holiday,元旦\n", ["2"]),
        ("date,kind,name\n2026-01-01,feast,元旦\n2026-01-02,holiday,\n", ["2", "3"]),
        ("date,kind,name\n2026-01-01,放假,元旦\n2026-01-01,上班,元旦\n", ["3"]),
        (days_off(2027, 9), ["2"]),
        ("date,kind,name\n2026-01-01\n", ["2"]),
    ],
)
def test_wrong_lines_are_all_told_and_nothing_is_entered(monday, text, lines):
    seeded_calendar()
    version = queries.calendars()

    with pytest.raises(Invalid) as refused:
        bring_in(text)

    assert refused.value.code == "bad_calendar"
    assert list(refused.value.errors) == lines
    assert queries.calendars() is version


def test_a_district_may_have_its_own_day(monday):
    a_world()
    here, elsewhere = a_district("甲区"), a_district("乙区")
    start = shanghai("2026-11-16 17:00")

    bring_in("date,kind,name\n2026-11-17,holiday,区庆\n2026-11-21,workday,补班\n", district_id=here)

    assert queries.calendars(elsewhere) is queries.calendars()
    assert queries.calendars(here).days[date(2026, 11, 17)] is DayKind.HOLIDAY
    usual, own = a_ticket(start), a_ticket(start)
    assert a_promise(usual, start, district_id=elsewhere).accept == shanghai("2026-11-17 12:00")
    assert a_promise(own, start, district_id=here).accept == shanghai("2026-11-18 12:00")
    assert a_promise(a_ticket(start), start, district_id=here).resolve == shanghai(
        "2026-11-23 18:00"
    )


def test_a_districts_own_days_do_not_make_a_year_known(monday):
    seeded_calendar()
    here = a_district("甲区")

    bring_in("date,kind,name\n2027-03-01,holiday,区庆\n", district_id=here)

    assert queries.calendar_warnings(monday, here) == queries.calendar_warnings(monday) != []


def test_new_hours_hold_from_their_day_on(monday):
    a_world()
    here = a_district("甲区")
    open_from([(8 * 60, 16 * 60)], date(2026, 11, 18), district_id=here)
    start = shanghai("2026-11-17 17:00")

    own, usual = (a_promise(a_ticket(start), start, district_id=d) for d in (here, None))

    assert own.accept == shanghai("2026-11-18 11:00")
    assert usual.accept == shanghai("2026-11-18 12:00")
    with pytest.raises(Conflict):
        open_from([(9 * 60, 16 * 60)], date(2026, 11, 18), district_id=here)


@pytest.mark.parametrize(
    ("hours", "valid_from", "field"),
    [
        ([], date(2026, 12, 1), "spans"),
        ([(600, 500)], date(2026, 12, 1), "spans"),
        ([(540, 720), (600, 800)], date(2026, 12, 1), "spans"),
        ([(540, 720, 0)], date(2026, 12, 1), "spans"),
        ([(540, 720)], date(2026, 11, 15), "valid_from"),
    ],
)
def test_wrong_hours_are_refused(monday, hours, valid_from, field):
    with pytest.raises(Invalid) as refused:
        open_from(hours, valid_from)

    assert refused.value.code == "bad_hours"
    assert field in refused.value.errors


def test_only_editors_change_the_calendar_and_a_district_only_its_own(monday):
    here = a_district("甲区")
    grant = Grant("editor", frozenset({Permission.CATALOG_EDIT}), node_id=here, level="district")
    of_here = Actor(person_id=uuid4(), grants=(grant,))
    day = read_csv("date,kind,name\n2026-11-17,holiday,区庆\n")

    with unit_of_work():
        service.import_days(of_here, day, source="test", district_id=here)
    open_from([(540, 720)], date(2026, 12, 1), of_here, district_id=here)

    with pytest.raises(Forbidden), unit_of_work():
        service.import_days(of_here, day, source="test")
    with pytest.raises(Forbidden), unit_of_work():
        service.seed_calendar(of_here)
    with pytest.raises(Forbidden):
        open_from([(540, 720)], date(2026, 12, 1), of_here)


def test_a_calendar_of_its_own_needs_a_district(monday):
    for act in (
        lambda: bring_in("date,kind,name\n2026-11-17,holiday,区庆\n", district_id=uuid4()),
        lambda: open_from([(540, 720)], date(2026, 12, 1), district_id=uuid4()),
    ):
        with pytest.raises(NotFound):
            act()
