"""Asking a second person, and carrying out what they said.

Declining, returning and redoing for the second time change the numbers by
which people are judged, so none of them is done by one person alone.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.identity import queries as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor, Permission
from app.kernel.errors import Conflict, Invalid
from app.reviews import queries as review_queries
from app.reviews import service as reviews
from app.reviews.rules import ReviewDraft, Verdict
from app.sla import service as sla
from app.sla.rules import ClockKind
from app.tickets import access, queries
from app.tickets.models import Ticket
from app.tickets.service import handover, settling
from app.tickets.service.steps import (
    Taken,
    Words,
    require_words,
    take_as_resident,
    take_as_staff,
)
from app.tickets.states import Action, CloseReason

if TYPE_CHECKING:
    from app.reviews.models import Review

SUBJECT = "ticket"

DUE_TOKENS = {"P0": "10m", "P1": "30m"}
"""How long a second person has; 4 working hours unless it is urgent (rules.md)."""

DECLINE_REASONS = {
    "not_our_duty": "不属于社区和物业职责范围",
    "legal_procedure": "已进入诉讼、仲裁或复议",
    "petition": "属于信访事项",
    "concluded": "已有结论并答复过",
    "secret": "涉及国家秘密、商业秘密或他人隐私",
    "unclear": "多次联系仍无法核实",
}
"""Why a report may be declined (after Weifang 12345 rules, art. 19)."""

RETURN_REASONS = {
    "not_in_scope": "不在本单位服务范围",
    "wrong_place": "地点不对",
    "wrong_category": "类别不对",
    "other_party": "应由其他单位负责",
    "not_public": "属于户内自有部分",
}
"""Why a handler may send a ticket back."""

OUTCOME = {
    "decline": Action.DECLINE,
    "return": Action.RETURN,
    "rework": Action.GRANT_REWORK,
}
"""What an approved review of a kind does."""


def ask_decline(actor: Actor, ticket_id: UUID, reason: str, words: Words) -> Ticket:
    """Propose not to take a report; another person of the desk decides."""
    _check_reason(reason, DECLINE_REASONS)
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ASK_DECLINE)
    return _ask(taken, "decline", reason, words)


def ask_return(actor: Actor, ticket_id: UUID, reason: str, words: Words) -> Ticket:
    """Send a ticket back as not ours; the desk decides, and at most twice."""
    _check_reason(reason, RETURN_REASONS)
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ASK_RETURN)
    return _ask(taken, "return", reason, words)


def ask_rework(actor: Actor, ticket_id: UUID, words: Words, *, as_caller: bool = False) -> Ticket:
    """Say "not solved" again; from the second time on the community confirms."""
    require_words(words)
    take = take_as_staff if as_caller else take_as_resident
    taken = take(actor, ticket_id, Action.ASK_REWORK)
    return _ask(taken, "rework", "not_solved", words)


def _check_reason(reason: str, known: dict[str, str]) -> None:
    if reason not in known:
        raise Invalid(
            "请从列表里选一个原因。", code="unknown_reason", errors={"reason": ["不在列表里"]}
        )


def _ask(taken: Taken, kind: str, reason: str, words: Words) -> Ticket:
    ticket = taken.ticket
    forbidden = {UUID(one) for one in ticket.barred.split()}
    at_own_desk = ticket.desk_acts or _leads_its_own_desk(ticket)
    nodes = nodes_from_desk(ticket)
    if kind == "rework" and at_own_desk and len(nodes) > 1:
        nodes = nodes[1:]  # who did the work does not judge whether it must be redone
        at_own_desk = False
    if kind in ("return", "rework") and ticket.lead_id is not None and not at_own_desk:
        forbidden.add(ticket.lead_id)
    reviews.ask(
        taken.actor,
        ReviewDraft(
            subject_kind=SUBJECT,
            subject_id=ticket.id,
            kind=kind,
            reason_code=reason,
            reason=words.text,
            due_at=_due(ticket, taken.at),
            desk_nodes=_up_to_somebody(nodes, taken, forbidden),
            asked_for=ticket.lead_id,
            forbidden_organisations=forbidden,
        ),
    )
    taken.move(words, facts={"reason": reason}, public=False, review_kind=kind)
    return ticket


def _leads_its_own_desk(ticket: Ticket) -> bool:
    """Tell whether the lead is the desk itself (then a colleague or the street decides)."""
    own = identity.desk_of(ticket.desk_level, ticket.desk_id) if ticket.desk_id else None
    return own is not None and own.id == ticket.lead_id


def _due(ticket: Ticket, at: datetime) -> datetime:
    return settling.due_after(at, DUE_TOKENS.get(ticket.urgency, "4wh"), ticket.district_id)


def nodes_from_desk(ticket: Ticket) -> list[UUID]:
    """Name the nodes of a ticket's desk and of every desk above it, the lowest first."""
    ladder = [ticket.community_id, ticket.street_id, ticket.district_id]
    at_desk = ladder.index(ticket.desk_id) if ticket.desk_id in ladder else 0
    return [node for node in ladder[at_desk:] if node is not None]


