"""The worklists of staff: each one partial index over open tickets, by due time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, case, false, func, literal, or_, select
from sqlalchemy.sql import ColumnElement, operators
from sqlalchemy.sql.elements import BooleanClauseList, False_

from app.kernel import paging
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.paging import Page
from app.tickets import access
from app.tickets.models import Ticket
from app.tickets.states import UNHELD, State

QUEUES = (
    "to_dispatch",
    "pool",
    "mine",
    "team",
    "overdue",
    "due_soon",
    "escalated",
    "supervised",
    "first_duty",
    "follow_up",
    "briefs",
    "all",
)

TIER_OF_DESK = {"community": 2, "street": 3, "district": 4}
"""From which tier on a matter has come up to a desk."""


def work_page(
    actor: Actor,
    queue: str,
    *,
    now: datetime,
    cursor: str | None,
    limit: int,
    number: str | None = None,
) -> Page[Ticket]:
    """Page through a staff worklist by due time, the most pressing first."""
    arms, narrowed = _QUEUE[queue](actor, now)
    common = list(narrowed)
    if queue != "briefs":
        common.append(access.not_accused(actor))
    if queue != "all" or not number:
        common += [Ticket.closed_at.is_(None), Ticket.state != State.MERGED]
    if number:
        arms, common = [or_(false(), *arms)], [*common, Ticket.number == number]
    return paging.fetch_any(
        [select(Ticket).where(arm, *common) for arm in arms],
        keys=(Ticket.next_due_at, Ticket.id),
        key_of=lambda ticket: (ticket.next_due_at, ticket.id),
        cursor=cursor,
        limit=limit,
    )


Condition = ColumnElement[bool]
Sought = tuple[list[Condition], Sequence[Condition]]
"""Conditions of which one must hold, each on its own index, and those that all must."""

_WORKED_ON = Ticket.state != State.RESOLVED
"""Of an open row that is not merged: one of ``OPEN``, in words that do not mislead the planner."""
_WAITING = Ticket.state == literal(State.SUBMITTED, Ticket.state.type, literal_execute=True)
"""In the statement itself, or neither database would know the partial index."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How much of each an actor's worklists hold."""

    open: int
    due_soon: int
    overdue: int
    supervised: int


def tally(actor: Actor, now: datetime) -> Tally:
    """Count the open work that this member of staff may read."""
    return count((readable(actor),), now)


def count(conditions: Sequence[Condition], now: datetime) -> Tally:
    """Count work by how it stands."""
    pressing = and_(Ticket.due_soon.expression, Ticket.next_due_at >= now)
    counted = session.execute(
        select(
            func.count(),
            func.count(case((pressing, 1))),
            func.count(case((Ticket.next_due_at < now, 1))),
            func.count(case((Ticket.supervised.is_not(None), 1))),
        ).where(*conditions)
    ).one()
    return Tally(*counted)


def _arms(*conditions: Condition) -> list[Condition]:
    """Take apart what is joined by OR; leave out what is never true or said already."""
    found: list[Condition] = []
    for whole in conditions:
        joined = isinstance(whole, BooleanClauseList) and whole.operator is operators.or_
        for one in whole.clauses if joined else (whole,):
            if not isinstance(one, False_) and not any(one.compare(kept) for kept in found):
                found.append(one)
    return found


def _to_dispatch(actor: Actor, _now: datetime) -> Sought:
    desks = sorted({node for _, node in actor.nodes(Permission.TICKET_DISPATCH)})
    return [Ticket.desk_id == desk for desk in desks], [_WAITING]


def _pool(actor: Actor, _now: datetime) -> Sought:
    unclaimed: list[Condition] = [
        Ticket.state == State.DISPATCHED,
        Ticket.claimable.expression,
        Ticket.assignee_id.is_(None),
    ]
    return _arms(access.led_by(actor, Permission.TICKET_HANDLE)), unclaimed


def _mine(actor: Actor, _now: datetime) -> Sought:
    for_whom = or_(access.led_by(actor, Permission.TICKET_HANDLE), *_acted_for(actor))
    return [Ticket.assignee_id == actor.person_id], [for_whom, _WORKED_ON]


