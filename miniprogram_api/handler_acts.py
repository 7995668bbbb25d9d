"""What handlers do to a ticket: one route an act, answered by the ticket as it then is."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.kernel.http import Blueprint, current
from app.kernel.http.schemas import Moment
from app.tickets import service as tickets
from app.tickets.states import ResultKind
from miniprogram_api.acting import act
from miniprogram_api.entrance import authenticate
from miniprogram_api.inputs import Nothing, WordsIn, words_of
from miniprogram_api.work_views import after

bp = Blueprint("handler_acts", __name__, url_prefix="/work", authenticate=authenticate)


class ReturnIn(WordsIn):
    """Why it is not ours, from the list and in words."""

    reason = fields.String(
        required=True,
        validate=validate.Length(min=1, max=40),
        metadata={"description": " · ".join(f"{k} {v}" for k, v in tickets.RETURN_REASONS.items())},
    )


class PersonIn(WordsIn):
    """Whose hands."""

    person = fields.UUID(required=True)


class ProgressIn(WordsIn):
    """What was done or seen; internal notes are not for residents."""

    public = fields.Boolean(load_default=True)


class AssistIn(WordsIn):
    """Who should help, until when."""

    organisation = fields.UUID(required=True)
    due = Moment(required=True)


class AppointIn(WordsIn):
    """When somebody comes."""

    from_at = Moment(required=True, data_key="from")
    to_at = Moment(required=True, data_key="to")


class QuoteIn(WordsIn):
    """What it costs."""

    pay = fields.String(required=True, validate=validate.OneOf(["free", "paid", "warranty"]))
    amount_fen = fields.Integer(load_default=0, validate=validate.Range(min=0, max=10_000_000))


class ResolveIn(WordsIn):
    """What was done."""

    result = fields.String(
        load_default=ResultKind.FIXED.value,
        validate=validate.OneOf([kind.value for kind in ResultKind]),
    )


@act(bp, "accept", Nothing)
def accept(_sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Take a ticket into hand."""
    return after(tickets.accept(current(), ticket_id))


@act(bp, "claim", Nothing)
def claim(_sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Take a ticket out of the pool."""
    return after(tickets.claim(current(), ticket_id))


@act(bp, "return", ReturnIn)
def give_back(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask to send a ticket back; the desk decides."""
    return after(tickets.ask_return(current(), ticket_id, sent["reason"], words_of(sent)))


@act(bp, "assign", PersonIn)
def assign(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Put a ticket into a colleague's hands."""
    return after(tickets.assign(current(), ticket_id, sent["person"], words_of(sent)))


@act(bp, "start", WordsIn)
def start(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Note the first contact or the arrival."""
    return after(tickets.start(current(), ticket_id, words_of(sent)))


@act(bp, "progress", ProgressIn)
def progress(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Add what was done or seen."""
    return after(tickets.progress(current(), ticket_id, words_of(sent), public=sent["public"]))


@act(bp, "assist", AssistIn)
def assist(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask another organisation to help."""
    return after(
        tickets.assist(current(), ticket_id, sent["organisation"], sent["due"], words_of(sent))
    )


@act(bp, "assist_done", WordsIn)
def assist_done(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Report one's part done."""
    return after(tickets.assist_done(current(), ticket_id, words_of(sent)))


@act(bp, "appoint", AppointIn)
def appoint(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Promise a visit."""
    return after(
        tickets.appoint(current(), ticket_id, sent["from_at"], sent["to_at"], words_of(sent))
    )


@act(bp, "no_show", WordsIn)
def no_show(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Record that nobody was at home."""
    return after(tickets.no_show(current(), ticket_id, words_of(sent), as_resident=False))


@act(bp, "quote", QuoteIn)
def quote(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Offer a repair."""
    return after(
        tickets.quote(current(), ticket_id, sent["pay"], sent["amount_fen"], words_of(sent))
    )


@act(bp, "self_handle", WordsIn)
def self_handle(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Report it solved on the spot."""
    return after(tickets.self_handle(current(), ticket_id, words_of(sent)))


@act(bp, "resolve", ResolveIn)
def resolve(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Report the result; whether it is solved the resident says."""
    result = ResultKind(sent["result"])
    return after(tickets.resolve(current(), ticket_id, result, words_of(sent)))
