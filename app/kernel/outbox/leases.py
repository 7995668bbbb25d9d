"""Leases: who runs a delivery, until when, and how its end is fenced.

A claim has a random id. Whatever ends a delivery names claim and attempt, so
an end that comes late (the lease ran out and another took the row) changes
nothing. With ``work=True`` the row is finished *first* and the listener runs
in the same transaction: the row lock keeps every other worker away until the
commit, and a lost lease is noticed before there is any effect to undo.
"""

import random
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.sql import ColumnElement

from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import SandanError
from app.kernel.ids import new_id
from app.kernel.outbox import rules
from app.kernel.outbox.events import Event, decode
from app.kernel.outbox.models import Lane, OutboxDelivery, OutboxEvent
from app.kernel.outbox.queries import is_free, is_open
from app.kernel.outbox.rules import Listener, Listeners
from app.kernel.work import unit_of_work

_log = structlog.get_logger("sandan.outbox")

D = OutboxDelivery
_UNTRACKED = {"synchronize_session": False}
SEND_MARGIN_S = 15
"""Longer than a settle may wait for its turn (SQLite: 10 s), or what was sent is sent again."""

Bound = Callable[[float], AbstractContextManager[Any]]
"""Makes a context that raises :class:`TimeUp` after so many seconds."""


class LeaseLost(Exception):
    """The row is no longer ours; whatever we did about it must not count."""


class WorkerDied(Exception):
    """The last worker that took the row never came back."""


class TimeUp(BaseException):
    """A listener took longer than it may; no ``except Exception`` holds it."""


class Outcome(StrEnum):
    """How one delivery ended."""

    DONE = "done"
    AGAIN = "again"
    DEAD = "dead"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one delivery for a while."""

    id: UUID
    claimed_by: UUID
    attempts: int
    event_id: UUID
    topic: str
    listener: str
    payload: dict[str, Any]
    recorded_at: datetime

    @property
    def event(self) -> Event:
        """Read the event."""
        return decode(
            self.topic, self.payload, event_id=self.event_id, occurred_at=self.recorded_at
        )


def claim(queue: Lane, *, limit: int, lease_s: float, tried: bool = False) -> Sequence[Lease]:
    """Lease up to ``limit`` due rows of ``queue``, in a unit of its own.

    ``tried`` rows were claimed before: take those one at a time.
    """
    now, claimed_by = clock.now(), new_id()
    ready = (
        select(D.id)
        .where(is_open(), D.queue == queue, D.tried.is_(tried), D.due_at <= now, is_free(now))
        .order_by(D.due_at, D.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("ready")
    )
    take = (
        update(D)
        .where(D.id.in_(select(ready.c.id)))
        .values(
            claimed_by=claimed_by,
            claimed_until=now + timedelta(seconds=lease_s),
            attempts=D.attempts + 1,
            tried=True,
        )
        .returning(D.id)
    )
    with unit_of_work():
        ids = session.scalars(take, execution_options=_UNTRACKED).all()
        return _leases(ids) if ids else ()


def _leases(ids: Sequence[UUID]) -> Sequence[Lease]:
    rows = select(
        D.id,
        D.claimed_by,
        D.attempts,
        D.event_id,
        D.topic,
        D.listener,
        OutboxEvent.payload,
        OutboxEvent.recorded_at,
    ).join(OutboxEvent, OutboxEvent.id == D.event_id)
    found = session.execute(rows.where(D.id.in_(ids)).order_by(D.due_at, D.id))
    return [Lease(*row) for row in found]


def deliver(lease: Lease, listeners: Listeners, *, bound: Bound = nullcontext) -> Outcome:
    """Run the listener of ``lease`` and settle the row, in units of its own.

    Raises nothing of the listener's; what the database itself refuses goes up.
    """
    listener = _listener(lease, listeners)
    try:
        if listener is None:
            raise LookupError(f"nobody is called {lease.listener}")
        if lease.attempts > listener.max_attempts:
            raise WorkerDied
        with bound(listener.timeout_s):
            _run(lease, listener)
    except LeaseLost:
        _log.warning("late_finish_refused", **_facts(lease))
        return Outcome.LOST
    except (Exception, SystemExit, TimeUp) as error:
        return _failed(lease, listener, error)
    finally:
        session.remove()
    return Outcome.DONE


def _listener(lease: Lease, listeners: Listeners) -> Listener | None:
    heard = listeners.get(lease.topic, ())
    return next((each for each in heard if each.name == lease.listener), None)


def _run(lease: Lease, listener: Listener) -> None:
    event = lease.event
    if listener.work:
        with unit_of_work():
            _finish(lease)
            listener.handle(event)
        return
    with unit_of_work():
        _renew(lease, listener.timeout_s + SEND_MARGIN_S)
    listener.handle(event)
    with unit_of_work():
        _finish(lease)


def _finish(lease: Lease) -> None:
    """Say that the delivery is done, if it is still ours."""
    _settle(lease, done_at=clock.now(), claimed_by=None, claimed_until=None, error=None)


def _renew(lease: Lease, lease_s: float) -> None:
    _settle(lease, claimed_until=clock.now() + timedelta(seconds=lease_s))


def _failed(lease: Lease, listener: Listener | None, error: BaseException) -> Outcome:
    """Send the row to wait, or to the dead letters, if it is still ours."""
    now = clock.now()
    limits = listener or Listener(name=lease.listener, handle=_nobody)
    is_last = lease.attempts >= limits.max_attempts
    pause = rules.wait(lease.attempts, limits.first_wait_s, random.random())  # noqa: S311
    later = {"dead_at": now} if is_last else {"due_at": now + pause}
    try:
        with unit_of_work():
            _settle(lease, claimed_by=None, claimed_until=None, error=describe(error), **later)
    except LeaseLost:
        return Outcome.LOST
    say = _log.error if is_last else _log.warning
    say("delivery_dead" if is_last else "delivery_failed", error=describe(error), **_facts(lease))
    return Outcome.DEAD if is_last else Outcome.AGAIN


def _nobody(event: Event) -> None:
    """Stand in for a listener that is not wired here."""


def _settle(lease: Lease, **values: Any) -> None:
    changed = session.scalar(
        update(D).where(*_fence(lease)).values(**values).returning(D.id),
        execution_options=_UNTRACKED,
    )
    if changed is None:
        raise LeaseLost


def _fence(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        D.id == lease.id,
        D.claimed_by == lease.claimed_by,
        D.attempts == lease.attempts,
        is_open(),
    )


def release(leases: Sequence[Lease]) -> None:
    """Give back leases that were never started, as if they had not been claimed."""
    if not leases:
        return
    with unit_of_work():
        session.execute(
            update(D)
            .where(
                D.id.in_([lease.id for lease in leases]),
                D.claimed_by == leases[0].claimed_by,
                is_open(),
            )
            .values(
                claimed_by=None,
                claimed_until=None,
                attempts=D.attempts - 1,
                tried=D.attempts > 1,
            ),
            execution_options=_UNTRACKED,
        )


def describe(error: BaseException) -> str:
    """Name an error and where it arose; its message may hold personal data and stays out."""
    name = type(error).__name__
    if isinstance(error, SandanError):
        return f"{name}: {error.code}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    if not own:
        return name
    last = own[-1]
    return f"{name}: {last.filename.rpartition('/')[2]}:{last.lineno} {last.name}"


def _facts(lease: Lease) -> dict[str, str]:
    return {"delivery": str(lease.id), "topic": lease.topic, "listener": lease.listener}
