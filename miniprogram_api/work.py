"""The work of staff: worklists, one ticket with its buttons, the number to ring."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import fields, pre_load, validate

from app.escalation import queries as escalation
from app.escalation import service as calling
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.kernel.http import SIGNED_IN, Blueprint, PageQuery, View, current, looked_at
from app.kernel.paging import Page
from app.reviews import queries as reviews
from app.tickets import access, queries, worklists
from app.tickets import service as tickets
from miniprogram_api import work_views
from miniprogram_api.entrance import authenticate
from miniprogram_api.timeline import work_numbers
from miniprogram_api.work_views import BriefView, WorkCard, WorkDetail

if TYPE_CHECKING:
    from app.tickets.models import Ticket

bp = Blueprint("work", __name__, url_prefix="/work", authenticate=authenticate)

AWAITING_REVIEW = "awaiting_review"
BRIEFS = "briefs"
EXCEPTIONS = "exceptions"
QUEUES = [
    *(queue for queue in worklists.QUEUES if queue != BRIEFS),
    AWAITING_REVIEW,
    EXCEPTIONS,
]


class WorkQuery(PageQuery):
    """Which worklist; names are written with underscores."""

    @pre_load
    def _spelled(self, data: Any, **_: Any) -> Any:
        return {**data, "queue": "due_soon"} if data.get("queue") == "due-soon" else data

    queue = fields.String(
        load_default="team",
        validate=validate.OneOf(QUEUES),
        metadata={
            "description": "to_dispatch 待派单 · pool 抢单池 · mine 我的 · team 本单位 · "
            "overdue 超时 · due_soon 即将到期 · escalated 提级 · supervised 督办 · "
            "first_duty 首问负责 · exceptions 无法提级 · awaiting_review 待审核 · "
            "follow_up 待回访 · all 全部（可按 number 查）"
        },
    )
    number = fields.String(load_default=None, validate=validate.Regexp(r"^[0-9 ]{12,20}$"))


class WorkPage(View):
    """A page of a worklist, the most pressing first."""

    items = fields.List(fields.Nested(WorkCard), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class BriefPage(View):
    """A page of what staff wrote for the accused."""

    items = fields.List(fields.Nested(BriefView), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class ContactView(View):
    """The full number; each look is written down."""

    name = fields.String(allow_none=True, required=True)
    phone = fields.String(allow_none=True, required=True)


class CalleeView(View):
    """Somebody to ring; who is on duty no more shows no number."""

    name = fields.String(required=True)
    phone = fields.String(allow_none=True, required=True)
    on_duty = fields.Boolean(required=True)
    called_at = fields.AwareDateTime(allow_none=True, required=True)
    answered = fields.Boolean(required=True)


class CallListView(View):
    """Whom to ring about an emergency, in order, and when somebody took it."""

    people = fields.List(fields.Nested(CalleeView), required=True)
    taken_at = fields.AwareDateTime(allow_none=True, required=True)
    taken_by = fields.String(allow_none=True, required=True)


@bp.route("", access=SIGNED_IN)
@bp.arguments(WorkQuery, location="query")
@bp.response(200, WorkPage)
def page(query: dict[str, Any]) -> Any:
    """Page through a worklist."""
    actor, now = current(), clock.now()
    found = _FOUND.get(query["queue"], _listed)(actor, query)
    people = work_numbers([one.assignee_id for one in found.items if one.assignee_id])
    items = [
        {
            **work_views.card(actor, ticket, now),
            "assignee": people.get(ticket.assignee_id) if ticket.assignee_id else None,
        }
        for ticket in found.items
    ]
    return {"items": items, "next_cursor": found.next_cursor}


def _listed(actor: Actor, query: dict[str, Any]) -> "Page[Ticket]":
    digits = (query["number"] or "").replace(" ", "") or None
    return worklists.work_page(
        actor,
        query["queue"],
        now=clock.now(),
        cursor=query["cursor"],
        limit=query["limit"],
        number=digits,
    )


def _to_review(actor: Actor, query: dict[str, Any]) -> "Page[Ticket]":
    waiting = reviews.awaiting(
        actor, subject_kind="ticket", cursor=query["cursor"], limit=query["limit"]
    )
    found = queries.by_ids([row.subject_id for row in waiting.items])
    rows: Sequence[Ticket] = [
        found[row.subject_id]
        for row in waiting.items
        if row.subject_id in found and not access.is_accused(actor, found[row.subject_id])
    ]
    return Page(rows, waiting.next_cursor)


def _exceptions(actor: Actor, query: dict[str, Any]) -> "Page[Ticket]":
    return escalation.exceptions(actor, cursor=query["cursor"], limit=query["limit"])


_FOUND = {AWAITING_REVIEW: _to_review, EXCEPTIONS: _exceptions}


@bp.route("/briefs", access=SIGNED_IN)
@bp.arguments(PageQuery, location="query")
@bp.response(200, BriefPage)
def briefs(query: dict[str, Any]) -> Any:
    """Page, as the accused, through what staff wrote for you."""
    actor, now = current(), clock.now()
    found = worklists.work_page(
        actor, BRIEFS, now=now, cursor=query["cursor"], limit=query["limit"]
    )
    items = [work_views.brief(ticket, now) for ticket in found.items]
    return {"items": items, "next_cursor": found.next_cursor}


@bp.route("/<uuid:ticket_id>", access=SIGNED_IN, audit="ticket.viewed")
@bp.response(200, WorkDetail)
def read(ticket_id: UUID) -> Any:
    """Read a ticket as staff, with the acts this person may do now; the look is written down."""
    actor = current()
    ticket = queries.get(ticket_id)
    relations = access.require_staff(actor, ticket)
    return work_views.shown(actor, ticket, relations, clock.now())


@bp.route("/<uuid:ticket_id>/brief", access=SIGNED_IN)
@bp.response(200, BriefView)
def brief(ticket_id: UUID) -> Any:
    """Read, as the accused, what staff wrote for you; nothing else of the ticket."""
    ticket = queries.get(ticket_id)
    accused = ticket.respondent_id in current().organisation_ids
    if not accused or not ticket.handler_brief:
        raise NotFound
    return work_views.brief(ticket, clock.now())


@bp.route("/<uuid:ticket_id>/contact", access=SIGNED_IN, audit="ticket.contact_seen")
@bp.response(200, ContactView)
def contact(ticket_id: UUID) -> Any:
    """Show the full number to the lead while the ticket is open; the look is written down."""
    ticket = tickets.read(current(), ticket_id)
    if not access.may_see_contact(current(), ticket):
        raise NotFound
    looked_at(ticket.id)
    return {"name": ticket.contact_name, "phone": ticket.contact_phone}


@bp.route("/<uuid:ticket_id>/calls", access=SIGNED_IN, audit="ticket.calls_seen")
@bp.response(200, CallListView)
def calls(ticket_id: UUID) -> Any:
    """Show the desk of an emergency whom to ring; the look at the numbers is written down."""
    told = calling.call_list(current(), ticket_id, clock.now())
    looked_at(ticket_id, people=len(told.people))
    taker = told.taken_by
    return {
        "people": told.people,
        "taken_at": told.taken_at,
        "taken_by": work_numbers([taker]).get(taker) if taker else None,
    }
