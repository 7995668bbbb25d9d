"""Grants and memberships: who may do what, and who belongs where."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select

from app.identity import access, queries
from app.identity.events import GrantEnded
from app.identity.models import Membership, RoleGrant
from app.identity.queries import seats
from app.identity.queries.organisations import organisation_nodes
from app.identity.rules import SEATS, Role, desk_level, roles_clash
from app.kernel import audit, clock, ids, outbox
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound, RuleBroken


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGrant:
    """A role to give; exactly one of place, grid and organisation is named.

    ``valid_from`` is now unless said, ``valid_to`` open.
    """

    person_id: UUID
    role: Role
    place_id: UUID | None = None
    grid_id: UUID | None = None
    organisation_id: UUID | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def seat(self) -> tuple[UUID | None, UUID | None, UUID | None]:
        """Name the seat: place, grid, organisation."""
        return self.place_id, self.grid_id, self.organisation_id


def grant(actor: Actor, new: NewGrant) -> RoleGrant:
    """Give a person a role at a place, a grid or in an organisation.

    Who keeps an organisation's roster gives its working roles (``ROSTER_ROLES``) too.

    Raises:
        Forbidden: the actor edits no identity, or means oneself.
        NotFound: not a seat this actor administers, or no such person.
        Invalid: the role is not held there (``wrong_seat``), or the dates are crossed.
        RuleBroken: the organisation has no accounts; administering and auditing clash.
        Conflict: the person holds it already (``already_granted``).

    """
    if sum(one is not None for one in new.seat) != 1:
        raise Invalid("请选择一个地点、网格或单位。", code="wrong_seat")
    at = clock.now()
    level = seats.level_of_seat(new.place_id, new.grid_id)
    access.require_giver(actor, new.role, new.organisation_id, seats.seat_nodes(*new.seat))
    access.require_not_oneself(actor, new.person_id)
    begins = new.valid_from or at
    if new.valid_to is not None and new.valid_to <= begins:
        raise Invalid("结束时间要晚于开始时间。", code="crossed_dates")
    check_seat(new.role, new.organisation_id, level, begins)
    _check_person(new, at)
    given = RoleGrant(
        id=ids.new_id(),
        person_id=new.person_id,
        role=new.role,
        place_id=new.place_id,
        grid_id=new.grid_id,
        level=level,
        organisation_id=new.organisation_id,
        valid_from=begins,
        valid_to=new.valid_to,
        granted_by_id=actor.person_id,
    )
    session.add(given)
    session.flush()
    audit.record(
        actor, "grant.given", "role_grant", given.id, role=new.role.value, to=str(new.person_id)
    )
    return given


def check_seat(
    role: Role, organisation_id: UUID | None, level: str | None, begins: datetime
) -> None:
    """Refuse a seat at which a role is not held.

    Raises:
        Invalid: not at a node of this level, nor in this kind of organisation (``wrong_seat``).
        NotFound: no such organisation. RuleBroken: it has no accounts.

    """
    seat = SEATS[role]
    if organisation_id is None:
        fits = level in seat.levels
    else:
        organisation = queries.known_organisation(organisation_id)
        if organisation is None or (organisation.valid_to and organisation.valid_to <= begins):
            raise NotFound("没有这个单位，或者它已停用。", code="unknown_organisation")
        if not organisation.has_accounts:
            raise RuleBroken("这个单位没有开通账号。", code="no_accounts")
        fits = organisation.kind in seat.kinds
    if not fits:
        raise Invalid("这个角色不能设在这里。", code="wrong_seat")


def _check_person(new: NewGrant, at: datetime) -> None:
    person = queries.person(new.person_id, hold=True)
    if person.deactivated_at is not None:
        raise RuleBroken("这个账号已停用。", code="account_deactivated")
    held = session.scalars(
        select(RoleGrant).where(
            RoleGrant.person_id == new.person_id,
            or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > at),
        )
    ).all()
    begins = new.valid_from or at
    for one in held:
        same = (one.role, one.place_id, one.grid_id, one.organisation_id) == (new.role, *new.seat)
        ends_before = one.valid_to is not None and one.valid_to <= begins
        begins_after = new.valid_to is not None and new.valid_to <= one.valid_from
        if same and not ends_before and not begins_after:
            raise Conflict("这个人已经有这个角色。", code="already_granted")
    if roles_clash(frozenset(one.role for one in held), new.role):
        raise RuleBroken("系统管理员和审计员不能是同一个人。", code="roles_clash")


def appoint(actor: Actor, person_id: UUID, role: Role, organisation_id: UUID) -> list[RoleGrant]:
    """Give a role in an organisation and, where that is a desk, at the place it stands.

    A desk's people dispatch at the place and handle the desk's own tickets, so
    they need both grants; a role that is held at places only gets that one.

    Raises:
        as :func:`grant`; Invalid also if the role has no seat there (``wrong_seat``).

    """
    organisation = queries.organisation(organisation_id)
    if organisation is None:
        raise NotFound("没有这个单位，或者它已停用。", code="unknown_organisation")
    seat = SEATS[role]
    given = []
    if desk_level(organisation.kind) in seat.levels and organisation.place_id is not None:
        at_place = NewGrant(person_id=person_id, role=role, place_id=organisation.place_id)
        given.append(grant(actor, at_place))
    if organisation.kind in seat.kinds:
        inside = NewGrant(person_id=person_id, role=role, organisation_id=organisation_id)
        given.append(grant(actor, inside))
    if not given:
        raise Invalid("这个角色不能设在这里。", code="wrong_seat")
    return given


def revoke_grant(actor: Actor, grant_id: UUID) -> RoleGrant:
    """End a grant at once; an organisation's roster keeper may end its own people's.

    Raises:
        Forbidden, NotFound: not a grant this actor may end.
        Conflict: it has ended.

    """
    held = session.get(RoleGrant, grant_id, with_for_update=True, populate_existing=True)
    if held is None:
        raise NotFound
    if not access.keeps_roster(actor, held.organisation_id):
        seat = seats.seat_nodes(held.place_id, held.grid_id, held.organisation_id)
        access.require_edit(actor, seat)
    at = clock.now()
    if held.valid_to is not None and held.valid_to <= at:
        raise Conflict("这个角色已经结束。", code="already_ended")
    held.valid_to = max(at, held.valid_from)
    held.revoked_by_id = actor.person_id
    session.flush()
    audit.record(actor, "grant.ended", "role_grant", grant_id, role=held.role.value)
    outbox.record(
        GrantEnded(
            grant_id=grant_id,
            person_id=held.person_id,
            role=held.role.value,
            organisation_id=held.organisation_id,
        )
    )
    return held


def join(
    actor: Actor,
    person_id: UUID,
    organisation_id: UUID,
    post: str = "",
    *,
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
) -> Membership:
    """Make a person a member of a body, which allows nothing and bars from its own cases.

    Raises:
        Forbidden, NotFound: not an organisation this actor keeps the roster of.
        Invalid: the dates are crossed.

    """
    if queries.organisation(organisation_id) is None:
        raise NotFound("没有这个单位，或者它已停用。", code="unknown_organisation")
    access.require_roster(actor, organisation_id, organisation_nodes(organisation_id))
    queries.person(person_id)
    begins = valid_from or clock.now()
    if valid_to is not None and valid_to <= begins:
        raise Invalid("结束时间要晚于开始时间。", code="crossed_dates")
    member = Membership(
        id=ids.new_id(),
        person_id=person_id,
        organisation_id=organisation_id,
        post=post.strip(),
        valid_from=begins,
        valid_to=valid_to,
    )
    session.add(member)
    session.flush()
    audit.record(actor, "membership.begun", "membership", member.id)
    return member


def leave(actor: Actor, membership_id: UUID) -> Membership:
    """End a membership at once.

    Raises:
        Forbidden, NotFound: not an organisation this actor keeps the roster of.
        Conflict: it has ended.

    """
    held = session.get(Membership, membership_id, with_for_update=True, populate_existing=True)
    if held is None:
        raise NotFound
    access.require_roster(actor, held.organisation_id, organisation_nodes(held.organisation_id))
    at = clock.now()
    if held.valid_to is not None and held.valid_to <= at:
        raise Conflict("已经结束。", code="already_ended")
    held.valid_to = max(at, held.valid_from)
    session.flush()
    audit.record(actor, "membership.ended", "membership", membership_id)
    return held
