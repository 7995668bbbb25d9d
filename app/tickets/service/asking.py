"""Asking a second person.

Declining, returning, pausing, putting off, leaving out of scores and redoing for the
second time change the numbers by which people are judged, so none of them is done by
one person alone; each leaves a review that public counts can count.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import Token
from app.identity import queries as identity
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Invalid, RuleBroken
from app.reviews import service as reviews
from app.reviews.rules import ReviewDraft
from app.sla import queries as sla_queries
from app.tickets import wording
from app.tickets.guards import CONTEST
from app.tickets.models import Ticket
from app.tickets.service import settling
from app.tickets.service.steps import (
    Taken,
    Words,
    require_words,
    take_as_resident,
    take_as_staff,
)
from app.tickets.states import Action

SUBJECT = "ticket"

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

SUSPEND_REASONS = wording.SUSPENDED_FOR
"""Why the clocks of the work may stand still (domain.md D2, step 11)."""

EXTEND_REASONS = {
    "complex": "情况复杂，需要更多时间",
    "parts": "配件或材料未到",
    "coordination": "需要多个单位配合",
    "access": "暂时进不了现场",
}
"""Why a deadline may be put off."""

EXCLUDE_REASONS = {
    "force_majeure": "不可抗力",
    "out_of_scope": "不属于该单位职责",
    "false_report": "反映的情况不属实",
    "third_party_only": "只能由第三方办理",
}
"""Why a ticket may be left out of scores (domain.md D2, step 21)."""

MOST_EXTENSION_DAYS = 30

OF_THE_LEAD = frozenset({"return", "rework", "suspend", "extend", "exclude", "long_term", CONTEST})
"""What is asked by, or about, the lead: nobody of it decides."""


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


def ask_suspend(
    actor: Actor, ticket_id: UUID, reason: str, until: datetime, words: Words
) -> Ticket:
    """Ask that the clocks of the work stand still until a planned day; the desk decides.

    Raises:
        Invalid: the day is past (code ``until_past``).
        RuleBroken: the pauses of this ticket would last too long (code ``paused_too_long``).
    """
    _check_reason(reason, SUSPEND_REASONS)
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ASK_SUSPEND)
    if until <= taken.at:
        raise Invalid("恢复日期要晚于现在。", code="until_past", errors={"until": ["要晚于现在"]})
    require_pause_left(taken.ticket, taken.at, until)
    return _ask(taken, "suspend", reason, words, {"until": until.isoformat()})


def require_pause_left(ticket: Ticket, at: datetime, until: datetime) -> None:
    """Refuse a pause with which all pauses of a ticket would last too long.

    Raises:
        RuleBroken: code ``paused_too_long``.
    """
    breaks = {span for one in sla_queries.clocks(ticket.id) for span in one.pauses}
    gone = sum((end - begin for begin, end in breaks), timedelta())
    most = catalog.limits(ticket.district_id, at).pause_days
    if gone + (until - at) > timedelta(days=most):
        raise RuleBroken(f"一张单暂停的时间合计不能超过{most}天。", code="paused_too_long")


def ask_extend(actor: Actor, ticket_id: UUID, reason: str, days: int, words: Words) -> Ticket:
    """Ask for more working days before the deadline; the tier above decides, then the street."""
    _check_reason(reason, EXTEND_REASONS)
    require_words(words)
    if not 1 <= days <= MOST_EXTENSION_DAYS:
        raise Invalid(
            f"延期1到{MOST_EXTENSION_DAYS}个工作日。",
            code="bad_days",
            errors={"days": [f"1到{MOST_EXTENSION_DAYS}"]},
        )
    taken = take_as_staff(actor, ticket_id, Action.ASK_EXTEND)
    return _ask(taken, "extend", reason, words, {"token": str(Token.parse(f"{days}wd"))})


def ask_exclude(actor: Actor, ticket_id: UUID, reason: str, words: Words) -> Ticket:
    """Propose to leave a finished ticket out of scores; the street decides."""
    _check_reason(reason, EXCLUDE_REASONS)
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ASK_EXCLUDE)
    return _ask(taken, "exclude", reason, words)


def ask_long_term(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Propose to carry a matter as long-term, reported on every month; the street decides."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ASK_LONG_TERM)
    return _ask(taken, "long_term", "long_term", words)


def contest(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Say that a firm's hand-over does not hold for this ticket; the street decides.

    Either firm or the desk may; nobody of either firm decides, and the work goes on.
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.CONTEST)
    return _ask(taken, CONTEST, "contested", words)


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


def _ask(
    taken: Taken,
    kind: str,
    reason: str,
    words: Words,
    evidence: dict[str, Any] | None = None,
) -> Ticket:
    ticket = taken.ticket
    forbidden = {UUID(one) for one in ticket.barred.split()}
    at_own_desk = ticket.desk_acts or _leads_its_own_desk(ticket)
    nodes = nodes_from_desk(ticket)
    if _goes_above(ticket, kind, at_own_desk=at_own_desk) and len(nodes) > 1:
        nodes = nodes[1:]
        at_own_desk = False
    if kind in OF_THE_LEAD and ticket.lead_id is not None and not at_own_desk:
        forbidden.add(ticket.lead_id)
    if kind == CONTEST and ticket.handed_from_id is not None:
        forbidden.add(ticket.handed_from_id)
    reviews.ask(
        taken.actor,
        ReviewDraft(
            subject_kind=SUBJECT,
            subject_id=ticket.id,
            kind=kind,
            reason_code=reason,
            reason=words.text,
            due_at=due_for(ticket, taken.at),
            desk_nodes=_up_to_somebody(nodes, taken, forbidden),
            asked_for=ticket.lead_id,
            forbidden_organisations=forbidden,
            evidence=evidence or {},
        ),
    )
    facts = {"reason": reason, **(evidence or {})}
    taken.move(words, facts=facts, public=kind == CONTEST, review_kind=kind)
    return ticket


def _goes_above(ticket: Ticket, kind: str, *, at_own_desk: bool) -> bool:
    """Tell whether the desk's own word is not enough.

    Who did the work does not judge whether it must be redone, nor gives itself time;
    the second extension, the scores, long-term matters and hand-overs are the street's.
    """
    if kind in ("exclude", "long_term", CONTEST) or (kind == "extend" and ticket.extensions):
        return ticket.desk_level == "community"
    return kind in ("rework", "suspend", "extend") and at_own_desk


def _leads_its_own_desk(ticket: Ticket) -> bool:
    """Tell whether the lead is the desk itself (then a colleague or the street decides)."""
    own = identity.desk_of(ticket.desk_level, ticket.desk_id) if ticket.desk_id else None
    return own is not None and own.id == ticket.lead_id


def due_for(ticket: Ticket, at: datetime) -> datetime:
    """Tell until when the second person has."""
    token = catalog.limits(ticket.district_id, at).review_token(ticket.urgency)
    return settling.due_after(at, token, ticket.district_id)


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
