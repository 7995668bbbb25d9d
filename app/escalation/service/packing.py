"""Putting together what the district's platform is told of a ticket."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from app.escalation import package
from app.escalation.package import Photo, said
from app.identity import queries as identity
from app.kernel import clock
from app.kernel.errors import NotFound
from app.media import queries as media
from app.media import store
from app.media.rules import MediaKind
from app.sla import queries as sla
from app.territory import queries as territory
from app.tickets import history, wording
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets

if TYPE_CHECKING:
    from uuid import UUID

    from app.escalation.models import OutboundPackage
    from app.sla.clocks import Clock
    from app.tickets.models import Step, Ticket

DIVISIONS = ("district_id", "street_id", "community_id")
PATH = (*DIVISIONS, "compound_id", "building_id")
DOOR = ("unit_id", "dwelling_id")
FACTS = frozenset({"reason", "result", "tier", "cause", "level", "clock", "due", "until", "token"})
"""Codes and times of a step that name nobody."""


def withheld(ticket: "Ticket", shares: Collection[str]) -> frozenset[str]:
    """Name what may go along of people: less of an anonymous report, nothing of a sensitive one."""
    if ticket.sensitive:
        return frozenset()
    return frozenset(shares) - ({"contact", "door"} if ticket.anonymous else frozenset())


def document(
    row: "OutboundPackage", ticket: "Ticket", shares: Collection[str]
) -> tuple[dict[str, Any], tuple[Photo, ...]]:
    """Say of a ticket what the platform may know; hand out the photos that go along."""
    granted = withheld(ticket, shares)
    steps = ticket_queries.steps_of(ticket.id)
    photos = _photos(ticket.id) if "photos" in granted else ()
    going = package.chosen(photos)
    told: dict[str, Any] = {
        "kind": package.PACKAGE,
        "version": package.VERSION,
        "package": str(row.id),
        "reason": row.reason,
        "called_at": said(row.called_at),
        "ticket": _ticket(ticket, granted),
        "clocks": [_clock(one) for one in sla.clocks(ticket.id)],
        "breaches": [
            {"clock": one.kind.value, "tier": one.tier, "due": said(one.due_at)}
            for one in sla.breaches(ticket.id)
        ],
        "history": [_step(one, granted) for one in steps],
        "photos_left_out": len(photos) - len(going),
    }
    return told, going


def _ticket(ticket: "Ticket", granted: Collection[str]) -> dict[str, Any]:
    category = tickets.category_of(ticket, clock.now())
    told: dict[str, Any] = {
        "number": ticket.number,
        "category": {"code": ticket.category_code, "name": category.name},
        "urgency": ticket.urgency,
        "state": ticket.state.value,
        "state_words": wording.state_for_staff(ticket.state, reason=ticket.close_reason),
        "tier": ticket.tier,
        "submitted_at": said(ticket.submitted_at),
        "place": _place(ticket, granted),
        "lead": _name(ticket.lead_id),
        "respondent": _name(ticket.respondent_id),
        "breaches": ticket.breaches,
        "supervised": ticket.supervised.value if ticket.supervised else None,
    }
    if "words" in granted:
        told["words"] = ticket.text
    if "contact" in granted:
        told["contact"] = {"name": ticket.contact_name, "phone": ticket.contact_phone}
    return told


def _place(ticket: "Ticket", granted: Collection[str]) -> dict[str, Any]:
    levels = (*PATH, *DOOR) if "door" in granted else PATH
    ids = [one for one in (getattr(ticket, name) for name in levels) if one]
    found = territory.places(ids)
    path = [found[one] for one in ids if one in found]
    named = [found.get(getattr(ticket, name)) for name in DIVISIONS]
    divisions = [one.code for one in named if one is not None and one.code]
    return {
        "path": [one.name for one in path],
        "division_code": divisions[-1] if divisions else None,
        "label": ticket.public_label,
    }


def _name(organisation_id: "UUID | None") -> str | None:
    found = identity.known_organisation(organisation_id) if organisation_id else None
    return found.name if found else None


def _clock(one: "Clock") -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "words": wording.CLOCKS_STAFF[one.kind],
        "tier": one.tier,
        "started_at": said(one.started_at),
        "due_at": said(one.due_at),
        "ended_at": said(one.ended_at),
        "late": one.late or (one.running and one.due_at < clock.now()),
    }


def _step(step: "Step", granted: Collection[str]) -> dict[str, Any]:
    told = {
        "at": said(step.at),
        "action": step.action.value,
        "words": wording.step_for_staff(step.action, step.facts),
        "by": _name(step.organisation_id),
        "facts": {name: value for name, value in step.facts.items() if name in FACTS},
    }
    if "words" in granted and step.public:
        told["text"] = history.words_of(step) or None
    return told


def _photos(ticket_id: "UUID") -> tuple[Photo, ...]:
    """List the photos of a ticket; where one was masked by hand, the masked one alone."""
    rows = [one for one in media.of_ticket(ticket_id) if one.kind is MediaKind.PHOTO]
    masked = {one.masked_of for one in rows if one.masked_of is not None}
    return tuple(
        Photo(
            id=one.id,
            stem=one.stem,
            size=one.size,
            at=one.attached_at,
            purpose=one.purpose,
        )
        for one in rows
        if one.id not in masked
    )


def load(photos: Sequence[Photo]) -> list[tuple[Photo, bytes]]:
    """Fetch the photos; one that was erased since does not hold up the rest."""
    found = []
    for one in photos:
        try:
            found.append((one, store.get(one.stem, "large")))
        except NotFound:
            continue
    return found
