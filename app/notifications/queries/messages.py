"""Read what people were told, and what became of it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, func, literal, not_, or_, select, true
from sqlalchemy.sql import ColumnElement

from app.kernel import paging
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Unauthenticated
from app.kernel.paging import Page
from app.notifications.models import ChannelPause, Message
from app.notifications.rules.settling import State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.tickets import access, worklists
from app.tickets.models import Ticket
from app.tickets.worklists import Tally


@dataclass(frozen=True, slots=True)
class Told:
    """One piece of news in somebody's inbox, with its messages by the other ways."""

    message: Message = field(repr=False)
    ways: Sequence[Message] = field(repr=False)


def inbox(
    reader: Actor, *, cursor: str | None, limit: int, unread_only: bool = False
) -> Page[Told]:
    """Page through a person's news, the newest first, each with its delivery report."""
    person_id = _own(reader)
    query = select(Message).where(Message.person_id == person_id, _in_inbox(), may_read(reader))
    if unread_only:
        query = query.where(Message.read_at.is_(None))
    page = paging.fetch(
        query,
        keys=(Message.created_at, Message.id),
        key_of=lambda row: (row.created_at, row.id),
        cursor=cursor,
        limit=limit,
        descending=True,
    )
    sent = told_of(person_id, [row.event_id for row in page.items])
    return Page([Told(row, sent.get(row.event_id, ())) for row in page.items], page.next_cursor)


def told_of(person_id: UUID, event_ids: Collection[UUID]) -> dict[UUID, list[Message]]:
    """Map events to the messages that went to one person outside the inbox."""
    query = select(Message).where(
        Message.event_id.in_(event_ids),
        Message.person_id == person_id,
        Message.channel != Way.INBOX,
    )
    found: dict[UUID, list[Message]] = defaultdict(list)
    for row in session.scalars(query.order_by(Message.created_at, Message.id)):
        found[row.event_id].append(row)
    return dict(found)


def unread(reader: Actor) -> int:
    """Count what a person has not read yet."""
    query = select(func.count()).where(
        Message.person_id == _own(reader),
        _in_inbox(),
        may_read(reader),
        Message.read_at.is_(None),
    )
    return session.scalar(query) or 0


def deliveries_of(ticket_id: UUID, *, cursor: str | None, limit: int) -> Page[Message]:
    """Page through who was told what of a ticket, in order; the words stay sealed away."""
    return paging.fetch(
        select(Message).where(Message.ticket_id == ticket_id),
        keys=(Message.id,),
        key_of=lambda row: (row.id,),
        cursor=cursor,
        limit=limit,
    )


def forgotten(before: datetime, now: datetime, limit: int) -> list[UUID]:
    """Name the messages that were owed before a moment and that nobody has in hand."""
    query = (
        select(Message.id)
        .where(
            Message.settled_at.is_(None),
            Message.owed_at < before,
            Message.due_at <= now,
            or_(Message.state == State.WAITING, Message.claimed_until < now),
        )
        .order_by(Message.owed_at, Message.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def paused(way: Way, now: datetime) -> datetime | None:
    """Tell until when nothing is sent by a way, or None if it is open."""
    query = select(ChannelPause.until).where(ChannelPause.channel == way, ChannelPause.until > now)
    return session.scalar(query)


@dataclass(frozen=True, slots=True)
class Kept:
    """How old a message is, and whether it has ended."""

    id: UUID
    created_at: datetime
    settled_at: datetime | None


def oldest(after: UUID | None, limit: int) -> list[Kept]:
    """Walk over all messages in the order in which they were written; nothing is unsealed."""
    query = select(Message.id, Message.created_at, Message.settled_at)
    if after is not None:
        query = query.where(Message.id > after)
    return [Kept(*row) for row in session.execute(query.order_by(Message.id).limit(limit))]


def standing(now: datetime) -> Tally:
    """Count all open work of the installation."""
    return worklists.count((Ticket.closed_at.is_(None),), now)


def _own(reader: Actor) -> UUID:
    if reader.person_id is None:
        raise Unauthenticated
    return reader.person_id


def may_read(reader: Actor) -> ColumnElement[bool]:
    """Leave out what a person was told before their organisation was accused; deny wins.

    What they reported themselves stays theirs (rules of ``tickets.access``).
    """
    if not reader.organisation_ids:
        return true()
    is_accusing = exists().where(Ticket.id == Message.ticket_id, not_(access.not_accused(reader)))
    return or_(
        Message.ticket_id.is_(None), Message.audience == Audience.RESIDENT.value, ~is_accusing
    )


def _in_inbox() -> ColumnElement[bool]:
    """Write it into the statement itself, or no database would know the partial index."""
    inbox_itself = literal(Way.INBOX, Message.channel.type, literal_execute=True)
    return Message.channel == inbox_itself
