"""Rows of the ticket: itself, its history, who held it, who joined, what they said."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model, append_only
from app.kernel.ids import new_id
from app.tickets.states import (
    Action,
    CloseReason,
    QuoteState,
    ResultKind,
    State,
    Supervision,
)

# No row names its ticket as a relationship: each of them costs every flush a look at all
# rows. What is written together with a new ticket goes out after it (kernel.appending).

OPEN_ROW = text("closed_at IS NULL")


def _open_index(name: str, *columns: str, only: tuple[str, str] = ("", "")) -> Index:
    """One worklist is one partial index over open tickets, by due time.

    ``only`` narrows the rows further, in words of PostgreSQL and of SQLite: a
    state within the index instead would look, to a planner that takes state and
    closing for unrelated, like a cheap way to every list.
    """
    where = [text(" AND ".join(filter(None, (str(OPEN_ROW), one)))) for one in only]
    return Index(name, *columns, postgresql_where=where[0], sqlite_where=where[1])


class Ticket(Model):
    """One report, from a resident's words to the resident's verdict.

    Only ``history.move`` writes the columns named in ``history.REPLAYED``; that
    is what makes the present state recomputable from the steps. Places, grids,
    categories and organisations are named without a foreign key: their rows stay
    (ADR 0010).
    """

    __tablename__ = "ticket"
    __table_args__ = (
        _open_index(
            "ix_ticket_open_waiting",
            "desk_id",
            "next_due_at",
            "id",
            only=("state = 'submitted'", "state = 'submitted'"),
        ),
        _open_index(
            "ix_ticket_open_pool",
            "lead_id",
            "next_due_at",
            "id",
            only=(
                "claimable AND assignee_id IS NULL",
                "claimable = 1 AND assignee_id IS NULL",
            ),
        ),
        _open_index(
            "ix_ticket_open_desk_acts",
            "next_due_at",
            "id",
            only=("desk_acts", "desk_acts = 1"),
        ),
        _open_index("ix_ticket_open_community", "community_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_street", "street_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_district", "district_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_grid", "grid_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_compound", "compound_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_lead", "lead_id", "next_due_at", "id"),
        _open_index(
            "ix_ticket_open_first",
            "first_id",
            "next_due_at",
            "id",
            only=("first_called_at IS NOT NULL", "first_called_at IS NOT NULL"),
        ),
        _open_index("ix_ticket_open_assignee", "assignee_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_respondent", "respondent_id", "next_due_at", "id"),
        _open_index("ix_ticket_open_due", "next_due_at", "id"),
        _open_index("ix_ticket_open_look", "look_at", "id"),
        Index("ix_ticket_reporter", "reporter_id", "submitted_at", "id"),
        Index("ix_ticket_filer", "filed_by_id", "submitted_at", "id"),
        Index("ix_ticket_merged_into", "merged_into_id"),
        Index("ix_ticket_parent", "parent_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[State]
    category_code: Mapped[str]
    kind: Mapped[str]
    urgency: Mapped[str]
    policy_version: Mapped[int] = mapped_column(default=1)
    photo_required: Mapped[bool] = mapped_column(default=False)
    sensitive: Mapped[bool] = mapped_column(default=False)
    confirm_within: Mapped[str] = mapped_column(default="7d")
    channel: Mapped[str] = mapped_column(default="mini_program")

    reporter_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    filed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    anonymous: Mapped[bool] = mapped_column(default=False)
    contact_name: Mapped[str | None] = mapped_column(Sealed)
    contact_phone: Mapped[str | None] = mapped_column(Sealed)
    text: Mapped[str | None] = mapped_column(Sealed)
    accuse: Mapped[str | None]
    handler_brief: Mapped[str | None] = mapped_column(Sealed)
    happened_at: Mapped[datetime | None]

    district_id: Mapped[UUID | None]
    street_id: Mapped[UUID | None]
    community_id: Mapped[UUID | None]
    compound_id: Mapped[UUID | None]
    building_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    dwelling_id: Mapped[UUID | None]
    facility_id: Mapped[UUID | None]
    grid_id: Mapped[UUID | None]
    place_label: Mapped[str] = mapped_column(Sealed)
    public_label: Mapped[str]
    lat: Mapped[float | None]
    lon: Mapped[float | None]

    tier: Mapped[int]
    ceiling_tier: Mapped[int]
    desk_level: Mapped[str]
    desk_id: Mapped[UUID | None]
    """The node whose staff dispatch and decide; its level is ``desk_level``."""
    mode: Mapped[str]
    claimable: Mapped[bool] = mapped_column(default=False)
    desk_acts: Mapped[bool] = mapped_column(default=False)
    lead_id: Mapped[UUID | None]
    proposed_id: Mapped[UUID | None]
    """Whom routing proposes while the ticket waits at the desk."""
    project_id: Mapped[UUID | None]
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    co_ids: Mapped[list[str]] = mapped_column(default=list)
    parties: Mapped[list[str]] = mapped_column(default=list)
    respondent_id: Mapped[UUID | None]
    barred: Mapped[str] = mapped_column(default="")
    """Every organisation that may never hold or read it: hex ids, space between."""
    why: Mapped[list[str]] = mapped_column(default=list)
    first_id: Mapped[UUID | None]
    """Who had the report first and answers for it while nobody else does (首问负责)."""
    handed_from_id: Mapped[UUID | None]
    """The firm that handed it over, while that may be contested or the street decides."""

    returns: Mapped[int] = mapped_column(default=0)
    ruled: Mapped[bool] = mapped_column(default=False)
    reworks: Mapped[int] = mapped_column(default=0)
    reopens: Mapped[int] = mapped_column(default=0)
    nudges: Mapped[int] = mapped_column(default=0)
    parts: Mapped[int] = mapped_column(default=0)
    followers: Mapped[int] = mapped_column(default=0)
    breaches: Mapped[int] = mapped_column(default=0)
    extensions: Mapped[int] = mapped_column(default=0)
    excluded: Mapped[str | None]
    """Why it is left out of scores, which a second person allowed; counts still show it."""
    suspended_for: Mapped[str | None]
    supervised: Mapped[Supervision | None]
    long_term: Mapped[bool] = mapped_column(default=False)
    quote_state: Mapped[QuoteState] = mapped_column(default=QuoteState.NONE)
    review_kind: Mapped[str | None]
    result: Mapped[ResultKind | None]
    self_handled: Mapped[bool] = mapped_column(default=False)
    close_reason: Mapped[CloseReason | None]
    withdrawn_after_accept: Mapped[bool] = mapped_column(default=False)
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))

    submitted_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    last_nudged_at: Mapped[datetime | None]
    accept_due_at: Mapped[datetime | None]
    respond_due_at: Mapped[datetime | None]
    resolve_due_at: Mapped[datetime | None]
    confirm_due_at: Mapped[datetime | None]
    tier_due_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]
    resume_at: Mapped[datetime | None]
    first_called_at: Mapped[datetime | None]
    contest_until: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    next_due_at: Mapped[datetime]
    """When somebody owes the next act; the far future if nobody does."""
    look_at: Mapped[datetime]
    """When the watcher looks next: a clock due soon or broken, a pause over; else far off."""
    due_soon: Mapped[bool] = mapped_column(default=False)
    """A running clock has used 80 % of its time and is not broken yet."""

    chain_length: Mapped[int] = mapped_column(default=0)
    chain_head: Mapped[str] = mapped_column(default="")

    __mapper_args__ = {"version_id_col": version}

    @property
    def nodes(self) -> frozenset[UUID]:
        """Name every place and the grid the ticket lies in."""
        ids = (
            self.district_id,
            self.street_id,
            self.community_id,
            self.compound_id,
            self.building_id,
            self.unit_id,
            self.dwelling_id,
            self.grid_id,
        )
        return frozenset(node for node in ids if node)

    @property
    def accusing(self) -> bool:
        """Tell whether somebody is accused, so that the desk alone may read it."""
        return self.respondent_id is not None or self.accuse is not None


class Step(Model):
    """One act in the life of a ticket: append-only, chained, replayable.

    ``changes`` holds the ticket columns the act changed; ``personal`` is sealed
    JSON (words of people, and the salt of ``commitment``) and may be erased.
    """

    __tablename__ = "ticket_step"
    __table_args__ = (UniqueConstraint("ticket_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    seq: Mapped[int]
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[Action]
    person_id: Mapped[UUID | None]
    relation: Mapped[str]
    organisation_id: Mapped[UUID | None]
    public: Mapped[bool]
    changes: Mapped[dict[str, Any]]
    facts: Mapped[dict[str, Any]]
    commitment: Mapped[str]
    personal: Mapped[str | None] = mapped_column(Sealed)
    previous_hash: Mapped[str]
    hash: Mapped[str]


append_only(Step.__table__, erasable={"personal": "NULL"})  # type: ignore[arg-type]


class Holding(Model):
    """Who held a ticket from when to when, and why: the ground of every score."""

    __tablename__ = "holding"
    __table_args__ = (
        Index("ix_holding_ticket", "ticket_id", "from_at"),
        Index("ix_holding_organisation", "organisation_id", "from_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    organisation_id: Mapped[UUID]
    project_id: Mapped[UUID | None]
    role: Mapped[str]  # lead | co_handler
    first_handler: Mapped[bool] = mapped_column(default=False)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    why: Mapped[str]


class TicketLink(Model):
    """A thread to something outside: a meeting, a project, a mediation, a fund item."""

    __tablename__ = "ticket_link"
    __table_args__ = (UniqueConstraint("ticket_id", "target_kind", "target_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    target_kind: Mapped[str]
    target_id: Mapped[UUID]
    linked_at: Mapped[datetime]


class Follower(Model):
    """Somebody with the same trouble: joined, or merged in with an own ticket."""

    __tablename__ = "ticket_follower"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    joined_at: Mapped[datetime]
    own_ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))


class Verdict(Model):
    """One person's word on whether it is solved, once per round of work."""

    __tablename__ = "verdict"
    __table_args__ = (UniqueConstraint("ticket_id", "person_id", "round"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    round: Mapped[int]
    solved: Mapped[str]  # yes | partly | no
    channel: Mapped[str]
    entered_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    decisive: Mapped[bool]
    at: Mapped[datetime]


class Appointment(Model):
    """A promised visit and whether both sides kept it."""

    __tablename__ = "appointment"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    made_at: Mapped[datetime]
    no_show_by: Mapped[str | None]  # handler | resident
    no_show_at: Mapped[datetime | None]


class Quote(Model):
    """An offer before a repair; nothing is paid here."""

    __tablename__ = "quote"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("ticket.id"), index=True)
    pay: Mapped[str]  # free | paid | warranty
    amount_fen: Mapped[int]
    made_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    agreed: Mapped[bool | None]
