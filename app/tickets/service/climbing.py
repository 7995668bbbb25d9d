"""What higher tiers do: come in, ask for an answer, call departments, lift the ceiling.

Going up adds the next tier beside whoever has the ticket: the lead keeps it and its
clocks, and stays as co-handler when the tier above gives it to another. A tier never
takes the matter off the hands of who was late.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.identity import queries as identity
from app.kernel.actor import SYSTEM, Actor, Permission
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.sla import ops
from app.sla import service as sla
from app.sla.clocks import Clock
from app.sla.ops import Op
from app.sla.rules import ClockKind
from app.tickets import access, queries
from app.tickets.models import Step, Ticket
from app.tickets.service import handover, reviewing, settling, succession
from app.tickets.service.steps import (
    Taken,
    Words,
    require_words,
    take_as_resident,
    take_as_staff,
    take_as_system,
    watch,
)
from app.tickets.states import Action, Relation, Supervision

STERN = frozenset({Supervision.LISTED, Supervision.INTERVIEW})
"""What only the street and the district may say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """Where a ticket goes up to and how long it may stay there; None: until it ends."""

    tier: int
    hold: str | None
    cause: str
    node_id: UUID | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def note_clocks(ticket_id: UUID, at: datetime) -> list[Clock]:
    """Note which promises of a ticket are due soon or broken; tell the newly broken.

    Each broken promise is a step of the history, so that nobody can take it back.
    """
    ticket = queries.hold(ticket_id)
    broken, kept = sla.note(ticket.id, at, holder_at=partial(queries.lead_at, ticket.id))
    watch(ticket, kept, ticket.resume_at)
    for one in broken:
        facts = {"clock": one.kind, "round": one.round, "due": one.due_at, "tier": one.tier}
        taken = take_as_system(SYSTEM, ticket, Action.BREACH)
        taken.move(facts=facts, breaches=ticket.breaches + 1)
    if ticket.accept_due_at is not None and ticket.accept_due_at < at:
        _call_first(ticket)
    return broken


def _call_first(ticket: Ticket) -> None:
    """Call upon whoever had a report first, once, when nobody accepts it in time (首问负责)."""
    if ticket.first_called_at is not None or not access.still_answers(ticket):
        return
    taken = take_as_system(SYSTEM, ticket, Action.CALL_FIRST)
    taken.move(facts={"organisation": ticket.first_id}, first_called_at=taken.at)


def hand_up(ticket_id: UUID, rise: Rise) -> Ticket:
    """Let the next tier come in because a promise was broken; by the product itself.

    Raises:
        Conflict: it stands there already, or has ended (nothing is done twice).
        RuleBroken: the ceiling is reached (code ``at_ceiling``).
    """
    ticket = queries.hold(ticket_id)
    if ticket.tier >= rise.tier:
        raise Conflict("这张单已经在这一级。", code="already_there")
    taken = take_as_system(SYSTEM, ticket, Action.ESCALATE)
    return _rise(taken, rise, Words())


def escalate(actor: Actor, ticket_id: UUID, rise: Rise, words: Words) -> Ticket:
    """Ask the next tier in by hand, as the lead or the desk, with the reason."""
    require_words(words)
    return _rise(take_as_staff(actor, ticket_id, Action.ESCALATE), rise, words)


def call_upon(actor: Actor, ticket_id: UUID, rise: Rise, words: Words) -> Ticket:
    """Call upon the next tier as the resident, after two broken promises."""
    return _rise(take_as_resident(actor, ticket_id, Action.ASK_ESCALATE), rise, words)


def _rise(taken: Taken, rise: Rise, words: Words) -> Ticket:
    ticket = taken.ticket
    held: Op = ops.stop(ClockKind.TIER)
    if rise.hold is not None:
        held = settling.count_down(ClockKind.TIER, rise.hold, taken.at, tier=rise.tier)
    taken.move(
        words,
        facts={**rise.facts, "tier": rise.tier, "cause": rise.cause, "node": rise.node_id},
        tier=rise.tier,
        escalated_at=taken.at,
        clocks=[held],
    )
    return ticket


def dispatch_beside(ticket_id: UUID, organisation_id: UUID) -> bool:
    """Let the desk help from the first moment (dual dispatch of emergencies).

    Tells whether it was added: never the accused, never twice.
    """
    ticket = queries.hold(ticket_id)
    known = {ticket.lead_id, *(UUID(co) for co in ticket.co_ids)}
    if organisation_id in known or organisation_id.hex in ticket.barred:
        return False
    taken = take_as_system(SYSTEM, ticket, Action.WHISTLE)
    taken.move(
        facts={"organisation": organisation_id, "dual": True},
        co_ids=[*ticket.co_ids, organisation_id.hex],
    )
    handover.add_co_handler(
        ticket, organisation_id, taken.at, "紧急险情双派", due_at=ticket.resolve_due_at
    )
    return True


def lift_ceiling(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Let a ticket go one tier higher than its category foresees; the street and above.

    Raises:
        RuleBroken: the actor sits below the street (code ``street_only``).
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.LIFT_CEILING)
    if not access.sits_at(actor, taken.ticket, "street"):
        raise RuleBroken("放开层级要由街道或区里决定。", code="street_only")
    taken.move(words, ceiling_tier=taken.ticket.ceiling_tier + 1, public=False)
    return taken.ticket


