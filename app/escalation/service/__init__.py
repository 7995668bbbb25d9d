"""The verbs of going up: look, climb, try again, recompute."""

from app.escalation.service.calling import call_next, whom_to_ring
from app.escalation.service.climbing import call_upon, climb, escalate, retry
from app.escalation.service.laddering import Change, check_ladder, set_ladder
from app.escalation.service.listing import CallList, call_list
from app.escalation.service.platform import Answered, deliver, go_on, resend, take_answer
from app.escalation.service.recounting import Moved, preview, recount
from app.escalation.service.replaying import differences_of, replay
from app.escalation.service.watching import is_urgent_report, look, on_reported

__all__ = [
    "Answered",
    "CallList",
    "Change",
    "Moved",
    "call_list",
    "call_next",
    "call_upon",
    "check_ladder",
    "climb",
    "deliver",
    "differences_of",
    "escalate",
    "go_on",
    "is_urgent_report",
    "look",
    "on_reported",
    "preview",
    "recount",
    "replay",
    "resend",
    "retry",
    "set_ladder",
    "take_answer",
    "whom_to_ring",
]
