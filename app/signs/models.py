"""Sheets that were asked for, and the signs on them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model
from app.kernel.ids import new_id
from app.signs.rules import SignState

_OPEN = text("drawn_at IS NULL")


class SheetJob(Model):
    """Somebody wants the signs of a place on paper.

    ``alone`` is the place's own sign (or that of ``facility_id``) and no other.
    ``pushed_at`` says when the work was last handed out.
    """

    __tablename__ = "sheet_job"
    __table_args__ = (
        Index("ix_sheet_job_open", "place_id", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_sheet_job_asked_at", "asked_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    place_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"))
    facility_id: Mapped[UUID | None] = mapped_column(ForeignKey("facility.id"))
    alone: Mapped[bool]
    asked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime]
    pushed_at: Mapped[datetime]
    total: Mapped[int]
    drawn_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class SheetSign(Model):
    """One sign of a sheet: which scene it shows, and how far its mini-program code has come."""

    __tablename__ = "sheet_sign"
    __table_args__ = (UniqueConstraint("job_id", "position"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("sheet_job.id"))
    position: Mapped[int]
    scene: Mapped[str] = mapped_column(ForeignKey("place_scene.scene"))
    state: Mapped[SignState]
    reason: Mapped[str | None]
    tries: Mapped[int]
