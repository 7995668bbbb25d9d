"""The story of a ticket, told to one reader: each step without what is not theirs to read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import fields

from app.identity import queries as identity
from app.kernel.actor import Actor
from app.kernel.http import View
from app.media import queries as media
from app.media import service as media_service
from app.moderation import queries as moderation
from app.tickets import history, wording
from app.tickets import service as tickets
from app.tickets.states import Action, Relation

if TYPE_CHECKING:
    from app.media.models import Media
    from app.tickets.models import Step, Ticket

MEDIA_URL = "/mp/v1/media/"


class MediaView(View):
    """A photo or a voice note, by links that work for ten minutes."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    url = fields.String(required=True)
    thumbnail = fields.String(allow_none=True, required=True)
    seconds = fields.Float(allow_none=True, required=True)


class StepView(View):
    """One line of the story."""

    seq = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    when = fields.String(required=True)
    action = fields.String(required=True)
    words = fields.String(required=True)
    who = fields.String(required=True)
    text = fields.String(allow_none=True, required=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    media = fields.List(fields.Nested(MediaView), required=True)


class Reader(StrEnum):
    """Who the story is told to."""

    STAFF = "staff"
    OWNER = "owner"  # who reported it, or filed it for another
    FOLLOWER = "follower"  # a neighbour who joined or was merged in


ASKERS = frozenset({Relation.REPORTER.value, Relation.FILER.value, Relation.SLIP_HOLDER.value})
NEIGHBOURS = frozenset({Relation.FOLLOWER.value, Relation.NEIGHBOUR.value})
RESIDENTS = ASKERS | NEIGHBOURS

AT_HOME = frozenset(
    {
        Action.SUBMIT,
        Action.APPOINT,
        Action.NO_SHOW,
        Action.QUOTE,
        Action.AGREE,
        Action.FOLLOW_UP,
        Action.FOLLOW_UP_NOTE,
        Action.PLATFORM_ANSWER,
    }
)
"""Steps whose words are between the reporter and staff, whoever wrote them."""

INNER = frozenset({"clocks"})
"""What steps keep for recomputation; the clock block tells it in words."""

FACTS: Mapping[Reader, frozenset[str] | None] = {
    Reader.STAFF: None,
    Reader.OWNER: frozenset(
        {"reason", "result", "why", "from", "to", "pay", "amount_fen", "agreed", "missing"}
        | {"until", "tier", "level", "clock", "due", "token"}
    ),
    Reader.FOLLOWER: frozenset(
        {"reason", "result", "why", "until", "tier", "level", "clock", "due"}
    ),
}
"""What of a step's facts a reader gets; None is all."""


def timeline(
    actor: Actor, ticket: "Ticket", steps: Sequence["Step"], now: datetime, reader: Reader
) -> list[dict[str, Any]]:
    """Tell the story of a ticket; staff get every step, residents are handed the public ones."""
    carried = media.of_steps([step.id for step in steps])
    people = work_numbers([step.person_id for step in steps if step.person_id])
    open_to_all = _open_to_all(steps, carried) if reader is Reader.FOLLOWER else frozenset()
    told = []
    for step in steps:
        hidden = _is_hidden(step, actor, reader)
        gated = reader is Reader.FOLLOWER and step.person_id != actor.person_id
        files = [one for one in carried.get(step.id, []) if not gated or one.id in open_to_all]
        told.append(
            {
                "seq": step.seq,
                "at": step.at,
                "when": wording.moment(step.at, now),
                "action": step.action.value,
                "words": _words(step, actor, ticket, reader),
                "who": _who(step, actor, people, reader),
                "text": None
                if hidden or (gated and step.id not in open_to_all)
                else history.words_of(step) or None,
                "facts": _facts(step, reader),
                "media": [] if hidden else links(files, actor),
            }
        )
    return told


def _open_to_all(
    steps: Sequence["Step"], carried: Mapping[UUID, Sequence["Media"]]
) -> frozenset[UUID]:
    """Name the steps and files that a neighbour may read: looked at, and let through."""
    files = [one.id for found in carried.values() for one in found]
    return moderation.publishable([*(step.id for step in steps), *files])


def _is_hidden(step: "Step", actor: Actor, reader: Reader) -> bool:
    """Tell whether a step's words and photos are another resident's."""
    if reader is Reader.STAFF or step.person_id == actor.person_id:
        return False
    if reader is Reader.OWNER:
        return step.relation in NEIGHBOURS
    return step.relation in RESIDENTS or step.action in AT_HOME


def _words(step: "Step", actor: Actor, ticket: "Ticket", reader: Reader) -> str:
    if reader is Reader.STAFF:
        return wording.step_for_staff(step.action, step.facts)
    mine = step.person_id == actor.person_id
    own = mine if step.relation in RESIDENTS else reader is Reader.OWNER
    said = wording.step_for_resident(step.action, step.facts, handler=_led(step, ticket), own=own)
    why = tickets.DECLINE_REASONS.get(step.facts.get("reason", ""))
    return f"{said}：{why}" if step.action is Action.DECLINE and why else said


def _led(step: "Step", ticket: "Ticket") -> str | None:
    """Name the organisation a dispatching step gave it to, as it was then."""
    given = step.changes.get("lead_id")
    lead_id = UUID(given) if given else ticket.lead_id
    organisation = identity.known_organisation(lead_id) if lead_id else None
    return organisation.name if organisation else None


def work_numbers(person_ids: Sequence[UUID]) -> dict[UUID, str | None]:
    """Look up what staff are called before residents: their work numbers."""
    return {one.id: one.work_number for one in identity.people(person_ids).values()}


def _who(step: "Step", actor: Actor, people: dict[UUID, str | None], reader: Reader) -> str:
    """Name who took a step: an organisation and a work number, never a resident."""
    if step.action is Action.PLATFORM_ANSWER:
        return "区平台"
    if step.person_id is None:
        return "系统"
    if step.relation in RESIDENTS:
        if reader is not Reader.STAFF and step.person_id == actor.person_id:
            return "您"
        return "代报人" if step.relation == Relation.FILER.value else "居民"
    given = step.organisation_id
    organisation = identity.known_organisation(given) if given else None
    name = organisation.short_name if organisation else "社区"
    number = people.get(step.person_id)
    return f"{name} 工号{number}" if number else name


def _facts(step: "Step", reader: Reader) -> dict[str, Any]:
    shown = FACTS[reader]
    return {
        name: value
        for name, value in step.facts.items()
        if name not in INNER and (shown is None or name in shown)
    }


def links(found: Sequence["Media"], actor: Actor) -> list[dict[str, Any]]:
    """Make the signed links of media for this person."""
    viewer_id = actor.person_id
    return [_link(one, viewer_id) for one in found] if viewer_id else []


def _link(one: "Media", viewer_id: UUID) -> dict[str, Any]:
    whole, small = ("large", "thumb") if one.kind.value == "photo" else ("voice", None)
    return {
        "id": one.id,
        "kind": one.kind.value,
        "url": MEDIA_URL + media_service.link(one, whole, viewer_id),
        "thumbnail": MEDIA_URL + media_service.link(one, small, viewer_id) if small else None,
        "seconds": one.seconds,
    }
