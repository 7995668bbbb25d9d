"""Which firm serves what, and when: pure, over plain values held in memory.

Apart from ``rules`` because these values are what the process caches: they
carry their dates, so that one cached table answers for every moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.identity.rules import OrgKind, in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationView:
    """An organisation as other rooms read it."""

    id: UUID
    kind: OrgKind
    name: str
    short_name: str
    place_id: UUID | None
    duty_phone: str | None = field(default=None, repr=False)
    has_accounts: bool
    valid_from: datetime
    valid_to: datetime | None = None

    def stands(self, at: datetime) -> bool:
        """Tell whether the organisation is in force at ``at``."""
        return in_force(self.valid_from, self.valid_to, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeView:
    """A part of a compound; what is None is not limited."""

    building_id: UUID | None = None
    facility_kind: str | None = None
    valid_from: datetime
    valid_to: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView:
    """A firm's contract for a compound, with all its scopes past and to come."""

    id: UUID
    organisation_id: UUID
    compound_id: UUID
    contract_grade: str | None = None
    duty_phone: str | None = field(default=None, repr=False)
    manager_id: UUID | None = None
    valid_from: datetime
    valid_to: datetime | None = None
    scopes: tuple[ScopeView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmView:
    """A firm that serves a spot; ``scope`` says how closely: facility, building, compound."""

    organisation_id: UUID
    project_id: UUID
    name: str
    contract_grade: str | None
    duty_phone: str | None = field(repr=False)
    manager_id: UUID | None
    scope: str


@dataclass(frozen=True, slots=True)
class ContactView:
    """One line of a compound's list to ring (兜底); ``what`` says for what."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    what: str


@dataclass(frozen=True, slots=True)
class Registry:
    """Organisations, desks, contracts and lists to ring, all of them."""

    organisations: Mapping[UUID, OrganisationView]
    standing_at: Mapping[tuple[OrgKind, UUID], tuple[OrganisationView, ...]]
    projects: Mapping[UUID, tuple[ProjectView, ...]]
    contacts: Mapping[UUID, tuple[ContactView, ...]]


_CLOSENESS = ("facility", "facility", "building", "compound")
WHOLE = 3


def fit(
    project: ProjectView, building_id: UUID | None, facility_kind: str | None, at: datetime
) -> int | None:
    """Rank how closely a project covers a spot, 0 the closest; None if it does not.

    0 this kind of facility in this building, 1 this kind anywhere, 2 this
    building, 3 the whole compound. A project without scopes serves it whole;
    one whose scopes have all ended serves nothing.
    """
    if not in_force(project.valid_from, project.valid_to, at):
        return None
    if not project.scopes:
        return WHOLE
    ranks = (
        (0 if scope.facility_kind else 2) + (0 if scope.building_id else 1)
        for scope in project.scopes
        if in_force(scope.valid_from, scope.valid_to, at)
        and scope.building_id in (None, building_id)
        and scope.facility_kind in (None, facility_kind)
    )
    return min(ranks, default=None)


def firms(
    registry: Registry,
    compound_id: UUID,
    building_id: UUID | None,
    facility_kind: str | None,
    at: datetime,
) -> list[FirmView]:
    """List the firms that serve a spot, the closest scope first, then the older contract."""
    found: list[tuple[int, datetime, str, FirmView]] = []
    for project in projects_at(registry, compound_id, at):
        rank = fit(project, building_id, facility_kind, at)
        if rank is not None:
            view = _view(registry.organisations[project.organisation_id], project, rank)
            found.append((rank, project.valid_from, project.id.hex, view))
    return [view for *_, view in sorted(found, key=lambda entry: entry[:3])]


def projects_at(registry: Registry, compound_id: UUID, at: datetime) -> Iterable[ProjectView]:
    """Go through the contracts in force for a compound, whatever their scope."""
    return (
        project
        for project in registry.projects.get(compound_id, ())
        if in_force(project.valid_from, project.valid_to, at)
        and registry.organisations[project.organisation_id].stands(at)
    )


def phone_of(registry: Registry, project: ProjectView) -> str | None:
    """Name the phone to ring for a contract: its own, else the firm's."""
    return project.duty_phone or registry.organisations[project.organisation_id].duty_phone


def _view(firm: OrganisationView, project: ProjectView, rank: int) -> FirmView:
    return FirmView(
        organisation_id=firm.id,
        project_id=project.id,
        name=firm.name,
        contract_grade=project.contract_grade,
        duty_phone=project.duty_phone or firm.duty_phone,
        manager_id=project.manager_id,
        scope=_CLOSENESS[rank],
    )
