"""Tables of going up: the ladder, what could not climb, what is owed above."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.escalation.rules import Delivery
from app.kernel.db import Model, append_only
from app.kernel.ids import new_id

_STANDING = text("settled_at IS NULL")


class LadderRung(Model):
    """One rung as a district set it: who holds a tier how long, and what happens there.

    Rows are not changed: a new one of the same place on the ladder replaces the old
    from ``valid_from`` on; one that is ``withdrawn`` lets the wider rung hold again.
    Empty district, category or urgency means any.
    """

    __tablename__ = "ladder_rung"
    __table_args__ = (Index("ix_ladder_rung_tier", "district_id", "tier", "valid_from"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    category_code: Mapped[str | None] = mapped_column(ForeignKey("category.code"))
    urgency: Mapped[str | None]
    tier: Mapped[int]
    hold: Mapped[str | None]
    share_percent: Mapped[int] = mapped_column(default=0)
    at_once: Mapped[bool] = mapped_column(default=False)
    effects: Mapped[list[str]] = mapped_column(default=list)
    withdrawn: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[datetime]
    set_at: Mapped[datetime]
    set_by_id: Mapped[UUID | None]
    why: Mapped[str]


append_only(LadderRung.__table__)  # type: ignore[arg-type]


class EscalationException(Model):
    """A late ticket that cannot go up, with the reason, until it can or has ended."""

    __tablename__ = "escalation_exception"
    __table_args__ = (
        Index(
            "uq_escalation_exception_standing",
            "ticket_id",
            unique=True,
            postgresql_where=_STANDING,
            sqlite_where=_STANDING,
        ),
        Index(
            "ix_escalation_exception_retry",
            "tried_at",
            "id",
            postgresql_where=_STANDING,
            sqlite_where=_STANDING,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    tier: Mapped[int]
    cause: Mapped[str]
    reason: Mapped[str]
    since: Mapped[datetime]
    tried_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]


class AgendaItem(Model):
    """A matter the street puts before the joint meeting; meetings will pick it up."""

    __tablename__ = "agenda_item"
    __table_args__ = (UniqueConstraint("ticket_id", "tier"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    tier: Mapped[int]
    node_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), index=True)
    opened_at: Mapped[datetime]
    taken_up_at: Mapped[datetime | None]


class DutyCall(Model):
    """Who was called about an emergency, one after the other, until somebody took it."""

    __tablename__ = "duty_call"
    __table_args__ = (
        UniqueConstraint("ticket_id", "position"),
        Index(
            "ix_duty_call_waiting",
            "next_at",
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    position: Mapped[int]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    called_at: Mapped[datetime]
    next_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class OutboundPackage(Model):
    """What goes to the district's platform about a ticket, and how far it has come.

    One for each ticket and reason. What it says is written when it is sent, from the
    ticket as it then stands: no second copy of anybody's words lies here.
    """

    __tablename__ = "outbound_package"
    __table_args__ = (
        UniqueConstraint("ticket_id", "reason"),
        Index(
            "ix_outbound_package_waiting",
            "touched_at",
            "id",
            postgresql_where=text("state = 'waiting'"),
            sqlite_where=text("state = 'waiting'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    tier: Mapped[int]
    reason: Mapped[str]
    state: Mapped[Delivery] = mapped_column(default=Delivery.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]
    body_sha256: Mapped[str | None]
    """Of what was sent last."""
    remote_reference: Mapped[str | None]
    called_at: Mapped[datetime]
    touched_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class PlatformAnswer(Model):
    """An answer of the platform that was taken: once, whatever is played again."""

    __tablename__ = "platform_answer"
    __table_args__ = (UniqueConstraint("package_id", "answer_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    package_id: Mapped[UUID] = mapped_column(ForeignKey("outbound_package.id"))
    answer_id: Mapped[str]
    step_id: Mapped[UUID] = mapped_column(ForeignKey("ticket_step.id"))
    body_sha256: Mapped[str]
    received_at: Mapped[datetime]


append_only(PlatformAnswer.__table__)  # type: ignore[arg-type]
