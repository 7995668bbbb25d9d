"""Carrying out what a second person said, and what follows when nobody says anything."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.reviews import queries as review_queries
from app.reviews import service as reviews
from app.reviews.rules import Verdict
from app.sla import ops
from app.sla.rules import ClockKind
from app.tickets import access, queries
from app.tickets.guards import CONTEST
from app.tickets.models import Ticket
from app.tickets.service import asking, handover, settling, succession
from app.tickets.service.asking import SUBJECT
from app.tickets.service.steps import (
    Taken,
    Words,
    take_as_staff,
    take_as_system,
)
from app.tickets.states import Action, CloseReason, State

if TYPE_CHECKING:
    from app.reviews.models import Review

LAPSING = frozenset({"suspend", "extend"})

OUTCOME = {
    "decline": Action.DECLINE,
    "return": Action.RETURN,
    "rework": Action.GRANT_REWORK,
    "suspend": Action.SUSPEND,
    "extend": Action.EXTEND,
    "exclude": Action.EXCLUDE,
    "long_term": Action.LONG_TERM,
    CONTEST: Action.GIVE_BACK,
}
"""What an approved review of a kind does."""


def decide(
    actor: Actor,
    ticket_id: UUID,
    *,
    approved: bool,
    words: Words,
    organisation_id: UUID | None = None,
) -> Ticket:
    """Answer what was asked, as the second person, and carry it out.

    ``organisation_id`` names who gets a ticket whose hand-over does not hold, if not the
    firm that had it.

    Raises:
        Conflict: nothing is waiting (code ``no_review``).
        Forbidden, Invalid: see reviews.
        Invalid: an organisation is named where none is asked for (code ``nobody_asked``).
    """
    ticket = queries.hold(ticket_id)
    access.require_staff(actor, ticket)
    review = _open_review(ticket)
    contested = review.kind == CONTEST
    if organisation_id is not None and not (contested and approved):
        raise Invalid("这里不用选单位。", code="nobody_asked", errors={"organisation": ["不用填"]})
    refused = Action.UPHOLD if contested else Action.REFUSE_REVIEW
    action = OUTCOME[review.kind] if approved else refused
    taken = take_as_staff(actor, ticket_id, action)
    verdict = Verdict.APPROVED if approved else Verdict.REJECTED
    reviews.decide(actor, review.id, verdict, words.text)
    facts = {"review": review.id, "kind": review.kind, "reason": review.reason_code}
    if approved:
        evidence = {**review.evidence, "organisation": organisation_id}
        _CARRY_OUT[review.kind](taken, words, facts, evidence)
    elif contested:
        succession.uphold(taken, words, facts)
    else:
        taken.move(words, facts=facts, public=False, review_kind=None)
    return ticket


def _open_review(ticket: Ticket) -> "Review":
    waiting = review_queries.open_for(SUBJECT, ticket.id)
    if not waiting:
        raise Conflict("没有等待审核的申请。", code="no_review")
    return waiting[0]


def _decline(
    taken: Taken, words: Words, facts: dict[str, Any], _evidence: Mapping[str, Any]
) -> None:
    taken.move(
        words,
        facts=facts,
        review_kind=None,
        closed_at=taken.at,
        close_reason=CloseReason.DECLINED,
        clocks=[ops.stop()],
    )


def _return(
    taken: Taken, words: Words, facts: dict[str, Any], _evidence: Mapping[str, Any]
) -> None:
    ticket = taken.ticket
    spot = settling.spot_of(ticket)
    category = settling.category_at(ticket.category_code, spot, taken.at)
    handover.end_holdings(ticket, taken.at)
    taken.move(
        words,
        facts=facts | {"organisation": ticket.lead_id},
        review_kind=None,
        returns=ticket.returns + 1,
        clocks=[settling.restart(category, ClockKind.ACCEPT, taken.at)],
        **{name: value for name, value in handover.RELEASED.items() if name != "state"},
    )


def _grant_rework(
    taken: Taken, words: Words, facts: dict[str, Any], _evidence: Mapping[str, Any]
) -> None:
    intake_again(taken, words, facts, review_kind=None, reworks=taken.ticket.reworks + 1)


def intake_again(taken: Taken, words: Words, facts: dict[str, Any], **changes: Any) -> None:
    """Put a ticket back into the handler's hands with half the time to resolve.

    A long-term matter that is redone promises a result again instead of monthly words.
    """
    ticket = taken.ticket
    spot = settling.spot_of(ticket)
    category = settling.category_at(ticket.category_code, spot, taken.at)
    taken.move(
        words,
        facts=facts,
        clocks=[
            *([ops.stop(ClockKind.ANSWER)] if ticket.long_term else ()),
            settling.restart(category, ClockKind.RESOLVE, taken.at, percent=50),
        ],
        long_term=False,
        confirm_due_at=None,
        resolved_at=None,
        result=None,
        **changes,
    )


def _suspend(
    taken: Taken, words: Words, facts: dict[str, Any], evidence: Mapping[str, Any]
) -> None:
    _require_in_time(taken, "暂停")
    until = datetime.fromisoformat(evidence["until"])
    if until <= taken.at:
        raise RuleBroken("申请的恢复日期已经过了，请处理单位重新申请。", code="until_past")
    asking.require_pause_left(taken.ticket, taken.at, until)
    taken.move(
        words,
        facts=facts | {"until": until},
        review_kind=None,
        suspended_for=facts["reason"],
        resume_at=until,
        clocks=[ops.pause(until)],
    )


def _extend(taken: Taken, words: Words, facts: dict[str, Any], evidence: Mapping[str, Any]) -> None:
    _require_in_time(taken, "延期")
    taken.move(
        words,
        facts=facts,
        review_kind=None,
        extensions=taken.ticket.extensions + 1,
        clocks=[ops.extend(ClockKind.RESOLVE, evidence["token"])],
    )


def _require_in_time(taken: Taken, what: str) -> None:
    """Refuse a yes that comes after the deadline: a broken promise stays broken.

    Raises:
        RuleBroken: code ``late_already``.
    """
    due = taken.ticket.resolve_due_at
    if due is not None and taken.at > due:
        raise RuleBroken(f"已经超过办理时限，不能再{what}。", code="late_already")


def _exclude(
    taken: Taken, words: Words, facts: dict[str, Any], _evidence: Mapping[str, Any]
) -> None:
    taken.move(words, facts=facts, public=False, review_kind=None, excluded=facts["reason"])


def _long_term(
    taken: Taken, words: Words, facts: dict[str, Any], _evidence: Mapping[str, Any]
) -> None:
    """Let the promise of a result rest; from now on a word of progress is owed every month."""
    taken.move(
        words,
        facts=facts,
        review_kind=None,
        long_term=True,
        clocks=[
            ops.stop(ClockKind.RESOLVE, ClockKind.TIER),
            settling.count_down(ClockKind.ANSWER, settling.MONTHLY, taken.at),
        ],
    )


_CARRY_OUT = {
    "decline": _decline,
    "return": _return,
    "rework": _grant_rework,
    "suspend": _suspend,
    "extend": _extend,
    "exclude": _exclude,
    "long_term": _long_term,
    CONTEST: succession.give_back,
}


def resume(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Go on with the work before the planned day; the clocks go on with it."""
    return _resumed(take_as_staff(actor, ticket_id, Action.RESUME), words)


