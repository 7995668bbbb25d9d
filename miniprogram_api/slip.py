"""The slip: open one ticket by its number and query code, without a log-in."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.kernel import clock
from app.kernel.errors import Unauthenticated
from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Command, Limit, View, current
from app.ratings import service as ratings
from app.slips import service as slips
from app.tickets import queries
from app.tickets import service as tickets
from miniprogram_api import entrance, ticket_views
from miniprogram_api.inputs import SATISFACTION, SOLVED, Nothing, TextIn, words_of
from miniprogram_api.ticket_views import Detail

bp = Blueprint("slip", __name__, url_prefix="/slip", authenticate=slips.authenticate)
writing = Blueprint(
    "slip_writing", __name__, url_prefix="/tickets", authenticate=entrance.authenticate
)

CHANNEL = "slip"


class SlipIn(Command):
    """What stands on the slip."""

    number = fields.String(required=True, validate=validate.Length(min=1, max=40))
    code = fields.String(required=True, validate=validate.Regexp(r"^[0-9]{6}\Z"))


class SlipCode(View):
    """A fresh slip: the code is shown this once."""

    number = fields.String(required=True)
    query_code = fields.String(required=True)


class OpenSlip(View):
    """An open slip: send the token as the bearer token of the other slip routes."""

    token = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)
    ticket = fields.Nested(Detail, required=True)


class SlipRateIn(TextIn):
    """The verdict: solved or not, satisfied or not, and words."""

    solved = fields.String(required=True, validate=SOLVED)
    satisfaction = fields.String(load_default=None, allow_none=True, validate=SATISFACTION)


def _mine() -> UUID:
    ticket_id = current().slip_of
    if ticket_id is None:
        raise Unauthenticated
    return ticket_id


def _shown(ticket: Any) -> dict[str, Any]:
    actor = current()
    relations = tickets.may_read_as_resident(actor, ticket)
    return ticket_views.detail(actor, ticket, relations, clock.now())


@writing.route("/<uuid:ticket_id>/slip", methods=["POST"], access=SIGNED_IN)
@writing.arguments(Nothing)
@writing.response(201, SlipCode)
def write(_sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Write a (new) slip for a ticket filed for another."""
    code = slips.write(current(), ticket_id)
    return ticket_views.slip(queries.get(ticket_id), code)


@bp.route(
    "",
    methods=["POST"],
    access=PUBLIC,
    work=False,
    idempotent=False,
    limit=Limit("600/hour", per="address"),
)
@bp.arguments(SlipIn)
@bp.response(200, OpenSlip)
def open_slip(sent: dict[str, str]) -> Any:
    """Open the ticket of a slip."""
    opened = slips.open_with(sent["number"], sent["code"])
    actor = slips.authenticate(opened.token)
    if actor is None:
        raise Unauthenticated
    ticket = queries.get(opened.ticket_id)
    relations = tickets.may_read_as_resident(actor, ticket)
    return {
        "token": opened.token,
        "expires_at": opened.expires_at,
        "ticket": ticket_views.detail(actor, ticket, relations, clock.now()),
    }


@bp.route("/ticket", access=SIGNED_IN)
@bp.response(200, Detail)
def read() -> Any:
    """Read the ticket of the open slip."""
    return _shown(queries.get(_mine()))


@bp.route("/supplement", methods=["POST"], access=SIGNED_IN)
@bp.arguments(TextIn)
@bp.response(200, Detail)
def supplement(sent: dict[str, Any]) -> Any:
    """Add words."""
    return _shown(tickets.supplement(current(), _mine(), words_of(sent)))


@bp.route("/rate", methods=["POST"], access=SIGNED_IN)
@bp.arguments(SlipRateIn)
@bp.response(200, Detail)
def rate(sent: dict[str, Any]) -> Any:
    """Give the verdict."""
    said = words_of(sent)
    solved, satisfaction = sent["solved"], sent["satisfaction"]
    return _shown(ratings.rate(current(), _mine(), solved, satisfaction, said, channel=CHANNEL))


@bp.route("/rework", methods=["POST"], access=SIGNED_IN)
@bp.arguments(TextIn)
@bp.response(200, Detail)
def rework(sent: dict[str, Any]) -> Any:
    """Say "not solved": have it done again."""
    return _shown(tickets.rework(current(), _mine(), words_of(sent)))
