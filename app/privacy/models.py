"""Notices in versions, and who agreed to which (personal information law, articles 14 to 17)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, append_only
from app.kernel.ids import new_id


class PrivacyNotice(Model):
    """One version of what people are told before anything is collected."""

    __tablename__ = "privacy_notice"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str]
    published_at: Mapped[datetime]
    published_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


append_only(PrivacyNotice.__table__)  # type: ignore[arg-type]


class Consent(Model):
    """One person's answer to one version; a later answer counts, earlier ones stay."""

    __tablename__ = "consent"
    __table_args__ = (Index("ix_consent_person", "person_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    version: Mapped[int] = mapped_column(ForeignKey("privacy_notice.version"))
    agreed: Mapped[bool]
    device: Mapped[str]
    at: Mapped[datetime]


append_only(Consent.__table__)  # type: ignore[arg-type]
