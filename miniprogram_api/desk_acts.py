"""What the desk does to a ticket: one route an act, answered by the ticket as it then is."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.kernel.http import SIGNED_IN, Blueprint, Command, View, current
from app.kernel.http.schemas import ChineseText
from app.ratings import service as ratings
from app.tickets import service as tickets
from app.tickets.service import Part, Target
from miniprogram_api.acting import act
from miniprogram_api.entrance import authenticate
from miniprogram_api.inputs import (
    MOST_WORDS,
    SATISFACTION,
    SOLVED,
    PlaceIn,
    TextIn,
    WordsIn,
    where_of,
    words_of,
)
from miniprogram_api.work_views import after

bp = Blueprint("desk_acts", __name__, url_prefix="/work", authenticate=authenticate)


class TargetIn(WordsIn):
    """To whom."""

    organisation = fields.UUID(required=True)
    person = fields.UUID(load_default=None, allow_none=True)
    claimable = fields.Boolean(load_default=False)


class DeclineIn(WordsIn):
    """Why it is not taken, from the list and in words."""

    reason = fields.String(
        required=True,
        validate=validate.Length(min=1, max=40),
        metadata={
            "description": " · ".join(f"{k} {v}" for k, v in tickets.DECLINE_REASONS.items())
        },
    )


class DecideIn(WordsIn):
    """The second person's answer."""

    approved = fields.Boolean(required=True)
    organisation = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "对交接的异议成立时，改由哪个单位办理；不填就退给原单位"},
    )


class CategoryIn(WordsIn):
    """The right category."""

    category = fields.String(required=True, validate=validate.Length(min=1, max=40))


class RelocateIn(WordsIn):
    """The right place."""

    place = fields.Nested(PlaceIn, required=True)


class MergeIn(WordsIn):
    """The ticket it goes into."""

    master = fields.UUID(required=True)


class PartIn(Command):
    """One part of a report that named several things."""

    category = fields.String(required=True, validate=validate.Length(min=1, max=40))
    text = ChineseText(required=True, min_length=1, max_length=MOST_WORDS)


class SplitIn(Command):
    """The parts."""

    parts = fields.List(
        fields.Nested(PartIn), required=True, validate=validate.Length(min=2, max=9)
    )


class FollowUpIn(WordsIn):
    """What the resident said on the phone."""

    solved = fields.String(load_default=None, allow_none=True, validate=SOLVED)
    satisfaction = fields.String(load_default=None, allow_none=True, validate=SATISFACTION)


class Parts(View):
    """The tickets made of the parts."""

    ids = fields.List(fields.UUID(), required=True)


@act(bp, "dispatch", TargetIn)
def dispatch(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Give a waiting ticket to an organisation."""
    return after(tickets.dispatch(current(), ticket_id, _target(sent), words_of(sent)))


@act(bp, "transfer", TargetIn)
def transfer(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Move the lead to another organisation."""
    return after(tickets.transfer(current(), ticket_id, _target(sent), words_of(sent)))


def _target(sent: dict[str, Any]) -> Target:
    return Target(
        organisation_id=sent["organisation"],
        person_id=sent["person"],
        claimable=sent["claimable"],
    )


@act(bp, "decline", DeclineIn)
def decline(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Propose not to take a report; a second person decides."""
    return after(tickets.ask_decline(current(), ticket_id, sent["reason"], words_of(sent)))


@act(bp, "review", DecideIn)
def review(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Decide, as the second person, what was asked."""
    return after(
        tickets.decide(
            current(),
            ticket_id,
            approved=sent["approved"],
            words=words_of(sent),
            organisation_id=sent["organisation"],
        )
    )


@act(bp, "reclassify", CategoryIn)
def reclassify(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Correct the category."""
    return after(tickets.reclassify(current(), ticket_id, sent["category"], words_of(sent)))


@act(bp, "relocate", RelocateIn)
def relocate(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Correct the place."""
    return after(tickets.relocate(current(), ticket_id, where_of(sent["place"]), words_of(sent)))


@act(bp, "merge", MergeIn)
def merge(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Put a ticket into an open one about the same thing."""
    return after(tickets.merge(current(), ticket_id, sent["master"], words_of(sent)))


@bp.route("/<uuid:ticket_id>/split", methods=["POST"], access=SIGNED_IN)
@bp.arguments(SplitIn)
@bp.response(200, Parts)
def split(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Make own tickets of the parts."""
    parts = [Part(category=one["category"], text=one["text"]) for one in sent["parts"]]
    return {"ids": [child.id for child in tickets.split(current(), ticket_id, parts)]}


@act(bp, "brief", TextIn)
def brief(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Write what the accused may read."""
    return after(tickets.brief(current(), ticket_id, words_of(sent)))


@act(bp, "transcript", TextIn)
def transcript(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Write down a voice note."""
    return after(tickets.transcript(current(), ticket_id, words_of(sent)))


@act(bp, "follow_up", FollowUpIn)
def follow_up(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Enter what the resident said on the phone."""
    return after(
        ratings.follow_up(
            current(), ticket_id, sent["solved"], sent["satisfaction"], words_of(sent)
        )
    )


@act(bp, "rework", WordsIn)
def rework(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Send it back because the resident said on the phone that it is not solved."""
    return after(tickets.rework(current(), ticket_id, words_of(sent), as_caller=True))


@act(bp, "reopen", WordsIn)
def reopen(sent: dict[str, Any], ticket_id: UUID) -> Any:
    """Take an ended ticket up again."""
    return after(tickets.reopen(current(), ticket_id, words_of(sent), as_staff=True))
