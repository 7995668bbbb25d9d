"""People, organisations and who may do what, made through the services."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.identity import queries, service
from app.identity.models import (
    DutyShift,
    DwellingBinding,
    Organisation,
    Person,
    PropertyProject,
    RoleGrant,
)
from app.identity.rules import BindingKind, LoginMethod, OrgKind, Role
from app.identity.service import NewGrant, NewOrganisation, NewProject, NewShift
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from tests.make.territory import Town, unit

LONG_AGO = timedelta(days=400)


def person(name: str = "张小明", phone: str | None = "10012345678") -> Person:
    """Add a person as the system."""
    with unit():
        return service.add_person(SYSTEM, name=name, phone=phone)


def actor(person_id: UUID) -> Actor:
    """Make the actor a person is now."""
    found = queries.actor_of(person_id)
    assert found is not None
    return found


def organisation(
    kind: OrgKind = OrgKind.PROPERTY_FIRM, name: str = "和安物业", **extra: Any
) -> Organisation:
    """Open an organisation as the system, long ago unless said."""
    extra.setdefault("valid_from", clock.now() - LONG_AGO)
    with unit():
        return service.open_organisation(SYSTEM, NewOrganisation(kind=kind, name=name, **extra))


def project(organisation_id: UUID, compound_id: UUID, **extra: Any) -> PropertyProject:
    """Open a contract as the system, long ago unless said."""
    extra.setdefault("valid_from", clock.now() - LONG_AGO)
    new = NewProject(organisation_id=organisation_id, compound_id=compound_id, **extra)
    with unit():
        return service.open_project(SYSTEM, new)


def granted(person_id: UUID, role: Role, **seat: Any) -> RoleGrant:
    """Give a role as the system: ``place_id``, ``grid_id`` or ``organisation_id``, dates."""
    with unit():
        return service.grant(SYSTEM, NewGrant(person_id=person_id, role=role, **seat))


def appointed(role: Role, organisation_id: UUID, name: str = "李一") -> Actor:
    """Add a person and appoint them in an organisation."""
    new = person(name)
    with unit():
        service.appoint(SYSTEM, new.id, role, organisation_id)
    return actor(new.id)


def placed(role: Role, name: str = "王二", **seat: Any) -> Actor:
    """Add a person with a role at a place or grid."""
    new = person(name)
    granted(new.id, role, **seat)
    return actor(new.id)


def member(person_id: UUID, organisation_id: UUID, post: str = "职工", **dates: Any) -> None:
    """Make a person a member of an organisation."""
    with unit():
        service.join(SYSTEM, person_id, organisation_id, post, **dates)


def admin(town: Town) -> Actor:
    """Add an administrator of the town's district."""
    return placed(Role.ADMIN, "管一", place_id=town.district)


def desk(town: Town, kind: OrgKind = OrgKind.COMMUNITY, **extra: Any) -> Organisation:
    """Open the desk of the town's community, street or district."""
    at = {
        OrgKind.COMMUNITY: town.community,
        OrgKind.STREET: town.street,
        OrgKind.DISTRICT: town.district,
    }[kind]
    return organisation(kind, f"{kind.value}-desk", place_id=at, **extra)


def token(person_id: UUID, method: LoginMethod = LoginMethod.WECHAT) -> str:
    """Open a session and hand out its token."""
    with unit():
        opened = open_session(person_id, method, clock.now())
    assert opened is not None
    return opened.token


def claim(person_id: UUID, place_id: UUID, kind: BindingKind = BindingKind.OWNER) -> UUID:
    """Claim a dwelling as its resident."""
    with unit():
        return service.claim_dwelling(actor(person_id), place_id, kind).id


def home(person_id: UUID, place_id: UUID, kind: BindingKind = BindingKind.OWNER) -> DwellingBinding:
    """Claim a dwelling and have it confirmed."""
    waiting = claim(person_id, place_id, kind)
    with unit():
        return service.decide_binding(SYSTEM, waiting, confirmed=True)


def shift(organisation_id: UUID, person_id: UUID, starts_at: datetime, **extra: Any) -> DutyShift:
    """Put a person on duty as the system."""
    new = NewShift(
        organisation_id=organisation_id, person_id=person_id, starts_at=starts_at, **extra
    )
    with unit():
        return service.start_shift(SYSTEM, new)


def grants_of(person_id: UUID, role: Role) -> list[UUID]:
    """Name the grants of a role that a person holds."""
    held = select(RoleGrant.id).where(RoleGrant.person_id == person_id, RoleGrant.role == role)
    return list(session.scalars(held))
