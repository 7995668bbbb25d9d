"""What of a ticket is shown to whom: one place builds every picture of it.

Nothing here is dumped from a table: each field is named, and the parts that
tell who somebody is are only added for those who hold the right.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import fields

from app.catalog import queries as catalog
from app.identity import queries as identity
from app.kernel.actor import Actor
from app.kernel.http import View
from app.tickets import access, queries, wording
from app.tickets.states import OPEN, Relation
from miniprogram_api import buttons, clock_views
from miniprogram_api.buttons import ActionView
from miniprogram_api.clock_views import ClockBlock
from miniprogram_api.timeline import Reader, StepView, timeline

if TYPE_CHECKING:
    from app.tickets.models import Ticket


class Due(View):
    """The three promises."""

    accept = fields.AwareDateTime(required=True, allow_none=True)
    respond = fields.AwareDateTime(required=True, allow_none=True)
    resolve = fields.AwareDateTime(required=True, allow_none=True)


class Receipt(View):
    """What a resident gets for a report."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    state = fields.String(required=True)
    state_words = fields.String(required=True)
    due = fields.Nested(Due, required=True)
    handler = fields.String(allow_none=True, required=True)
    why = fields.List(fields.String(), required=True)


class FiledReceipt(Receipt):
    """The receipt of a report; filed for another it carries the code of their slip, once."""

    query_code = fields.String(allow_none=True, required=True)


class Card(View):
    """A ticket in a list."""

    id = fields.UUID(required=True)
    number = fields.String(required=True)
    state = fields.String(required=True)
    state_words = fields.String(required=True)
    category = fields.String(required=True)
    category_name = fields.String(required=True)
    urgency = fields.String(required=True)
    place = fields.String(required=True)
    submitted_at = fields.AwareDateTime(required=True)
    next_due_at = fields.AwareDateTime(allow_none=True, required=True)
    overdue = fields.String(allow_none=True, required=True)
    due_soon = fields.Boolean(required=True)
    supervised = fields.String(allow_none=True, required=True)
    handler = fields.String(allow_none=True, required=True)
    followers = fields.Integer(required=True)
    nudges = fields.Integer(required=True)


class AppointmentView(View):
    """The visit promised last."""

    from_at = fields.AwareDateTime(required=True, data_key="from")
    to_at = fields.AwareDateTime(required=True, data_key="to")
    no_show = fields.String(required=True, allow_none=True, attribute="no_show_by")


class QuoteView(View):
    """The offer made last; ``agreed`` is null while it waits for an answer."""

    pay = fields.String(required=True)
    amount_fen = fields.Integer(required=True)
    agreed = fields.Boolean(required=True, allow_none=True)


class Detail(Card):
    """A ticket with its story and what may be done now."""

    due = fields.Nested(Due, required=True)
    clock = fields.Nested(ClockBlock)
    why = fields.List(fields.String(), required=True)
    text = fields.String(allow_none=True)
    anonymous = fields.Boolean()
    on_behalf = fields.Boolean()
    parties = fields.List(fields.String())
    appointment = fields.Nested(AppointmentView, allow_none=True)
    quote = fields.Nested(QuoteView, allow_none=True)
    actions = fields.List(fields.Nested(ActionView), required=True)
    timeline = fields.List(fields.Nested(StepView), required=True)


def organisation_name(organisation_id: UUID | None) -> str | None:
    """Name an organisation, closed ones too."""
    found = identity.known_organisation(organisation_id) if organisation_id else None
    return found.name if found else None


def due(ticket: "Ticket") -> dict[str, datetime | None]:
    """Pick the three promises of a ticket."""
    return {
        "accept": ticket.accept_due_at,
        "respond": ticket.respond_due_at,
        "resolve": ticket.resolve_due_at,
    }


def receipt(ticket: "Ticket") -> dict[str, Any]:
    """Show a fresh ticket: number, promises, handler, and why that one."""
    return {
        "id": ticket.id,
        "number": wording.number(ticket.number),
        "state": ticket.state.value,
        "state_words": _state_words(ticket, Reader.OWNER),
        "due": due(ticket),
        "handler": organisation_name(ticket.lead_id),
        "why": ticket.why,
    }


def slip(ticket: "Ticket", code: str) -> dict[str, Any]:
    """Show what stands on a slip."""
    return {"number": wording.number(ticket.number), "query_code": code}


def card(ticket: "Ticket", now: datetime, reader: Reader) -> dict[str, Any]:
    """Show a ticket in a list, with its place no deeper than the building."""
    owed = ticket.next_due_at < queries.FAR
    late = owed and ticket.next_due_at < now and ticket.state in OPEN
    return {
        "id": ticket.id,
        "number": wording.number(ticket.number),
        "state": ticket.state.value,
        "state_words": _state_words(ticket, reader),
        "category": ticket.category_code,
        "category_name": catalog.category(ticket.category_code, at=now).name,
        "urgency": ticket.urgency,
        "place": ticket.public_label,
        "submitted_at": ticket.submitted_at,
        "next_due_at": ticket.next_due_at if owed else None,
        "overdue": _overdue(ticket, now) if late else None,
        "due_soon": ticket.due_soon,
        "supervised": ticket.supervised,
        "handler": organisation_name(ticket.lead_id),
        "followers": ticket.followers,
        "nudges": ticket.nudges,
    }


def _overdue(ticket: "Ticket", now: datetime) -> str:
    """Say how late it is, and who has come in because of it: only when it is so."""
    came = wording.came_in(ticket.tier) if ticket.escalated_at is not None else ""
    return "，".join(filter(None, (wording.overdue_for(ticket.next_due_at, now), came)))


def _state_words(ticket: "Ticket", reader: Reader) -> str:
    if reader is Reader.STAFF:
        return wording.state_for_staff(ticket.state, reason=ticket.close_reason)
    return wording.state_for_resident(
        ticket.state,
        reason=ticket.close_reason,
        handler=organisation_name(ticket.lead_id),
        own=reader is Reader.OWNER,
        standstill=wording.pause(ticket.suspended_for, ticket.resume_at),
    )


def own_card(actor: Actor, ticket: "Ticket", now: datetime) -> dict[str, Any]:
    """Show a ticket in a resident's own list."""
    return card(ticket, now, _reader(access.own_relations(actor, ticket)))


def _reader(relations: frozenset[Relation]) -> Reader:
    return Reader.OWNER if relations & access.OWN else Reader.FOLLOWER


def detail(
    actor: Actor, ticket: "Ticket", relations: frozenset[Relation], now: datetime
) -> dict[str, Any]:
    """Show a ticket to the one who reported, filed or joined it.

    Who merely joined sees the story without the reporter's words, photos and door.
    """
    reader = _reader(relations)
    mine = reader is Reader.OWNER
    steps = queries.steps_of(ticket.id, public_only=True)
    return {
        **card(ticket, now, reader),
        **(at_home(ticket) if mine else {}),
        "due": due(ticket),
        "clock": clock_views.block(ticket, now, reader),
        "why": ticket.why,
        "text": ticket.text if mine else None,
        "anonymous": ticket.anonymous,
        "on_behalf": ticket.filed_by_id is not None,
        "parties": ticket.parties,
        "actions": buttons.for_resident(ticket, relations, now),
        "timeline": timeline(actor, ticket, steps, now, reader),
    }


def at_home(ticket: "Ticket") -> dict[str, Any]:
    """Pick what tells where somebody lives and when they are at home."""
    return {
        "place": ticket.place_label,
        "appointment": queries.last_appointment(ticket.id),
        "quote": queries.last_quote(ticket.id),
    }
