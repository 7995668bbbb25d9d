"""Read tickets: one, several, a person's own, those like one, and how busy people are."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import exists, func, or_, select, union
from sqlalchemy.orm import aliased

from app.kernel import paging
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import Page
from app.routing.rules import Busy
from app.tickets import access
from app.tickets.models import Follower, Ticket
from app.tickets.states import OPEN, State

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Due time of a ticket in which nobody owes the next act."""


@dataclass(frozen=True, slots=True)
class Similar:
    """What a neighbour may know of an open ticket: no words, no number, no person."""

    id: UUID
    category_code: str
    public_label: str
    state: State
    submitted_at: datetime
    followers: int


def get(ticket_id: UUID) -> Ticket:
    """Read a ticket, without asking who wants it.

    Raises:
        NotFound: no such ticket.
    """
    ticket = session.get(Ticket, ticket_id)
    if ticket is None:
        raise NotFound
    return ticket


def hold(ticket_id: UUID) -> Ticket:
    """Take the row for change: locked, and as it stands now.

    Raises:
        NotFound: no such ticket.
    """
    return hold_all([ticket_id])[0]


def hold_all(ticket_ids: Collection[UUID]) -> list[Ticket]:
    """Take several rows in id order, so that two people never wait for each other.

    Raises:
        NotFound: one of them does not exist.
    """
    query = (
        select(Ticket)
        .where(Ticket.id.in_(sorted(set(ticket_ids))))
        .order_by(Ticket.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = list(session.scalars(query).all())
    if len(found) != len(set(ticket_ids)):
        raise NotFound
    return found


def is_follower(person_id: UUID | None, ticket_id: UUID) -> bool:
    """Tell whether a person joined or was merged into a ticket."""
    query = select(Follower.id).where(
        Follower.ticket_id == ticket_id, Follower.person_id == person_id
    )
    return session.scalar(query) is not None


def follower_ids(ticket_id: UUID) -> Sequence[UUID]:
    """List who joined a ticket or was merged into it."""
    query = select(Follower.person_id).where(Follower.ticket_id == ticket_id)
    return session.scalars(query.order_by(Follower.id)).all()


def own_page(
    actor: Actor, *, cursor: str | None, limit: int, open_only: bool = False
) -> Page[Ticket]:
    """Page through what a resident filed, joined or had filed for them, newest first."""
    mine, filed = aliased(Ticket), aliased(Ticket)
    # A union of three index look-ups: no database finds them through one OR.
    ids = union(
        select(mine.id).where(mine.reporter_id == actor.person_id),
        select(filed.id).where(filed.filed_by_id == actor.person_id),
        select(Follower.ticket_id).where(Follower.person_id == actor.person_id),
    )
    query = select(Ticket).where(
        Ticket.id.in_(ids),
        or_(
            Ticket.reporter_id == actor.person_id,
            Ticket.filed_by_id == actor.person_id,
            access.not_accused(actor),
        ),
    )
    if open_only:
        query = query.where(Ticket.closed_at.is_(None))
    return paging.fetch(
        query,
        keys=(Ticket.submitted_at, Ticket.id),
        key_of=lambda ticket: (ticket.submitted_at, ticket.id),
        cursor=cursor,
        limit=limit,
        descending=True,
    )


def similar(
    *, compound_id: UUID | None, building_id: UUID | None, category_code: str, limit: int = 5
) -> list[Similar]:
    """Find open tickets of a category at a place that a neighbour may join.

    Accusing and sensitive ones are never offered; whether the category itself
    may be offered (not in-home) is the caller's to know. Within the reporter's
    building first, then newest.
    """
    if compound_id is None:
        return []
    query = (
        select(
            Ticket.id,
            Ticket.category_code,
            Ticket.public_label,
            Ticket.state,
            Ticket.submitted_at,
            Ticket.followers,
        )
        .where(
            Ticket.compound_id == compound_id,
            Ticket.category_code == category_code,
            Ticket.closed_at.is_(None),
            Ticket.state.in_(OPEN),
            Ticket.respondent_id.is_(None),
            Ticket.accuse.is_(None),
            Ticket.sensitive.is_(False),
        )
        .order_by((Ticket.building_id == building_id).desc(), Ticket.id.desc())
        .limit(limit)
    )
    return [Similar(*row) for row in session.execute(query)]


def open_load(person_ids: Sequence[UUID]) -> dict[UUID, Busy]:
    """Tell what each person has in hand and when they last got something."""
    query = (
        select(
            Ticket.assignee_id,
            func.count().filter(Ticket.state.in_(OPEN)),
            func.max(Ticket.dispatched_at),
        )
        .where(Ticket.assignee_id.in_(person_ids), Ticket.closed_at.is_(None))
        .group_by(Ticket.assignee_id)
    )
    rows = session.execute(query)
    return {person: Busy(count, last) for person, count, last in rows if person}


def by_number(number: str) -> Ticket | None:
    """Find a ticket by the digits people read out, or None."""
    return session.scalar(select(Ticket).where(Ticket.number == number))


def has_open(person_id: UUID) -> bool:
    """Tell whether a person has a ticket that is still worked on."""
    query = select(Ticket.id).where(
        Ticket.reporter_id == person_id, Ticket.closed_at.is_(None), Ticket.state.in_(OPEN)
    )
    return session.scalar(query.limit(1)) is not None


def has_ties(person_id: UUID | None) -> bool:
    """Tell whether a person has ever reported, filed or joined anything."""
    ties = (Ticket.reporter_id, Ticket.filed_by_id, Follower.person_id)
    return any(session.scalar(select(exists().where(tie == person_id))) for tie in ties)


def has_open_parts(ticket_id: UUID) -> bool:
    """Tell whether a part that a ticket was split into still lives."""
    query = select(Ticket.id).where(Ticket.parent_id == ticket_id, Ticket.closed_at.is_(None))
    return session.scalar(query.limit(1)) is not None


def merged_into(ticket_id: UUID) -> Sequence[UUID]:
    """List the tickets that wait for this one to close."""
    return session.scalars(
        select(Ticket.id)
        .where(Ticket.merged_into_id == ticket_id, Ticket.closed_at.is_(None))
        .order_by(Ticket.id)
    ).all()


def by_ids(ticket_ids: Collection[UUID]) -> dict[UUID, Ticket]:
    """Read several tickets at once."""
    if not ticket_ids:
        return {}
    query = select(Ticket).where(Ticket.id.in_(ticket_ids))
    return {ticket.id: ticket for ticket in session.scalars(query)}
