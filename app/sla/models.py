"""Tables of time: special days, opening hours, and the clocks of tickets."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.catalog.rules import WorkCalendar
from app.kernel.db import Model
from app.kernel.ids import new_id
from app.sla.calendars import MINUTES_A_DAY, DayKind, HoursKind
from app.sla.rules import ClockKind


class WorkdayCalendar(Model):
    """A day that does not follow the week; without a district it holds everywhere."""

    __tablename__ = "workday_calendar"
    __table_args__ = (
        Index(
            "uq_workday_calendar_national",
            "date",
            unique=True,
            postgresql_where=text("district_id IS NULL"),
            sqlite_where=text("district_id IS NULL"),
        ),
        UniqueConstraint("district_id", "date"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    date: Mapped[date]
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    kind: Mapped[DayKind]
    name: Mapped[str]
    source: Mapped[str]


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


class SlaClock(Model):
    """One promise of a ticket: what was promised, by which words, and how it ended.

    A due time is computed once and kept; a calendar or a category changed later does
    not move it. A restart leaves the old row stopped and opens the next round, so
    rounds tell the whole story. ``guessed`` marks a due time that leans on a year
    without holiday data. Pauses and breaches get tables of their own beside this one.
    """

    __tablename__ = "sla_clock"
    __table_args__ = (UniqueConstraint("ticket_id", "kind", "round"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[ClockKind]
    round: Mapped[int] = mapped_column(default=1)
    token: Mapped[str]
    calendar: Mapped[WorkCalendar]
    policy_version: Mapped[int]
    calendar_version: Mapped[int]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    guessed: Mapped[bool]
    met_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
