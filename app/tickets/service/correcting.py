"""Correcting what was wrong from the start: the category, the place.

The submit time stays. The resolve time is counted from it anew, so that a
correction wins nobody time; the accept time counts from now.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalog.rules import CategoryView
from app.kernel.actor import Actor
from app.kernel.errors import RuleBroken
from app.routing.rules import Decision
from app.sla import ops
from app.sla.rules import ClockKind
from app.territory.rules import Spot
from app.tickets import access, queries
from app.tickets.models import Ticket
from app.tickets.service import handover, intake, settling
from app.tickets.service.settling import Where
from app.tickets.service.steps import Taken, Words, require_words, set_next_due, take_as_staff
from app.tickets.states import UNHELD, Action

_FROM_NOW = (ClockKind.ACCEPT, ClockKind.RESPOND)


def reclassify(actor: Actor, ticket_id: UUID, category_code: str, words: Words) -> Ticket:
    """Correct the category and route again; who is accused by it loses the ticket at once."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.RECLASSIFY)
    spot = settling.spot_of(taken.ticket)
    category = settling.offered_at(category_code, spot, taken.at)
    _require_still_accused(taken, spot, category)
    _correct(taken, spot, category, words, {})
    return taken.ticket


def _require_still_accused(taken: Taken, spot: Spot, category: CategoryView) -> None:
    """Refuse to drop who is accused at the desk alone: it takes the desk above.

    Else one person could hand a complaint, with its words, to whom it is about.

    Raises:
        RuleBroken: code ``drops_accusation``.
    """
    ticket = taken.ticket
    decision = settling.decide_route(ticket, spot, category, taken.at)
    dropped = {UUID(one) for one in ticket.barred.split()} - decision.barred_ids
    if dropped and not access.sits_above_desk(taken.actor, ticket):
        raise RuleBroken(
            "这张单反映了有关单位，改成不反映它的类别要由上一级来改。", code="drops_accusation"
        )


def relocate(actor: Actor, ticket_id: UUID, where: Where, words: Words) -> Ticket:
    """Correct the place and route again."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.RELOCATE)
    spot = settling.locate(where)
    category = settling.category_at(taken.ticket.category_code, spot, taken.at)
    taken.ticket.place_label = spot.label
    _correct(taken, spot, category, words, settling.place_columns(spot), keep_barred=True)
    return taken.ticket


def _correct(
    taken: Taken,
    spot: Spot,
    category: CategoryView,
    words: Words,
    place: dict[str, Any],
    *,
    keep_barred: bool = False,
) -> None:
    """Route again under the corrected facts; keep the lead if it is still right.

    With ``keep_barred`` who was accused at the old place stays shut out.
    """
    ticket = taken.ticket
    decision = settling.decide_route(
        ticket, spot, category, taken.at, gave_it_back=queries.returned_by(ticket.id)
    )
    keeps = ticket.state not in UNHELD and decision.lead_id == ticket.lead_id
    changes = place | _facts(category, spot, decision) | _reached(ticket, category, decision)
    if keep_barred:
        changes["barred"] = " ".join(sorted({*ticket.barred.split(), *changes["barred"].split()}))
    if ticket.first_id is not None and ticket.first_id.hex in changes["barred"]:
        changes |= {"first_id": None, "first_called_at": None}
    again = [settling.restart(category, ClockKind.RESOLVE, ticket.submitted_at)]
    if ticket.long_term:  # another matter promises a result of its own
        changes["long_term"] = False
        again.append(ops.stop(ClockKind.ANSWER))
    if keeps:
        changes["co_ids"] = _still_helping(ticket, changes["barred"], taken.at)
    else:
        again += [settling.restart(category, kind, taken.at) for kind in _FROM_NOW]
        changes |= {"mode": str(decision.mode), **handover.RELEASED}
    taken.move(words, facts={"why": list(decision.why)}, clocks=again, **changes)
    if not keeps:
        _route_again(taken, decision)
    set_next_due(ticket)


def _still_helping(ticket: Ticket, barred: str, at: datetime) -> list[str]:
    """Let go of co-handlers that turn out to be accused; name those that stay."""
    for co in ticket.co_ids:
        if co in barred:
            handover.end_holdings(ticket, at, organisation_id=UUID(co))
    return [co for co in ticket.co_ids if co not in barred]


def _reached(ticket: Ticket, category: CategoryView, decision: Decision) -> dict[str, int]:
    """Keep the tier a ticket climbed to: a correction sends nobody above away."""
    found = settling.tier_columns(category, decision)
    if ticket.escalated_at is None:
        return found
    return {
        "tier": max(ticket.tier, found["tier"]),
        "ceiling_tier": max(ticket.ceiling_tier, found["ceiling_tier"]),
    }


def _facts(category: CategoryView, spot: Spot, decision: Decision) -> dict[str, Any]:
    return {
        "category_code": category.code,
        "kind": str(category.kind),
        "urgency": str(category.urgency),
        "policy_version": category.policy_version,
        "photo_required": category.photo_on_resolve,
        "sensitive": category.sensitive,
        "confirm_within": category.confirm_within,
        "why": list(decision.why),
        "parties": list(decision.parties_without_accounts),
        **settling.desk_columns(spot, decision),
    }


def _route_again(taken: Taken, decision: Decision) -> None:
    ticket, at = taken.ticket, taken.at
    handover.end_holdings(ticket, at)
    if decision.dispatch_now:
        intake.dispatch_by_rule(ticket, decision, first=not queries.was_held(ticket.id))
