"""Clocks of tickets as the database keeps them, and what acts do to them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from app.catalog import queries as catalog
from app.kernel.db import db, session
from app.kernel.work import unit_of_work
from app.sla import clocks, ops, queries, service
from app.sla.rules import PROMISES, ClockKind
from tests.make.clocks import begin, keep, newest, note, row_of
from tests.make.moments import histories
from tests.make.sla import (
    a_promise,
    a_promised_ticket,
    a_ticket,
    a_world,
    bring_in,
    days_off,
    published,
    shanghai,
    terms,
)

pytestmark = pytest.mark.usefixtures("app")

ACCEPT, RESPOND, RESOLVE = PROMISES
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def statements_of(act):
    sent = []

    def told(*given):
        sent.append(given[2])

    event.listen(db.engine, "before_cursor_execute", told)
    try:
        found = act()
    finally:
        event.remove(db.engine, "before_cursor_execute", told)
    return sent, found


# ---- the three promises of a new ticket -------------------------------------------------------


def test_three_due_times_are_promised_in_one_insert(monday):
    a_world()
    ticket_id = a_ticket(monday)
    queries.calendars()
    catalog.limits(None, monday)  # kept like the calendar, until somebody sets a number

    sent, made = statements_of(lambda: a_promise(ticket_id, monday))

    assert len([s for s in sent if "INSERT INTO sla_clock" in s]) == 1
    assert len(sent) <= 3
    assert made.accept == shanghai("2026-11-16 16:00")
    told = newest(ticket_id)
    assert {kind: told[kind].due_at for kind in told} == {
        kind: made.due_at(kind) for kind in PROMISES
    }


def test_a_clock_remembers_what_was_promised(monday):
    a_world()
    a_promised_ticket(monday)
    ticket_id = a_promised_ticket(monday, terms("WPE-LIGHT"))

    told = newest(ticket_id)

    assert {kind: clock.token for kind, clock in told.items()} == {
        "accept": "2sh",
        "respond": "1d",
        "resolve": "2d",
    }
    assert {clock.calendar for clock in told.values()} == {"daily"}
    assert {clock.policy_version for clock in told.values()} == {1}
    assert {clock.edition for clock in told.values()} == {queries.edition()} == {1}
    assert {clock.started_at for clock in told.values()} == {monday}


@pytest.mark.parametrize("code", ["WPE-TELECOM", "WPE-LIGHT"])
def test_the_rows_of_a_new_ticket_are_those_its_first_step_tells(monday, code):
    a_world()
    ticket_id = a_ticket(monday)
    whole = monday - 3 * DAY

    with unit_of_work():
        made = service.promised(terms(code), monday, resolve_start=whole)
        service.record(ticket_id, made)

    told = clocks.fold((), service.openings(made), monday, lambda n: queries.calendars(None, n))
    assert set(queries.clocks(ticket_id)) == set(told)
    assert newest(ticket_id)[RESOLVE].started_at == whole
    assert service.first_look(made) == min(clock.warn_at for clock in told)


def test_clocks_of_many_tickets_come_in_one_statement(monday):
    a_world()
    first, second, noise = (a_promised_ticket(monday + n * DAY) for n in range(3))
    without = a_ticket(monday)
    session.rollback()

    sent, found = statements_of(lambda: queries.clocks_of_many([first, second, without]))

    assert found.keys() == {first, second}
    assert found[second][0].due_at == found[first][0].due_at + DAY
    assert len([s for s in sent if s.startswith("SELECT")]) == 1
    assert queries.clocks(without) == ()
    assert noise not in found


def test_two_rounds_of_one_clock_cannot_bear_the_same_number(monday):
    a_world()
    ticket_id = a_promised_ticket(monday)

    with pytest.raises(IntegrityError):
        a_promise(ticket_id, monday)


# ---- what acts do -----------------------------------------------------------------------------


def test_a_clock_is_met_once_and_other_tickets_run_on(monday):
    a_world()
    noise, ticket_id = a_promised_ticket(monday), a_promised_ticket(monday)
    at = monday + 5 * MINUTE

    keep(ticket_id, at, ops.meet(ACCEPT))
    keep(ticket_id, at + MINUTE, ops.meet(ACCEPT))
    keep(ticket_id, at + 2 * MINUTE, ops.stop())

    told = {c.kind: (c.met_at, c.stopped_at) for c in queries.clocks(ticket_id)}
    assert told == {
        ACCEPT: (at, None),
        RESPOND: (None, at + 2 * MINUTE),
        RESOLVE: (None, at + 2 * MINUTE),
    }
    assert newest(ticket_id)[ACCEPT].used == 5 * MINUTE
    assert all(clock.running for clock in queries.clocks(noise))


def test_a_restart_opens_a_new_round_and_keeps_the_old_one(monday):
    a_world()
    noise, ticket_id = a_promised_ticket(monday), a_promised_ticket(monday)
    before, later = newest(ticket_id), monday + HOUR

    kept = keep(ticket_id, later, begin(ACCEPT, "4wh", later))

    first, second = (c for c in queries.clocks(ticket_id) if c.kind is ACCEPT)
    assert (first.round, first.due_at, first.stopped_at) == (1, before[ACCEPT].due_at, later)
    assert (second.round, second.due_at, second.stopped_at) == (2, first.due_at + HOUR, None)
    assert kept.clocks == newest(ticket_id) == before | {ACCEPT: second}
    assert kept.due_columns["accept_due_at"] == second.due_at
    assert newest(noise) == before


def test_a_rework_has_half_the_time(monday):
    a_world()
    ticket_id = a_promised_ticket(monday)

    kept = keep(ticket_id, monday, begin(RESOLVE, "2d", monday, percent=50))

    assert kept.clocks[RESOLVE].due_at == monday + DAY


def test_a_ticket_without_clocks_has_none_to_end_and_none_to_note(monday):
    a_world()

    kept = keep(uuid4(), monday, ops.meet(ACCEPT), ops.stop(), ops.resume())

    assert (kept.clocks, kept.look_at, kept.due_soon, kept.broken) == ({}, None, False, 0)
    assert note(uuid4(), monday) == ([], kept)


def test_a_tier_and_an_answer_are_owed_only_while_they_run(monday):
    a_world()
    ticket_id = a_promised_ticket(monday)
    running = keep(
        ticket_id,
        monday,
        begin(ClockKind.TIER, "1d", monday, tier=3),
        begin(ClockKind.ANSWER, "2d", monday),
    )

    ended = keep(ticket_id, monday + HOUR, ops.stop())

    assert running.due_columns["tier_due_at"] == monday + DAY
    assert running.due_columns["answer_due_at"] == monday + 2 * DAY
    assert newest(ticket_id)[ClockKind.TIER].tier == 3
    columns = {name for name, moment in ended.due_columns.items() if moment is not None}
    assert columns == {"accept_due_at", "respond_due_at", "resolve_due_at"}


def test_a_due_time_stays_a_guess_as_long_as_it_is_the_one_that_was_guessed(monday):
    a_world()
    start = shanghai("2026-12-30 10:00")
    ticket_id = a_promised_ticket(start)
    guessed = newest(ticket_id)[RESOLVE].due_at
    bring_in(days_off(2027))

    keep(ticket_id, start + HOUR, ops.meet(ACCEPT))
    still = row_of(ticket_id, RESOLVE)
    told = (still.guessed, still.due_at)
    keep(ticket_id, start + 2 * HOUR, ops.recount(2))

    assert told == (True, guessed)
    counted = row_of(ticket_id, RESOLVE)
    assert (counted.guessed, counted.calendar_version) == (False, 2)
    assert counted.due_at > guessed


# ---- rows and history -------------------------------------------------------------------------


@pytest.fixture
def made_once(monday):
    """Catalogue and two editions of the calendar, shared by the drawn tickets."""
    a_world()
    bring_in(days_off(2027))
    assert queries.calendars(edition=1).days == published().days


def seconds_of(clock):
    return None if clock.used is None else round(clock.used.total_seconds())


def story_of(clock):
    """All that a row keeps of a clock; time used is kept in whole seconds."""
    fields = {name: getattr(clock, name) for name in clock.__slots__ if name != "used"}
    return fields | {"used": seconds_of(clock)}


def in_order(found):
    return [story_of(c) for c in sorted(found, key=lambda c: (c.kind, c.round))]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(histories())
def test_the_rows_are_what_folding_the_whole_history_gives(made_once, acts):
    ticket_id = a_ticket(acts[0].at)
    firm = uuid4()

    kept = [keep(ticket_id, act.at, *act.ops, holder_id=firm) for act in acts]

    told = ()
    for act in acts:
        told = clocks.fold(told, act.ops, act.at, lambda n: queries.calendars(None, n))
    assert in_order(queries.clocks(ticket_id)) == in_order(told)
    late = {(c.kind, c.round, c.due_at) for c in told if c.late}
    assert {(b.kind, b.round, b.due_at) for b in queries.breaches(ticket_id)} == late
    assert sum(one.broken for one in kept) == len(late)