def _up_to_somebody(nodes: list[UUID], taken: Taken, forbidden: set[UUID]) -> list[UUID]:
    """Take the nodes up to the first where a second person sits: a desk of one uses the street."""
    shut_out = {taken.actor.person_id}
    for organisation_id in forbidden:
        shut_out |= identity.people_of(organisation_id, taken.at)
    for count, node in enumerate(nodes, start=1):
        if identity.holders_of(Permission.TICKET_REVIEW, node, at=taken.at) - shut_out:
            return nodes[:count]
    return nodes


def decide(actor: Actor, ticket_id: UUID, *, approved: bool, words: Words) -> Ticket:
    """Answer what was asked, as the second person, and carry it out.

    Raises:
        Conflict: nothing is waiting (code ``no_review``).
        Forbidden, Invalid: see reviews.
    """
    ticket = queries.hold(ticket_id)
    access.require_staff(actor, ticket)
    review = _open_review(ticket)
    action = OUTCOME[review.kind] if approved else Action.REFUSE_REVIEW
    taken = take_as_staff(actor, ticket_id, action)
    verdict = Verdict.APPROVED if approved else Verdict.REJECTED
    reviews.decide(actor, review.id, verdict, words.text)
    facts = {"review": review.id, "kind": review.kind, "reason": review.reason_code}
    if not approved:
        taken.move(words, facts=facts, public=False, review_kind=None)
        return ticket
    _CARRY_OUT[review.kind](taken, words, facts)
    return ticket


def _open_review(ticket: Ticket) -> "Review":
    waiting = review_queries.open_for(SUBJECT, ticket.id)
    if not waiting:
        raise Conflict("没有等待审核的申请。", code="no_review")
    return waiting[0]


def _decline(taken: Taken, words: Words, facts: dict[str, Any]) -> None:
    taken.move(
        words,
        facts=facts,
        review_kind=None,
        closed_at=taken.at,
        close_reason=CloseReason.DECLINED,
    )
    sla.stop(taken.ticket.id, taken.at)


def _return(taken: Taken, words: Words, facts: dict[str, Any]) -> None:
    ticket = taken.ticket
    spot = settling.spot_of(ticket)
    category = settling.category_at(ticket.category_code, spot, taken.at)
    due = settling.promise_of(category, spot, taken.at).accept
    handover.end_holdings(ticket, taken.at)
    taken.move(
        words,
        facts=facts | {"organisation": ticket.lead_id},
        review_kind=None,
        returns=ticket.returns + 1,
        accept_due_at=due,
        **{name: value for name, value in handover.RELEASED.items() if name != "state"},
    )
    settling.restart_clock(ticket, category, ClockKind.ACCEPT, start=taken.at, due=due)


def _grant_rework(taken: Taken, words: Words, facts: dict[str, Any]) -> None:
    intake_again(taken, words, facts, review_kind=None, reworks=taken.ticket.reworks + 1)


def intake_again(taken: Taken, words: Words, facts: dict[str, Any], **changes: Any) -> None:
    """Put a ticket back into the handler's hands with half the time to resolve."""
    ticket = taken.ticket
    spot = settling.spot_of(ticket)
    category = settling.category_at(ticket.category_code, spot, taken.at)
    due = sla.restart(
        ticket.id,
        ClockKind.RESOLVE,
        start=taken.at,
        token=category.resolve_by,
        percent=50,
        district_id=ticket.district_id,
        policy_version=category.policy_version,
    )
    taken.move(
        words,
        facts=facts,
        resolve_due_at=due,
        confirm_due_at=None,
        resolved_at=None,
        result=None,
        **changes,
    )


_CARRY_OUT = {"decline": _decline, "return": _return, "rework": _grant_rework}


def cancel_open(ticket: Ticket) -> None:
    """Take back whatever still waits for a second person: its subject is over."""
    for review in review_queries.open_for(SUBJECT, ticket.id):
        reviews.cancel(SYSTEM, review.id, reason="subject_over")


def climb_late(now: datetime, limit: int = 50) -> list[UUID]:
    """Name the overdue ticket reviews that have to be brought to the desk above."""
    return [row.id for row in review_queries.overdue(now, limit) if row.subject_kind == SUBJECT]


def climb(review_id: UUID) -> None:
    """Bring one late review to the next desk above, with the same time again."""
    review = review_queries.review(review_id)
    ticket = queries.hold(review.subject_id)
    ladder = [n for n in (ticket.community_id, ticket.street_id, ticket.district_id) if n]
    standing = review_queries.desk_nodes(review_id)
    above = [node for node in ladder if node not in standing]
    reached = max((ladder.index(node) for node in standing if node in ladder), default=-1)
    nodes = [node for node in above if ladder.index(node) > reached][:1] or [ladder[-1]]
    reviews.climb(SYSTEM, review_id, nodes, due_at=_due(ticket, clock.now()))
