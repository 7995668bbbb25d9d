"""What going up tells: who has come in, and from when people may be told of it."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class TicketEscalated(outbox.Event):
    """A tier came in. ``tell_at`` (ISO): working hours, at once for what is urgent."""

    topic: ClassVar[str] = "ticket.escalated"

    ticket_id: UUID
    tier: int
    node_id: UUID
    cause: str
    effects: str
    tell_at: str


@dataclass(frozen=True, slots=True)
class ClimbBlocked(outbox.Event):
    """A late ticket should go up and cannot: it stands in the exception queue from now on."""

    topic: ClassVar[str] = "escalation.climb_blocked"

    ticket_id: UUID
    tier: int
    reason: str


@dataclass(frozen=True, slots=True)
class DutyCalled(outbox.Event):
    """Somebody on duty is to be reached at once: message, SMS and a call list."""

    topic: ClassVar[str] = "escalation.duty_called"

    ticket_id: UUID
    person_id: UUID
    position: int


@dataclass(frozen=True, slots=True)
class PackageDue(outbox.Event):
    """A package is to go to the district's platform."""

    topic: ClassVar[str] = "escalation.package_due"

    package_id: UUID


@dataclass(frozen=True, slots=True)
class LadderChanged(outbox.Event):
    """How long tiers have was set anew: what runs at a tier is to be counted anew."""

    topic: ClassVar[str] = "escalation.ladder_changed"

    rungs: int
