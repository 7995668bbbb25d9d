"""Read one edition of the calendar from its rows: the days and hours of every place.

Apart from ``queries`` because it knows rows of days and hours, and nothing of clocks.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import session
from app.sla.calendars import DayKind, HoursKind, Regime, Span
from app.sla.models import WorkdayCalendar, WorkHours
from app.sla.rules import Calendars


@dataclass(frozen=True, slots=True)
class Book:
    """The calendars of the nation and of each district that differs, at one edition."""

    edition: int
    national: Calendars
    districts: Mapping[UUID, Calendars]

    def of(self, district_id: UUID | None) -> Calendars:
        """Hand out the calendars that hold in a district."""
        return self.districts.get(district_id, self.national) if district_id else self.national


def book_of(edition: int) -> Book:
    """Read the calendars as they stood at an edition, in two statements."""
    days, regimes = _days(edition), _regimes(edition)
    national = Calendars(
        days=days[None],
        known_years=frozenset(day.year for day in days[None]),
        daily=regimes[None, HoursKind.DAILY],
        office=regimes[None, HoursKind.WORKDAY],
        edition=edition,
    )
    places = {place for place in (*days, *(place for place, _ in regimes)) if place}
    return Book(
        edition=edition,
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


def _days(edition: int) -> dict[UUID | None, dict[date, DayKind]]:
    """Read the special days of each place; of several rows of a day the newest stays."""
    days: dict[UUID | None, dict[date, DayKind]] = defaultdict(dict)
    told = session.execute(
        select(WorkdayCalendar.district_id, WorkdayCalendar.date, WorkdayCalendar.kind)
        .where(WorkdayCalendar.edition <= edition)
        .order_by(WorkdayCalendar.edition)
    )
    for district_id, day, kind in told:
        days[district_id][day] = kind
    return days


def _regimes(edition: int) -> dict[tuple[UUID | None, HoursKind], tuple[Regime, ...]]:
    """Read the hours of each place; of several regimes of a day the newest stays whole."""
    spans: dict[tuple[UUID | None, HoursKind], dict[date, dict[int, list[Span]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    told = session.scalars(
        select(WorkHours)
        .where(WorkHours.edition <= edition)
        .order_by(WorkHours.edition, WorkHours.id)
    )
    for row in told:
        spans[row.district_id, row.kind][row.valid_from][row.edition].append(
            Span(row.opens, row.closes, row.weekday)
        )
    found: dict[tuple[UUID | None, HoursKind], tuple[Regime, ...]] = defaultdict(tuple)
    for key, by_date in spans.items():
        found[key] = tuple(
            Regime(since, tuple(by_date[since][max(by_date[since])])) for since in sorted(by_date)
        )
    return found


def _over(national: tuple[Regime, ...], own: tuple[Regime, ...]) -> tuple[Regime, ...]:
    """Let a district's own hours replace the national ones from their first day on."""
    if not own:
        return national
    return (*(r for r in national if r.valid_from < own[0].valid_from), *own)
