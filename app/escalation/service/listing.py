"""The list that a desk rings through in an emergency: who is on duty, who was called, who came."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from app.catalog.rules import URGENT
from app.escalation import queries
from app.escalation.service.calling import on_list
from app.identity import queries as identity
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.tickets import access
from app.tickets import queries as ticket_queries
from app.tickets.states import Action, Relation

if TYPE_CHECKING:
    from app.tickets.models import Step, Ticket

TAKES = (Action.ACCEPT, Action.CLAIM, Action.SELF_HANDLE)


@dataclass(frozen=True, slots=True)
class Callee:
    """Somebody to ring: on duty now, or called before."""

    person_id: UUID
    name: str = field(repr=False)
    phone: str | None = field(repr=False)
    on_duty: bool
    called_at: datetime | None
    answered: bool


@dataclass(frozen=True, slots=True)
class CallList:
    """Whom to ring about an emergency, in order, and who took it in hand and when."""

    people: Sequence[Callee]
    taken_at: datetime | None
    taken_by: UUID | None


def call_list(actor: Actor, ticket_id: UUID, now: datetime) -> CallList:
    """Show the desk of an emergency whom to ring.

    Raises:
        NotFound: not a ticket of this desk, or no emergency.
    """
    ticket = ticket_queries.get(ticket_id)
    found = access.require_staff(actor, ticket)
    if Relation.DISPATCHER not in found or ticket.urgency not in URGENT:
        raise NotFound
    taken = _taken(ticket)
    return CallList(
        people=_people(ticket, now, taken.person_id if taken else None),
        taken_at=taken.at if taken else None,
        taken_by=taken.person_id if taken else None,
    )


def _taken(ticket: "Ticket") -> "Step | None":
    """Find the step by which somebody took it in hand, since it was dispatched last."""
    taking = None
    for step in ticket_queries.steps_of(ticket.id):
        if step.action in (Action.RETURN, Action.TRANSFER, Action.HAND_OVER):
            taking = None
        elif step.action in TAKES:
            taking = step
    return taking


def _people(ticket: "Ticket", now: datetime, taker: UUID | None) -> list[Callee]:
    """List who is on duty, in order, then who was called and is on duty no more."""
    on_duty = {view.person_id: view for view in on_list(ticket, now)}
    called = {one.person_id: one.called_at for one in queries.calls_of(ticket.id)}
    gone = identity.people([one for one in called if one not in on_duty])
    present = [
        Callee(one, view.name, view.phone or None, True, called.get(one), one == taker)
        for one, view in on_duty.items()
    ]
    past = [
        Callee(one, view.name or "", None, False, called[one], one == taker)
        for one, view in gone.items()
    ]
    return present + past
