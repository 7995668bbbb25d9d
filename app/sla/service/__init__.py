"""The verbs of time: promise and keep clocks, enter the calendar."""

from app.sla.rules import Promised, PromiseTerms
from app.sla.service.calendar import (
    HoursDraft,
    ImportReport,
    import_days,
    seed_calendar,
    set_hours,
)
from app.sla.service.clocks import meet, promise, promised, record, restart, stop

__all__ = [
    "HoursDraft",
    "ImportReport",
    "PromiseTerms",
    "Promised",
    "import_days",
    "meet",
    "promise",
    "promised",
    "record",
    "restart",
    "seed_calendar",
    "set_hours",
    "stop",
]
