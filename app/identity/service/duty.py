"""Duty shifts: who is called for an organisation, from when to when."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.identity import access, queries
from app.identity.models import DutyShift
from app.identity.queries.organisations import organisation_nodes
from app.identity.service import dated
from app.kernel import audit, clock, ids
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, NotFound, RuleBroken
from app.territory import queries as territory


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShift:
    """A shift to write; without a place it is for all the organisation serves.

    ``order`` 0 is called first; without ``ends_at`` it lasts until ended;
    without ``phone`` the person's own number is rung.
    """

    organisation_id: UUID
    person_id: UUID
    starts_at: datetime
    ends_at: datetime | None = None
    place_id: UUID | None = None
    phone: str | None = field(default=None, repr=False)
    order: int = 0


def start_shift(actor: Actor, new: NewShift) -> DutyShift:
    """Put a person on duty; handlers may put themselves.

    Raises:
        Forbidden, NotFound: not an organisation this actor keeps the roster of.
        RuleBroken: the person does not belong to it (``not_of_organisation``).
        Invalid: crossed dates or no such number.

    """
    if queries.organisation(new.organisation_id) is None:
        raise NotFound("没有这个单位，或者它已停用。", code="unknown_organisation")
    _require(actor, new.organisation_id, new.person_id)
    dated.check(new.starts_at, new.ends_at)
    if new.place_id is not None:
        territory.place(new.place_id)
    if new.person_id not in queries.people_of(new.organisation_id):
        raise RuleBroken("这个人不在本单位。", code="not_of_organisation")
    shift = DutyShift(
        id=ids.new_id(),
        organisation_id=new.organisation_id,
        place_id=new.place_id,
        person_id=new.person_id,
        phone=dated.phone(new.phone),
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        rank=new.order,
    )
    session.add(shift)
    session.flush()
    audit.record(actor, "shift.started", "duty_shift", shift.id)
    return shift


def end_shift(actor: Actor, shift_id: UUID) -> DutyShift:
    """End a shift now; one not yet begun never begins.

    Raises:
        Forbidden, NotFound: not an organisation this actor keeps the roster of.
        Conflict: it has ended.

    """
    held = dated.hold(DutyShift, shift_id)
    _require(actor, held.organisation_id, held.person_id)
    at = clock.now()
    if held.ends_at is not None and held.ends_at <= at:
        raise Conflict("值班已经结束。", code="already_ended")
    held.ends_at = max(at, held.starts_at)
    session.flush()
    audit.record(actor, "shift.ended", "duty_shift", shift_id)
    return held


def _require(actor: Actor, organisation_id: UUID, person_id: UUID) -> None:
    own = actor.person_id == person_id
    if own and actor.may(Permission.TICKET_HANDLE, organisations=[organisation_id]):
        return
    access.require_roster(actor, organisation_id, organisation_nodes(organisation_id))
