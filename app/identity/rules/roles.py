"""Roles, the seats they are held at, and what they allow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.kernel.actor import Permission


class Role(StrEnum):
    """What a grant makes of a person; everybody is a resident without one."""

    BUILDING_HEAD = "building_head"
    GRID_WORKER = "grid_worker"
    GRID_LEADER = "grid_leader"
    COMPOUND_OFFICER = "compound_officer"
    COMMUNITY_STAFF = "community_staff"
    COMMUNITY_SECRETARY = "community_secretary"
    STREET_STAFF = "street_staff"
    DISTRICT_DISPATCHER = "district_dispatcher"
    REPAIRER = "repairer"
    PROPERTY_CLERK = "property_clerk"
    PROPERTY_MANAGER = "property_manager"
    COMMITTEE_MEMBER = "committee_member"
    COMMITTEE_CHAIR = "committee_chair"
    VOLUNTEER = "volunteer"
    AUDITOR = "auditor"
    ADMIN = "admin"


class OrgKind(StrEnum):
    """What an organisation is."""

    PROPERTY_FIRM = "property_firm"
    COMMUNITY = "community"
    STREET = "street"
    DISTRICT = "district"
    OWNERS_COMMITTEE = "owners_committee"
    DEPARTMENT = "department"
    UTILITY = "utility"
    DEVELOPER = "developer"
    OTHER = "other"


class BindingKind(StrEnum):
    """What ties a person to a dwelling."""

    OWNER = "owner"
    TENANT = "tenant"
    FAMILY = "family"


class BindingStatus(StrEnum):
    """How far a dwelling binding has come."""

    CLAIMED = "claimed"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    ENDED = "ended"


P = Permission
_COMMUNITY = frozenset(
    {
        P.TICKET_DISPATCH,
        P.TICKET_REVIEW,
        P.TICKET_FOLLOW_UP,
        P.TICKET_READ,
        P.TICKET_FILE_FOR,
        P.PERSON_VERIFY,
        P.TICKET_HANDLE,
        P.TICKET_ASSIGN,
    }
)
_ADMIN = frozenset(
    {P.SYSTEM_ADMIN, P.TERRITORY_EDIT, P.CATALOG_EDIT, P.ROUTING_EDIT, P.IDENTITY_EDIT}
)

ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.BUILDING_HEAD: frozenset({P.TICKET_FILE_FOR}),
    Role.GRID_WORKER: frozenset({P.TICKET_FILE_FOR, P.TICKET_VERIFY, P.TICKET_READ}),
    Role.GRID_LEADER: frozenset(
        {P.TICKET_FILE_FOR, P.TICKET_VERIFY, P.TICKET_READ, P.TICKET_FOLLOW_UP}
    ),
    Role.COMPOUND_OFFICER: frozenset({P.TICKET_FILE_FOR, P.TICKET_VERIFY, P.TICKET_READ}),
    Role.COMMUNITY_STAFF: _COMMUNITY,
    Role.COMMUNITY_SECRETARY: _COMMUNITY | {P.STAFF_EDIT},
    Role.STREET_STAFF: _COMMUNITY | {P.PERSON_RESTRICT, P.STAFF_EDIT},
    Role.DISTRICT_DISPATCHER: _COMMUNITY - {P.PERSON_VERIFY},
    Role.REPAIRER: frozenset({P.TICKET_HANDLE}),
    Role.PROPERTY_CLERK: frozenset({P.TICKET_HANDLE, P.TICKET_ASSIGN, P.TICKET_READ}),
    Role.PROPERTY_MANAGER: frozenset(
        {P.TICKET_HANDLE, P.TICKET_ASSIGN, P.TICKET_READ, P.STAFF_EDIT}
    ),
    Role.COMMITTEE_MEMBER: frozenset(),
    Role.COMMITTEE_CHAIR: frozenset(),
    Role.VOLUNTEER: frozenset(),
    Role.AUDITOR: frozenset({P.TICKET_READ, P.AUDIT_READ}),
    Role.ADMIN: _ADMIN,
}

ROSTER_ROLES = frozenset({Role.REPAIRER, Role.PROPERTY_CLERK})
"""Whom those who keep an organisation's roster may bring in themselves."""

RESIDENT_HAT = "resident"


