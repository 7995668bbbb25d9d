"""Read calendars (cached in the process) and the clocks of tickets."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select

from app.kernel import stamps
from app.kernel.db import session
from app.sla.calendars import DayKind, HoursKind, Regime, Span
from app.sla.models import SlaClock, WorkdayCalendar, WorkHours
from app.sla.rules import LOOK_AHEAD, Calendars, ClockKind, Promise, warnings

STAMP = "calendar"


@dataclass(frozen=True, slots=True)
class ClockView:
    """One clock as it stands; the newest round of a kind is the one that counts."""

    kind: ClockKind
    round: int
    token: str
    started_at: datetime
    due_at: datetime
    guessed: bool
    met_at: datetime | None
    stopped_at: datetime | None

    @property
    def running(self) -> bool:
        """Tell whether somebody still owes the act."""
        return self.met_at is None and self.stopped_at is None


@dataclass(frozen=True, slots=True)
class _Book:
    """The calendars of the nation and of each district that differs from it."""

    national: Calendars
    districts: Mapping[UUID, Calendars]


def calendars(district_id: UUID | None = None) -> Calendars:
    """Hand out the calendars that hold in a district."""
    book = _book.get()
    return book.districts.get(district_id, book.national) if district_id else book.national


def calendar_warnings(now: datetime, district_id: UUID | None = None) -> list[str]:
    """Say in Chinese which years promises made now may reach and nobody has entered."""
    return list(warnings(calendars(district_id).missing_years(now, now + LOOK_AHEAD)))


def known_years() -> frozenset[int]:
    """List the years whose national holidays are entered."""
    return _book.get().national.known_years


def clocks(ticket_id: UUID) -> tuple[ClockView, ...]:
    """List every clock a ticket had, by kind and round."""
    return _clocks([ticket_id]).get(ticket_id, ())


def promised(ticket_id: UUID) -> Promise | None:
    """Tell what is promised on a ticket now, or None if nothing ever was."""
    return promised_many([ticket_id]).get(ticket_id)


def promised_many(ticket_ids: Collection[UUID]) -> dict[UUID, Promise]:
    """Tell what is promised on each of these tickets, in one statement."""
    return {
        ticket_id: _promise({clock.kind: clock for clock in told})
        for ticket_id, told in _clocks(ticket_ids).items()
    }


def next_due(ticket_id: UUID) -> datetime | None:
    """Tell when the next running clock of a ticket is due, or None if none runs."""
    return session.scalar(
        select(func.min(SlaClock.due_at)).where(
            SlaClock.ticket_id == ticket_id,
            SlaClock.met_at.is_(None),
            SlaClock.stopped_at.is_(None),
        )
    )


def _clocks(ticket_ids: Collection[UUID]) -> dict[UUID, tuple[ClockView, ...]]:
    found: dict[UUID, list[ClockView]] = defaultdict(list)
    rows = session.execute(
        select(
            SlaClock.ticket_id,
            SlaClock.kind,
            SlaClock.round,
            SlaClock.token,
            SlaClock.started_at,
            SlaClock.due_at,
            SlaClock.guessed,
            SlaClock.met_at,
            SlaClock.stopped_at,
        )
        .where(SlaClock.ticket_id.in_(ticket_ids))
        .order_by(SlaClock.kind, SlaClock.round)
    )
    for row in rows:
        found[row.ticket_id].append(ClockView(*row[1:]))
    return {ticket_id: tuple(told) for ticket_id, told in found.items()}


def _promise(latest: Mapping[ClockKind, ClockView]) -> Promise:
    years = {
        year
        for clock in latest.values()
        if clock.guessed and clock.running
        for year in calendars().missing_years(clock.started_at, clock.due_at)
    }
    return Promise(
        accept=latest[ClockKind.ACCEPT].due_at,
        respond=latest[ClockKind.RESPOND].due_at,
        resolve=latest[ClockKind.RESOLVE].due_at,
        warnings=warnings(sorted(years)),
    )


def _build() -> _Book:
    days: dict[UUID | None, dict[date, DayKind]] = defaultdict(dict)
    told = session.execute(
        select(WorkdayCalendar.district_id, WorkdayCalendar.date, WorkdayCalendar.kind)
    )
    for district_id, day, kind in told:
        days[district_id][day] = kind
    regimes = _regimes()
    national = Calendars(
        days=days[None],
        known_years=frozenset(day.year for day in days[None]),
        daily=regimes[None, HoursKind.DAILY],
        office=regimes[None, HoursKind.WORKDAY],
    )
    places = {place for place in (*days, *(place for place, _ in regimes)) if place}
    return _Book(
        national=national,
        districts={
            place: replace(
                national,
                days={**national.days, **days[place]},
                daily=_over(national.daily, regimes[place, HoursKind.DAILY]),
                office=_over(national.office, regimes[place, HoursKind.WORKDAY]),
                laid_out={},
            )
            for place in places
        },
    )


def _regimes() -> dict[tuple[UUID | None, HoursKind], tuple[Regime, ...]]:
    spans: dict[tuple[UUID | None, HoursKind], dict[date, list[Span]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for row in session.scalars(select(WorkHours)):
        spans[row.district_id, row.kind][row.valid_from].append(
            Span(row.opens, row.closes, row.weekday)
        )
    found: dict[tuple[UUID | None, HoursKind], tuple[Regime, ...]] = defaultdict(tuple)
    for key, by_date in spans.items():
        found[key] = tuple(Regime(since, tuple(by_date[since])) for since in sorted(by_date))
    return found


def _over(national: tuple[Regime, ...], own: tuple[Regime, ...]) -> tuple[Regime, ...]:
    """Let a district's own hours replace the national ones from their first day on."""
    if not own:
        return national
    return (*(r for r in national if r.valid_from < own[0].valid_from), *own)


_book = stamps.Cached(STAMP, _build)
