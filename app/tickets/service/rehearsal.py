"""Trying a change of the routing rules on tickets of the past, without making it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.kernel import clock
from app.kernel.db import session
from app.routing import queries as routing_queries
from app.routing import service as routing
from app.routing.rules import Case
from app.tickets import queries
from app.tickets.models import Ticket
from app.tickets.service import settling


@dataclass(frozen=True, slots=True)
class Rerouted:
    """One past ticket that the changed rules would have sent elsewhere."""

    number: str
    category_code: str
    public_label: str
    words: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How many past tickets were tried, and which would have gone elsewhere."""

    tried: int
    rerouted: tuple[Rerouted, ...]


def rehearse(
    district_id: UUID, change: Callable[[], object], *, since: datetime, limit: int = 5000
) -> Rehearsal:
    """Answer what ``change`` (verbs of routing.service) would have done to past tickets.

    The change is made inside a savepoint, its rules are read, and it is taken
    back; nobody else ever sees it. Tickets of ``district_id`` submitted from
    ``since`` on are tried, the newest ``limit``. Runs inside a unit of work.
    """
    now = clock.now()
    old = routing_queries.rules_at(district_id, now)
    attempt = session.begin_nested()
    try:
        change()
        session.flush()
        new = routing_queries.rules_at(district_id, now)
    finally:
        attempt.rollback()
    tickets = queries.submitted_since(district_id, since, limit)
    cases = [_case(ticket) for ticket in tickets]
    found = routing.compare(cases, old, new)
    return Rehearsal(
        tried=len(tickets),
        rerouted=tuple(_rerouted(tickets[one.index], one.words) for one in found),
    )


def _case(ticket: Ticket) -> Case:
    spot = settling.spot_of(ticket)
    return Case(
        spot=spot,
        category=settling.category_at(ticket.category_code, spot, ticket.submitted_at),
        at=ticket.submitted_at,
        accuse=ticket.accuse,
    )


def _rerouted(ticket: Ticket, words: str) -> Rerouted:
    return Rerouted(ticket.number, ticket.category_code, ticket.public_label, words)