def hat(role: Role, seat: object) -> str:
    """Name what a person may put on: a role at one desk, organisation or node."""
    return f"{role.value}:{seat}"


IN_ORGANISATION = frozenset({P.TICKET_HANDLE, P.TICKET_ASSIGN, P.TICKET_READ, P.STAFF_EDIT})
"""What counts where one works."""
AT_NODE = frozenset(P) - {P.TICKET_HANDLE, P.TICKET_ASSIGN, P.STAFF_EDIT}
"""What counts over a piece of the territory."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a role may be held: levels of node, kinds of organisation."""

    levels: frozenset[str] = frozenset()
    kinds: frozenset[OrgKind] = frozenset()


GRID = "grid"
"""The level of a grid, beside the levels of places."""

_DESK_LEVELS = {
    OrgKind.COMMUNITY: "community",
    OrgKind.STREET: "street",
    OrgKind.DISTRICT: "district",
}
DESKS: Mapping[str, OrgKind] = {level: kind for kind, level in _DESK_LEVELS.items()}
"""The organisation that stands at a level and dispatches and decides there."""


def _seat(*levels: str, at: tuple[OrgKind, ...] = ()) -> Seat:
    return Seat(frozenset(levels), frozenset(at))


_FIRMS = (
    OrgKind.PROPERTY_FIRM,
    OrgKind.DEPARTMENT,
    OrgKind.UTILITY,
    OrgKind.DEVELOPER,
    OrgKind.OTHER,
)

SEATS: Mapping[Role, Seat] = {
    Role.BUILDING_HEAD: _seat("building", "unit"),
    Role.GRID_WORKER: _seat(GRID),
    Role.GRID_LEADER: _seat(GRID),
    Role.COMPOUND_OFFICER: _seat("compound"),
    Role.COMMUNITY_STAFF: _seat("community", at=(OrgKind.COMMUNITY,)),
    Role.COMMUNITY_SECRETARY: _seat("community", at=(OrgKind.COMMUNITY,)),
    Role.STREET_STAFF: _seat("street", at=(OrgKind.STREET,)),
    Role.DISTRICT_DISPATCHER: _seat("district", at=(OrgKind.DISTRICT,)),
    Role.REPAIRER: _seat(at=_FIRMS),
    Role.PROPERTY_CLERK: _seat(at=_FIRMS),
    Role.PROPERTY_MANAGER: _seat(at=_FIRMS),
    Role.COMMITTEE_MEMBER: _seat(at=(OrgKind.OWNERS_COMMITTEE,)),
    Role.COMMITTEE_CHAIR: _seat(at=(OrgKind.OWNERS_COMMITTEE,)),
    Role.VOLUNTEER: _seat("compound", "community", at=(OrgKind.COMMUNITY, OrgKind.OTHER)),
    Role.AUDITOR: _seat("district", "street"),
    Role.ADMIN: _seat("district"),
}

DESK_ROLES = frozenset(
    {
        Role.COMMUNITY_STAFF,
        Role.COMMUNITY_SECRETARY,
        Role.STREET_STAFF,
        Role.DISTRICT_DISPATCHER,
    }
)
"""Who holds one of these at a node belongs to the desk there, granted or not (deny wins)."""


def permissions_of(role: Role, *, at_node: bool) -> frozenset[Permission]:
    """Name what a grant of ``role`` allows at a node or in an organisation."""
    return ROLES[role] & (AT_NODE if at_node else IN_ORGANISATION)


def desk_level(kind: OrgKind) -> str | None:
    """Name the level at which an organisation of ``kind`` is the desk, if it is one."""
    return _DESK_LEVELS.get(kind)


def roles_clash(held: frozenset[Role], wanted: Role) -> bool:
    """Tell whether ``wanted`` must not meet ``held``: who administers does not audit."""
    return {Role.ADMIN, Role.AUDITOR} <= held | {wanted}


def in_force(valid_from: datetime, valid_to: datetime | None, at: datetime) -> bool:
    """Tell whether ``at`` falls into ``[valid_from, valid_to)``."""
    return valid_from <= at and (valid_to is None or at < valid_to)


# Dwellings and restrictions

HOME_LEVELS = frozenset({"building", "unit", "dwelling"})
OPEN_CLAIMS = 5
"""So many dwellings may wait for confirmation by one person at once."""
RESTRICTION = timedelta(days=30)
