"""Tables of time: special days and opening hours by edition, and the clocks of tickets."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.catalog.rules import WorkCalendar
from app.kernel.db import Model, append_only
from app.kernel.ids import new_id
from app.sla.calendars import MINUTES_A_DAY, DayKind, HoursKind
from app.sla.rules import ClockKind


class CalendarEdition(Model):
    """One change of days or hours; whoever knows its number can compute as it was then."""

    __tablename__ = "calendar_edition"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    what: Mapped[str]
    source: Mapped[str]
    district_id: Mapped[UUID | None]


append_only(CalendarEdition.__table__)  # type: ignore[arg-type]


class WorkdayCalendar(Model):
    """A day that does not follow the week; without a district it holds everywhere.

    Of the rows of one day and place the one of the newest edition counts.
    """

    __tablename__ = "workday_calendar"
    __table_args__ = (
        Index(
            "uq_workday_calendar_national",
            "date",
            "edition",
            unique=True,
            postgresql_where=text("district_id IS NULL"),
            sqlite_where=text("district_id IS NULL"),
        ),
        UniqueConstraint("district_id", "date", "edition"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    date: Mapped[date]
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    kind: Mapped[DayKind]
    name: Mapped[str]
    source: Mapped[str]
    edition: Mapped[int]


append_only(WorkdayCalendar.__table__)  # type: ignore[arg-type]


class WorkHours(Model):
    """One opening interval, minutes after midnight in Shanghai.

    The rows of one kind, district and ``valid_from`` are one regime; a later
    regime replaces it whole, from its first day on.
    """

    __tablename__ = "work_hours"
    __table_args__ = (
        CheckConstraint(
            f"opens >= 0 AND opens < closes AND closes <= {MINUTES_A_DAY}", name="span"
        ),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        Index("ix_work_hours_regime", "kind", "district_id", "valid_from"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[HoursKind]
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    weekday: Mapped[int | None]
    opens: Mapped[int]
    closes: Mapped[int]
    valid_from: Mapped[date]
    edition: Mapped[int]


append_only(WorkHours.__table__)  # type: ignore[arg-type]


class SlaClock(Model):
    """One round of one promise of a ticket: by which words, until when, how it ended.

    Everything but ``warned_at`` and ``breached_at`` follows from the steps of the
    ticket (``sla.clocks``). A restart leaves the old row stopped and opens the next
    round, so rounds tell the whole story. ``guessed`` marks a due time that leans on a
    year without holiday data. ``used_s`` is the clock's own time, breaks left out.
    """

    __tablename__ = "sla_clock"
    __table_args__ = (UniqueConstraint("ticket_id", "kind", "round"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[ClockKind]
    round: Mapped[int] = mapped_column(default=1)
    tier: Mapped[int] = mapped_column(default=0)
    token: Mapped[str]
    percent: Mapped[int] = mapped_column(default=100)
    calendar: Mapped[WorkCalendar]
    policy_version: Mapped[int]
    calendar_version: Mapped[int]
    started_at: Mapped[datetime]
    amendments: Mapped[list[Any]] = mapped_column(default=list)
    due_at: Mapped[datetime]
    warn_at: Mapped[datetime]
    warn_percent: Mapped[int | None]
    """After which share it is due soon; null: 80."""
    guessed: Mapped[bool]
    paused: Mapped[bool] = mapped_column(default=False)
    warned_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    met_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    used_s: Mapped[int | None]


class SlaBreach(Model):
    """A promise that was broken: written once, never changed, whatever comes later.

    ``holder_id`` is the organisation that led when the time ran out, or None if nobody
    did; ``noted_at`` when the product saw it.
    """

    __tablename__ = "sla_breach"
    __table_args__ = (
        UniqueConstraint("ticket_id", "kind", "round"),
        Index("ix_sla_breach_holder", "holder_id", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[ClockKind]
    round: Mapped[int]
    tier: Mapped[int]
    due_at: Mapped[datetime]
    noted_at: Mapped[datetime]
    holder_id: Mapped[UUID | None]


append_only(SlaBreach.__table__)  # type: ignore[arg-type]
