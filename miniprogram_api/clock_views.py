"""The promises of a ticket as a person understands them: what, by when, who, why it stands."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from app.escalation import queries as escalation
from app.escalation import service as calling
from app.escalation.rules import NO_WAY_UP
from app.identity import queries as identity
from app.kernel.http import View
from app.sla import queries as sla
from app.sla.clocks import Clock, latest
from app.tickets import wording
from app.tickets.states import OPEN, State
from miniprogram_api.timeline import Reader

if TYPE_CHECKING:
    from app.tickets.models import Ticket


class ClockRow(View):
    """One promise and how it stands."""

    kind = fields.String(required=True)
    words = fields.String(required=True)
    due_at = fields.AwareDateTime(required=True)
    state = fields.String(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)


class ClockBlock(View):
    """What is promised, by when, who holds it and why it stands still."""

    words = fields.String(required=True, allow_none=True)
    due_at = fields.AwareDateTime(required=True, allow_none=True)
    stands_still = fields.String(required=True, allow_none=True)
    holder = fields.String(required=True, allow_none=True)
    came_in = fields.String(required=True, allow_none=True)
    cannot_climb = fields.String(required=True, allow_none=True)
    ring = fields.String(required=True, allow_none=True)
    long_term = fields.Boolean(required=True)
    excluded = fields.Boolean(required=True)
    breaches = fields.Integer(required=True)
    rows = fields.List(fields.Nested(ClockRow), required=True)


def block(ticket: "Ticket", now: datetime, reader: Reader) -> dict[str, Any]:
    """Tell the promises of a ticket to one reader."""
    clocks = latest(sla.clocks(ticket.id))
    running = [one for one in clocks.values() if one.running]
    pressing = min(running, key=lambda one: one.due_at, default=None)
    still = ticket.state is State.SUSPENDED
    standing = escalation.standing(ticket.id) if reader is Reader.STAFF else None
    return {
        "words": None if still or pressing is None else _promise(ticket, pressing, now),
        "due_at": pressing.due_at if pressing else None,
        "stands_still": wording.pause(ticket.suspended_for, ticket.resume_at) if still else None,
        "holder": _holder(ticket),
        "came_in": wording.came_in(ticket.tier) if ticket.escalated_at is not None else None,
        "cannot_climb": NO_WAY_UP.get(standing.reason) if standing else None,
        "ring": _ring(ticket, now),
        "long_term": ticket.long_term,
        "excluded": ticket.excluded is not None,
        "breaches": ticket.breaches,
        "rows": [_row(one, now, reader) for one in sorted(clocks.values(), key=_order)],
    }


def _ring(ticket: "Ticket", now: datetime) -> str | None:
    """Say whom to ring while nobody on duty has answered an emergency."""
    if ticket.urgency != "P0":
        return None
    number = calling.whom_to_ring(ticket, now)
    return f"值班暂未回应，请直接拨打 {number}" if number else None


def _promise(ticket: "Ticket", clock: Clock, now: datetime) -> str:
    """Say a promise: 安居物业应在今天 16:00 前接单; broken: 安居物业接单已超时2小时，社区已介入."""
    who = wording.TIERS.get(clock.tier) or _holder(ticket) or "社区"
    owed = wording.OWED[clock.kind]
    if ticket.state is State.SUBMITTED and clock.kind == "accept":
        owed = "派单并有人接单"
    if clock.due_at < now:
        came = wording.came_in(ticket.tier) if ticket.escalated_at is not None else ""
        late = f"{who}{owed}{wording.overdue_for(clock.due_at, now)}"
        return "，".join(filter(None, (late, came)))
    return f"{who}应在{wording.moment(clock.due_at, now)}前{owed}"


def _holder(ticket: "Ticket") -> str | None:
    """Name who holds it now: the lead, or the desk while nobody does."""
    if ticket.lead_id is not None:
        lead = identity.known_organisation(ticket.lead_id)
        return lead.name if lead else None
    if ticket.state not in OPEN or ticket.desk_id is None:
        return None
    desk = identity.desk_of(ticket.desk_level, ticket.desk_id)
    return desk.name if desk else None


def _row(clock: Clock, now: datetime, reader: Reader) -> dict[str, Any]:
    words = wording.CLOCKS_STAFF if reader is Reader.STAFF else wording.CLOCKS_RESIDENT
    return {
        "kind": clock.kind.value,
        "words": words[clock.kind],
        "due_at": clock.due_at,
        "state": _state(clock, now),
        "ended_at": clock.ended_at,
    }


def _state(clock: Clock, now: datetime) -> str:
    if clock.running:
        late = clock.due_at < now
        return "paused" if clock.paused else "overdue" if late else "running"
    if clock.met_at is None:
        return "stopped"
    return "late" if clock.late else "met"


def _order(clock: Clock) -> int:
    return list(wording.OWED).index(clock.kind)
