"""What the catalogue tells upward."""

from dataclasses import dataclass
from typing import ClassVar

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class PolicyChanged(outbox.Event):
    """Time limits of a category changed somewhere: running clocks are to be counted anew."""

    topic: ClassVar[str] = "catalog.policy_changed"

    code: str
