"""The watcher: looks at each ticket when a clock has something to say, and never twice."""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from app.catalog.rules import URGENT, Urgency
from app.escalation import queries, rules
from app.escalation.service import calling, climbing
from app.identity import queries as identity
from app.kernel import clock
from app.sla.rules import ClockKind
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.states import Action

if TYPE_CHECKING:
    from app.tickets.models import Ticket


def look(ticket_id: UUID) -> bool:
    """Look at one ticket: end a pause that is over, note what is broken, go up one rung.

    One short unit of work; checked again under the lock, so that several watchers, or
    one that was killed in the middle, do each thing once. Tells whether it was due.
    """
    now = clock.now()
    ticket = queries.take(ticket_id, now)
    if ticket is None:
        return False
    tickets.resume_due(ticket.id)
    held = ticket.tier_due_at is not None
    broken = {one.kind for one in tickets.note_clocks(ticket.id, now)}
    cause = _cause(broken, held=held)
    if cause is not None:
        climbing.climb(ticket, cause.value)
    return True


def _cause(broken: Collection[ClockKind], *, held: bool) -> ClockKind | None:
    """Name the broken promise for which a ticket goes up, if it does.

    A tier that came in has its own time: until that is over, another promise that
    breaks below does not call the next.
    """
    causes = (ClockKind.TIER,) if held else rules.CAUSES
    return next((kind for kind in causes if kind in broken), None)


def is_urgent_report(event: TicketMoved) -> bool:
    """Tell whether a step may call for somebody at once: an urgent report, or its new category."""
    return event.urgency in URGENT and event.action in (Action.SUBMIT, Action.RECLASSIFY)


def on_reported(event: TicketMoved) -> None:
    """Let the tiers come in that an emergency calls at once (dual dispatch, rules.md)."""
    ticket = ticket_queries.hold(event.ticket_id)
    if ticket.closed_at is not None:
        return
    calling.begin(ticket)
    if ticket.tier != rules.COMPOUND:
        return
    now = clock.now()
    rung = rules.rung_of(
        queries.ladder(),
        rules.COMMUNITY,
        district_id=ticket.district_id,
        category=ticket.category_code,
        urgency=ticket.urgency,
        at=now,
    )
    if rung is None or not rung.at_once:
        return
    climbing.climb(ticket, "at_once")
    _dispatch_beside(ticket)


def _dispatch_beside(ticket: "Ticket") -> None:
    if ticket.urgency != Urgency.P0:
        return
    desk = identity.desk_of("community", ticket.community_id)
    if desk is not None:
        tickets.dispatch_beside(ticket.id, desk.id)
