"""Who acts: a person with grants, or the system itself.

A grant says that a person holds a role at a node of the territory (a place or
a grid) or in an organisation. Identity builds the actor; every other room only
asks it. Deny rules look at ``organisation_ids``: every organisation the person
belongs to through any active grant or membership, whatever hat is on.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Permission(StrEnum):
    """What a role may allow; the table of roles stands in identity.rules."""

    TICKET_FILE_FOR = "ticket.file_for"  # file on behalf of another
    TICKET_VERIFY = "ticket.verify"  # verify on site, add public progress as grid worker
    TICKET_HANDLE = "ticket.handle"  # accept, work and resolve for one's organisation
    TICKET_ASSIGN = "ticket.assign"  # hand one's organisation's tickets to its people
    TICKET_DISPATCH = "ticket.dispatch"  # dispatch, transfer, merge, split at a node
    TICKET_REVIEW = "ticket.review"  # be the second person at a node
    TICKET_FOLLOW_UP = "ticket.follow_up"  # call the resident back
    TICKET_READ = "ticket.read"  # read every ticket of a node or an organisation
    PERSON_VERIFY = "person.verify"  # confirm dwelling bindings at a node
    PERSON_RESTRICT = "person.restrict"  # hold back an abusive reporter; the street only
    STAFF_EDIT = "staff.edit"  # keep the roster and shifts of one's own organisation
    TERRITORY_EDIT = "territory.edit"
    CATALOG_EDIT = "catalog.edit"
    ROUTING_EDIT = "routing.edit"
    IDENTITY_EDIT = "identity.edit"
    SYSTEM_ADMIN = "system.admin"
    AUDIT_READ = "audit.read"


@dataclass(frozen=True, slots=True)
class Grant:
    """One active grant, as the actor carries it.

    Exactly one of ``node_id`` (with its ``level``: a place level or ``grid``)
    and ``organisation_id`` is set.
    """

    role: str
    permissions: frozenset[Permission]
    node_id: UUID | None = None
    level: str | None = None
    organisation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person (or the system) in the moment of acting."""

    person_id: UUID | None
    name: str = ""
    grants: tuple[Grant, ...] = ()
    organisation_ids: frozenset[UUID] = frozenset()
    session_id: UUID | None = None
    restricted_until: datetime | None = None
    slip_of: UUID | None = None
    """The one ticket that a slip opens, to whoever holds it; nobody is logged in then."""
    slip_by: UUID | None = None
    """Who wrote that slip, and so may hold it: ``organisation_ids`` are theirs."""

    @property
    def is_system(self) -> bool:
        """Tell whether the product itself acts (timers, routing, imports)."""
        return self.person_id is None and self.slip_of is None

    @property
    def roles(self) -> tuple[str, ...]:
        """Name the roles held, each once, in a stable order."""
        return tuple(dict.fromkeys(grant.role for grant in self.grants))

    def holds(self, permission: Permission) -> bool:
        """Tell whether any grant carries ``permission``, wherever it counts."""
        return self.is_system or any(permission in grant.permissions for grant in self.grants)

    def may(
        self,
        permission: Permission,
        *,
        nodes: Collection[UUID | None] = (),
        organisations: Collection[UUID | None] = (),
    ) -> bool:
        """Tell whether a grant with ``permission`` covers one of these."""
        return self.is_system or any(
            permission in grant.permissions
            and (
                (grant.node_id is not None and grant.node_id in nodes)
                or (grant.organisation_id is not None and grant.organisation_id in organisations)
            )
            for grant in self.grants
        )

    def nodes(self, permission: Permission) -> tuple[tuple[str, UUID], ...]:
        """List (level, node id) of every grant with ``permission`` at a node."""
        return tuple(
            (grant.level, grant.node_id)
            for grant in self.grants
            if permission in grant.permissions and grant.node_id is not None and grant.level
        )

    def organisations(self, permission: Permission) -> frozenset[UUID]:
        """List the organisations in which a grant gives ``permission``."""
        return frozenset(
            grant.organisation_id
            for grant in self.grants
            if permission in grant.permissions and grant.organisation_id is not None
        )


SYSTEM = Actor(person_id=None, name="系统")
