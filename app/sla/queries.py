"""Read calendars (cached in the process) and the clocks of tickets."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from app.kernel import stamps
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.sla.book import Book, book_of
from app.sla.clocks import Clock
from app.sla.models import CalendarEdition, SlaBreach, SlaClock
from app.sla.rules import LOOK_AHEAD, WARN_PERCENT, Calendars, warnings

STAMP = "calendar"

OLDER_KEPT = 8
"""Past states at hand in a process: a replay asks for a few, again and again."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The newest book, and a way to older ones; both go when the stamp changes."""

    newest: Book
    older: Callable[[int], Book]


def calendars(district_id: UUID | None = None, edition: int | None = None) -> Calendars:
    """Hand out the calendars that hold in a district, or held at an edition.

    Raises:
        NotFound: there is no such edition yet.

    """
    shelf = _shelf.get()
    if edition is None or edition == shelf.newest.edition:
        return shelf.newest.of(district_id)
    if not 0 <= edition < shelf.newest.edition:
        raise NotFound
    return shelf.older(edition).of(district_id)


def edition() -> int:
    """Name the newest edition of the calendar; 0 if nothing was ever entered."""
    return _shelf.get().newest.edition


def calendar_warnings(now: datetime, district_id: UUID | None = None) -> list[str]:
    """Say in Chinese which years promises made now may reach and nobody has entered."""
    return list(warnings(calendars(district_id).missing_years(now, now + LOOK_AHEAD)))


def known_years() -> frozenset[int]:
    """List the years whose national holidays are entered."""
    return _shelf.get().newest.national.known_years


def clocks(ticket_id: UUID) -> tuple[Clock, ...]:
    """List every clock a ticket had, by kind and round."""
    return tuple(clock_of(row) for row in clock_rows(ticket_id))


def clock_rows(ticket_id: UUID) -> Sequence[SlaClock]:
    """List the rows of a ticket's clocks, by kind and round; for those who write them."""
    return session.scalars(
        select(SlaClock)
        .where(SlaClock.ticket_id == ticket_id)
        .order_by(SlaClock.kind, SlaClock.round)
    ).all()


def clocks_of_many(ticket_ids: Collection[UUID]) -> dict[UUID, list[SlaClock]]:
    """List the rows of many tickets' clocks in one statement, by kind and round."""
    found: dict[UUID, list[SlaClock]] = defaultdict(list)
    rows = session.scalars(
        select(SlaClock)
        .where(SlaClock.ticket_id.in_(ticket_ids))
        .order_by(SlaClock.kind, SlaClock.round)
    )
    for row in rows:
        found[row.ticket_id].append(row)
    return found


def clock_of(row: SlaClock) -> Clock:
    """Read a row as the clock it keeps."""
    return Clock(
        kind=row.kind,
        round=row.round,
        tier=row.tier,
        token=row.token,
        percent=row.percent,
        calendar=row.calendar.value,
        policy_version=row.policy_version,
        edition=row.calendar_version,
        started_at=row.started_at,
        amendments=tuple(tuple(one) for one in row.amendments),
        due_at=row.due_at,
        warn_at=row.warn_at,
        warn_percent=row.warn_percent or WARN_PERCENT,
        paused=row.paused,
        met_at=row.met_at,
        stopped_at=row.stopped_at,
        used=None if row.used_s is None else timedelta(seconds=row.used_s),
    )


def breaches(ticket_id: UUID) -> Sequence[SlaBreach]:
    """List the broken promises of a ticket, the oldest first."""
    return session.scalars(
        select(SlaBreach).where(SlaBreach.ticket_id == ticket_id).order_by(SlaBreach.due_at)
    ).all()


def count_breaches(ticket_ids: Select[Any], since: datetime) -> int:
    """Count the broken promises of some tickets that were noted since a moment."""
    query = select(func.count()).where(
        SlaBreach.ticket_id.in_(ticket_ids), SlaBreach.noted_at >= since
    )
    return session.scalar(query) or 0


def _stock() -> _Shelf:
    # The number first: whatever commits between this statement and those of the book
    # has a higher one and stays out, so the book is exactly what its number says.
    number = session.scalar(select(func.max(CalendarEdition.number))) or 0
    return _Shelf(newest=book_of(number), older=lru_cache(OLDER_KEPT)(book_of))


_shelf = stamps.Cached(STAMP, _stock)
