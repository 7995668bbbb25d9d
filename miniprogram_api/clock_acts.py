"""What staff do about time and tiers: pause, put off, supervise, go up, call departments."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.escalation import service as escalation
from app.kernel.http import Blueprint, current
from app.kernel.http.schemas import Moment
from app.tickets import service as tickets
from app.tickets import wording
from app.tickets.states import Supervision
from miniprogram_api.acting import act
from miniprogram_api.entrance import authenticate
from miniprogram_api.inputs import WordsIn, words_of
from miniprogram_api.work_views import after

bp = Blueprint("clock_acts", __name__, url_prefix="/work", authenticate=authenticate)


def _reason(known: dict[str, str]) -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(min=1, max=40),
        metadata={"description": " · ".join(f"{code} {words}" for code, words in known.items())},
    )


class SuspendIn(WordsIn):
    """Why the clocks should stand still, and the day they go on."""

    reason = _reason(tickets.SUSPEND_REASONS)
    until = Moment(required=True)


class ExtendIn(WordsIn):
    """Why more time is needed, and how many working days."""

    reason = _reason(tickets.EXTEND_REASONS)
    days = fields.Integer(required=True, validate=validate.Range(min=1, max=30))


class ExcludeIn(WordsIn):
    """Why it should not count in scores."""

    reason = _reason(tickets.EXCLUDE_REASONS)


class SuperviseIn(WordsIn):
    """How sternly an answer is asked for."""

    level = fields.String(
        required=True,
        validate=validate.OneOf(list(map(str, Supervision))),
        metadata={"description": " · ".join(f"{k} {v}" for k, v in wording.SUPERVISION.items())},
    )


class WhistleIn(WordsIn):
    """Which department is called, and until when it should come."""

    organisation = fields.UUID(required=True)
    due = Moment(required=True)


class ReportIn(WordsIn):
    """Which department has come."""

    organisation = fields.UUID(required=True)


@act(bp, "suspend", SuspendIn)
def suspend(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask that the clocks of the work stand still; the desk decides."""
    return after(
        tickets.ask_suspend(current(), ticket_id, sent["reason"], sent["until"], words_of(sent))
    )


@act(bp, "resume", WordsIn)
def resume(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Go on before the planned day."""
    return after(tickets.resume(current(), ticket_id, words_of(sent)))


@act(bp, "extend", ExtendIn)
def extend(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask for more working days; the tier above decides, the second time the street."""
    return after(
        tickets.ask_extend(current(), ticket_id, sent["reason"], sent["days"], words_of(sent))
    )


@act(bp, "exclude", ExcludeIn)
def exclude(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Propose to leave a finished ticket out of scores; the street decides."""
    return after(tickets.ask_exclude(current(), ticket_id, sent["reason"], words_of(sent)))


@act(bp, "long_term", WordsIn)
def long_term(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Propose to carry it as a long-term matter; the street decides."""
    return after(tickets.ask_long_term(current(), ticket_id, words_of(sent)))


@act(bp, "escalate", WordsIn)
def escalate(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask the next tier in."""
    return after(escalation.escalate(current(), ticket_id, words_of(sent)))


@act(bp, "lift_ceiling", WordsIn)
def lift_ceiling(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Let it go one tier higher than its category foresees; the street and above."""
    return after(tickets.lift_ceiling(current(), ticket_id, words_of(sent)))


@act(bp, "supervise", SuperviseIn)
def supervise(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Ask the lead for an answer within one working day."""
    return after(tickets.supervise(current(), ticket_id, sent["level"], words_of(sent)))


@act(bp, "answer", WordsIn)
def answer(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Answer a supervision, as the lead."""
    return after(tickets.answer(current(), ticket_id, words_of(sent)))


@act(bp, "whistle", WhistleIn)
def whistle(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Call a department to the spot."""
    return after(
        tickets.whistle(current(), ticket_id, sent["organisation"], sent["due"], words_of(sent))
    )


@act(bp, "contest", WordsIn)
def contest(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Say that a firm's hand-over does not hold for this ticket; the street decides."""
    return after(tickets.contest(current(), ticket_id, words_of(sent)))


@act(bp, "report_in", ReportIn)
def report_in(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Note that a department that was called has come."""
    return after(tickets.report_in(current(), ticket_id, sent["organisation"], words_of(sent)))
