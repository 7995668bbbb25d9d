"""Calendars, districts and bare tickets for tests of time."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import cache
from uuid import UUID

import chinese_calendar

from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.ids import new_digits, new_id
from app.kernel.work import unit_of_work
from app.sla import service
from app.sla.calendars import DayKind, HoursKind, Span
from app.sla.rows import read_csv
from app.sla.rules import Calendars, Promised, PromiseTerms
from app.sla.service import HoursDraft, ImportReport
from app.territory.models import Place
from app.territory.rules import Level
from app.tickets.models import Ticket
from app.tickets.states import State
from tests.make.catalog import category_view, loaded_catalogue


@cache
def published() -> Calendars:
    """The calendars as published for 2004–2026, with the usual hours."""
    days = dict.fromkeys(chinese_calendar.holidays, DayKind.HOLIDAY)
    days |= dict.fromkeys(chinese_calendar.workdays, DayKind.WORKDAY)
    return Calendars(days=days, known_years=frozenset(day.year for day in days))


def shanghai(text: str) -> datetime:
    """Read a wall-clock time of Shanghai, like ``2026-10-01 09:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)


def seeded_calendar() -> None:
    """Seed the calendar in a unit of its own."""
    with unit_of_work():
        service.seed_calendar(SYSTEM)


def bring_in(text: str, *, district_id: UUID | None = None, dry_run: bool = False) -> ImportReport:
    """Import a file of special days in a unit of its own."""
    with unit_of_work():
        return service.import_days(
            SYSTEM, read_csv(text), source="test.csv", district_id=district_id, dry_run=dry_run
        )


def open_from(
    hours: Iterable[tuple[int, ...]],
    valid_from: date,
    actor: Actor = SYSTEM,
    *,
    district_id: UUID | None = None,
) -> None:
    """Let other office hours hold from a day on, in a unit of its own."""
    spans = tuple(Span(*given) for given in hours)
    with unit_of_work():
        service.set_hours(actor, HoursDraft(HoursKind.WORKDAY, spans, valid_from, district_id))


def terms(code: str = "WPE-TELECOM", **changes: str) -> PromiseTerms:
    """The terms of a shipped category."""
    return PromiseTerms.of(category_view(code, **changes))


def a_district(name: str = "样板区") -> UUID:
    """Put a district on the map."""
    place_id = new_id()
    with unit_of_work():
        session.add(
            Place(
                id=place_id,
                level=Level.DISTRICT,
                name=name,
                sort_key=name,
                district_id=place_id,
                label=name,
                public_label=name,
                created_at=clock.now(),
            )
        )
    return place_id


def a_ticket(submitted_at: datetime) -> UUID:
    """File a bare ticket row, with nobody and nowhere on it; the catalogue must be loaded."""
    ticket = Ticket(
        number=new_digits(12),
        state=State.SUBMITTED,
        category_code="WPE-TELECOM",
        kind="repair",
        urgency="P3",
        place_label="桂花苑",
        public_label="桂花苑",
        tier=2,
        ceiling_tier=3,
        desk_level="community",
        mode="manual",
        submitted_at=submitted_at,
        next_due_at=submitted_at + timedelta(hours=1),
        look_at=submitted_at + timedelta(hours=1),
    )
    with unit_of_work():
        session.add(ticket)
    return ticket.id


def a_promise(
    ticket_id: UUID,
    start: datetime,
    given: PromiseTerms | None = None,
    *,
    district_id: UUID | None = None,
) -> Promised:
    """Promise a ticket its three due times in a unit of its own, as intake does."""
    with unit_of_work():
        made = service.promised(given or terms(), start, district_id=district_id)
        service.record(ticket_id, made)
        return made


def a_promised_ticket(start: datetime, given: PromiseTerms | None = None) -> UUID:
    """File a bare ticket with its three clocks running."""
    ticket_id = a_ticket(start)
    a_promise(ticket_id, start, given)
    return ticket_id


def a_world() -> None:
    """Catalogue and calendar, as a new installation has them."""
    loaded_catalogue()
    seeded_calendar()


def days_off(year: int, count: int = 11) -> str:
    """A file with the first ``count`` days of a year off."""
    first = date(year, 1, 1)
    lines = [f"{first + timedelta(days=n)},holiday,元旦" for n in range(count)]
    return "\n".join(["date,kind,name", *lines])
