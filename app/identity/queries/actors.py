"""Who is asking: from a token, or a person, to an actor, in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Select, and_, bindparam, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from app.identity import rules
from app.identity.models import Membership, Organisation, Person, RoleGrant, Session
from app.identity.rules import (
    DESK_ROLES,
    DESKS,
    LoginMethod,
    permissions_of,
    session_is_due,
)
from app.kernel import clock, crypto, stamps
from app.kernel.actor import Actor, Grant
from app.kernel.db import Utc, fetch, session

LONGEST_TOKEN = 200

_employer = aliased(Organisation)
_desk = aliased(Organisation)
_body = aliased(Organisation)

_AT = bindparam("at", type_=Utc())
_OF_SESSION = (
    Session.id,
    Session.method,
    Session.created_at,
    Session.last_seen_at,
    Session.hat,
    stamps.ALL_AT_ONCE,
)


@dataclass(frozen=True, slots=True)
class Identified:
    """The actor behind a token, and whether the session's use should be noted."""

    actor: Actor
    method: LoginMethod
    opened_at: datetime
    is_due: bool


def holds_at(dated: Any, at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """Write the condition that a row with ``valid_from`` and ``valid_to`` is in force."""
    return and_(dated.valid_from <= at, or_(dated.valid_to.is_(None), dated.valid_to > at))


def actor_of_token(token: str) -> Actor | None:
    """Find who holds ``token``; None if unknown, expired, revoked or deactivated."""
    found = identify(token)
    return found.actor if found else None


def identify(token: str) -> Identified | None:
    """Find who holds ``token`` and how fresh the note of its use is, in one statement."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    at = clock.now()
    asked = {"token_hash": crypto.fingerprint(token), "at": at}
    rows = fetch(_BY_TOKEN, asked).all()
    if not rows:
        return None
    session_id, method, opened_at, seen_at, hat, versions = rows[0][: len(_OF_SESSION)]
    stamps.remember(versions)
    return Identified(
        _actor([row[len(_OF_SESSION) :] for row in rows], session_id, hat),
        method,
        opened_at,
        session_is_due(method, seen_at, at),
    )


def actor_of(person_id: UUID, *, session_id: UUID | None = None) -> Actor | None:
    """Make the actor a person would be now; None if unknown or deactivated."""
    rows = fetch(_BY_PERSON, {"person_id": person_id, "at": clock.now()}).all()
    return _actor(rows, session_id) if rows else None


def _ties(*first: Any) -> Select[Any]:
    """Select an active person with every grant and membership in force ``at`` (a parameter).

    A few grants times a few memberships: small enough to be one join, and both
    databases walk it by index. ``_desk`` is the desk at which a desk role is
    held at its place only: whoever works a desk belongs to it (deny wins).
    """
    return (
        select(
            *first,
            Person.id,
            Person.name,
            Person.restricted_until,
            RoleGrant.id,
            RoleGrant.role,
            RoleGrant.place_id,
            RoleGrant.grid_id,
            RoleGrant.level,
            _employer.id,
            _desk.id,
            _body.id,
        )
        .select_from(Person)
        .outerjoin(RoleGrant, and_(RoleGrant.person_id == Person.id, holds_at(RoleGrant, _AT)))
        .outerjoin(
            _employer, and_(_employer.id == RoleGrant.organisation_id, holds_at(_employer, _AT))
        )
        .outerjoin(
            _desk,
            and_(
                _desk.place_id == RoleGrant.place_id,
                # not in_(): its list would be written into the statement at every request
                or_(*(RoleGrant.role == role for role in sorted(DESK_ROLES))),
                or_(*(_desk.kind == kind for kind in DESKS.values())),
                holds_at(_desk, _AT),
            ),
        )
        .outerjoin(Membership, and_(Membership.person_id == Person.id, holds_at(Membership, _AT)))
        .outerjoin(_body, and_(_body.id == Membership.organisation_id, holds_at(_body, _AT)))
        .where(Person.deactivated_at.is_(None))
    )


# Every request asks these: written once, because writing a statement costs more than running it.
_BY_TOKEN = (
    _ties(*_OF_SESSION)
    .join(Session, Session.person_id == Person.id)
    .where(
        Session.token_hash == bindparam("token_hash"),
        Session.revoked_at.is_(None),
        Session.expires_at > _AT,
    )
)
_BY_PERSON = _ties().where(Person.id == bindparam("person_id"))


def _actor(rows: Sequence[Any], session_id: UUID | None, hat: str | None = None) -> Actor:
    """Make the actor; a hat keeps the grants that belong to it, and shuts nobody's eyes.

    What a person belongs to is never narrowed: deny looks at every hat (rules.md).
    """
    person_id, name, restricted_until, *_ = rows[0]
    held = _held(rows)
    belongs = {one for row in rows for one in row[8:11] if one is not None}
    return Actor(
        person_id=person_id,
        name=name or "",
        grants=tuple(held[key][1] for key in sorted(held) if hat in (None, held[key][0])),
        organisation_ids=frozenset(belongs),
        session_id=session_id,
        restricted_until=restricted_until,
    )


def _held(rows: Sequence[Any]) -> dict[UUID, tuple[str, Grant]]:
    """Read each grant once, with the hat it belongs to; a desk's two grants are one hat."""
    grants: dict[UUID, tuple[str, Grant]] = {}
    for row in rows:
        grant_id, role, place_id, grid_id, level, employer_id, desk_id, _ = row[3:]
        node_id = place_id or grid_id
        if grant_id is None or grant_id in grants or (node_id is None and employer_id is None):
            continue
        grants[grant_id] = (
            rules.hat(role, employer_id or desk_id or node_id),
            Grant(
                role=role.value,
                permissions=permissions_of(role, at_node=node_id is not None),
                node_id=node_id,
                level=level,
                organisation_id=employer_id,
            ),
        )
    return grants


@dataclass(frozen=True, slots=True)
class Hat:
    """A role at one desk, organisation or node, as its holder may put it on."""

    key: str
    role: str
    level: str | None
    node_id: UUID | None
    organisation_id: UUID | None


def hats_of(person_id: UUID) -> list[Hat]:
    """List every hat of a person, whichever is on."""
    rows = fetch(_BY_PERSON, {"person_id": person_id, "at": clock.now()}).all()
    found: dict[str, list[Grant]] = {}
    for key, grant in _held(rows).values():
        found.setdefault(key, []).append(grant)
    return [
        Hat(
            key,
            grants[0].role,
            next((one.level for one in grants if one.level), None),
            next((one.node_id for one in grants if one.node_id), None),
            next((one.organisation_id for one in grants if one.organisation_id), None),
        )
        for key, grants in sorted(found.items())
    ]


def hat_on(session_id: UUID) -> str | None:
    """Name the hat put on in a session; None is everything held."""
    return session.scalar(select(Session.hat).where(Session.id == session_id))