def supervise(actor: Actor, ticket_id: UUID, level: str, words: Words) -> Ticket:
    """Ask the lead, as a higher tier, for an answer (督办), usually within one working day.

    Raises:
        Invalid: no such level (code ``unknown_level``).
        RuleBroken: the level is the street's (``street_only``), or the actor belongs to
            who would have to answer (``own_ticket``).
    """
    if level not in list(Supervision):
        raise Invalid("请选择督办方式。", code="unknown_level", errors={"level": ["不在列表里"]})
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.SUPERVISE)
    ticket, asked = taken.ticket, Supervision(level)
    if ticket.lead_id is not None and ticket.lead_id in actor.organisation_ids:
        raise RuleBroken("这张单由您单位承办，请由上一级督办。", code="own_ticket")
    if asked in STERN and not access.sits_at(actor, ticket, "street"):
        raise RuleBroken("挂牌督办和约谈要由街道或区里提出。", code="street_only")
    token = catalog.limits(ticket.district_id, taken.at).answer_due
    owed = settling.count_down(ClockKind.ANSWER, token, taken.at)
    taken.move(words, facts={"level": asked}, supervised=asked, clocks=[owed])
    return ticket


def answer(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Answer a supervision as the lead; the level stays on the ticket for all to see.

    Of a long-term matter the next monthly word is owed from then on.
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.ANSWER)
    met = ops.meet(ClockKind.ANSWER)
    clocks = settling.next_month(taken.at) if taken.ticket.long_term else [met]
    taken.move(words, clocks=clocks)
    return taken.ticket


def whistle(
    actor: Actor, ticket_id: UUID, organisation_id: UUID, due_at: datetime, words: Words
) -> Ticket:
    """Call a department to the spot (吹哨); it has a due time of its own."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.WHISTLE)
    ticket = taken.ticket
    handover.require_lead(ticket, organisation_id)
    if due_at <= taken.at:
        raise Invalid("到场时限要晚于现在。", code="due_in_past", errors={"due": ["要晚于现在"]})
    if organisation_id == ticket.lead_id or organisation_id.hex in ticket.co_ids:
        raise Conflict("这个单位已经在办理。", code="already_handling")
    taken.move(
        words,
        facts={"organisation": organisation_id, "due": due_at},
        co_ids=[*ticket.co_ids, organisation_id.hex],
    )
    handover.add_co_handler(ticket, organisation_id, taken.at, "吹哨", due_at=due_at)
    return ticket


def report_in(actor: Actor, ticket_id: UUID, organisation_id: UUID, words: Words) -> Ticket:
    """Note that a department that was called has come (报到).

    The department says so itself; for one without an account the desk does.

    Raises:
        RuleBroken: it was not called, or it speaks for itself (code ``not_called``).
    """
    require_words(words, or_media=True)
    taken = take_as_staff(actor, ticket_id, Action.REPORT_IN)
    own = organisation_id in actor.organisations(Permission.TICKET_HANDLE)
    known = identity.organisation(organisation_id)
    mute = known is not None and not known.has_accounts
    for_it = mute and Relation.DISPATCHER in access.relations(actor, taken.ticket)
    if organisation_id.hex not in taken.ticket.co_ids or not (own or for_it):
        raise RuleBroken("请由被吹哨的单位自己报到。", code="not_called")
    taken.move(words, facts={"organisation": organisation_id})
    return taken.ticket


def follow_calendar(ticket_id: UUID, op: Op, facts: Mapping[str, Any]) -> Ticket:
    """Let the running clocks of a ticket follow a changed calendar or time limit."""
    ticket = queries.hold(ticket_id)
    taken = take_as_system(SYSTEM, ticket, Action.RECOUNT)
    taken.move(facts=dict(facts), clocks=[op])
    return ticket


def note_platform_answer(ticket_id: UUID, package_id: UUID, words: Words) -> Step:
    """Write down what the district's platform answered: it ends nothing and moves no clock."""
    require_words(words)
    ticket = queries.hold(ticket_id)
    taken = take_as_system(SYSTEM, ticket, Action.PLATFORM_ANSWER)
    return taken.move(words, facts={"package": package_id})


def hand_over(ticket_id: UUID, organisation_id: UUID, project_id: UUID | None) -> bool:
    """Move one ticket of a firm that goes to the firm that comes, with new accept clocks.

    The old firm's holding ends that moment and with it its access; what it broke stays
    its own, and what it asked a second person or offered the resident goes with it. Some days
    long either firm or the desk may contest it.
    Tells whether it moved: never to the accused, never what ended meanwhile.
    """
    ticket = queries.hold(ticket_id)
    if ticket.closed_at is not None or organisation_id.hex in ticket.barred:
        return False
    if ticket.lead_id == organisation_id and ticket.project_id == project_id:
        return False
    taken = take_as_system(SYSTEM, ticket, Action.HAND_OVER)
    reviewing.cancel_open(ticket)
    contest = succession.contest_columns(taken, organisation_id)
    days = {"contest_days": succession.contest_days(taken)} if contest["contest_until"] else {}
    succession.pass_on(
        taken, organisation_id, "物业交接", facts=days, project_id=project_id, **contest
    )
    return True