def _acted_for(actor: Actor) -> list[Condition]:
    """Write "is led by somebody without an account, for whom the actor's desk acts"."""
    desk = access.at_nodes(actor, Permission.TICKET_DISPATCH, desk_only=True)
    return [and_(Ticket.desk_acts, one) for one in _arms(desk)]


def _team(actor: Actor, _now: datetime) -> Sought:
    handles = access.led_by(actor, Permission.TICKET_HANDLE)
    assigns = access.led_by(actor, Permission.TICKET_ASSIGN)
    return _arms(handles, assigns, *_acted_for(actor)), [_WORKED_ON]


def _readable(actor: Actor) -> list[Condition]:
    return _arms(
        access.at_nodes(actor, Permission.TICKET_READ, desk_only=False),
        access.led_by(actor, Permission.TICKET_HANDLE),
        access.led_by(actor, Permission.TICKET_READ),
    )


def readable(actor: Actor) -> Condition:
    """Write "open, worked on, and this member of staff may read it" as a condition."""
    return and_(
        or_(false(), *_readable(actor)),
        access.not_accused(actor),
        Ticket.closed_at.is_(None),
        Ticket.state != State.MERGED,
        _WORKED_ON,
    )


def _overdue(actor: Actor, now: datetime) -> Sought:
    return _readable(actor), [Ticket.next_due_at < now, _WORKED_ON]


def _due_soon(actor: Actor, now: datetime) -> Sought:
    return _readable(actor), [Ticket.due_soon.expression, Ticket.next_due_at >= now, _WORKED_ON]


def _escalated(actor: Actor, _now: datetime) -> Sought:
    """Find what came up to the actor's own desk, or on above it, because of its delay."""
    arms = [
        and_(access.at_node(level, node, desk_only=False), Ticket.tier >= TIER_OF_DESK[level])
        for level, node in actor.nodes(Permission.TICKET_DISPATCH)
        if level in TIER_OF_DESK
    ]
    return arms, [Ticket.escalated_at.is_not(None), _WORKED_ON]


def _supervised(actor: Actor, _now: datetime) -> Sought:
    return _readable(actor), [Ticket.supervised.is_not(None), _WORKED_ON]


def _first_duty(actor: Actor, _now: datetime) -> Sought:
    """Find what the actor's organisation had first and nobody has accepted in time."""
    own = actor.organisations(Permission.TICKET_HANDLE) | actor.organisations(
        Permission.TICKET_ASSIGN
    )
    others = or_(Ticket.lead_id.is_(None), Ticket.lead_id != Ticket.first_id)
    called = Ticket.first_called_at.is_not(None)
    return [Ticket.first_id == one for one in sorted(own)], [
        called,
        Ticket.state.in_(UNHELD),
        others,
    ]


def _follow_up(actor: Actor, _now: datetime) -> Sought:
    reach = access.at_nodes(actor, Permission.TICKET_FOLLOW_UP, desk_only=True)
    own = sorted(actor.organisation_ids)
    others_work = or_(Ticket.lead_id.is_(None), Ticket.lead_id.not_in(own))
    not_filed = or_(Ticket.filed_by_id.is_(None), Ticket.filed_by_id != actor.person_id)
    return _arms(reach), [Ticket.state == State.RESOLVED, others_work, not_filed]


def _briefs(actor: Actor, _now: datetime) -> Sought:
    accused = [Ticket.respondent_id == one for one in sorted(actor.organisation_ids)]
    return accused, [Ticket.handler_brief.is_not(None)]


def _all(actor: Actor, _now: datetime) -> Sought:
    return _readable(actor), []


_QUEUE = {
    "to_dispatch": _to_dispatch,
    "pool": _pool,
    "mine": _mine,
    "team": _team,
    "overdue": _overdue,
    "due_soon": _due_soon,
    "escalated": _escalated,
    "supervised": _supervised,
    "first_duty": _first_duty,
    "follow_up": _follow_up,
    "briefs": _briefs,
    "all": _all,
}
