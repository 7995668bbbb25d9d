"""Who looked at what, and who was refused: append-only, without personal data."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import Model, append_only, session
from app.kernel.ids import new_id


class AuditEntry(Model):
    """One look, export, unmasking, refusal or administrative act."""

    __tablename__ = "audit_entry"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(index=True)
    person_id: Mapped[UUID | None] = mapped_column(index=True)
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None] = mapped_column(index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


append_only(AuditEntry.__table__)  # type: ignore[arg-type]


def record(
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: UUID | None = None,
    **facts: Any,
) -> AuditEntry:
    """Write down an act; ``facts`` hold counts and codes, never personal data."""
    entry = AuditEntry(
        at=clock.now(),
        person_id=actor.person_id,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        facts=facts,
    )
    session.add(entry)
    return entry
