"""Tickets with clocks, and what happens to them, each act in a unit of its own."""

from datetime import datetime
from uuid import UUID

from app.kernel.work import unit_of_work
from app.sla import clocks, ops, queries, service
from app.sla.clocks import Clock
from app.sla.models import SlaClock
from app.sla.ops import Op
from app.sla.rules import ClockKind
from app.sla.service import Kept
from tests.make.sla import a_ticket


def keep(ticket_id: UUID, at: datetime, *acts: Op, holder_id: UUID | None = None) -> Kept:
    """Let an act happen in a unit of its own."""
    with unit_of_work():
        return service.keep(ticket_id, acts, at, district_id=None, holder_at=lambda _: holder_id)


def note(ticket_id: UUID, at: datetime, holder_id: UUID | None = None) -> tuple[list[Clock], Kept]:
    """Let the watcher look in a unit of its own."""
    with unit_of_work():
        return service.note(ticket_id, at, holder_at=lambda _: holder_id)


def begin(kind: ClockKind, token: str, since: datetime, **more: int) -> Op:
    """Start a round under the first edition of the calendar."""
    return ops.start(
        kind, token, calendar="workday", policy_version=1, edition=1, since=since, **more
    )


def newest(ticket_id: UUID) -> dict[ClockKind, Clock]:
    """Read the rounds that count."""
    return clocks.latest(queries.clocks(ticket_id))


def row_of(ticket_id: UUID, kind: ClockKind) -> SlaClock:
    """Read the row of the first round."""
    return next(row for row in queries.clock_rows(ticket_id) if row.kind is kind)


def a_ticket_of_ten_hours(start: datetime) -> UUID:
    """File a ticket whose only clock runs ten hours on the wall."""
    ticket_id = a_ticket(start)
    keep(ticket_id, start, begin(ClockKind.RESOLVE, "10h", start))
    return ticket_id
