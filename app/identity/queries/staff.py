"""Who works where, and who is on duty."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, exists, false, or_, select

from app.identity.models import DutyShift, Membership, Person, RoleGrant
from app.identity.queries.actors import holds_at
from app.identity.queries.organisations import organisation
from app.identity.rules import DESK_ROLES, DESKS, ROLES, Role, permissions_of
from app.kernel import clock
from app.kernel.actor import Permission
from app.kernel.db import session
from app.territory.models import Place


@dataclass(frozen=True, slots=True)
class DutyView:
    """Somebody to call, in the order of the list they come in."""

    person_id: UUID
    name: str = field(repr=False)
    phone: str = field(repr=False)
    order: int


def on_duty(organisation_id: UUID, nodes: Collection[UUID | None], at: datetime) -> list[DutyView]:
    """List who answers for an organisation at a spot and time, whom to call first.

    Shifts for a narrower place come before those for a wider one or for all;
    within one place by their order. Each person stands once.
    """
    here = [node for node in nodes if node is not None]
    rows = session.execute(
        select(DutyShift, Person.name, Person.phone, Place.level)
        .join(Person, Person.id == DutyShift.person_id)
        .outerjoin(Place, Place.id == DutyShift.place_id)
        .where(
            DutyShift.organisation_id == organisation_id,
            DutyShift.starts_at <= at,
            or_(DutyShift.ends_at.is_(None), DutyShift.ends_at > at),
            or_(DutyShift.place_id.is_(None), DutyShift.place_id.in_(here)),
            Person.deactivated_at.is_(None),
        )
    ).all()
    found: dict[UUID, DutyView] = {}
    for shift, name, phone, _ in sorted(
        rows, key=lambda row: (-row[3].depth if row[3] else 1, row[0].rank, row[0].id)
    ):
        number = shift.phone or phone or ""
        view = DutyView(shift.person_id, name or "", number, shift.rank)
        found.setdefault(shift.person_id, view)
    return list(found.values())


def handlers_of(
    organisation_id: UUID, at: datetime | None = None, *, roles: Collection[Role] | None = None
) -> list[UUID]:
    """List the people who may handle an organisation's tickets, in a stable order."""
    moment = at or clock.now()
    if organisation(organisation_id, at=moment) is None:
        return []
    wanted = _roles_with(Permission.TICKET_HANDLE, at_node=False)
    if roles is not None:
        wanted = [role for role in wanted if role in roles]
    return list(
        session.scalars(
            select(RoleGrant.person_id)
            .distinct()
            .join(Person, Person.id == RoleGrant.person_id)
            .where(
                RoleGrant.organisation_id == organisation_id,
                RoleGrant.role.in_(wanted),
                holds_at(RoleGrant, moment),
                Person.deactivated_at.is_(None),
            )
            .order_by(RoleGrant.person_id)
        )
    )


def holders_of(
    permission: Permission, node_id: UUID, *, at: datetime | None = None
) -> frozenset[UUID]:
    """Name the people who hold ``permission`` at exactly this place or grid."""
    moment = at or clock.now()
    return frozenset(
        session.scalars(
            select(RoleGrant.person_id)
            .join(Person, Person.id == RoleGrant.person_id)
            .where(
                or_(RoleGrant.place_id == node_id, RoleGrant.grid_id == node_id),
                RoleGrant.role.in_(_roles_with(permission, at_node=True)),
                holds_at(RoleGrant, moment),
                Person.deactivated_at.is_(None),
            )
        )
    )


def people_of(organisation_id: UUID, at: datetime | None = None) -> frozenset[UUID]:
    """Name everybody who belongs to an organisation, by grant or by membership."""
    moment = at or clock.now()
    found = organisation(organisation_id, at=moment)
    if found is None:
        return frozenset()
    desk_place = found.place_id if found.kind in DESKS.values() else None
    at_desk = and_(RoleGrant.place_id == desk_place, RoleGrant.role.in_(sorted(DESK_ROLES)))
    tied = or_(
        exists().where(
            RoleGrant.person_id == Person.id,
            or_(RoleGrant.organisation_id == organisation_id, at_desk if desk_place else false()),
            holds_at(RoleGrant, moment),
        ),
        exists().where(
            Membership.person_id == Person.id,
            Membership.organisation_id == organisation_id,
            holds_at(Membership, moment),
        ),
    )
    return frozenset(
        session.scalars(select(Person.id).where(tied, Person.deactivated_at.is_(None)))
    )


def _roles_with(permission: Permission, *, at_node: bool) -> list[Role]:
    return [role for role in ROLES if permission in permissions_of(role, at_node=at_node)]
