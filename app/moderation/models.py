"""One look at one thing that somebody sent; the words themselves stay where they are."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model
from app.kernel.ids import new_id
from app.moderation.rules import Kind, Source, State, Suggest

_OPEN = text("state IN ('waiting', 'asked')")
_HELD = text("state = 'held'")


class Check(Model):
    """What is thought of the words of a step (``target_id`` is the step) or of one file.

    ``trace_id`` is WeChat's name for the question asked last; ``why`` says, by a code,
    why a person must look. Nothing here changes a ticket.
    """

    __tablename__ = "content_check"
    __table_args__ = (
        UniqueConstraint("kind", "target_id"),
        Index("ix_content_check_due", "due_at", postgresql_where=_OPEN, sqlite_where=_OPEN),
        Index("ix_content_check_held", "made_at", "id", postgresql_where=_HELD, sqlite_where=_HELD),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[Kind]
    target_id: Mapped[UUID] = mapped_column(index=True)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    step_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_step.id"))
    made_at: Mapped[datetime]
    state: Mapped[State]
    due_at: Mapped[datetime]
    asks: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime | None]
    trace_id: Mapped[str | None] = mapped_column(index=True)
    suggest: Mapped[Suggest] = mapped_column(default=Suggest.UNKNOWN)
    label: Mapped[int] = mapped_column(default=0)
    source: Mapped[Source | None]
    edition: Mapped[str | None]
    """Of our own word list, if that was asked."""
    why: Mapped[str | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(Sealed)
