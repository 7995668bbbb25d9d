"""Organisations, desks and contracts: from memory, renewed when a writer bumps the stamp."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.identity import serving
from app.identity.models import FallbackContact, Organisation, PropertyProject, ServiceScope
from app.identity.rules import DESKS, OrgKind
from app.identity.serving import (
    ContactView,
    FirmView,
    OrganisationView,
    ProjectView,
    Registry,
    ScopeView,
)
from app.kernel import clock, stamps
from app.kernel.db import session
from app.territory import access as territory_access
from app.territory import queries as territory

STAMP = "services"


def _build() -> Registry:
    organisations = {
        row.id: organisation_view(row) for row in session.scalars(select(Organisation))
    }
    standing: dict[tuple[OrgKind, UUID], list[OrganisationView]] = defaultdict(list)
    for view in organisations.values():
        if view.place_id is not None:
            standing[view.kind, view.place_id].append(view)
    contacts: dict[UUID, list[ContactView]] = defaultdict(list)
    for row in session.scalars(select(FallbackContact).order_by(FallbackContact.rank)):
        contacts[row.compound_id].append(ContactView(row.name, row.phone, row.what))
    return Registry(
        organisations,
        {key: tuple(views) for key, views in standing.items()},
        _projects(),
        {key: tuple(views) for key, views in contacts.items()},
    )


def _projects() -> dict[UUID, tuple[ProjectView, ...]]:
    scopes: dict[UUID, list[ScopeView]] = defaultdict(list)
    for scope in session.scalars(select(ServiceScope)):
        scopes[scope.project_id].append(
            ScopeView(
                building_id=scope.building_id,
                facility_kind=scope.facility_kind,
                valid_from=scope.valid_from,
                valid_to=scope.valid_to,
            )
        )
    found: dict[UUID, list[ProjectView]] = defaultdict(list)
    for row in session.scalars(select(PropertyProject)):
        found[row.compound_id].append(
            ProjectView(
                id=row.id,
                organisation_id=row.organisation_id,
                compound_id=row.compound_id,
                contract_grade=row.contract_grade,
                duty_phone=row.duty_phone,
                manager_id=row.manager_id,
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                scopes=tuple(scopes[row.id]),
            )
        )
    return {key: tuple(views) for key, views in found.items()}


def organisation_view(row: Organisation) -> OrganisationView:
    """Make the plain value of an organisation's row."""
    return OrganisationView(
        id=row.id,
        kind=row.kind,
        name=row.name,
        short_name=row.short_name,
        place_id=row.place_id,
        duty_phone=row.duty_phone,
        has_accounts=row.has_accounts,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


_registry = stamps.Cached(STAMP, _build)


def registry() -> Registry:
    """Hand out the whole table, as fresh as this transaction."""
    return _registry.get()


def organisation(organisation_id: UUID, *, at: datetime | None = None) -> OrganisationView | None:
    """Find an organisation in force (default: now); None if unknown or closed."""
    found = known_organisation(organisation_id)
    return found if found and found.stands(at or clock.now()) else None


def known_organisation(organisation_id: UUID) -> OrganisationView | None:
    """Find an organisation, closed ones too: history still names them."""
    return registry().organisations.get(organisation_id)


def organisation_names(organisation_ids: Collection[UUID]) -> dict[UUID, str]:
    """Map organisations, closed ones too, to their short names."""
    known = registry().organisations
    return {one: known[one].short_name for one in organisation_ids if one in known}


def desk_of(
    level: str, node_id: UUID | None, *, at: datetime | None = None
) -> OrganisationView | None:
    """Find the organisation that dispatches and decides at a community, street or district."""
    kind = DESKS.get(level)
    return _standing(kind, node_id, at) if kind else None


def committee_of(
    compound_id: UUID | None, *, at: datetime | None = None
) -> OrganisationView | None:
    """Find the owners' committee of a compound."""
    return _standing(OrgKind.OWNERS_COMMITTEE, compound_id, at)


def _standing(kind: OrgKind, place_id: UUID | None, at: datetime | None) -> OrganisationView | None:
    if place_id is None:
        return None
    moment = at or clock.now()
    there = registry().standing_at.get((kind, place_id), ())
    return next((view for view in there if view.stands(moment)), None)


def projects() -> tuple[ProjectView, ...]:
    """List every contract of a firm for a compound, those over too."""
    return tuple(one for views in registry().projects.values() for one in views)


def firms_serving(
    compound_id: UUID | None,
    building_id: UUID | None,
    facility_kind: str | None,
    at: datetime,
) -> list[FirmView]:
    """List the firms that serve a spot at a time, the most specific scope first."""
    if compound_id is None:
        return []
    return serving.firms(registry(), compound_id, building_id, facility_kind, at)


def fallback_contacts(compound_id: UUID | None) -> tuple[ContactView, ...]:
    """List whom to ring in a compound without a firm (兜底), in order."""
    return registry().contacts.get(compound_id, ()) if compound_id else ()


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether somebody can be rung for a compound; ``missing`` says in Chinese what is not."""

    missing: tuple[str, ...]

    @property
    def is_ready(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing


def readiness(compound_id: UUID, *, at: datetime | None = None) -> Readiness:
    """Tell whether a compound has the duty phones it needs (rules.md: else "not ready").

    Every firm needs one; without a firm the list to ring or the community does.

    Raises:
        NotFound: no such place.

    """
    moment = at or clock.now()
    table = registry()
    projects = list(serving.projects_at(table, compound_id, moment))
    silent = [one for one in projects if not serving.phone_of(table, one)]
    if projects:
        names = (table.organisations[one.organisation_id].short_name for one in silent)
        return Readiness(tuple(f"{name}没有登记值班电话。" for name in names))
    community = desk_of("community", territory.place(compound_id).community_id, at=moment)
    if table.contacts.get(compound_id) or (community and community.duty_phone):
        return Readiness(())
    return Readiness(("没有物业，也没有登记兜底联系人或社区值班电话。",))


def organisation_nodes(organisation_id: UUID) -> frozenset[UUID]:
    """Name the places an organisation stands in or serves: who covers one may edit it."""
    table = registry()
    found = table.organisations.get(organisation_id)
    at = {found.place_id} if found and found.place_id else set()
    for projects in table.projects.values():
        at |= {one.compound_id for one in projects if one.organisation_id == organisation_id}
    return nodes_over(at)


def nodes_over(place_ids: Collection[UUID]) -> frozenset[UUID]:
    """Name places and everything they lie in, retired ones too."""
    found = territory.places(place_ids) if place_ids else {}
    return frozenset().union(*(territory_access.nodes_of(place) for place in found.values()))