def resume_due(ticket_id: UUID) -> bool:
    """Let a pause end on its planned day; tells whether it did (checked under the lock)."""
    ticket = queries.hold(ticket_id)
    if ticket.state is not State.SUSPENDED or (ticket.resume_at or queries.FAR) > clock.now():
        return False
    _resumed(take_as_system(SYSTEM, ticket, Action.RESUME), Words())
    return True


def _resumed(taken: Taken, words: Words) -> Ticket:
    taken.move(words, suspended_for=None, resume_at=None, clocks=[ops.resume()])
    return taken.ticket


def cancel_open(ticket: Ticket) -> None:
    """Take back whatever still waits for a second person: its subject is over."""
    for review in review_queries.open_for(SUBJECT, ticket.id):
        reviews.cancel(SYSTEM, review.id, reason="subject_over")


def climb_late(now: datetime, limit: int = 50) -> list[UUID]:
    """Name the overdue ticket reviews that have to be brought to the desk above."""
    return [row.id for row in review_queries.overdue(now, limit) if row.subject_kind == SUBJECT]


def climb(review_id: UUID) -> None:
    """Bring one late review to the next desk above, with the same time again.

    What the highest desk did not answer either and only wins time falls back to whoever
    asked: silence never grants a pause.
    """
    review = review_queries.review(review_id)
    ticket = queries.hold(review.subject_id)
    ladder = [n for n in (ticket.community_id, ticket.street_id, ticket.district_id) if n]
    standing = review_queries.desk_nodes(review_id)
    reached = max((ladder.index(node) for node in standing if node in ladder), default=-1)
    above = ladder[reached + 1 :][:1]
    if not above and review.kind in LAPSING:
        reviews.cancel(SYSTEM, review.id, reason="unanswered")
        facts = {"review": review.id, "kind": review.kind, "reason": review.reason_code}
        taken = take_as_system(SYSTEM, ticket, Action.LAPSE)
        taken.move(facts=facts, public=False, review_kind=None)
        return
    nodes = above or [ladder[-1]]
    reviews.climb(SYSTEM, review_id, nodes, due_at=asking.due_for(ticket, clock.now()))
