"""Clocks of tickets, and entering the calendar."""

from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select

from app.kernel import clock, stamps
from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.work import unit_of_work
from app.sla import queries, service
from app.sla.calendars import DayKind, HoursKind, Span
from app.sla.models import SlaClock, WorkdayCalendar, WorkHours
from app.sla.rows import read_csv
from app.sla.rules import ClockKind, Promise
from app.sla.service import HoursDraft
from tests.make.catalog import loaded_catalogue
from tests.make.sla import a_district, a_ticket, a_world, days_off, seeded_calendar, shanghai, terms

pytestmark = pytest.mark.usefixtures("app")


def promise(ticket_id, start, given=None, **place):
    with unit_of_work():
        return service.promise(ticket_id, given or terms(), start, **place)


def bring_in(text, **options):
    with unit_of_work():
        return service.import_days(SYSTEM, read_csv(text), source="test.csv", **options)


def open_from(hours, valid_from, actor=SYSTEM, **place):
    with unit_of_work():
        service.set_hours(
            actor,
            HoursDraft(HoursKind.WORKDAY, tuple(Span(*h) for h in hours), valid_from, **place),
        )


def a_promised_ticket(start, given=None):
    ticket_id = a_ticket(start)
    promise(ticket_id, start, given)
    return ticket_id


def test_three_due_times_are_promised_in_one_insert(monday):
    a_world()
    ticket_id = a_ticket(monday)
    queries.calendars()
    statements = []

    def note(*given):
        statements.append(given[2])

    event.listen(db.engine, "before_cursor_execute", note)
    made = promise(ticket_id, monday)
    event.remove(db.engine, "before_cursor_execute", note)

    assert len([s for s in statements if "INSERT INTO sla_clock" in s]) == 1
    assert len(statements) <= 3
    assert made.accept == shanghai("2026-11-16 16:00")
    assert queries.promised(ticket_id) == Promise(made.accept, made.respond, made.resolve)


def test_a_clock_remembers_what_was_promised(monday):
    a_world()
    a_promised_ticket(monday)
    ticket_id = a_promised_ticket(monday, terms("WPE-LIGHT"))

    told = {
        row.kind: row for row in session.scalars(select(SlaClock).filter_by(ticket_id=ticket_id))
    }

    assert {kind: row.token for kind, row in told.items()} == {
        "accept": "2sh",
        "respond": "1d",
        "resolve": "2d",
    }
    assert {row.calendar for row in told.values()} == {"daily"}
    assert {row.policy_version for row in told.values()} == {1}
    assert {row.calendar_version for row in told.values()} == {stamps.version("calendar")}
    assert {row.started_at for row in told.values()} == {monday}


def test_promises_of_many_tickets_come_in_one_statement(monday):
    a_world()
    first, second, noise = (a_promised_ticket(monday + timedelta(days=n)) for n in range(3))
    without = a_ticket(monday)
    statements = []

    def note(*given):
        statements.append(given[2])

    session.rollback()
    event.listen(db.engine, "before_cursor_execute", note)
    found = queries.promised_many([first, second, without])
    event.remove(db.engine, "before_cursor_execute", note)

    assert found.keys() == {first, second}
    assert found[second].accept == found[first].accept + timedelta(days=1)
    assert len([s for s in statements if s.startswith("SELECT")]) == 1
    assert queries.promised(without) is None
    assert noise not in found


def test_the_next_due_is_that_of_the_earliest_running_clock(monday):
    a_world()
    a_promised_ticket(monday - timedelta(days=3))
    ticket_id = a_promised_ticket(monday)
    told = queries.promised(ticket_id)

    assert queries.next_due(ticket_id) == told.accept
    with unit_of_work():
        assert service.meet(ticket_id, ClockKind.ACCEPT, monday + timedelta(minutes=5))
    assert queries.next_due(ticket_id) == told.respond
    with unit_of_work():
        assert service.stop(ticket_id, monday + timedelta(minutes=9))
    assert queries.next_due(ticket_id) is None
    assert queries.next_due(uuid4()) is None


