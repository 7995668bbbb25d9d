"""The verbs of time: promise and keep clocks, enter the calendar."""

from app.sla.rules import Promised, PromiseTerms
from app.sla.service.calendar import (
    HoursDraft,
    ImportReport,
    import_days,
    seed_calendar,
    set_hours,
)
from app.sla.service.clocks import (
    Kept,
    first_look,
    keep,
    note,
    openings,
    promised,
    record,
)

__all__ = [
    "HoursDraft",
    "ImportReport",
    "Kept",
    "PromiseTerms",
    "Promised",
    "first_look",
    "import_days",
    "keep",
    "note",
    "openings",
    "promised",
    "record",
    "seed_calendar",
    "set_hours",
]
