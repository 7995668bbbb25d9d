"""Read verdicts: what others may see, what waits for a person, what is to be asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.identity.models import WechatIdentity
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import DEFAULT_PAGE, Page, fetch
from app.media.models import Media
from app.moderation.models import Check
from app.moderation.rules import OPEN, PUBLISHABLE, State
from app.tickets import access, history
from app.tickets import queries as tickets_queries
from app.tickets.models import Step, Ticket
from app.wechat import gateway


def publishable(target_ids: Collection[UUID]) -> frozenset[UUID]:
    """Name those of some steps and files that residents other than their sender may see.

    The one gate of everything that is shown in public: what passed, or what a person let
    through. What was never looked at is not among them.
    """
    if not target_ids:
        return frozenset()
    query = select(Check.target_id).where(
        Check.target_id.in_(target_ids), Check.state.in_(PUBLISHABLE)
    )
    return frozenset(session.scalars(query))


def is_publishable(target_id: UUID) -> bool:
    """As :func:`publishable`, of one step or file."""
    return target_id in publishable([target_id])


@dataclass(frozen=True, slots=True)
class Held:
    """Something a person must look at, as the desk reads it."""

    check: Check
    ticket: Ticket
    words: str = field(repr=False)
    media: Media | None


def queue(actor: Actor, *, cursor: str | None = None, limit: int = DEFAULT_PAGE) -> Page[Held]:
    """Page through what waits for this desk, the oldest first; nothing of who accuses it."""
    query = (
        select(Check)
        .join(Ticket, Ticket.id == Check.ticket_id)
        .where(
            Check.state == State.HELD,
            access.not_accused(actor),
            access.at_nodes(actor, Permission.TICKET_DISPATCH, desk_only=True),
        )
    )
    page = fetch(
        query,
        keys=(Check.made_at, Check.id),
        key_of=lambda row: (row.made_at, row.id),
        cursor=cursor,
        limit=limit,
    )
    return Page(shown(page.items), page.next_cursor)


def shown(checks: Sequence[Check]) -> list[Held]:
    """Put to each look what it is about; what was taken away meanwhile is empty."""
    tickets = tickets_queries.by_ids([one.ticket_id for one in checks])
    steps = {
        row.id: row
        for row in session.scalars(select(Step).where(Step.id.in_([c.step_id for c in checks])))
    }
    files = {
        row.id: row
        for row in session.scalars(select(Media).where(Media.id.in_([c.target_id for c in checks])))
    }
    return [
        Held(
            check=one,
            ticket=tickets[one.ticket_id],
            words=history.words_of(steps[one.step_id]) if one.target_id == one.step_id else "",
            media=_there(files.get(one.target_id)),
        )
        for one in checks
    ]


def _there(media: Media | None) -> Media | None:
    return media if media is not None and media.gone_at is None else None


def held(check_id: UUID) -> Check:
    """Take a look for change.

    Raises:
        NotFound: there is none.

    """
    found = session.get(Check, check_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def by_trace(trace_id: str) -> UUID | None:
    """Find the look that waits for the answer to a question of WeChat's name."""
    return session.scalar(
        select(Check.id).where(Check.trace_id == trace_id, Check.state == State.ASKED)
    )


def has_unnamed() -> bool:
    """Tell whether a question is under way whose name we have not written down yet."""
    query = select(Check.id).where(Check.state == State.ASKED, Check.trace_id.is_(None))
    return session.scalar(query.limit(1)) is not None


def overdue(now: datetime, limit: int) -> Sequence[UUID]:
    """List what should have been asked, or answered, by now; the longest waiting first."""
    query = select(Check.id).where(Check.state.in_(OPEN), Check.due_at <= now)
    return session.scalars(query.order_by(Check.due_at, Check.id).limit(limit)).all()


def waiting_of(ticket_id: UUID) -> Sequence[Check]:
    """List the looks of a ticket that nothing was asked about yet."""
    query = select(Check).where(Check.ticket_id == ticket_id, Check.state == State.WAITING)
    return session.scalars(query).all()


def step_of(step_id: UUID) -> Step:
    """Read the step something came with.

    Raises:
        NotFound: no such step.

    """
    found = session.get(Step, step_id)
    if found is None:
        raise NotFound
    return found


def ticket_of(ticket_id: UUID) -> Ticket:
    """Read the ticket something belongs to."""
    return tickets_queries.get(ticket_id)


def openid_of(person_id: UUID | None) -> str:
    """Find a person's openid of our mini-program; empty if they have none."""
    query = select(WechatIdentity.openid).where(
        WechatIdentity.person_id == person_id, WechatIdentity.appid == gateway.appid()
    )
    found = session.scalar(query.order_by(WechatIdentity.linked_at.desc(), WechatIdentity.id))
    return found or ""


def media_of(media_id: UUID) -> Media | None:
    """Read a file that is still there."""
    return _there(session.get(Media, media_id))
