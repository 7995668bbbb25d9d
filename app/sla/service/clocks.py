"""Promise due times and keep the clocks of tickets."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update

from app.catalog.rules import WorkCalendar
from app.kernel import clock, stamps
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.sla import queries, rules
from app.sla.models import SlaClock
from app.sla.rules import ClockKind, Promised, PromiseTerms, Token

_CLOCK: Any = SlaClock.__table__
_START = insert(_CLOCK).returning(_CLOCK.c.id)


def promise(
    ticket_id: UUID, terms: PromiseTerms, start: datetime, *, district_id: UUID | None = None
) -> Promised:
    """Promise a ticket's three due times and start their clocks, in one INSERT.

    The ticket row must have been flushed. Computes as :func:`promised`, writes as
    :func:`record`.
    """
    made = promised(terms, start, district_id=district_id)
    record(ticket_id, made)
    return made


def promised(terms: PromiseTerms, start: datetime, *, district_id: UUID | None = None) -> Promised:
    """Compute the three due times by the district's calendar; write nothing."""
    return rules.promise(terms, start, queries.calendars(district_id))


def record(ticket_id: UUID, made: Promised) -> None:
    """Start the three clocks of a ticket that has none yet, in one INSERT."""
    version = stamps.version(queries.STAMP)
    rows = [
        {
            "id": new_id(),
            "ticket_id": ticket_id,
            "kind": kind,
            "round": 1,
            "token": str(made.terms.token(kind)),
            "calendar": WorkCalendar(made.terms.calendar),
            "policy_version": made.terms.policy_version,
            "calendar_version": version,
            "started_at": made.start,
            "due_at": made.due_at(kind),
            "guessed": kind in made.guessed,
        }
        for kind in ClockKind
    ]
    # Rows beside the statement, and RETURNING: so it is compiled once and sent as one.
    session.connection().execute(_START, rows)


def meet(ticket_id: UUID, kind: ClockKind, at: datetime) -> bool:
    """Stop a clock because the promised act was done; False if it was not running."""
    return _end(ticket_id, [kind], met_at=at)


def stop(ticket_id: UUID, at: datetime, kinds: Collection[ClockKind] = tuple(ClockKind)) -> bool:
    """Stop clocks without the act: withdrawn, merged, declined, split; False if none ran."""
    return _end(ticket_id, kinds, stopped_at=at)


def restart(
    ticket_id: UUID,
    kind: ClockKind,
    *,
    start: datetime,
    token: str,
    due: datetime | None = None,
    percent: int = 100,
    district_id: UUID | None = None,
    policy_version: int | None = None,
) -> datetime:
    """Open the next round of a clock and tell its due time.

    A clock still running is stopped now. ``due`` is taken as given, else computed;
    ``percent`` of the running time is allowed (a rework has half, domain.md D2,
    step 16). Calendar and policy version stay those of the last round unless given.

    Raises:
        NotFound: the ticket never had such a clock.

    """
    last = session.execute(
        select(SlaClock.round, SlaClock.calendar, SlaClock.policy_version)
        .where(SlaClock.ticket_id == ticket_id, SlaClock.kind == kind)
        .order_by(SlaClock.round.desc())
        .limit(1)
    ).one_or_none()
    if last is None:
        raise NotFound
    _end(ticket_id, [kind], stopped_at=clock.now())
    calendars, length = queries.calendars(district_id), Token.parse(token)
    due_at = due or rules.due(start, length, calendars)
    if due is None and percent != 100:
        due_at = rules.share_of(start, due_at, percent, length.unit, calendars)
    made = SlaClock(
        ticket_id=ticket_id,
        kind=kind,
        round=last.round + 1,
        token=token,
        calendar=last.calendar,
        policy_version=policy_version or last.policy_version,
        calendar_version=stamps.version(queries.STAMP),
        started_at=start,
        due_at=due_at,
        guessed=rules.is_guess(start, due_at, length, calendars),
    )
    session.add(made)
    session.flush()
    return due_at


def _end(ticket_id: UUID, kinds: Collection[ClockKind], **ending: datetime) -> bool:
    ended = session.execute(
        update(SlaClock)
        .where(
            SlaClock.ticket_id == ticket_id,
            SlaClock.kind.in_(kinds),
            SlaClock.met_at.is_(None),
            SlaClock.stopped_at.is_(None),
        )
        .values(**ending)
        .returning(SlaClock.id)
        .execution_options(synchronize_session=False)
    )
    return bool(ended.all())
