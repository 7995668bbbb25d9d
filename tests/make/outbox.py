"""Events, listeners and effects for tests of the outbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import func, select

from app.kernel import audit, outbox
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.outbox import Event, Lane, Listener, Listeners
from app.kernel.work import unit_of_work
from workers.drain import Wiring
from workers.timetable import Timed


@dataclass(frozen=True, slots=True)
class Happened(Event):
    topic: ClassVar[str] = "test.happened"

    number: int


@dataclass(frozen=True, slots=True)
class Unheard(Event):
    topic: ClassVar[str] = "test.unheard"


def record(count: int = 1, *, first: int = 0, due: datetime | None = None) -> list[Happened]:
    """Record ``count`` events in one unit of work."""
    events = [Happened(number=first + index) for index in range(count)]
    with unit_of_work():
        for event in events:
            outbox.record(event, due=due)
    return events


def leave_a_mark(event: Happened) -> None:
    """Have an effect: one audit row for the event."""
    audit.record(SYSTEM, "heard", "event", event.event_id, number=event.number)


def leave_a_mark_outside(event: Happened) -> None:
    """Have an effect in a unit of one's own."""
    with unit_of_work():
        leave_a_mark(event)


def marks() -> dict[UUID, int]:
    """Count the effects of each event."""
    rows = select(audit.AuditEntry.subject_id, func.count()).group_by(audit.AuditEntry.subject_id)
    found = dict(session.execute(rows).all())
    session.rollback()
    return {event_id: count for event_id, count in found.items() if event_id}


def heard_by(*listeners: Listener) -> Listeners:
    """Wire listeners to Happened."""
    return outbox.listen([(Happened, listener) for listener in listeners])


def listener(
    handle: Callable[[Any], None] = leave_a_mark, *, name: str = "marker", **facts: Any
) -> Listener:
    return Listener(name=name, handle=handle, **facts)


def wiring(*listeners: Listener, timetable: tuple[Timed, ...] = (), **facts: Any) -> Wiring:
    return Wiring(listeners=heard_by(*listeners), timetable=timetable, **facts)


def claim_one(
    lane: Lane = Lane.SHORT, *, tried: bool = False, lease_s: float = 60
) -> outbox.Lease | None:
    found = outbox.claim(lane, limit=1, lease_s=lease_s, tried=tried)
    return found[0] if found else None


def deliveries() -> list[outbox.OutboxDelivery]:
    """Read every delivery afresh, oldest first."""
    session.rollback()
    session.expire_all()
    rows = select(outbox.OutboxDelivery).order_by(outbox.OutboxDelivery.id)
    found = list(session.scalars(rows).all())
    session.rollback()
    return found
