"""What moderation tells itself: a look is due."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class CheckDue(outbox.Event):
    """Something is to be asked about, now or at the time the event is due."""

    topic: ClassVar[str] = "moderation.check_due"

    check_id: UUID
