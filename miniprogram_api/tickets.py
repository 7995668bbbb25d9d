"""The resident's tickets: report, follow, press, add, take back, confirm."""

from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, pre_load, validate, validates_schema

from app.catalog.rules import Accused
from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.http import SIGNED_IN, Blueprint, Command, Limit, PageQuery, View, current
from app.kernel.http.schemas import ChineseText, Moment, OneLine, Query
from app.ratings import service as ratings
from app.slips import service as slips
from app.territory.rules import Datum
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Draft
from miniprogram_api import ticket_views
from miniprogram_api.entrance import authenticate
from miniprogram_api.inputs import (
    DATUMS,
    MOST_MEDIA,
    MOST_WORDS,
    SATISFACTION,
    SOLVED,
    Nothing,
    PlaceIn,
    TextIn,
    WordsIn,
    where_of,
    words_of,
)
from miniprogram_api.ticket_views import Card, Detail, FiledReceipt

bp = Blueprint("tickets", __name__, url_prefix="/tickets", authenticate=authenticate)

ACCUSABLE = [Accused.PROPERTY.value, Accused.COMMUNITY.value]
TOLD = ("phone", "counter", "grid", "patrol")
CHANNELS = ("mini_program", "h5", *TOLD)
PHONE = validate.Regexp(r"^\+?[0-9][0-9 -]{4,19}\Z", error="电话号码格式不对。")


class ContactIn(Command):
    """Whom to ring; a bare number is taken for the phone."""

    name = OneLine(max_length=20, load_default=None, allow_none=True)
    phone = fields.String(load_default=None, allow_none=True, validate=PHONE)

    @pre_load
    def _bare_number(self, data: Any, **_: Any) -> Any:
        return {"phone": data} if isinstance(data, str) else data


