"""What a review is asked with, and who may answer it: pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from app.kernel.actor import Actor, Permission

MAX_WORDS = 1000


class Verdict(StrEnum):
    """What the second person said."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDraft:
    """A question to a second person.

    ``desk_nodes``: ids of the places or grids whose holders of ``permission``
    may decide (a community with one person names the street too).
    ``due_at``: until when, computed by the caller (4wh; P0 10m, P1 30m:
    rules.md), after which it climbs. ``forbidden_organisations``: the accused,
    and the asking organisation where the rule says so.
    """

    subject_kind: str
    subject_id: UUID
    kind: str
    reason_code: str
    reason: str
    due_at: datetime
    desk_nodes: Sequence[UUID]
    asked_for: UUID | None = None
    permission: Permission = Permission.TICKET_REVIEW
    forbidden_organisations: Collection[UUID] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    step: int = 1


def at_desk(actor: Actor, permission: str, nodes: Collection[UUID]) -> bool:
    """Tell whether ``actor`` sits at one of the desk's ``nodes`` with ``permission``."""
    return actor.may(Permission(permission), nodes=nodes)


def involved(actor: Actor, forbidden: Collection[str]) -> bool:
    """Tell whether ``actor`` belongs, by any hat, to a forbidden organisation."""
    banned = set(forbidden)
    return any(str(organisation) in banned for organisation in actor.organisation_ids)
