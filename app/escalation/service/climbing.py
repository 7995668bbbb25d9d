"""Going up one rung: the next desk that somebody sits at comes in, or it is said why not."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from app.escalation import queries, rules
from app.escalation.events import ClimbBlocked, TicketEscalated
from app.escalation.models import AgendaItem, EscalationException
from app.escalation.rules import DISTRICT, HOLDER_LEVEL, Effect, Rung
from app.escalation.service import platform
from app.identity import queries as identity
from app.kernel import clock, outbox
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import RuleBroken
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.tickets.service import Rise, Words
from app.tickets.states import OPEN, State

if TYPE_CHECKING:
    from app.tickets.models import Ticket

BY_HAND, BY_RESIDENT = "by_hand", "by_resident"


@dataclass(frozen=True, slots=True)
class Way:
    """Where a ticket can go: a rung and the desk that holds it, or why it cannot."""

    rung: Rung | None
    node_id: UUID | None = None
    reason: str = ""


def climb(ticket: "Ticket", cause: str) -> bool:
    """Let the next tier come in on a locked ticket; tells whether it did.

    What cannot go up is put into the exception queue with the reason, once.
    """
    now = clock.now()
    way = way_up(ticket, now)
    if way.rung is None:
        _except(ticket, way.reason, cause, now)
        return False
    tickets.hand_up(ticket.id, _rise(ticket, way, cause, now))
    _follow(ticket, way, cause, now)
    return True


def escalate(actor: Actor, ticket_id: UUID, words: Words) -> "Ticket":
    """Ask the next tier in, as the lead or the desk.

    Raises:
        RuleBroken: nobody is there (code ``nobody``, ``no_ladder``) or the ceiling
            is reached (``at_ceiling``).
    """
    return _by_somebody(actor, ticket_id, words, BY_HAND)


def call_upon(actor: Actor, ticket_id: UUID, words: Words) -> "Ticket":
    """Call upon the next tier, as the resident, after two broken promises.

    Raises:
        RuleBroken: as :func:`escalate`, or ``not_late_enough``.
    """
    return _by_somebody(actor, ticket_id, words, BY_RESIDENT)


def _by_somebody(actor: Actor, ticket_id: UUID, words: Words, cause: str) -> "Ticket":
    now = clock.now()
    ticket = ticket_queries.hold(ticket_id)
    way = way_up(ticket, now)
    verb = tickets.escalate if cause == BY_HAND else tickets.call_upon
    rise = _rise(ticket, way, cause, now) if way.rung else _no_rise(ticket, cause)
    moved = verb(actor, ticket_id, rise, words)
    if way.rung is None:
        raise RuleBroken(f"暂时不能提级：{rules.NO_WAY_UP[way.reason]}。", code=way.reason)
    _follow(ticket, way, cause, now)
    return moved


def _no_rise(ticket: "Ticket", cause: str) -> Rise:
    """Let the verb refuse a stranger before anybody learns why it cannot go up."""
    return Rise(tier=ticket.tier, hold=None, cause=cause)


def way_up(ticket: "Ticket", now: datetime) -> Way:
    """Find the next rung with a desk somebody sits at who is not accused.

    A tier whose own desk let the time pass is stepped over: it does not come in to
    supervise itself.
    """
    for tier in range(ticket.tier + 1, DISTRICT + 1):
        if tier > ticket.ceiling_tier:
            return Way(None, reason="at_ceiling")
        rung = rules.rung_of(
            queries.ladder(),
            tier,
            district_id=ticket.district_id,
            category=ticket.category_code,
            urgency=ticket.urgency,
            at=now,
        )
        if rung is None:
            return Way(None, reason="no_ladder")
        node_id = getattr(ticket, f"{HOLDER_LEVEL[tier]}_id")
        if node_id is not None and node_id == _late_desk(ticket) and tier < ticket.ceiling_tier:
            continue
        if node_id is None or not _sits_somebody(ticket, node_id, now):
            return Way(None, node_id, reason="nobody")
        return Way(rung, node_id)
    return Way(None, reason="at_ceiling")


def _late_desk(ticket: "Ticket") -> UUID | None:
    """Name the desk itself if it is the one that is late: nothing was dispatched, or it leads."""
    own = identity.desk_of(ticket.desk_level, ticket.desk_id) if ticket.desk_id else None
    leads = own is not None and own.id == ticket.lead_id
    return ticket.desk_id if ticket.state is State.SUBMITTED or leads else None


def _sits_somebody(ticket: "Ticket", node_id: UUID, now: datetime) -> bool:
    sitting = identity.holders_of(Permission.TICKET_DISPATCH, node_id, at=now)
    for organisation_id in ticket.barred.split():
        sitting -= identity.people_of(UUID(organisation_id), now)
    return bool(sitting)


def _rise(ticket: "Ticket", way: Way, cause: str, now: datetime) -> Rise:
    assert way.rung is not None  # noqa: S101  (the caller looked)
    resolve = next(
        (one for one in reversed(sla.clocks(ticket.id)) if one.kind is ClockKind.RESOLVE), None
    )
    calendars = sla.calendars(ticket.district_id)
    token = resolve.token if resolve else "5wd"
    return Rise(
        tier=way.rung.tier,
        hold=rules.hold_of(way.rung, token, now, calendars),
        cause=cause,
        node_id=way.node_id,
        facts={"effects": [str(one) for one in way.rung.effects]},
    )


def _follow(ticket: "Ticket", way: Way, cause: str, now: datetime) -> None:
    """Do what belongs to the rung, settle an exception, tell upward."""
    assert way.rung is not None  # noqa: S101
    assert way.node_id is not None  # noqa: S101
    known = {item.tier for item in queries.agenda_of(ticket.id)}
    if Effect.AGENDA in way.rung.effects and way.rung.tier not in known:
        session.add(
            AgendaItem(ticket_id=ticket.id, tier=way.rung.tier, node_id=way.node_id, opened_at=now)
        )
    if Effect.PACKAGE in way.rung.effects:
        platform.call_for(ticket, way.rung.tier, now)
    settle(ticket.id, now)
    told = rules.tell_at(now, ticket.urgency, sla.calendars(ticket.district_id))
    outbox.record(
        TicketEscalated(
            ticket_id=ticket.id,
            tier=way.rung.tier,
            node_id=way.node_id,
            cause=cause,
            effects=" ".join(way.rung.effects),
            tell_at=told.isoformat(),
        )
    )


def _except(ticket: "Ticket", reason: str, cause: str, now: datetime) -> None:
    found = queries.standing(ticket.id)
    if found is None:
        session.add(
            EscalationException(
                ticket_id=ticket.id,
                tier=ticket.tier + 1,
                cause=cause,
                reason=reason,
                since=now,
                tried_at=now,
            )
        )
        outbox.record(ClimbBlocked(ticket_id=ticket.id, tier=ticket.tier + 1, reason=reason))
    else:
        found.reason, found.tried_at, found.tier = reason, now, ticket.tier + 1
    session.flush()


def settle(ticket_id: UUID, now: datetime) -> None:
    """Take a ticket out of the exception queue: it went up, or there is nothing to go up for."""
    found = queries.standing(ticket_id)
    if found is not None:
        found.settled_at = now


def retry(ticket_id: UUID) -> bool:
    """Try again what could not climb; tells whether it did.

    It leaves the queue by itself when nothing is broken any more.
    """
    ticket = ticket_queries.hold(ticket_id)
    found = queries.standing(ticket_id)
    if found is None:
        return False
    now = clock.now()
    if ticket.closed_at is not None or ticket.state not in OPEN or not is_late(ticket, now):
        settle(ticket_id, now)
        return False
    return climb(ticket, found.cause)


def is_late(ticket: "Ticket", now: datetime) -> bool:
    """Tell whether a promise of an open ticket is broken and still owed."""
    return any(
        one.running and one.due_at < now and one.kind is not ClockKind.ANSWER
        for one in sla.clocks(ticket.id)
    )
