"""What the ticket tells upward: one event for each step of its history."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class TicketMoved(outbox.Event):
    """A step was taken; listeners look at ``action``, ``state`` and ``urgency``."""

    topic: ClassVar[str] = "ticket.moved"

    ticket_id: UUID
    step_id: UUID
    seq: int
    action: str
    state: str
    urgency: str = ""
