"""Slips of tickets that were filed by phone or at the counter."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model


class Slip(Model):
    """The one code that is good for a ticket; ``edition`` tells older ones from it."""

    __tablename__ = "slip"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), primary_key=True)
    code_hash: Mapped[str | None]
    edition: Mapped[int]
    tries: Mapped[int]
    locked_until: Mapped[datetime | None]
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
