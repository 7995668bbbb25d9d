"""The table of reviews and the nodes whose people may decide each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model
from app.kernel.ids import new_id
from app.reviews.rules import Verdict


class Review(Model):
    """One question to a second person, about a subject of any room.

    Open means ``closed_at IS NULL``. A decided review has a decider, a verdict
    and ``decided_at``; a cancelled one has only ``closed_at``.
    ``reason`` and ``words`` are people's own: sealed. ``forbidden_organisations``
    are ids as text: whoever belongs to one of them (the accused, or the asking
    organisation) may not decide.
    """

    __tablename__ = "review"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID]
    kind: Mapped[str]
    step: Mapped[int] = mapped_column(default=1)
    permission: Mapped[str]
    asked_at: Mapped[datetime]
    asked_by: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_for: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    reason_code: Mapped[str]
    reason: Mapped[str] = mapped_column(Sealed)
    evidence: Mapped[dict[str, Any]] = mapped_column(default=dict)
    forbidden_organisations: Mapped[list[str]] = mapped_column(default=list)
    due_at: Mapped[datetime]
    climbed: Mapped[int] = mapped_column(default=0)
    decider_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    verdict: Mapped[Verdict | None]
    words: Mapped[str | None] = mapped_column(Sealed)
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_review_open",
            "subject_kind",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_review_open_due",
            "due_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_review_subject", "subject_kind", "subject_id"),
    )


class ReviewDesk(Model):
    """A node (place or grid) whose reviewers may decide, and since when.

    ``climb`` is 0 for the first desk, 1 for what joined at the first climb. A
    desk that let the due time pass stays: climbing never lets anybody off.
    """

    __tablename__ = "review_desk"

    review_id: Mapped[UUID] = mapped_column(ForeignKey("review.id"), primary_key=True)
    node_id: Mapped[UUID] = mapped_column(primary_key=True, index=True)
    climb: Mapped[int] = mapped_column(default=0)
    since: Mapped[datetime]
