"""Tables of news: what is said, who allowed how much, how they like it, what was sent."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.crypto import Sealed
from app.kernel.db import Model, append_only
from app.kernel.ids import new_id
from app.notifications.rules.settling import State
from app.notifications.rules.ways import Way

_OWED = text("settled_at IS NULL")


class MessageTemplate(Model):
    """What is said of one kind of news to one audience, from a day on; rows never change.

    ``channel`` ``*`` holds for every channel without a row of its own. WeChat needs its
    ``template_id`` and ``fields``: keyword of the template to words with {placeholders}.
    """

    __tablename__ = "message_template"
    __table_args__ = (
        Index("ix_message_template_kind", "kind", "audience", "channel", "valid_from"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str]
    audience: Mapped[str]
    channel: Mapped[str]
    title: Mapped[str]
    text: Mapped[str]
    page: Mapped[str]
    template_id: Mapped[str | None]
    fields: Mapped[dict[str, Any]] = mapped_column(default=dict)
    long_term: Mapped[bool] = mapped_column(default=False)
    valid_from: Mapped[datetime]
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


append_only(MessageTemplate.__table__)  # type: ignore[arg-type]


class SubscriptionGrant(Model):
    """How many messages of one WeChat template a person has allowed, and how many are spent."""

    __tablename__ = "subscription_grant"
    __table_args__ = (UniqueConstraint("person_id", "template_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    template_id: Mapped[str]
    granted: Mapped[int] = mapped_column(default=0)
    used: Mapped[int] = mapped_column(default=0)
    long_term: Mapped[bool] = mapped_column(default=False)
    last_status: Mapped[str]
    updated_at: Mapped[datetime]


class GrantEntry(Model):
    """One change of a balance, and where we have it from; ``heard`` makes a repeat harmless."""

    __tablename__ = "grant_entry"
    __table_args__ = (Index("ix_grant_entry_person", "person_id", "template_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    template_id: Mapped[str]
    source: Mapped[str]  # client | push | send | refund | refusal
    status: Mapped[str]
    delta: Mapped[int]
    at: Mapped[datetime]
    heard: Mapped[str | None] = mapped_column(unique=True)


append_only(GrantEntry.__table__)  # type: ignore[arg-type]


class Preference(Model):
    """How a person wants to be told; nobody without a row has chosen anything."""

    __tablename__ = "notify_preference"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    ways: Mapped[list[str]] = mapped_column(default=list)
    quiet_from: Mapped[str]
    quiet_to: Mapped[str]
    digest: Mapped[bool]
    updated_at: Mapped[datetime]


class Message(Model):
    """One piece of news to one person by one way, and what became of it.

    ``then`` names the ways that are tried if this one fails. ``facts`` (sealed JSON) are
    the words the templates may use. The inbox is a way too, done when written.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("event_id", "person_id", "channel"),
        Index("ix_message_owed", "owed_at", "id", postgresql_where=_OWED, sqlite_where=_OWED),
        Index(
            "ix_message_inbox",
            "person_id",
            "created_at",
            "id",
            postgresql_where=text("channel = 'inbox'"),
            sqlite_where=text("channel = 'inbox'"),
        ),
        Index(
            "ix_message_unread",
            "person_id",
            postgresql_where=text("channel = 'inbox' AND read_at IS NULL"),
            sqlite_where=text("channel = 'inbox' AND read_at IS NULL"),
        ),
        Index("ix_message_ticket", "ticket_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    event_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    ticket_id: Mapped[UUID | None] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str]
    audience: Mapped[str]
    channel: Mapped[Way]
    state: Mapped[State]
    urgent: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(Sealed)
    text: Mapped[str] = mapped_column(Sealed)
    facts: Mapped[str] = mapped_column(Sealed)
    page: Mapped[str]
    template_id: Mapped[str | None]
    then: Mapped[list[str]] = mapped_column(default=list)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    owed_at: Mapped[datetime]
    """When the outbox was last told; the sweeper tells it again if nothing came of it."""
    settled_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[UUID | None]
    claimed_until: Mapped[datetime | None]
    error: Mapped[str | None]
    msgid: Mapped[str | None] = mapped_column(index=True)
    arrived_at: Mapped[datetime | None]
    """When WeChat told us that it reached the phone."""
    reserved: Mapped[bool] = mapped_column(default=False)
    uncertain: Mapped[bool] = mapped_column(default=False)
    """An attempt may have arrived without our knowing."""
    maybe_repeated: Mapped[bool] = mapped_column(default=False)
    read_at: Mapped[datetime | None]


class ChannelPause(Model):
    """Until when nothing is sent by one way, and why: its quota is used up, its keys are wrong."""

    __tablename__ = "channel_pause"

    channel: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]
    why: Mapped[str]
