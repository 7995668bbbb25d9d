"""What this room owes itself: a message that is due."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class MessageDue(outbox.Event):
    """A message is to be sent from now on."""

    topic: ClassVar[str] = "notifications.message_due"

    message_id: UUID