class DraftIn(Command):
    """A report."""

    category = fields.String(required=True, validate=validate.Length(min=1, max=40))
    place = fields.Nested(PlaceIn, required=True)
    text = ChineseText(max_length=MOST_WORDS, load_default="", allow_none=True)
    media = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MOST_MEDIA))
    contact = fields.Nested(
        ContactIn,
        load_default=None,
        allow_none=True,
        metadata={"description": "{name, phone}, or the phone number alone as a string"},
    )
    anonymous = fields.Boolean(load_default=False)
    accuse = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(ACCUSABLE))
    on_behalf = fields.Boolean(load_default=False)
    happened_at = Moment(load_default=None, allow_none=True)
    channel = fields.String(load_default="mini_program", validate=validate.OneOf(CHANNELS))

    @validates_schema
    def _told_by_another(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("channel") in TOLD and not data.get("on_behalf"):
            raise ValidationError("代别人上报时才能这样填。", "channel")


class RateIn(TextIn):
    """The verdict: solved or not, satisfied or not, and words."""

    solved = fields.String(required=True, validate=SOLVED)
    satisfaction = fields.String(load_default=None, allow_none=True, validate=SATISFACTION)


class AgreeIn(WordsIn):
    """The answer to an offer."""

    agreed = fields.Boolean(required=True)


class OwnQuery(PageQuery):
    """One's own tickets."""

    open = fields.Boolean(load_default=False)


class SimilarQuery(Query):
    """What is about to be reported, and where."""

    category = fields.String(required=True, validate=validate.Length(min=1, max=40))
    scene = fields.String(validate=validate.Length(min=1, max=64))
    place_id = fields.UUID()
    lat = fields.Float(validate=validate.Range(-90, 90))
    lon = fields.Float(validate=validate.Range(-180, 180))
    datum = fields.String(load_default=Datum.GCJ02.value, validate=validate.OneOf(DATUMS))


class SimilarView(View):
    """An open ticket a neighbour may join: no words, no number, no person."""

    id = fields.UUID(required=True)
    category = fields.String(required=True, attribute="category_code")
    place = fields.String(required=True, attribute="public_label")
    state = fields.String(required=True)
    submitted_at = fields.AwareDateTime(required=True)
    followers = fields.Integer(required=True)


class SimilarList(View):
    """At most five."""

    items = fields.List(fields.Nested(SimilarView), required=True)


class CardPage(View):
    """A page of tickets."""

    items = fields.List(fields.Nested(Card), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


def _shown(ticket: Any) -> dict[str, Any]:
    actor = current()
    relations = tickets.may_read_as_resident(actor, ticket)
    return ticket_views.detail(actor, ticket, relations, clock.now())


@bp.route("/similar", access=SIGNED_IN)
@bp.arguments(SimilarQuery, location="query")
@bp.response(200, SimilarList)
def similar(query: dict[str, Any]) -> Any:
    """Look whether somebody has reported the same already."""
    return {"items": tickets.similar(query["category"], where_of(query))}


@bp.route(
    "",
    methods=["POST"],
    access=SIGNED_IN,
    idempotent="required",
    limit=(Limit("20/minute"), Limit("200/day")),
)
@bp.arguments(DraftIn)
@bp.response(201, FiledReceipt)
def submit(sent: dict[str, Any]) -> Any:
    """Report something; the answer carries number, promises and handler."""
    contact = sent["contact"] or {}
    ticket = tickets.submit(
        current(),
        Draft(
            category=sent["category"],
            where=where_of(sent["place"]),
            text=sent["text"] or "",
            media=sent["media"],
            contact_name=contact.get("name"),
            contact_phone=contact.get("phone"),
            anonymous=sent["anonymous"],
            accuse=sent["accuse"],
            on_behalf=sent["on_behalf"],
            happened_at=sent["happened_at"],
            channel=sent["channel"],
        ),
    )
    code = slips.write(current(), ticket.id) if sent["on_behalf"] else None
    return {**ticket_views.receipt(ticket), "query_code": code}


@bp.route("", access=SIGNED_IN)
@bp.arguments(OwnQuery, location="query")
@bp.response(200, CardPage)
def own(query: dict[str, Any]) -> Any:
    """Page through one's own tickets, newest first."""
    actor, now = current(), clock.now()
    page = queries.own_page(
        actor, cursor=query["cursor"], limit=query["limit"], open_only=query["open"]
    )
    return {
        "items": [ticket_views.own_card(actor, ticket, now) for ticket in page.items],
        "next_cursor": page.next_cursor,
    }


@bp.route("/<uuid:ticket_id>", access=SIGNED_IN)
@bp.response(200, Detail)
def read(ticket_id: UUID) -> Any:
    """Read one's ticket with its story."""
    return _shown(queries.get(ticket_id))


@bp.route("/<uuid:ticket_id>/nudge", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def nudge(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Press once more."""
    return _shown(tickets.nudge(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/escalate", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def escalate(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Call upon the next tier after two broken promises."""
    return _shown(escalation.call_upon(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/withdraw", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def withdraw(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Take a report back."""
    return _shown(tickets.withdraw(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/supplement", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def supplement(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Add words, photos or a voice note."""
    return _shown(tickets.supplement(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/rework", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def rework(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Say "not solved": have it done again."""
    return _shown(tickets.rework(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/reopen", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def reopen(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Say the trouble is back."""
    return _shown(tickets.reopen(current(), ticket_id, words_of(sent)))


@bp.route("/<uuid:ticket_id>/join", methods=["POST"], access=SIGNED_IN)
@bp.arguments(Nothing)
@bp.response(200, Detail)
def join(_sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Say "me too" to an open ticket."""
    return _shown(tickets.join(current(), ticket_id))


@bp.route("/<uuid:ticket_id>/rate", methods=["POST"], access=SIGNED_IN)
@bp.arguments(RateIn)
@bp.response(200, Detail)
def rate(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Give the verdict."""
    solved, satisfaction = sent["solved"], sent["satisfaction"]
    return _shown(ratings.rate(current(), ticket_id, solved, satisfaction, words_of(sent)))


@bp.route("/<uuid:ticket_id>/agree", methods=["POST"], access=SIGNED_IN)
@bp.arguments(AgreeIn)
@bp.response(200, Detail)
def agree(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Answer an offer."""
    return _shown(tickets.agree(current(), ticket_id, agreed=sent["agreed"], words=words_of(sent)))


@bp.route("/<uuid:ticket_id>/no_show", methods=["POST"], access=SIGNED_IN)
@bp.arguments(WordsIn)
@bp.response(200, Detail)
def no_show(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Say that nobody came at the agreed time."""
    return _shown(tickets.no_show(current(), ticket_id, words_of(sent), as_resident=True))
