"""The words and pure rules of identity: roles, seats, sessions, tries, masks."""

import re
import unicodedata
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


class LoginMethod(StrEnum):
    """How a session was opened."""

    WECHAT = "wechat"
    PASSWORD = "password"  # noqa: S105


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


# Sessions


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """How long a session lives: without use, at most, and how often use is noted."""

    idle: timedelta
    longest: timedelta
    note_every: timedelta


SESSION_TERMS: Mapping[LoginMethod, SessionTerms] = {
    LoginMethod.WECHAT: SessionTerms(timedelta(days=30), timedelta(days=180), timedelta(days=1)),
    LoginMethod.PASSWORD: SessionTerms(timedelta(hours=12), timedelta(days=7), timedelta(hours=1)),
}


def session_end(method: LoginMethod, opened_at: datetime, used_at: datetime) -> datetime:
    """Say until when a session opened and last used then is good."""
    terms = SESSION_TERMS[method]
    return min(used_at + terms.idle, opened_at + terms.longest)


def session_is_due(method: LoginMethod, noted_at: datetime, at: datetime) -> bool:
    """Tell whether the use of a session should be written down again."""
    return at - noted_at >= SESSION_TERMS[method].note_every


# Tries at a password

TRIES = 5
LOCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a log-in name was tried without success, and until when it is shut."""

    count: int = 0
    locked_until: datetime | None = None


def is_locked(tries: Tries, at: datetime) -> bool:
    """Tell whether a further try is refused unseen."""
    return tries.locked_until is not None and at < tries.locked_until


def count_try(tries: Tries, at: datetime) -> Tries:
    """Count one more try, before it is judged, so that tries at once count too.

    The last one allowed shuts the name for 15 minutes; success forgets it all.
    """
    count = 1 if tries.locked_until is not None else tries.count + 1
    return Tries(count, at + LOCK if count >= TRIES else None)


# What people type


def password_faults(password: str, login_name: str) -> str | None:
    """Say in Chinese what is wrong with a new password, or None."""
    if not 10 <= len(password) <= 128:
        return "密码需要 10 到 128 个字符。"
    if not re.search(r"[A-Za-z]", password) or not re.search(r"[0-9]", password):
        return "密码需要同时有字母和数字。"
    if login_name in password.lower():
        return "密码里不要包含账号名。"
    return None


def normal_login_name(text: str) -> str:
    """Bring a log-in name into its one form."""
    return unicodedata.normalize("NFKC", text).strip().lower()


def login_name_is_good(name: str) -> bool:
    """Tell whether a normal log-in name has the agreed form."""
    return re.fullmatch(r"[a-z][a-z0-9._-]{2,39}", name) is not None


def normal_phone(text: str) -> str:
    """Bring a phone number into digits only, without the country code."""
    kept = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", text))
    return re.sub(r"^(\+|00)86", "", kept)


def personal_phone_is_good(phone: str) -> bool:
    """Tell whether a normal number is a mobile or a land line with its area code."""
    return re.fullmatch(r"1\d{10}|0\d{9,11}", phone, re.ASCII) is not None


def duty_phone_is_good(phone: str) -> bool:
    """Tell whether a normal number can be rung: also short service numbers."""
    return re.fullmatch(r"\d{3,12}", phone, re.ASCII) is not None


_DOUBLE_SURNAMES = frozenset(
    ("欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "司徒", "夏侯")
)


def masked_name(name: str | None) -> str:
    """Show a person by family name only: ``张**`` (domain.md G7)."""
    if not name:
        return "居民"
    family = name[:2] if len(name) > 2 and name[:2] in _DOUBLE_SURNAMES else name[:1]
    return f"{family}**"


def masked_phone(phone: str | None) -> str:
    """Show the ends of a phone number only: ``138****5678``."""
    if not phone:
        return ""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 10 else "****"


# Dwellings and restrictions

HOME_LEVELS = frozenset({"building", "unit", "dwelling"})
OPEN_CLAIMS = 5
"""So many dwellings may wait for confirmation by one person at once."""
RESTRICTION = timedelta(days=30)
