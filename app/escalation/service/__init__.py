"""The verbs of going up: look, climb, try again, recompute."""

from app.escalation.service.calling import call_next, whom_to_ring
from app.escalation.service.climbing import call_upon, climb, escalate, retry
from app.escalation.service.recounting import Moved, preview, recount
from app.escalation.service.replaying import differences_of, replay
from app.escalation.service.watching import is_urgent_report, look, on_reported

__all__ = [
    "Moved",
    "call_next",
    "call_upon",
    "climb",
    "differences_of",
    "escalate",
    "is_urgent_report",
    "look",
    "on_reported",
    "preview",
    "recount",
    "replay",
    "retry",
    "whom_to_ring",
]
