"""What the house hears of, turned into news for people."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import URGENT
from app.escalation.events import ClimbBlocked, DutyCalled, TicketEscalated
from app.identity.events import BindingDecided, PersonRestricted
from app.kernel import clock
from app.notifications import queries
from app.notifications.queries import Occasion
from app.notifications.rules import rendering
from app.notifications.rules.telling import (
    RECEIPTS,
    STATE_WORDS,
    TOLD,
    Audience,
    Telling,
)
from app.notifications.service.telling import News, tell
from app.territory import queries as territory
from app.tickets import queries as tickets
from app.tickets import wording
from app.tickets.events import TicketMoved
from app.tickets.states import Action

if TYPE_CHECKING:
    from app.tickets.models import Step, Ticket

_FROM_ANOTHER = frozenset({Action.HAND_OVER, Action.GIVE_BACK, Action.UPHOLD})
"""Acts that name who had it before under ``from``."""


def is_news(event: TicketMoved) -> bool:
    """Tell whether anybody is told of such a step."""
    return event.action in TOLD


def on_ticket_moved(event: TicketMoved) -> None:
    """Tell everybody concerned of one step."""
    ticket, step = tickets.get(event.ticket_id), queries.step_of(event.step_id)
    occasion = _occasion(ticket, step)
    for telling in TOLD[step.action]:
        if telling.only_in not in (None, ticket.state):
            continue
        if telling.to and step.facts.get("kind") not in telling.to:
            continue
        people = queries.recipients(telling.audience, occasion)
        if telling.kind not in RECEIPTS:
            people -= {step.person_id}
        tell(_news_of(event, telling, ticket, step), people)


def _occasion(ticket: "Ticket", step: "Step") -> Occasion:
    named = step.facts.get("organisation")
    former = step.facts.get("from") if step.action in _FROM_ANOTHER else named
    return Occasion(
        ticket,
        clock.now(),
        organisation_id=UUID(named) if named else None,
        former_id=UUID(former) if former else None,
    )


def _news_of(event: TicketMoved, telling: Telling, ticket: "Ticket", step: "Step") -> News:
    if telling.audience is Audience.ACCUSED:
        # That there is something to read, and nothing of what it is about.
        return News(event_id=event.event_id, kind=telling.kind, audience=telling.audience)
    return News(
        event_id=event.event_id,
        kind=telling.kind,
        audience=telling.audience,
        ticket_id=ticket.id,
        facts=_facts(ticket, _time_of(telling.kind, ticket, step)),
        urgent=ticket.urgency in URGENT,
        push=telling.push,
    )


def on_escalated(event: TicketEscalated) -> None:
    """Tell the desk that came in, in working hours unless it is urgent."""
    ticket = tickets.get(event.ticket_id)
    occasion = Occasion(ticket, clock.now(), node_id=event.node_id)
    news = News(
        event_id=event.event_id,
        kind="came_in",
        audience=Audience.TIER,
        ticket_id=ticket.id,
        facts=_facts(ticket, ticket.tier_due_at or ticket.resolve_due_at or event.occurred_at),
        urgent=ticket.urgency in URGENT,
        not_before=datetime.fromisoformat(event.tell_at),
    )
    tell(news, queries.recipients(Audience.TIER, occasion))


def on_duty_called(event: DutyCalled) -> None:
    """Reach somebody on duty at once: WeChat and a text side by side."""
    ticket = tickets.get(event.ticket_id)
    occasion = Occasion(ticket, clock.now(), person_id=event.person_id)
    news = News(
        event_id=event.event_id,
        kind="called",
        audience=Audience.DUTY,
        ticket_id=ticket.id,
        facts=_facts(ticket, ticket.accept_due_at or event.occurred_at),
        urgent=True,
        at_once=True,
    )
    tell(news, queries.recipients(Audience.DUTY, occasion))


def on_climb_blocked(event: ClimbBlocked) -> None:
    """Tell the desk and the street of a late ticket that cannot go up."""
    ticket = tickets.get(event.ticket_id)
    occasion = Occasion(ticket, clock.now())
    for audience in (Audience.DESK, Audience.STREET):
        news = News(
            event_id=event.event_id,
            kind="stuck",
            audience=audience,
            ticket_id=ticket.id,
            facts=_facts(ticket, event.occurred_at),
            urgent=ticket.urgency in URGENT,
        )
        tell(news, queries.recipients(audience, occasion))


def on_binding_decided(event: BindingDecided) -> None:
    """Tell somebody whether the community confirmed where they live."""
    kind = "binding_confirmed" if event.confirmed else "binding_refused"
    found = territory.places([event.place_id])
    facts = {"place": found[event.place_id].label} if event.place_id in found else {}
    news = News(event_id=event.event_id, kind=kind, audience=Audience.SELF, facts=facts)
    tell(news, [event.person_id])


def on_restricted(event: PersonRestricted) -> None:
    """Tell somebody that a street holds them back, and that they may appeal."""
    news = News(event_id=event.event_id, kind="restricted", audience=Audience.SELF)
    tell(news, [event.person_id])


def _facts(ticket: "Ticket", at: datetime) -> dict[str, str]:
    """Gather all that a message may say of a ticket: no person, no door, nobody's words."""
    category = catalog.category(ticket.category_code, at=ticket.submitted_at)
    return {
        "category": category.name,
        "place": ticket.public_label,
        "number": wording.number(ticket.number),
        "state": STATE_WORDS[ticket.state],
        "time": rendering.moment(at),
    }


_DUE: Mapping[str, Callable[["Ticket"], datetime | None]] = {
    "received": lambda ticket: ticket.accept_due_at,
    "submitted": lambda ticket: ticket.accept_due_at,
    "dispatched": lambda ticket: ticket.accept_due_at,
    "accepted": lambda ticket: ticket.resolve_due_at,
    "assigned": lambda ticket: ticket.resolve_due_at,
    "extended": lambda ticket: ticket.resolve_due_at,
    "reopened": lambda ticket: ticket.resolve_due_at,
    "suspended": lambda ticket: ticket.resume_at,
    "please_confirm": lambda ticket: ticket.confirm_due_at,
    "rework_refused": lambda ticket: ticket.confirm_due_at,
    "supervised": lambda ticket: ticket.answer_due_at,
    "handed_over": lambda ticket: ticket.contest_until,
}
_NAMED = {"appointment": "from", "called_in": "due"}


def _time_of(kind: str, ticket: "Ticket", step: "Step") -> datetime:
    """Find the time that matters in a kind of news; else when it happened."""
    named: Any = step.facts.get(_NAMED.get(kind, ""))
    if named:
        return datetime.fromisoformat(named)
    due = _DUE[kind](ticket) if kind in _DUE else None
    return due or step.at
