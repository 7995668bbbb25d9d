"""What is owed: events, one delivery per (event, listener), ticks of the timetable."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model
from app.kernel.ids import new_id


class Lane(StrEnum):
    """Which workers run a delivery: quick ones, or ones that take minutes."""

    SHORT = "short"
    LONG = "long"


_UNFANNED = text("fanned_at IS NULL")
_OPEN = text("done_at IS NULL AND dead_at IS NULL")
_DEAD = text("dead_at IS NOT NULL")


class OutboxEvent(Model):
    """Something that happened; only ``fanned_at`` is ever set afterwards."""

    __tablename__ = "outbox_event"
    __table_args__ = (
        Index("ix_outbox_event_unfanned", "id", postgresql_where=_UNFANNED, sqlite_where=_UNFANNED),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime]
    fanned_at: Mapped[datetime | None]


class OutboxDelivery(Model):
    """What one listener is owed of one event.

    ``tried`` rows (claimed before) are claimed one at a time, so that a row that
    kills its worker costs its neighbours one attempt and never a second.
    """

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "listener"),
        Index(
            "ix_outbox_delivery_open",
            "queue",
            "tried",
            "due_at",
            "id",
            postgresql_where=_OPEN,
            sqlite_where=_OPEN,
        ),
        Index(
            "ix_outbox_delivery_dead",
            "dead_at",
            "id",
            postgresql_where=_DEAD,
            sqlite_where=_DEAD,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("outbox_event.id"))
    topic: Mapped[str]
    listener: Mapped[str]
    queue: Mapped[Lane]
    due_at: Mapped[datetime]
    tried: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    error: Mapped[str | None]


class TimetableTick(Model):
    """One turn of one timetable job; the key lets two schedulers do it once."""

    __tablename__ = "timetable_tick"

    name: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    started_at: Mapped[datetime] = mapped_column(index=True)
    attempts: Mapped[int]
    claimed_by: Mapped[UUID]
    claimed_until: Mapped[datetime]
    done_at: Mapped[datetime | None]
    error: Mapped[str | None]
