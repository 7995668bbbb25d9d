"""What the calendar tells upward."""

from dataclasses import dataclass
from typing import ClassVar

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class CalendarChanged(outbox.Event):
    """A new edition holds: running clocks are to be counted anew."""

    topic: ClassVar[str] = "sla.calendar_changed"

    edition: int
