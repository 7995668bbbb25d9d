"""Read the ladder, what is due, what could not climb, and how the tiers share the work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from app.escalation.models import (
    AgendaItem,
    DutyCall,
    EscalationException,
    LadderRung,
    OutboundPackage,
    PlatformAnswer,
)
from app.escalation.rules import NOT_CONFIGURED, SHIPPED, Delivery, Effect, Rung
from app.kernel import paging, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import Page
from app.sla import queries as sla
from app.tickets import access, worklists
from app.tickets import queries as tickets
from app.tickets.models import Step, Ticket
from app.tickets.states import Action

STAMP = "ladder"


def ladder() -> tuple[Rung, ...]:
    """Hand out every rung that may hold somewhere: what districts set and what is shipped."""
    return _ladder.get()


def read_ladder() -> tuple[Rung, ...]:
    """Read the ladder past the cache: what this unit wrote may yet be rolled back."""
    return _build()


def ladder_rows() -> Sequence[LadderRung]:
    """List every rung that was ever set, the oldest first."""
    order = (LadderRung.valid_from, LadderRung.tier, LadderRung.id)
    return session.scalars(select(LadderRung).order_by(*order)).all()


def due(now: datetime, limit: int) -> list[UUID]:
    """Name the tickets the watcher has to look at, the longest waiting first."""
    query = (
        select(Ticket.id)
        .where(Ticket.closed_at.is_(None), Ticket.look_at <= now)
        .order_by(Ticket.look_at, Ticket.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def take(ticket_id: UUID, now: datetime) -> Ticket | None:
    """Lock a ticket that is still due; None if it is not or somebody else looks at it now."""
    query = (
        select(Ticket)
        .where(Ticket.id == ticket_id, Ticket.closed_at.is_(None), Ticket.look_at <= now)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).one_or_none()


def standing(ticket_id: UUID) -> EscalationException | None:
    """Read why a ticket cannot climb, if it is in the exception queue."""
    query = select(EscalationException).where(
        EscalationException.ticket_id == ticket_id, EscalationException.settled_at.is_(None)
    )
    return session.scalars(query).one_or_none()


def exceptions(actor: Actor, *, cursor: str | None, limit: int) -> Page[Ticket]:
    """Page through what could not climb and this actor may read, the longest waiting first."""
    query = (
        select(Ticket)
        .join(EscalationException, EscalationException.ticket_id == Ticket.id)
        .where(EscalationException.settled_at.is_(None), worklists.readable(actor))
    )
    return paging.fetch(
        query,
        keys=(Ticket.next_due_at, Ticket.id),
        key_of=lambda ticket: (ticket.next_due_at, ticket.id),
        cursor=cursor,
        limit=limit,
    )


def to_retry(before: datetime, limit: int) -> list[UUID]:
    """Name the tickets in the exception queue that were last tried before a moment."""
    query = (
        select(EscalationException.ticket_id)
        .where(EscalationException.settled_at.is_(None), EscalationException.tried_at < before)
        .order_by(EscalationException.tried_at, EscalationException.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def agenda_of(ticket_id: UUID) -> Sequence[AgendaItem]:
    """List the agenda items of a ticket."""
    query = select(AgendaItem).where(AgendaItem.ticket_id == ticket_id)
    return session.scalars(query.order_by(AgendaItem.opened_at)).all()


def calls_of(ticket_id: UUID) -> Sequence[DutyCall]:
    """List who was called about an emergency, in order."""
    query = select(DutyCall).where(DutyCall.ticket_id == ticket_id)
    return session.scalars(query.order_by(DutyCall.position)).all()


def calls_due(now: datetime, limit: int) -> list[UUID]:
    """Name the tickets whose last call was not answered in time."""
    query = (
        select(DutyCall.ticket_id)
        .where(DutyCall.ended_at.is_(None), DutyCall.next_at <= now)
        .order_by(DutyCall.next_at, DutyCall.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def package_of(ticket_id: UUID, reason: str) -> OutboundPackage | None:
    """Find the package of a ticket that was called for with a reason."""
    query = select(OutboundPackage).where(
        OutboundPackage.ticket_id == ticket_id, OutboundPackage.reason == reason
    )
    return session.scalars(query).one_or_none()


def packages_of(ticket_id: UUID) -> Sequence[OutboundPackage]:
    """List the packages of a ticket, the newest last."""
    query = select(OutboundPackage).where(OutboundPackage.ticket_id == ticket_id)
    return session.scalars(query.order_by(OutboundPackage.called_at)).all()


def hold_package(package_id: UUID) -> OutboundPackage:
    """Take a package for change, after its ticket: everybody locks in this order.

    Raises:
        NotFound: no such package.
    """
    row = session.get(OutboundPackage, package_id)
    if row is None:
        raise NotFound
    tickets.hold(row.ticket_id)
    session.refresh(row, with_for_update=True)
    return row


def packages(state: Delivery | None, limit: int) -> list[tuple[OutboundPackage, str]]:
    """List packages with the number of their ticket, what was touched last first."""
    query = (
        select(OutboundPackage, Ticket.number)
        .join(Ticket, Ticket.id == OutboundPackage.ticket_id)
        .order_by(OutboundPackage.touched_at.desc(), OutboundPackage.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(OutboundPackage.state == state)
    return [(row, number) for row, number in session.execute(query)]


def waiting_packages(touched_before: datetime, limit: int) -> list[UUID]:
    """Name what waits for a platform, and what was not touched since a moment."""
    query = (
        select(OutboundPackage.id)
        .where(
            OutboundPackage.state == Delivery.WAITING,
            or_(
                OutboundPackage.last_error == NOT_CONFIGURED,
                OutboundPackage.touched_at < touched_before,
            ),
        )
        .order_by(OutboundPackage.touched_at, OutboundPackage.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def answer_of(package_id: UUID, answer_id: str) -> PlatformAnswer | None:
    """Find an answer of the platform that was taken before."""
    query = select(PlatformAnswer).where(
        PlatformAnswer.package_id == package_id, PlatformAnswer.answer_id == answer_id
    )
    return session.scalars(query).one_or_none()


LEAVES = (
    Action.DECLINE,
    Action.RETURN,
    Action.SUSPEND,
    Action.EXTEND,
    Action.EXCLUDE,
    Action.GIVE_BACK,
)
"""What a second person allowed and the public counts."""

REFUSALS = (Action.REFUSE_REVIEW, Action.UPHOLD)


@dataclass(frozen=True, slots=True)
class Tally:
    """How a place did over a time: all counts, no names.

    ``closed_by_tier``: (tier, count) of what somebody worked on and that closed.
    ``leaves``: how often each of ``LEAVES`` was granted; ``refused`` how often not.
    """

    closed_by_tier: tuple[tuple[int, int], ...]
    breaches: int
    excluded: int
    leaves: Mapping[str, int]
    refused: int


def tally(level: str, node_id: UUID, since: datetime) -> Tally:
    """Count what happened in a place since a moment."""
    column = access.COLUMNS[level]
    closed = (
        select(Ticket.tier, func.count())
        .where(column == node_id, Ticket.closed_at >= since, Ticket.resolved_at.is_not(None))
        .group_by(Ticket.tier)
        .order_by(Ticket.tier)
    )
    steps = (
        select(Step.action, func.count())
        .join(Ticket, Ticket.id == Step.ticket_id)
        .where(
            column == node_id,
            Step.at >= since,
            Step.action.in_((*LEAVES, *REFUSALS)),
        )
        .group_by(Step.action)
    )
    excluded = select(func.count()).where(
        column == node_id, Ticket.closed_at >= since, Ticket.excluded.is_not(None)
    )
    done = {action: count for action, count in session.execute(steps)}  # noqa: C416
    return Tally(
        closed_by_tier=tuple((tier, count) for tier, count in session.execute(closed)),
        breaches=sla.count_breaches(select(Ticket.id).where(column == node_id), since),
        excluded=session.scalar(excluded) or 0,
        leaves={action.value: done.get(action, 0) for action in LEAVES},
        refused=sum(done.get(action, 0) for action in REFUSALS),
    )


def rung_of_row(row: LadderRung) -> Rung:
    """Read a row as the rung it sets."""
    return Rung(
        tier=row.tier,
        hold=row.hold,
        share_percent=row.share_percent,
        at_once=row.at_once,
        effects=tuple(Effect(one) for one in row.effects),
        district_id=row.district_id,
        category_code=row.category_code,
        urgency=row.urgency,
        withdrawn=row.withdrawn,
        valid_from=row.valid_from,
    )


def _build() -> tuple[Rung, ...]:
    rows = session.scalars(select(LadderRung).order_by(LadderRung.valid_from))
    return (*SHIPPED, *map(rung_of_row, rows))


_ladder = stamps.Cached(STAMP, _build)
