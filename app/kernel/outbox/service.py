"""Write events down, hand them to their listeners, forget what is long done."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.appending import append
from app.kernel.db import db, session
from app.kernel.errors import NotFound
from app.kernel.ids import new_id
from app.kernel.outbox.events import Event, decode, encode
from app.kernel.outbox.models import Lane, OutboxDelivery, OutboxEvent
from app.kernel.outbox.rules import Listener, Listeners
from app.kernel.work import NEWS, in_unit, unit_of_work

_UNTRACKED = {"synchronize_session": False}


_untold: ContextVar[bool] = ContextVar("events_untold", default=False)


@contextmanager
def untold() -> Iterator[None]:
    """Record no events in this block: a past told afterwards (the demo) is no news.

    Whoever tells it does itself what the listeners would have done.
    """
    token = _untold.set(True)
    try:
        yield
    finally:
        _untold.reset(token)


def record(event: Event, *, due: datetime | None = None) -> None:
    """Write ``event`` down in this unit of work; its listeners run from ``due`` on.

    Within :func:`untold` nothing is written.

    Raises:
        RuntimeError: no unit of work is open.
        TypeError: a field does not belong into an event.

    """
    if not in_unit():
        raise RuntimeError("an event is recorded inside a unit of work")
    if _untold.get():
        return
    now = clock.now()
    append(
        OutboxEvent(
            id=event.event_id,
            topic=event.topic,
            payload=encode(event),
            recorded_at=event.occurred_at,
            due_at=due or now,
        )
    )
    if due is None or due <= now:
        session.info[NEWS] = True


@dataclass(frozen=True, slots=True)
class Fanned:
    """How many events were handed on, to which lanes, and whether more may wait."""

    events: int
    lanes: frozenset[Lane]
    more: bool = False


def fan_out(listeners: Listeners, *, limit: int = 200) -> Fanned:
    """Make the deliveries of up to ``limit`` new events, in a unit of its own.

    Safe to run twice and at the same time.
    """
    if not session.scalar(select(exists().where(OutboxEvent.fanned_at.is_(None)))):
        return Fanned(0, frozenset())
    with unit_of_work():
        events = _take(limit)
        rows = [
            _delivery(row.id, row.topic, row.due_at, listener.name, listener.queue)
            for row in events
            for listener in listeners.get(row.topic, ())
            if _is_wanted(listener, row)
        ]
        if rows:
            maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
            insert = maker.insert(OutboxDelivery)
            session.execute(
                insert.on_conflict_do_nothing(index_elements=["event_id", "listener"]), rows
            )
    return Fanned(len(events), frozenset(row["queue"] for row in rows), more=len(events) >= limit)


def _take(limit: int) -> Sequence[Any]:
    """Mark up to ``limit`` new events as handed on; name them, oldest first, in one statement."""
    fresh = (
        select(OutboxEvent.id)
        .where(OutboxEvent.fanned_at.is_(None))
        .order_by(OutboxEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("fresh")
    )
    take = (
        update(OutboxEvent)
        .where(OutboxEvent.id.in_(select(fresh.c.id)))
        .values(fanned_at=clock.now())
        .returning(
            OutboxEvent.id,
            OutboxEvent.topic,
            OutboxEvent.due_at,
            OutboxEvent.payload,
            OutboxEvent.recorded_at,
        )
    )
    taken = session.execute(take, execution_options=_UNTRACKED).all()
    return sorted(taken, key=lambda row: row.id)


def _is_wanted(listener: Listener, row: Any) -> bool:
    """Ask the listener; what cannot be asked is delivered, to fail where it is seen."""
    if listener.wants is None:
        return True
    try:
        event = decode(row.topic, row.payload, event_id=row.id, occurred_at=row.recorded_at)
        return listener.wants(event)
    except Exception:
        return True


def _delivery(
    event_id: UUID, topic: str, due_at: datetime, listener: str, queue: Lane
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "event_id": event_id,
        "topic": topic,
        "listener": listener,
        "queue": queue,
        "due_at": due_at,
        "tried": False,
        "attempts": 0,
    }


def requeue(delivery_id: UUID) -> None:
    """Give a dead letter its attempts again.

    Raises:
        NotFound: no dead letter has this id.

    """
    revived = session.scalar(
        update(OutboxDelivery)
        .where(OutboxDelivery.id == delivery_id, OutboxDelivery.dead_at.is_not(None))
        .values(dead_at=None, attempts=0, due_at=clock.now(), error=None)
        .returning(OutboxDelivery.id),
        execution_options=_UNTRACKED,
    )
    if revived is None:
        raise NotFound
    session.info[NEWS] = True


def purge(before: datetime, *, limit: int = 500) -> int:
    """Forget up to ``limit`` events recorded before ``before`` whose deliveries are all done.

    Dead letters stay until somebody looks at them.
    """
    unfinished = exists().where(
        OutboxDelivery.event_id == OutboxEvent.id, OutboxDelivery.done_at.is_(None)
    )
    old = (
        select(OutboxEvent.id)
        .where(
            OutboxEvent.recorded_at < before,
            OutboxEvent.fanned_at.is_not(None),
            ~unfinished,
        )
        .limit(limit)
    )
    ids = session.scalars(old).all()
    if ids:
        for statement in (
            delete(OutboxDelivery).where(OutboxDelivery.event_id.in_(ids)),
            delete(OutboxEvent).where(OutboxEvent.id.in_(ids)),
        ):
            session.execute(statement, execution_options=_UNTRACKED)
    return len(ids)
