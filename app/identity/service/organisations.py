"""Organisations, contracts and their scopes, and the list to ring without a firm."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select

from app.identity import access, queries
from app.identity.events import ProjectClosed
from app.identity.models import FallbackContact, Organisation, PropertyProject, ServiceScope
from app.identity.queries.organisations import STAMP, nodes_over, organisation_nodes
from app.identity.rules import OrgKind, desk_level
from app.identity.service import dated
from app.identity.serving import ContactView
from app.kernel import audit, clock, ids, outbox, stamps
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.territory import access as territory_access
from app.territory import queries as territory
from app.territory.rules import FacilityKind, Level

FIRMS = frozenset({OrgKind.PROPERTY_FIRM, OrgKind.DEVELOPER, OrgKind.DEPARTMENT, OrgKind.OTHER})
"""Who may hold the contract for a compound, in whatever mode it is managed."""
LONGEST_NAME = 60
MOST_CONTACTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrganisation:
    """An organisation to open; a desk stands at the place of its own level."""

    kind: OrgKind
    name: str
    short_name: str = ""
    place_id: UUID | None = None
    duty_phone: str | None = field(default=None, repr=False)
    has_accounts: bool = True
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """A contract to open; without buildings and kinds it is for the whole compound."""

    organisation_id: UUID
    compound_id: UUID
    contract_grade: str | None = None
    duty_phone: str | None = field(default=None, repr=False)
    manager_id: UUID | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    building_ids: Sequence[UUID] = ()
    facility_kinds: Sequence[str] = ()


def open_organisation(actor: Actor, new: NewOrganisation) -> Organisation:
    """Open an organisation.

    Raises:
        Forbidden, NotFound: not a place this actor administers.
        Invalid: name, phone, place or dates will not do.
        Conflict: a desk of this kind stands there already (``desk_taken``).

    """
    access.require_edit(actor, nodes_over({new.place_id}) if new.place_id else ())
    begins = new.valid_from or clock.now()
    name = new.name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("单位名称不对。", code="bad_name", errors={"name": ["不对"]})
    dated.check(begins, new.valid_to)
    _check_standing(new, begins)
    opened = Organisation(
        id=ids.new_id(),
        kind=new.kind,
        name=name,
        short_name=new.short_name.strip() or name,
        place_id=new.place_id,
        duty_phone=dated.phone(new.duty_phone),
        has_accounts=new.has_accounts,
        valid_from=begins,
        valid_to=new.valid_to,
    )
    return dated.written(actor, "organisation.opened", opened)


def _check_standing(new: NewOrganisation, begins: datetime) -> None:
    wanted = desk_level(new.kind)
    if new.kind is OrgKind.OWNERS_COMMITTEE:
        wanted = Level.COMPOUND.value
    if wanted is None:
        return
    if new.place_id is None or territory.place(new.place_id).level.value != wanted:
        raise Invalid("单位要设在它自己的那一级。", code="wrong_place")
    overlapping = select(Organisation.id).where(
        Organisation.place_id == new.place_id,
        Organisation.kind == new.kind,
        or_(Organisation.valid_to.is_(None), Organisation.valid_to > begins),
    )
    if new.valid_to is not None:
        overlapping = overlapping.where(Organisation.valid_from < new.valid_to)
    if session.scalar(overlapping.limit(1)) is not None:
        raise Conflict("这里已经有同类单位。", code="desk_taken")


def close_organisation(
    actor: Actor, organisation_id: UUID, *, at: datetime | None = None
) -> Organisation:
    """End an organisation; grants and memberships in it count no more from then on.

    Raises:
        Forbidden, NotFound: not an organisation this actor administers.
        Conflict: it has ended.

    """
    held = dated.hold(Organisation, organisation_id)
    access.require_edit(actor, organisation_nodes(organisation_id))
    dated.end(held, at)
    return dated.written(actor, "organisation.closed", held)


def change_duty_phone(actor: Actor, organisation_id: UUID, phone: str | None) -> Organisation:
    """Write the phone an organisation is rung at.

    Raises:
        Forbidden, NotFound: not an organisation this actor keeps the roster of.
        Invalid: no such number can be (``bad_phone``).

    """
    held = dated.hold(Organisation, organisation_id)
    access.require_roster(actor, organisation_id, organisation_nodes(organisation_id))
    held.duty_phone = dated.phone(phone)
    return dated.written(actor, "organisation.phone_changed", held)


def open_project(actor: Actor, new: NewProject) -> PropertyProject:
    """Open a firm's contract for a compound, whole or for some buildings or facilities.

    Raises:
        Forbidden, NotFound: not a compound this actor administers, or no such firm.
        Invalid: not a compound, not a firm, a scope outside it, phone or dates.
        Conflict: this firm's contract for the compound runs already (``project_open``).

    """
    compound = territory.place(new.compound_id)
    access.require_edit(actor, territory_access.nodes_of(compound))
    firm = queries.known_organisation(new.organisation_id)
    if firm is None or firm.kind not in FIRMS:
        raise Invalid("请选择一个服务单位。", code="not_a_firm")
    if compound.level is not Level.COMPOUND:
        raise Invalid("请选择一个小区。", code="not_a_compound")
    begins = new.valid_from or clock.now()
    dated.check(begins, new.valid_to)
    _check_overlap(new, begins)
    opened = PropertyProject(
        id=ids.new_id(),
        organisation_id=new.organisation_id,
        compound_id=new.compound_id,
        contract_grade=new.contract_grade,
        duty_phone=dated.phone(new.duty_phone),
        manager_id=new.manager_id,
        valid_from=begins,
        valid_to=new.valid_to,
    )
    dated.written(actor, "project.opened", opened)
    for building_id in new.building_ids:
        _scope(opened, building_id=building_id, facility_kind=None, begins=begins)
    for kind in new.facility_kinds:
        _scope(opened, building_id=None, facility_kind=kind, begins=begins)
    return opened


def _check_overlap(new: NewProject, begins: datetime) -> None:
    overlapping = select(PropertyProject.id).where(
        PropertyProject.organisation_id == new.organisation_id,
        PropertyProject.compound_id == new.compound_id,
        or_(PropertyProject.valid_to.is_(None), PropertyProject.valid_to > begins),
    )
    if new.valid_to is not None:
        overlapping = overlapping.where(PropertyProject.valid_from < new.valid_to)
    if session.scalar(overlapping.limit(1)) is not None:
        raise Conflict("这家单位在这个小区已有合同。", code="project_open")


def close_project(actor: Actor, project_id: UUID, *, at: datetime | None = None) -> PropertyProject:
    """End a contract at a time (default: now), past or to come.

    Raises:
        Forbidden, NotFound: not a compound this actor administers.
        Invalid: before its beginning (``crossed_dates``).
        Conflict: it has ended.

    """
    held = dated.hold(PropertyProject, project_id)
    access.require_edit(actor, nodes_over({held.compound_id}))
    dated.end(held, at)
    outbox.record(
        ProjectClosed(
            project_id=project_id,
            organisation_id=held.organisation_id,
            compound_id=held.compound_id,
        )
    )
    return dated.written(actor, "project.closed", held)


def add_scope(
    actor: Actor,
    project_id: UUID,
    *,
    building_id: UUID | None = None,
    facility_kind: str | None = None,
    valid_from: datetime | None = None,
) -> ServiceScope:
    """Limit a contract to a building, a kind of facility or both; several scopes add up.

    Raises:
        Forbidden, NotFound: not a compound this actor administers.
        Invalid: nothing of this compound (``wrong_scope``).

    """
    project = dated.hold(PropertyProject, project_id)
    access.require_edit(actor, nodes_over({project.compound_id}))
    begins = valid_from or clock.now()
    return _scope(project, building_id=building_id, facility_kind=facility_kind, begins=begins)


def _scope(
    project: PropertyProject,
    *,
    building_id: UUID | None,
    facility_kind: str | None,
    begins: datetime,
) -> ServiceScope:
    if building_id is not None:
        building = territory.place(building_id)
        inside = building.compound_id == project.compound_id
        if building.level is not Level.BUILDING or not inside:
            raise Invalid("服务范围要在这个小区里。", code="wrong_scope")
    if facility_kind is not None and facility_kind not in set(FacilityKind):
        raise Invalid("没有这类设施。", code="wrong_scope")
    scope = ServiceScope(
        id=ids.new_id(),
        project_id=project.id,
        building_id=building_id,
        facility_kind=facility_kind,
        valid_from=begins,
        valid_to=None,
    )
    session.add(scope)
    session.flush()
    stamps.bump(STAMP)
    return scope


def end_scope(actor: Actor, scope_id: UUID, *, at: datetime | None = None) -> ServiceScope:
    """End a scope; when the last one ends the contract serves nothing.

    Raises:
        Forbidden, NotFound: not a compound this actor administers.
        Conflict: it has ended.

    """
    held = dated.hold(ServiceScope, scope_id)
    project = dated.hold(PropertyProject, held.project_id)
    access.require_edit(actor, nodes_over({project.compound_id}))
    dated.end(held, at)
    return dated.written(actor, "scope.ended", held)


def set_fallback_contacts(actor: Actor, compound_id: UUID, contacts: Sequence[ContactView]) -> None:
    """Write the whole list to ring in a compound without a firm (兜底), in order.

    The community keeps it, or whoever administers the compound.

    Raises:
        Forbidden, NotFound: not a compound this actor coordinates.
        Invalid: not a compound, a line without a name, or no such number (``bad_phone``).

    """
    compound = territory.place(compound_id)
    nodes = territory_access.nodes_of(compound)
    if not actor.may(Permission.TICKET_DISPATCH, nodes=nodes):
        access.require_edit(actor, nodes)
    if compound.level is not Level.COMPOUND or len(contacts) > MOST_CONTACTS:
        raise Invalid("请选择一个小区，联系人最多 20 个。", code="wrong_place")
    session.execute(delete(FallbackContact).where(FallbackContact.compound_id == compound_id))
    for rank, contact in enumerate(contacts):
        phone, name = dated.phone(contact.phone), contact.name.strip()
        if not name or phone is None:
            raise Invalid("联系人要有名称和电话。", code="bad_contact")
        line = FallbackContact(
            compound_id=compound_id, rank=rank, name=name, phone=phone, what=contact.what.strip()
        )
        session.add(line)
    session.flush()
    stamps.bump(STAMP)
    audit.record(actor, "contacts.written", "place", compound_id, count=len(contacts))
