"""Calling who is on duty about an emergency, one after the other, until somebody takes it."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import Urgency
from app.escalation import queries
from app.escalation.events import DutyCalled
from app.escalation.models import DutyCall
from app.identity import queries as identity
from app.kernel import clock, outbox
from app.kernel.db import session
from app.tickets import queries as ticket_queries
from app.tickets.states import UNHELD

if TYPE_CHECKING:
    from app.identity.queries import DutyView
    from app.tickets.models import Ticket


def begin(ticket: "Ticket") -> None:
    """Call the first on the list of an emergency that was just reported; once."""
    if ticket.urgency == Urgency.P0 and not queries.calls_of(ticket.id):
        _call(ticket, 0, clock.now())


def call_next(ticket_id: UUID) -> bool:
    """Call the next on the list if five minutes passed without anybody taking it.

    Tells whether somebody was called; with acceptance, or at the end of the list, the
    calling ends (the tiers go on by their own clocks).
    """
    ticket = ticket_queries.hold(ticket_id)
    now = clock.now()
    waiting = [one for one in queries.calls_of(ticket_id) if one.ended_at is None]
    if not waiting or waiting[-1].next_at > now:
        return False
    last = waiting[-1]
    last.ended_at = now
    if ticket.closed_at is not None or ticket.state not in UNHELD:
        return False
    return _call(ticket, last.position + 1, now)


def _call(ticket: "Ticket", position: int, now: datetime) -> bool:
    people = on_list(ticket, now)
    if position >= len(people):
        return False
    person_id = people[position].person_id
    every = catalog.limits(ticket.district_id, now).call_minutes
    session.add(
        DutyCall(
            ticket_id=ticket.id,
            position=position,
            person_id=person_id,
            called_at=now,
            next_at=now + timedelta(minutes=every),
        )
    )
    outbox.record(DutyCalled(ticket_id=ticket.id, person_id=person_id, position=position))
    return True


def on_list(ticket: "Ticket", now: datetime) -> "list[DutyView]":
    """List whom to call about a ticket: who is on duty for the lead, then for the community."""
    nodes = sorted(ticket.nodes)
    desk = identity.desk_of("community", ticket.community_id)
    found: dict[UUID, DutyView] = {}
    for organisation_id in (ticket.lead_id, desk.id if desk else None):
        if organisation_id is None or organisation_id.hex in ticket.barred:
            continue
        for view in identity.on_duty(organisation_id, nodes, now):
            found.setdefault(view.person_id, view)
    return list(found.values())


def whom_to_ring(ticket: "Ticket", now: datetime) -> str | None:
    """Name the number a resident should ring because nobody on duty has answered yet."""
    calls = queries.calls_of(ticket.id)
    if ticket.state not in UNHELD or not calls or calls[0].next_at > now:
        return None
    numbers = {view.person_id: view.phone for view in on_list(ticket, now)}
    return next(
        (numbers[one.person_id] for one in reversed(calls) if numbers.get(one.person_id)), None
    )
