"""Walk over many tickets in order: to verify, to anchor, to close, to count anew."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import session
from app.tickets.models import Step, Ticket
from app.tickets.states import OPEN, State


def open_after(last: UUID | None, limit: int) -> Sequence[Ticket]:
    """Read the next open tickets in id order, after one of them or from the beginning."""
    query = select(Ticket).where(Ticket.closed_at.is_(None), Ticket.state.in_(OPEN))
    if last is not None:
        query = query.where(Ticket.id > last)
    return session.scalars(query.order_by(Ticket.id).limit(limit)).all()


def held_under(project_id: UUID) -> list[UUID]:
    """Name the open tickets that are led under one firm's contract for a compound."""
    query = select(Ticket.id).where(
        Ticket.closed_at.is_(None), Ticket.state.in_(OPEN), Ticket.project_id == project_id
    )
    return list(session.scalars(query.order_by(Ticket.id)))


def silent(now: datetime, limit: int) -> list[UUID]:
    """List resolved tickets whose time to answer has run out."""
    query = (
        select(Ticket.id)
        .where(
            Ticket.closed_at.is_(None),
            Ticket.state == State.RESOLVED,
            Ticket.review_kind.is_(None),
            Ticket.next_due_at <= now,
        )
        .order_by(Ticket.next_due_at, Ticket.id)
        .limit(limit)
    )
    return list(session.scalars(query).all())


def after(ticket_id: UUID | None, limit: int) -> Sequence[Ticket]:
    """Walk through all tickets in id order, a batch at a time."""
    query = select(Ticket).order_by(Ticket.id).limit(limit)
    if ticket_id is not None:
        query = query.where(Ticket.id > ticket_id)
    return session.scalars(query).all()


def heads_after(ticket_id: UUID | None, limit: int) -> Sequence[tuple[UUID, int, str]]:
    """Read (id, chain length, chain head) of tickets in id order."""
    query = select(Ticket.id, Ticket.chain_length, Ticket.chain_head).order_by(Ticket.id)
    if ticket_id is not None:
        query = query.where(Ticket.id > ticket_id)
    return session.execute(query.limit(limit)).all()


def hashes_of(ticket_ids: Collection[UUID]) -> dict[tuple[UUID, int], str]:
    """Read the links of several tickets in one statement, by ticket and number of the step."""
    query = select(Step.ticket_id, Step.seq, Step.hash).where(Step.ticket_id.in_(ticket_ids))
    return {(ticket_id, seq): link for ticket_id, seq, link in session.execute(query)}


def fresh(ticket_id: UUID) -> Ticket:
    """Read a ticket as it stands in the database now, past what this session knows."""
    query = select(Ticket).where(Ticket.id == ticket_id)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def submitted_since(district_id: UUID, since: datetime, limit: int) -> Sequence[Ticket]:
    """Read the newest tickets of a district submitted from ``since`` on."""
    query = (
        select(Ticket)
        .where(Ticket.district_id == district_id, Ticket.submitted_at >= since)
        .order_by(Ticket.submitted_at.desc(), Ticket.id.desc())
        .limit(limit)
    )
    return session.scalars(query).all()
