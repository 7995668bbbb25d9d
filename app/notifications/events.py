"""What this room owes itself: a message that is due, a line for the group of the staff."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class MessageDue(outbox.Event):
    """A message is to be sent from now on."""

    topic: ClassVar[str] = "notifications.message_due"

    message_id: UUID


@dataclass(frozen=True, slots=True)
class GroupNews(outbox.Event):
    """The robot in the group of the staff has something to say: counts, and no more."""

    topic: ClassVar[str] = "notifications.group_news"

    words: str
