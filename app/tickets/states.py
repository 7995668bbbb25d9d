"""The words of the workflow: states, acts, relations, reasons."""

from enum import StrEnum


class State(StrEnum):
    """Where a ticket stands; ``resolved`` is the handler's word, ``closed`` the resident's."""

    SUBMITTED = "submitted"
    DISPATCHED = "dispatched"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    SUSPENDED = "suspended"
    RESOLVED = "resolved"
    CLOSED = "closed"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    MERGED = "merged"


class Action(StrEnum):
    """What can be done to a ticket; each leaves one step of history."""

    SUBMIT = "submit"
    DISPATCH = "dispatch"
    ASK_DECLINE = "ask_decline"
    DECLINE = "decline"
    MERGE = "merge"
    ABSORB = "absorb"
    JOIN = "join"
    ACCEPT = "accept"
    CLAIM = "claim"
    ASSIGN = "assign"
    ASK_RETURN = "ask_return"
    RETURN = "return"
    REFUSE_REVIEW = "refuse_review"
    START = "start"
    PROGRESS = "progress"
    ASSIST = "assist"
    ASSIST_DONE = "assist_done"
    TRANSFER = "transfer"
    RECLASSIFY = "reclassify"
    RELOCATE = "relocate"
    SPLIT = "split"
    APPOINT = "appoint"
    NO_SHOW = "no_show"
    QUOTE = "quote"
    AGREE = "agree"
    SELF_HANDLE = "self_handle"
    RESOLVE = "resolve"
    VERDICT = "verdict"
    FOLLOWER_VERDICT = "follower_verdict"
    ASK_REWORK = "ask_rework"
    GRANT_REWORK = "grant_rework"
    REWORK = "rework"
    REOPEN = "reopen"
    NUDGE = "nudge"
    WITHDRAW = "withdraw"
    SUPPLEMENT = "supplement"
    TRANSCRIPT = "transcript"
    BRIEF = "brief"
    FOLLOW_UP = "follow_up"
    FOLLOW_UP_NOTE = "follow_up_note"
    SAMPLE = "sample"
    AUTO_CLOSE = "auto_close"
    CLOSE_ALONG = "close_along"
    ASK_SUSPEND = "ask_suspend"
    SUSPEND = "suspend"
    RESUME = "resume"
    ASK_EXTEND = "ask_extend"
    EXTEND = "extend"
    ASK_EXCLUDE = "ask_exclude"
    EXCLUDE = "exclude"
    LAPSE = "lapse"
    BREACH = "breach"
    ESCALATE = "escalate"
    ASK_ESCALATE = "ask_escalate"
    LIFT_CEILING = "lift_ceiling"
    SUPERVISE = "supervise"
    ANSWER = "answer"
    WHISTLE = "whistle"
    REPORT_IN = "report_in"
    ASK_LONG_TERM = "ask_long_term"
    LONG_TERM = "long_term"
    HAND_OVER = "hand_over"
    RECOUNT = "recount"
    PLATFORM_ANSWER = "platform_answer"
    CONTEST = "contest"
    GIVE_BACK = "give_back"
    UPHOLD = "uphold"
    CALL_FIRST = "call_first"


class Relation(StrEnum):
    """How a person stands to one ticket; access.relations finds them."""

    REPORTER = "reporter"  # who asked, or for whom it was asked
    FILER = "filer"  # who filed it for another
    SLIP_HOLDER = "slip_holder"  # for whom it was filed by phone or at the counter
    FOLLOWER = "follower"  # joined, or was merged in
    NEIGHBOUR = "neighbour"  # any signed-in resident, for joining
    LEAD = "lead"  # handles for the lead organisation
    ASSIGNEE = "assignee"  # the one person in whose hands it is
    LEAD_MANAGER = "lead_manager"  # hands the lead's tickets out
    CO_HANDLER = "co_handler"
    DISPATCHER = "dispatcher"  # staff of the desk or above it
    REVIEWER = "reviewer"  # may be the second person
    VERIFIER = "verifier"  # grid worker or officer on the spot
    CALLER = "caller"  # may call the resident back
    READER = "reader"
    FIRST_HANDLER = "first_handler"  # had it first and answers while it is in nobody's hand
    FORMER_LEAD = "former_lead"  # speaks for the firm that handed it over, while it may contest
    SYSTEM = "system"


class CloseReason(StrEnum):
    """Why a ticket is over; silence is never satisfaction."""

    SOLVED = "solved"
    PARTLY = "partly"
    UNSOLVED = "unsolved"
    NO_ANSWER = "no_answer"
    ALONG = "along"  # the master or the last part closed
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class ResultKind(StrEnum):
    """What the handler says was done."""

    FIXED = "fixed"
    PARTLY = "partly"
    EXPLAINED = "explained"
    CANNOT = "cannot"


class Supervision(StrEnum):
    """How sternly a higher tier asks (督办), the mildest first."""

    REMIND = "remind"
    SUPERVISE = "supervise"
    LISTED = "listed"
    INTERVIEW = "interview"


class QuoteState(StrEnum):
    """Where a paid repair's offer stands."""

    NONE = "none"
    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"


OPEN = frozenset(
    {State.SUBMITTED, State.DISPATCHED, State.ACCEPTED, State.IN_PROGRESS, State.SUSPENDED}
)
HELD = frozenset({State.ACCEPTED, State.IN_PROGRESS})
UNHELD = frozenset({State.SUBMITTED, State.DISPATCHED})
ALIVE = OPEN | {State.RESOLVED}