def test_a_clock_is_met_once_and_other_tickets_run_on(monday):
    a_world()
    noise, ticket_id = a_promised_ticket(monday), a_promised_ticket(monday)
    at = monday + timedelta(minutes=5)

    with unit_of_work():
        first = service.meet(ticket_id, ClockKind.ACCEPT, at)
        again = service.meet(ticket_id, ClockKind.ACCEPT, at + timedelta(minutes=1))
        service.stop(ticket_id, at + timedelta(minutes=2))

    assert (first, again) == (True, False)
    told = {c.kind: (c.met_at, c.stopped_at) for c in queries.clocks(ticket_id)}
    assert told == {
        ClockKind.ACCEPT: (at, None),
        ClockKind.RESPOND: (None, at + timedelta(minutes=2)),
        ClockKind.RESOLVE: (None, at + timedelta(minutes=2)),
    }
    assert all(c.running for c in queries.clocks(noise))


def test_a_restart_opens_a_new_round_and_keeps_the_old_one(monday):
    a_world()
    noise, ticket_id = a_promised_ticket(monday), a_promised_ticket(monday)
    before = queries.promised(ticket_id)

    with clock.frozen(monday + timedelta(hours=1)) as later, unit_of_work():
        due_at = service.restart(ticket_id, ClockKind.ACCEPT, start=later, token="4wh")

    rounds = [c for c in queries.clocks(ticket_id) if c.kind is ClockKind.ACCEPT]
    assert [(c.round, c.due_at, c.stopped_at) for c in rounds] == [
        (1, before.accept, monday + timedelta(hours=1)),
        (2, due_at, None),
    ]
    assert due_at == before.accept + timedelta(hours=1)
    after = queries.promised(ticket_id)
    assert (after.accept, after.resolve) == (due_at, before.resolve)
    assert queries.promised(noise) == before


def test_a_rework_has_half_the_time(monday):
    a_world()
    ticket_id = a_promised_ticket(monday)

    with unit_of_work():
        due_at = service.restart(
            ticket_id, ClockKind.RESOLVE, start=monday, token="2d", percent=50, policy_version=7
        )

    assert due_at == monday + timedelta(days=1)
    with unit_of_work():
        given = service.restart(
            ticket_id,
            ClockKind.RESOLVE,
            start=monday,
            token="2d",
            due=monday + timedelta(hours=3),
        )
    assert given == monday + timedelta(hours=3)


def test_a_ticket_without_clocks_has_none_to_restart(monday):
    a_world()

    with pytest.raises(NotFound), unit_of_work():
        service.restart(uuid4(), ClockKind.ACCEPT, start=monday, token="4wh")
    with unit_of_work():
        assert not service.meet(uuid4(), ClockKind.ACCEPT, monday)


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
    ticket_id = a_promised_ticket(shanghai("2026-12-30 10:00"))
    before = queries.promised(ticket_id)

    report = bring_in(days_off(2027))

    assert (report.added, report.years) == (11, (2027,))
    assert before.warnings != ()
    assert queries.promised(ticket_id).resolve == before.resolve
    assert queries.calendar_warnings(monday) == []
    newer = a_promised_ticket(shanghai("2026-12-30 10:00"))
    assert queries.promised(newer).resolve > before.resolve
    assert [c.guessed for c in queries.clocks(newer)] == [False] * 3
    assert [c.guessed for c in queries.clocks(ticket_id)] == [False, True, True]


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
    assert promise(usual, start, district_id=elsewhere).accept == shanghai("2026-11-17 12:00")
    assert promise(own, start, district_id=here).accept == shanghai("2026-11-18 12:00")
    assert promise(a_ticket(start), start, district_id=here).resolve == shanghai("2026-11-23 18:00")


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

    own, usual = (promise(a_ticket(start), start, district_id=d) for d in (here, None))

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


def test_two_rounds_of_one_clock_cannot_bear_the_same_number(monday):
    loaded_catalogue()
    ticket_id = a_promised_ticket(monday)

    with pytest.raises(Exception, match=r"(?i)unique"), unit_of_work():
        service.promise(ticket_id, terms(), monday)


def test_a_calendar_of_its_own_needs_a_district(monday):
    for act in (
        lambda: bring_in("date,kind,name\n2026-11-17,holiday,区庆\n", district_id=uuid4()),
        lambda: open_from([(540, 720)], date(2026, 12, 1), district_id=uuid4()),
    ):
        with pytest.raises(NotFound):
            act()
