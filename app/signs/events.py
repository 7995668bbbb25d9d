"""What is owed for a sheet: codes to be fetched, then pages to be drawn."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel import outbox


@dataclass(frozen=True, slots=True)
class CodesDue(outbox.Event):
    """The mini-program codes of some signs of a sheet, by position, are to be fetched."""

    topic: ClassVar[str] = "signs.codes_due"

    job_id: UUID
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class SheetsDue(outbox.Event):
    """Every sign of a sheet has all it will get: its pages are to be drawn."""

    topic: ClassVar[str] = "signs.sheets_due"

    job_id: UUID
