"""The seeded bug of the races: verbs that look first and write afterwards.

Two transactions, and none of the lock, the version and the guard of the
product. Each tells whether it believes to have won; a race that does not catch
these proves nothing.
"""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.models import Ticket, Verdict
from app.tickets.service.steps import Taken
from app.tickets.states import OPEN, Action, CloseReason, Relation, State

THINKING_S = 0.005


def accept(ticket_id: UUID, person_id: UUID, *, slowly: bool = False) -> bool:
    """Accept what looked free; ``slowly`` so that whoever came beside writes first."""
    return _write(
        ticket_id,
        lambda ticket: ticket.state is State.DISPATCHED,
        10 * THINKING_S if slowly else THINKING_S,
        state=State.ACCEPTED,
        assignee_id=person_id,
    )


def transfer(ticket_id: UUID, organisation_id: UUID) -> bool:
    return _write(
        ticket_id,
        lambda ticket: ticket.state in (State.DISPATCHED, State.ACCEPTED),
        state=State.DISPATCHED,
        lead_id=organisation_id,
        assignee_id=None,
    )


def merge(ticket_id: UUID, master_id: UUID) -> bool:
    if queries.get(master_id).state not in OPEN:
        return False
    return _write(
        ticket_id,
        lambda ticket: ticket.state in OPEN,
        state=State.MERGED,
        merged_into_id=master_id,
    )


def rate(ticket_id: UUID, person_id: UUID, number: int) -> bool:
    """Close with a verdict; ``number`` keeps the unique constraint out of it."""
    if not _close(ticket_id, CloseReason.SOLVED):
        return False
    with unit_of_work():
        session.add(
            Verdict(
                ticket_id=ticket_id,
                person_id=person_id,
                round=number,
                solved="yes",
                channel="mini_program",
                decisive=True,
                at=clock.now(),
            )
        )
    return True


def auto_close(ticket_id: UUID) -> bool:
    return _close(ticket_id, CloseReason.NO_ANSWER)


def join(ticket_id: UUID) -> bool:
    """Count oneself in, from the number seen before."""
    seen = queries.get(ticket_id).followers
    return _write(ticket_id, lambda ticket: ticket.state in OPEN, followers=seen + 1)


def step(ticket_id: UUID, source: State, action: Action, **changes: Any) -> bool:
    """Take a step that was fine when it was looked at; the history stays in order."""
    looked_fine = queries.get(ticket_id).state is source
    session.rollback()
    if not looked_fine:
        return False
    time.sleep(10 * THINKING_S)
    with unit_of_work():
        _taken(ticket_id, action).move(**changes)
    return True


def look(ticket_id: UUID) -> bool:
    """Watch: go up because of what was seen, without the lock and the second look."""
    seen = queries.get(ticket_id)
    due, tier = seen.closed_at is None and seen.look_at <= clock.now(), seen.tier + 1
    session.rollback()
    if not due:
        return False
    time.sleep(10 * THINKING_S)
    with unit_of_work():
        tickets.note_clocks(ticket_id, clock.now())
        _taken(ticket_id, Action.ESCALATE).move(tier=tier, escalated_at=clock.now())
    return True


def _taken(ticket_id: UUID, action: Action) -> Taken:
    """Take a ticket for an act of the product that no table is asked about."""
    return Taken(SYSTEM, queries.hold(ticket_id), action, Relation.SYSTEM, clock.now())


def _close(ticket_id: UUID, reason: CloseReason) -> bool:
    return _write(
        ticket_id,
        lambda ticket: ticket.state is State.RESOLVED,
        state=State.CLOSED,
        closed_at=clock.now(),
        close_reason=reason,
    )


def _write(
    ticket_id: UUID,
    is_fine: Callable[[Ticket], bool],
    thinking_s: float = THINKING_S,
    **values: Any,
) -> bool:
    looked_fine = is_fine(queries.get(ticket_id))
    session.rollback()
    if not looked_fine:
        return False
    time.sleep(thinking_s)
    with unit_of_work():
        session.execute(
            update(Ticket).where(Ticket.id == ticket_id).values(**values),
            execution_options={"synchronize_session": False},
        )
    return True
