"""One row for each photo or voice note that was taken in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model
from app.kernel.ids import new_id
from app.media.rules import MediaKind


class MediaState(StrEnum):
    """How far a file has come: taken in, part of a step, or taken away."""

    READY = "ready"
    ATTACHED = "attached"
    GONE = "gone"


class Media(Model):
    """A photo or voice note; its files are repainted variants, never the original.

    ``owner_id``, ``ticket_id`` and ``step_id`` are plain ids: people stand on
    this floor, tickets above it. ``sha256`` is of the main variant, ``size`` the
    bytes of all variants, ``position`` the order within a step. ``gone_at`` closes every link
    at once, ``erased_at`` says that the files are deleted too. ``masked_of`` names the photo
    of which this is the copy with faces, plates and door numbers covered by hand.
    """

    __tablename__ = "media"
    __table_args__ = (
        Index(
            "ix_media_unattached",
            "created_at",
            postgresql_where=text("attached_at IS NULL AND gone_at IS NULL"),
            sqlite_where=text("attached_at IS NULL AND gone_at IS NULL"),
        ),
        Index(
            "ix_media_to_erase",
            "gone_at",
            postgresql_where=text("gone_at IS NOT NULL AND erased_at IS NULL"),
            sqlite_where=text("gone_at IS NOT NULL AND erased_at IS NULL"),
        ),
        Index("ix_media_owner_id_created_at", "owner_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    owner_id: Mapped[UUID]
    kind: Mapped[MediaKind]
    state: Mapped[MediaState] = mapped_column(default=MediaState.READY)
    stem: Mapped[str] = mapped_column(unique=True)
    sha256: Mapped[str]
    size: Mapped[int]
    width: Mapped[int | None]
    height: Mapped[int | None]
    seconds: Mapped[float | None]
    created_at: Mapped[datetime]
    ticket_id: Mapped[UUID | None] = mapped_column(index=True)
    step_id: Mapped[UUID | None] = mapped_column(index=True)
    purpose: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    attached_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]
    public: Mapped[bool] = mapped_column(default=False)
    masked_of: Mapped[UUID | None] = mapped_column(index=True)
