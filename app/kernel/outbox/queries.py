"""What is owed, what is stuck and what is dead."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.sql import ColumnElement

from app.kernel import clock, paging
from app.kernel.db import session
from app.kernel.outbox.models import Lane, OutboxDelivery, OutboxEvent

D = OutboxDelivery


@dataclass(frozen=True, slots=True)
class Backlog:
    """Counts for the metrics page."""

    unfanned: int
    ready: int
    later: int
    claimed: int
    dead: int
    oldest_due_at: datetime | None
    """Of the rows that could run now and the events not yet fanned out: the queue's age."""


def is_open() -> ColumnElement[bool]:
    """Name the rows still owed, in the words of the partial index."""
    return and_(D.done_at.is_(None), D.dead_at.is_(None))


def is_free(now: datetime) -> ColumnElement[bool]:
    """Name the rows nobody holds a living lease on."""
    return or_(D.claimed_until.is_(None), D.claimed_until < now)


def is_owed(queue: Lane) -> bool:
    """Tell whether something waits: an event to fan out, or a row of ``queue`` to run."""
    unfanned = select(OutboxEvent.id).where(OutboxEvent.fanned_at.is_(None)).exists()
    return bool(session.scalar(select(or_(unfanned, *_ready(queue)))))


def is_ready(queue: Lane) -> bool:
    """Tell whether a row of ``queue`` could be run now."""
    return bool(session.scalar(select(or_(*_ready(queue)))))


def _ready(queue: Lane) -> list[ColumnElement[bool]]:
    now = clock.now()
    return [
        select(D.id)
        .where(is_open(), D.queue == queue, D.tried.is_(tried), D.due_at <= now, is_free(now))
        .exists()
        for tried in (False, True)
    ]


def backlog() -> Backlog:
    """Count what is owed."""
    now = clock.now()
    ready = and_(D.due_at <= now, is_free(now))
    held = D.claimed_until >= now
    rows = session.execute(
        select(
            func.count(case((ready, 1))),
            func.count(case((and_(D.due_at > now, is_free(now)), 1))),
            func.count(case((held, 1))),
            func.min(case((ready, D.due_at))),
        ).where(is_open())
    ).one()
    events = session.execute(
        select(func.count(), func.min(OutboxEvent.due_at)).where(OutboxEvent.fanned_at.is_(None))
    ).one()
    dead = session.scalar(select(func.count()).where(D.dead_at.is_not(None)))
    waiting = [at for at in (rows[3], events[1]) if at and at <= now]
    return Backlog(
        unfanned=events[0],
        ready=rows[0],
        later=rows[1],
        claimed=rows[2],
        dead=dead or 0,
        oldest_due_at=min(waiting, default=None),
    )


def dead_letters(
    *, cursor: str | None = None, limit: int = paging.DEFAULT_PAGE
) -> paging.Page[OutboxDelivery]:
    """List deliveries that were given up, oldest first."""
    return paging.fetch(
        select(D).where(D.dead_at.is_not(None)),
        keys=(D.dead_at.expression, D.id.expression),
        key_of=_place,
        cursor=cursor,
        limit=limit,
    )


def _place(row: OutboxDelivery) -> tuple[datetime | None, UUID]:
    return row.dead_at, row.id
