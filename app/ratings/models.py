"""One rating per person and round of work, frozen as it was given."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model
from app.kernel.ids import new_id


class Satisfaction(StrEnum):
    """The three words of the field; there are no stars from residents."""

    SATISFIED = "satisfied"
    MOSTLY_SATISFIED = "mostly_satisfied"
    DISSATISFIED = "dissatisfied"


class Rating(Model):
    """What one person thought of how a ticket was handled."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id", "round"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    round: Mapped[int]
    satisfaction: Mapped[Satisfaction]
    words: Mapped[str | None] = mapped_column(Sealed)
    channel: Mapped[str]
    entered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    at: Mapped[datetime] = mapped_column(index=True)
