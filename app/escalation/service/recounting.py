"""Counting open clocks anew when the calendar or a time limit has changed.

What is over stays as it was promised, and so does what was broken before: only clocks
that run and are not due yet follow. Each change is a step of the ticket's history.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.escalation import queries, rules
from app.kernel import clock
from app.sla import clocks, ops
from app.sla import queries as sla
from app.sla.clocks import Clock
from app.sla.ops import Op
from app.sla.rules import PROMISES, ClockKind, Token
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets

if TYPE_CHECKING:
    from app.tickets.models import Ticket

BATCH = 500


@dataclass(frozen=True, slots=True)
class Moved:
    """One due time that moves, or would."""

    ticket_id: UUID
    number: str
    kind: ClockKind
    before: datetime
    after: datetime


def preview() -> Iterator[Moved]:
    """Tell which due times a recount would move; changes nothing.

    Asked inside the unit of work that changes a calendar or a limit, it tells what that
    change would move; the caller then rolls back.
    """
    now = clock.now()
    for batch in _open():
        kept = sla.clocks_of_many([ticket.id for ticket in batch])
        for ticket in batch:
            running = [sla.clock_of(row) for row in kept.get(ticket.id, ())]
            yield from _moves(ticket, running, now)[1]


def recount(ticket_id: UUID) -> list[Moved]:
    """Count the running clocks of one ticket anew; tell what moved."""
    ticket = ticket_queries.hold(ticket_id)
    if ticket.closed_at is not None:
        return []
    op, moved = _moves(ticket, sla.clocks(ticket_id), clock.now())
    if op is not None and moved:
        moving = sorted(one.kind.value for one in moved)
        tickets.follow_calendar(ticket_id, op, facts={"moved": moving})
    return moved


def _open() -> Iterator[Sequence["Ticket"]]:
    last: UUID | None = None
    while batch := ticket_queries.open_after(last, BATCH):
        last = batch[-1].id
        yield batch


def _moves(ticket: "Ticket", kept: Sequence[Clock], now: datetime) -> tuple[Op | None, list[Moved]]:
    """Find what a ticket's running clocks would be now, and the op that makes them so."""
    live = [one for one in kept if one.running and one.due_at > now]
    if not live:
        return None, []
    op = _op(ticket, live)
    after = clocks.fold(kept, [op], now, lambda edition: sla.calendars(ticket.district_id, edition))
    was = {(one.kind, one.round): one.due_at for one in kept}
    moved = [
        Moved(ticket.id, ticket.number, one.kind, was[one.kind, one.round], one.due_at)
        for one in after
        if one.due_at != was[one.kind, one.round]
    ]
    return op, moved


def _op(ticket: "Ticket", live: Sequence[Clock]) -> Op:
    category: Any = tickets.category_of(ticket, clock.now())
    stale = [
        one.kind
        for one in live
        if one.kind in PROMISES and one.policy_version != category.policy_version
    ]
    terms = {kind: str(Token.parse(getattr(category, f"{kind.value}_by"))) for kind in stale}
    terms |= _tier_terms(ticket, live, category.resolve_by)
    return ops.recount(sla.edition(), terms, category.policy_version)


def _tier_terms(ticket: "Ticket", live: Sequence[Clock], resolve: str) -> dict[ClockKind, str]:
    """Name how long the tier that has the ticket now has, if the ladder says otherwise."""
    running = next((one for one in live if one.kind is ClockKind.TIER), None)
    if running is None:
        return {}
    rung = rules.rung_of(
        queries.ladder(),
        running.tier,
        district_id=ticket.district_id,
        category=ticket.category_code,
        urgency=ticket.urgency,
        at=clock.now(),
    )
    promised = next((one.token for one in live if one.kind is ClockKind.RESOLVE), resolve)
    calendars = sla.calendars(ticket.district_id)
    hold = rules.hold_of(rung, promised, running.started_at, calendars) if rung else None
    return {ClockKind.TIER: hold} if hold and hold != running.token else {}
