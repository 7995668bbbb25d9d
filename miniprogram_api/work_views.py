"""What staff are shown of a ticket, and what the accused may read of one about them."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from app.catalog import queries as catalog
from app.identity.rules import masked_phone
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.http import View, current
from app.reviews import queries as reviews
from app.tickets import access, queries, wording
from app.tickets.states import UNHELD, Relation
from miniprogram_api import buttons, clock_views, ticket_views
from miniprogram_api.ticket_views import Card, Detail, Due
from miniprogram_api.timeline import Reader, timeline

if TYPE_CHECKING:
    from app.tickets.models import Ticket


class ReviewView(View):
    """What waits for a second person."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    reason = fields.String(required=True, attribute="reason_code")
    text = fields.String(required=True, attribute="reason")
    due_at = fields.AwareDateTime(required=True)


class WorkCard(Card):
    """A ticket in a worklist."""

    review = fields.String(allow_none=True, required=True)
    assignee = fields.String(allow_none=True, required=True)
    due = fields.Nested(Due, required=True)


class HoldingView(View):
    """Who held it, from when to when."""

    organisation = fields.String(allow_none=True, required=True)
    role = fields.String(required=True)
    from_at = fields.AwareDateTime(required=True)
    to_at = fields.AwareDateTime(allow_none=True, required=True)
    why = fields.String(required=True)


class FirstHandlerView(View):
    """Who had it first (首问负责), answerable until somebody has accepted it."""

    organisation = fields.String(allow_none=True, required=True)
    since = fields.AwareDateTime(required=True)
    answerable = fields.Boolean(required=True)


class WorkDetail(Detail):
    """A ticket as staff see it; after an act that ended one's part in it, only the card."""

    reviews = fields.List(fields.Nested(ReviewView))
    holdings = fields.List(fields.Nested(HoldingView))
    first_handler = fields.Nested(FirstHandlerView, allow_none=True)
    contact = fields.String(allow_none=True)
    desk = fields.String()
    tier = fields.Integer()
    brief = fields.String(allow_none=True)
    photo_required = fields.Boolean()


class BriefView(View):
    """All that the accused may read."""

    id = fields.UUID(required=True)
    category = fields.String(required=True)
    brief = fields.String(required=True)
    state_words = fields.String(required=True)


def card(actor: Actor, ticket: "Ticket", now: datetime) -> dict[str, Any]:
    """Show a ticket in a worklist; the unit and the door to those who go there or decide."""
    found = access.relations(actor, ticket)
    shown = ticket_views.card(ticket, now, Reader.STAFF)
    if access.may_see_whole_place(found, ticket):
        shown["place"] = ticket.place_label
    return {**shown, "review": ticket.review_kind, "due": ticket_views.due(ticket)}


def after(ticket: "Ticket") -> dict[str, Any]:
    """Show a ticket after one's act; an act that ended one's part in it leaves the card."""
    actor, now = current(), clock.now()
    relations = access.relations(actor, ticket) - access.OWN
    if relations:
        return shown(actor, ticket, relations, now)
    return {
        **ticket_views.card(ticket, now, Reader.STAFF),
        "due": ticket_views.due(ticket),
        "why": [],
        "actions": [],
        "timeline": [],
    }


def shown(
    actor: Actor, ticket: "Ticket", relations: frozenset[Relation], now: datetime
) -> dict[str, Any]:
    """Show a ticket to a member of staff with these relations to it."""
    steps = queries.steps_of(ticket.id)
    whole = access.may_see_whole_place(relations, ticket)
    return {
        **ticket_views.card(ticket, now, Reader.STAFF),
        **(ticket_views.at_home(ticket) if whole else {}),
        "due": ticket_views.due(ticket),
        "clock": clock_views.block(ticket, now, Reader.STAFF),
        "why": ticket.why,
        "text": ticket.text,
        "anonymous": ticket.anonymous,
        "on_behalf": ticket.filed_by_id is not None,
        "parties": ticket.parties,
        "actions": buttons.for_staff(actor, ticket, relations, now),
        "timeline": timeline(actor, ticket, steps, now, Reader.STAFF),
        "reviews": reviews.open_for("ticket", ticket.id),
        "holdings": _holdings(ticket),
        "first_handler": _first_handler(ticket),
        "contact": None if relations <= BYGONE else _masked_contact(ticket),
        "desk": ticket.desk_level,
        "tier": ticket.tier,
        "brief": ticket.handler_brief,
        "photo_required": ticket.photo_required,
    }


BYGONE = frozenset({Relation.FIRST_HANDLER, Relation.FORMER_LEAD})
"""Who had a ticket once reads how it goes on, and no number, not even a masked one."""


def _masked_contact(ticket: "Ticket") -> str | None:
    known = ticket.contact_phone and not ticket.anonymous
    return masked_phone(ticket.contact_phone) if known else None


def _first_handler(ticket: "Ticket") -> dict[str, Any] | None:
    first = ticket.first_id
    if first is None:
        return None
    since = (one.from_at for one in queries.holdings_of(ticket.id) if one.organisation_id == first)
    return {
        "organisation": ticket_views.organisation_name(first),
        "since": next(since, ticket.submitted_at),
        "answerable": ticket.state in UNHELD and first.hex not in ticket.barred,
    }


def _holdings(ticket: "Ticket") -> list[dict[str, Any]]:
    return [
        {
            "organisation": ticket_views.organisation_name(row.organisation_id),
            "role": row.role,
            "from_at": row.from_at,
            "to_at": row.to_at,
            "why": row.why,
        }
        for row in queries.holdings_of(ticket.id)
    ]


def brief(ticket: "Ticket", now: datetime) -> dict[str, Any]:
    """Show the accused what staff wrote for them: no number, time, place or person."""
    return {
        "id": ticket.id,
        "category": catalog.category(ticket.category_code, at=now).name,
        "brief": ticket.handler_brief,
        "state_words": wording.state_for_staff(ticket.state, reason=None),
    }
