"""People who may be second persons, and questions to them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.identity.models import Organisation, Person
from app.identity.rules import OrgKind
from app.kernel import clock
from app.kernel.actor import Actor, Grant, Permission
from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.reviews import service
from app.reviews.models import Review
from app.reviews.rules import ReviewDraft

DUE = timedelta(hours=4)


def person(name: str = "工作人员") -> UUID:
    """Enter a person."""
    row = Person(id=new_id(), name=name, created_at=clock.now())
    with unit_of_work():
        session.add(row)
    return row.id


def organisation(name: str = "安居物业") -> UUID:
    """Enter a firm."""
    row = Organisation(
        id=new_id(),
        kind=OrgKind.PROPERTY_FIRM,
        name=name,
        short_name=name,
        has_accounts=True,
        valid_from=clock.now() - timedelta(days=1),
    )
    with unit_of_work():
        session.add(row)
    return row.id


def reviewer(
    *nodes: UUID,
    belongs: tuple[UUID, ...] = (),
    permission: Permission = Permission.TICKET_REVIEW,
) -> Actor:
    """Make a person who may be the second one at some nodes."""
    grants = tuple(
        Grant("community_staff", frozenset({permission}), node, "community") for node in nodes
    )
    return Actor(person(), "审核人", grants, frozenset(belongs))


def draft(*nodes: UUID, **changes: Any) -> ReviewDraft:
    """Write a question about returning some ticket."""
    usual: dict[str, Any] = {
        "subject_kind": "ticket",
        "subject_id": new_id(),
        "kind": "return",
        "reason_code": "not_ours",
        "reason": "不属于本公司服务范围",
        "due_at": clock.now() + DUE,
        "desk_nodes": nodes,
    }
    return ReviewDraft(**{**usual, **changes})


def asked(actor: Actor, *nodes: UUID, **changes: Any) -> Review:
    """Ask in a unit of its own."""
    with unit_of_work():
        return service.ask(actor, draft(*nodes, **changes))
