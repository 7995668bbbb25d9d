"""Who hears what of each step of a ticket: one table of data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from app.tickets.states import Action
from app.tickets.states import State as TicketState


class Audience(StrEnum):
    """As what somebody is told."""

    RESIDENT = "resident"  # who reported it or filed it for another
    FOLLOWER = "follower"  # joined it, or was merged in
    HANDLER = "handler"  # in whose hands it is; else who hands the lead's tickets out
    FORMER = "former"  # the lead before this step
    FIRST = "first"  # the organisation that had the report first
    CO_HANDLER = "co_handler"  # the organisation the step names
    DESK = "desk"  # who dispatches and decides
    STREET = "street"  # who may lift a ceiling
    REVIEWER = "reviewer"  # the second person of an open question
    TIER = "tier"  # the desk that came in
    DUTY = "duty"  # called about an emergency
    ACCUSED = "accused"  # may read what staff wrote for it, and nothing else
    SELF = "self"  # news about a person, not about a ticket
    STAFF = "staff"  # the digest


OF_STAFF = frozenset(Audience) - {
    Audience.RESIDENT,
    Audience.FOLLOWER,
    Audience.ACCUSED,
    Audience.SELF,
}
"""Told because of their work, so whoever belongs to the accused is left out."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One kind of news for one audience; without ``push`` it stands in the inbox alone.

    ``only_in``: nothing is told if the ticket has moved on meanwhile. ``to``: only as the
    answer to such a question to a second person.
    """

    kind: str
    audience: Audience
    push: bool = True
    only_in: TicketState | None = None
    to: frozenset[str] = frozenset()


A = Audience
_RESIDENT, _HANDLER, _DESK = A.RESIDENT, A.HANDLER, A.DESK


def _quietly(kind: str, *audiences: Audience) -> tuple[Telling, ...]:
    return tuple(Telling(kind, one, push=False) for one in audiences)


def _told(kind: str, *audiences: Audience) -> tuple[Telling, ...]:
    return tuple(Telling(kind, one) for one in audiences)


_REFUSED = (
    Telling("review_refused", _HANDLER, to=frozenset({"return", "suspend", "extend"})),
    Telling("rework_refused", _RESIDENT, to=frozenset({"rework"})),
)
_TO_REVIEW = (Telling("review_waiting", A.REVIEWER),)
_TO_CONFIRM = (
    Telling("please_confirm", _RESIDENT, only_in=TicketState.RESOLVED),
    Telling("please_confirm", A.FOLLOWER, only_in=TicketState.RESOLVED),
)
_TO_HANDLER = (Telling("dispatched", _HANDLER, only_in=TicketState.DISPATCHED),)
_ANEW = (*_quietly("again", _RESIDENT), *_told("reopened", _HANDLER))
_OVER = (*_told("closed", _RESIDENT, A.FOLLOWER), *_quietly("closed", _HANDLER))

TOLD: Mapping[Action, tuple[Telling, ...]] = {
    Action.SUBMIT: (
        *_quietly("received", _RESIDENT),
        Telling("submitted", _DESK, only_in=TicketState.SUBMITTED),
    ),
    Action.DISPATCH: (*_quietly("dispatched", _RESIDENT), *_TO_HANDLER),
    Action.TRANSFER: (*_quietly("transferred", _RESIDENT), *_TO_HANDLER),
    Action.HAND_OVER: (
        *_quietly("transferred", _RESIDENT),
        *_TO_HANDLER,
        *_told("handed_over", A.FORMER),
    ),
    Action.CALL_FIRST: _quietly("first_called", _RESIDENT) + _told("first_duty", A.FIRST),
    Action.CONTEST: _TO_REVIEW + _quietly("contested", _HANDLER),
    Action.GIVE_BACK: (
        *_quietly("transferred", _RESIDENT),
        *_TO_HANDLER,
        *_told("contest_over", A.FORMER),
        *_quietly("contest_over", _DESK),
    ),
    Action.UPHOLD: (
        *_told("contest_over", _HANDLER, A.FORMER),
        *_quietly("contest_over", _DESK),
    ),
    Action.ASSIGN: _told("assigned", _HANDLER),
    Action.ACCEPT: _told("accepted", _RESIDENT),
    Action.CLAIM: _told("accepted", _RESIDENT),
    Action.START: _quietly("started", _RESIDENT),
    Action.APPOINT: _told("appointment", _RESIDENT),
    Action.NO_SHOW: _told("no_show", _RESIDENT, _HANDLER),
    Action.QUOTE: _told("quoted", _RESIDENT),
    Action.AGREE: _told("quote_answered", _HANDLER),
    Action.SUSPEND: _told("suspended", _RESIDENT) + _quietly("suspended", _HANDLER),
    Action.RESUME: _quietly("resumed", _RESIDENT),
    Action.EXTEND: _told("extended", _RESIDENT) + _quietly("extended", _HANDLER),
    Action.RESOLVE: _TO_CONFIRM,
    Action.SELF_HANDLE: _TO_CONFIRM,
    Action.SAMPLE: _quietly("sampled", _RESIDENT),
    Action.VERDICT: _quietly("closed", _HANDLER, A.FOLLOWER),
    Action.FOLLOW_UP: _OVER,
    Action.AUTO_CLOSE: _OVER,
    Action.CLOSE_ALONG: _told("closed", _RESIDENT, A.FOLLOWER),
    Action.DECLINE: _told("declined", _RESIDENT, A.FOLLOWER),
    Action.MERGE: _told("merged", _RESIDENT),
    Action.WITHDRAW: _told("withdrawn", _HANDLER),
    Action.RETURN: (
        *_quietly("returned", _RESIDENT, A.FORMER),
        Telling("returned", _DESK, only_in=TicketState.SUBMITTED),
    ),
    Action.REFUSE_REVIEW: _REFUSED,
    Action.LAPSE: _REFUSED,
    Action.REWORK: _ANEW,
    Action.GRANT_REWORK: _ANEW,
    Action.REOPEN: _ANEW,
    Action.NUDGE: _told("nudged", _HANDLER),
    Action.SUPPLEMENT: _told("supplemented", _HANDLER),
    Action.BREACH: _quietly("overdue", _RESIDENT) + _told("overdue", _HANDLER),
    Action.ESCALATE: _told("escalated", _RESIDENT) + _told("escalated", _HANDLER),
    Action.ASK_ESCALATE: _told("escalated", _HANDLER),
    Action.SUPERVISE: _quietly("supervised", _RESIDENT) + _told("supervised", _HANDLER),
    Action.WHISTLE: _told("called_in", A.CO_HANDLER),
    Action.ASSIST: _told("called_in", A.CO_HANDLER),
    Action.LONG_TERM: _told("long_term", _RESIDENT),
    Action.BRIEF: _told("brief", A.ACCUSED),
    Action.ASK_DECLINE: _TO_REVIEW,
    Action.ASK_RETURN: _TO_REVIEW,
    Action.ASK_SUSPEND: _TO_REVIEW,
    Action.ASK_EXTEND: _TO_REVIEW,
    Action.ASK_EXCLUDE: _TO_REVIEW,
    Action.ASK_REWORK: _TO_REVIEW,
    Action.ASK_LONG_TERM: _TO_REVIEW,
}
"""Whoever takes a step is not told of it, but for the receipt of a report."""

RECEIPTS = frozenset({"received"})

STATE_WORDS = {
    TicketState.SUBMITTED: "待派单",
    TicketState.DISPATCHED: "待接单",
    TicketState.ACCEPTED: "已接单",
    TicketState.IN_PROGRESS: "办理中",
    TicketState.SUSPENDED: "已暂停",
    TicketState.RESOLVED: "待您确认",
    TicketState.CLOSED: "已结束",
    TicketState.DECLINED: "未受理",
    TicketState.WITHDRAWN: "已撤回",
    TicketState.MERGED: "已并单",
}
"""In five signs at most, which is what a ``phrase`` may hold."""

ASKED_AT: Mapping[str, tuple[str, ...]] = {
    "submit": ("accepted", "please_confirm", "closed"),
    "visit": ("please_confirm", "appointment", "closed"),
    "rate": ("closed", "long_term"),
    "work": ("dispatched", "nudged", "supervised"),
}
"""At which moment which news is worth asking for (wechat.md 2.5), the most telling first."""
ASKED_AT_WORK = frozenset({"work"})
"""Moments of staff; at the others residents are asked, for what residents are told."""
MOST_ASKED = 3
MOST_GRANTS = 20
"""So many messages of one template may be allowed ahead, whatever a client reports."""
