"""News that identity tells."""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from app.kernel.outbox import Event


@dataclass(frozen=True, slots=True)
class PersonDeactivated(Event):
    """Somebody left: what they held needs another hand."""

    topic: ClassVar[str] = "identity.person_deactivated"

    person_id: UUID
    by: UUID | None


@dataclass(frozen=True, slots=True)
class GrantEnded(Event):
    """A person lost a role at a node or in an organisation."""

    topic: ClassVar[str] = "identity.grant_ended"

    grant_id: UUID
    person_id: UUID
    role: str
    organisation_id: UUID | None


@dataclass(frozen=True, slots=True)
class PersonRestricted(Event):
    """A street holds somebody back for a while."""

    topic: ClassVar[str] = "identity.person_restricted"

    restriction_id: UUID
    person_id: UUID
    street_id: UUID


@dataclass(frozen=True, slots=True)
class BindingClaimed(Event):
    """Somebody says where they live."""

    topic: ClassVar[str] = "identity.binding_claimed"

    binding_id: UUID
    person_id: UUID
    place_id: UUID


@dataclass(frozen=True, slots=True)
class BindingDecided(Event):
    """The community has confirmed a dwelling, or not."""

    topic: ClassVar[str] = "identity.binding_decided"

    binding_id: UUID
    person_id: UUID
    place_id: UUID
    confirmed: bool


@dataclass(frozen=True, slots=True)
class ProjectClosed(Event):
    """A firm's contract for a compound ends; open tickets must move."""

    topic: ClassVar[str] = "identity.project_closed"

    project_id: UUID
    organisation_id: UUID
    compound_id: UUID
