"""Promise due times and keep the clocks of tickets."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from app.catalog import queries as catalog
from app.catalog.rules import WorkCalendar
from app.kernel.appending import append
from app.kernel.db import session
from app.kernel.ids import new_id
from app.sla import clocks, ops, queries, rules
from app.sla.clocks import Clock
from app.sla.models import SlaBreach, SlaClock
from app.sla.ops import Op
from app.sla.rules import ClockKind, Promised, PromiseTerms, Token

_CLOCK: Any = SlaClock.__table__
_START = insert(_CLOCK).returning(_CLOCK.c.id)


_JUST_AFTER = timedelta(microseconds=1)
HolderAt = Callable[[datetime], UUID | None]
"""Tells which organisation led a ticket at a moment: a breach is its, whoever leads now."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a ticket's clocks stand after an act: the newest round of each kind."""

    clocks: Mapping[ClockKind, Clock]
    look_at: datetime | None
    """When the next running clock has something to say; None if none will."""
    due_soon: bool
    broken: int
    """How many promises were found broken by this act."""

    @property
    def due_columns(self) -> dict[str, datetime | None]:
        """Name the ticket's due columns; a tier or an answer is owed only while it runs."""
        told: dict[str, datetime | None] = {}
        for kind in ClockKind:
            clock = self.clocks.get(kind)
            owed = clock is not None and (kind in rules.PROMISES or clock.running)
            told[f"{kind.value}_due_at"] = clock.due_at if clock and owed else None
        return told


def promised(
    terms: PromiseTerms,
    start: datetime,
    *,
    district_id: UUID | None = None,
    resolve_start: datetime | None = None,
) -> Promised:
    """Compute the three due times by the district's calendar; write nothing.

    ``resolve_start`` is given for a part of an older whole.
    """
    return rules.promise(
        terms,
        start,
        queries.calendars(district_id),
        resolve_start=resolve_start,
        warn_percent=catalog.limits(district_id, start).due_soon_percent,
    )


def openings(made: Promised) -> list[Op]:
    """Write what the first step of a ticket says of its clocks."""
    return ops.starts(made)


def first_look(made: Promised) -> datetime:
    """Tell when the first of three fresh clocks becomes due soon."""
    return min(made.warned_from.values())


def record(ticket_id: UUID, made: Promised) -> None:
    """Start the three clocks of a ticket that has none yet, in one INSERT.

    Writes the rows that folding :func:`openings` gives.
    """
    rows = [
        {
            "id": new_id(),
            "ticket_id": ticket_id,
            "kind": kind,
            "round": 1,
            "tier": 0,
            "percent": 100,
            "amendments": [],
            "paused": False,
            "token": str(made.terms.token(kind)),
            "calendar": WorkCalendar(made.terms.calendar),
            "policy_version": made.terms.policy_version,
            "calendar_version": made.edition,
            "started_at": made.start_of(kind),
            "due_at": made.due_at(kind),
            "warn_at": made.warned_from[kind],
            "warn_percent": made.warn_percent,
            "guessed": kind in made.guessed,
        }
        for kind in rules.PROMISES
    ]
    # Rows beside the statement, and RETURNING: so it is compiled once and sent as one.
    session.connection().execute(_START, rows)


def keep(
    ticket_id: UUID,
    acts: Sequence[Op],
    at: datetime,
    *,
    district_id: UUID | None,
    holder_at: HolderAt,
) -> Kept:
    """Let an act happen to a ticket's clocks and write how they stand.

    The caller holds the ticket's row and writes ``acts`` into the step of the act.
    A clock that ends late leaves its breach, charged to who led when its time ran out.
    """
    rows = queries.clock_rows(ticket_id)
    before = {(row.kind, row.round): row for row in rows}
    folded = clocks.fold(
        [queries.clock_of(row) for row in rows],
        acts,
        at,
        lambda edition: queries.calendars(district_id, edition),
    )
    broken = 0
    for clock in folded:
        row = before.get((clock.kind, clock.round))
        if row is None:
            row = SlaClock(id=new_id(), ticket_id=ticket_id, kind=clock.kind, round=clock.round)
            session.add(row)
            before[clock.kind, clock.round] = row
        _write(row, clock)
        # By its own edition: what was entered since made no better guess of this due time.
        known = queries.calendars(district_id, clock.edition)
        row.guessed = rules.is_guess(
            clock.started_at, clock.due_at, Token.parse(clock.token), known
        )
        if clock.late:
            broken += _note_breach(row, at, holder_at)
    return _kept(clocks.latest(folded), before.values(), broken)


def note(ticket_id: UUID, at: datetime, *, holder_at: HolderAt) -> tuple[list[Clock], Kept]:
    """Note what running clocks have to say by now: due soon, or broken.

    Tells the clocks newly broken, and how all stand. Noting twice notes once.
    """
    rows = queries.clock_rows(ticket_id)
    broken = []
    for row in filter(_has_more_to_say, rows):
        if row.due_at < at:
            _note_breach(row, at, holder_at)
            broken.append(queries.clock_of(row))
        elif row.warn_at <= at and not _warned(row):
            row.warned_at = at
    newest = clocks.latest(queries.clock_of(row) for row in rows)
    return broken, _kept(newest, rows, len(broken))


def _has_more_to_say(row: SlaClock) -> bool:
    """Tell whether a clock runs, is not standing still, and was not broken already."""
    ended = row.met_at is not None or row.stopped_at is not None
    return not ended and not row.paused and row.breached_at is None


def _warned(row: SlaClock) -> bool:
    """Tell whether the warning was noted; what puts the warning off takes an early one back."""
    return row.warned_at is not None and row.warned_at >= row.warn_at


def _note_breach(row: SlaClock, at: datetime, holder_at: HolderAt) -> bool:
    if row.breached_at is not None:
        return False
    row.breached_at = row.due_at
    append(
        SlaBreach(
            id=new_id(),
            ticket_id=row.ticket_id,
            kind=row.kind,
            round=row.round,
            tier=row.tier,
            due_at=row.due_at,
            noted_at=at,
            holder_id=holder_at(row.due_at),
        )
    )
    return True


def _kept(newest: Mapping[ClockKind, Clock], rows: Collection[SlaClock], broken: int) -> Kept:
    live = list(filter(_has_more_to_say, rows))
    return Kept(newest, _look_at(live), any(map(_warned, live)), broken)


def _write(row: SlaClock, clock: Clock) -> None:
    row.tier, row.percent = clock.tier, clock.percent
    row.token, row.calendar = clock.token, WorkCalendar(clock.calendar)
    row.policy_version, row.calendar_version = clock.policy_version, clock.edition
    row.started_at, row.due_at, row.warn_at = clock.started_at, clock.due_at, clock.warn_at
    row.warn_percent = clock.warn_percent
    amendments = [list(one) for one in clock.amendments]
    if row.amendments != amendments:
        row.amendments = amendments
    row.paused, row.met_at, row.stopped_at = clock.paused, clock.met_at, clock.stopped_at
    row.used_s = None if clock.used is None else round(clock.used.total_seconds())


def _look_at(live: Sequence[SlaClock]) -> datetime | None:
    """Tell when one of these running clocks becomes due soon or, warned already, is broken.

    At its due time a promise is still kept: broken it is just after.
    """
    moments = [
        row.due_at + _JUST_AFTER if _warned(row) or row.warn_at >= row.due_at else row.warn_at
        for row in live
    ]
    return min(moments, default=None)
