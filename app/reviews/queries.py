"""Read reviews: whose turn it is, what was asked about a subject, what is late."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, and_, cast, exists, false, or_, select
from sqlalchemy.sql import ColumnElement

from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import DEFAULT_PAGE, Page, fetch
from app.reviews.models import Review, ReviewDesk


def review(review_id: UUID) -> Review:
    """Read one review.

    Raises:
        NotFound: there is none.

    """
    found = session.get(Review, review_id)
    if found is None:
        raise NotFound
    return found


def desk_nodes(review_id: UUID) -> frozenset[UUID]:
    """Read the nodes whose reviewers may decide."""
    nodes = select(ReviewDesk.node_id).where(ReviewDesk.review_id == review_id)
    return frozenset(session.scalars(nodes))


def awaiting(
    actor: Actor,
    *,
    subject_kind: str | None = None,
    kinds: Collection[str] = (),
    cursor: str | None = None,
    limit: int = DEFAULT_PAGE,
) -> Page[Review]:
    """List the open reviews ``actor`` may decide, the most urgent first."""
    query = select(Review).where(Review.closed_at.is_(None), _may_be_decided_by(actor))
    if subject_kind:
        query = query.where(Review.subject_kind == subject_kind)
    if kinds:
        query = query.where(Review.kind.in_(kinds))
    return fetch(
        query,
        keys=(Review.due_at, Review.id),
        key_of=lambda row: (row.due_at, row.id),
        cursor=cursor,
        limit=limit,
    )


def open_for(subject_kind: str, subject_id: UUID, kind: str | None = None) -> Sequence[Review]:
    """List the open reviews of one subject, the oldest first."""
    found = open_for_many(subject_kind, [subject_id]).get(subject_id, [])
    return [row for row in found if kind is None or row.kind == kind]


def open_for_many(subject_kind: str, subject_ids: Collection[UUID]) -> dict[UUID, list[Review]]:
    """Map each subject that has open reviews to them, in one statement."""
    query = select(Review).where(
        Review.closed_at.is_(None),
        Review.subject_kind == subject_kind,
        Review.subject_id.in_(subject_ids),
    )
    found: dict[UUID, list[Review]] = defaultdict(list)
    for row in session.scalars(query.order_by(Review.asked_at, Review.id)):
        found[row.subject_id].append(row)
    return dict(found)


def of_subject(subject_kind: str, subject_id: UUID) -> Sequence[Review]:
    """List every review of one subject, open and closed, the oldest first."""
    query = select(Review).where(
        Review.subject_kind == subject_kind, Review.subject_id == subject_id
    )
    return session.scalars(query.order_by(Review.asked_at, Review.id)).all()


def overdue(now: datetime, limit: int = 100) -> Sequence[Review]:
    """List open reviews whose time has passed, the latest first in need."""
    query = select(Review).where(Review.closed_at.is_(None), Review.due_at <= now)
    return session.scalars(query.order_by(Review.due_at, Review.id).limit(limit)).all()


def _may_be_decided_by(actor: Actor) -> ColumnElement[bool]:
    """Say ``access.require_decider`` in SQL, so that pages come out full."""
    if actor.is_system:
        return false()
    not_asker = or_(Review.asked_by.is_(None), Review.asked_by != actor.person_id)
    # Few rows are open, and text containment means the same on both databases.
    forbidden = cast(Review.forbidden_organisations, Text)
    uninvolved = [~forbidden.contains(str(one)) for one in sorted(actor.organisation_ids)]
    return and_(or_(false(), *_desks(actor)), not_asker, *uninvolved)


def _desks(actor: Actor) -> list[ColumnElement[bool]]:
    """Group permissions held at the same nodes: mostly one condition per hat."""
    groups: dict[frozenset[UUID], list[str]] = defaultdict(list)
    for permission in Permission:
        nodes = frozenset(node for _level, node in actor.nodes(permission))
        if nodes:
            groups[nodes].append(permission.value)
    return [
        Review.permission.in_(permissions)
        & exists().where(ReviewDesk.review_id == Review.id, ReviewDesk.node_id.in_(nodes))
        for nodes, permissions in groups.items()
    ]
