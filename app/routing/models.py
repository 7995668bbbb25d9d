"""The table of routing rules: every version of every rule, never deleted."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.catalog.rules import Kind, Urgency
from app.kernel.db import Model
from app.kernel.ids import new_id
from app.routing.rules import Mode, Target

_OPEN = text("retired_at IS NULL")


class RoutingRule(Model):
    """One version of a rule; a change closes it and opens the next.

    ``line_id`` is the same through all versions. In force within
    ``[valid_from, valid_to)``; ``retired_at`` says that a later version or
    nothing has taken its place. Conditions left null hold for all; ``node_id``
    is a place or, with level ``grid``, a grid (hence no foreign key).
    ``weekdays`` are ISO numbers, times are local.
    """

    __tablename__ = "routing_rule"
    __table_args__ = (
        CheckConstraint("(target = 'organisation') = (organisation_id IS NOT NULL)", name="whom"),
        CheckConstraint("(node_id IS NULL) = (node_level IS NULL)", name="node"),
        CheckConstraint("(from_time IS NULL) = (to_time IS NULL)", name="window"),
        Index(
            "ix_routing_rule_open",
            "district_id",
            "position",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index(
            "uq_routing_rule_line_open",
            "line_id",
            unique=True,
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index("ix_routing_rule_district_id_valid_from", "district_id", "valid_from"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    line_id: Mapped[UUID] = mapped_column(index=True)
    district_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"))
    position: Mapped[int]
    name: Mapped[str]

    node_id: Mapped[UUID | None]
    node_level: Mapped[str | None]
    facility_kind: Mapped[str | None]
    category_code: Mapped[str | None] = mapped_column(ForeignKey("category.code"))
    group_code: Mapped[str | None] = mapped_column(ForeignKey("category_group.code"))
    kind: Mapped[Kind | None]
    urgency: Mapped[Urgency | None]
    weekdays: Mapped[list[Any]] = mapped_column(default=list)
    from_time: Mapped[time | None]
    to_time: Mapped[time | None]
    serving_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))

    target: Mapped[Target]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    mode: Mapped[Mode]
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    cap: Mapped[int | None]

    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    why: Mapped[str]
    retired_at: Mapped[datetime | None]
    retired_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    retired_why: Mapped[str | None]
