"""Tables of the catalogue: groups, categories, their history, and what differs where."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.catalog.rules import Accused, Kind, Party, Provenance, Urgency, WorkCalendar
from app.kernel.db import Model, append_only, kept, short_enum
from app.kernel.ids import new_id


class CategoryGroup(Model):
    """A branch of the tree."""

    __tablename__ = "category_group"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    position: Mapped[int]


class Category(Model):
    """A leaf of the tree as it is now; a code is never reused, only retired.

    ``policy_version`` is the last number drawn for any change of the category
    or of an override of it.
    """

    __tablename__ = "category"
    __table_args__ = (CheckConstraint("start_tier <= ceiling_tier", name="tiers"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    group_code: Mapped[str] = mapped_column(ForeignKey("category_group.code"), index=True)
    position: Mapped[int]
    name: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[Kind]
    accuses: Mapped[Accused]
    default_party: Mapped[Party]
    co_parties: Mapped[list[str]]
    urgency: Mapped[Urgency]
    calendar: Mapped[WorkCalendar]
    accept_by: Mapped[str]
    respond_by: Mapped[str]
    resolve_by: Mapped[str]
    confirm_within: Mapped[str]
    start_tier: Mapped[int]
    ceiling_tier: Mapped[int]
    anonymous_ok: Mapped[bool]
    callback_phone_required: Mapped[bool]
    publishable: Mapped[bool]
    sensitive: Mapped[bool]
    in_home: Mapped[bool]
    photo_on_resolve: Mapped[bool]
    prov_accept: Mapped[Provenance] = mapped_column(short_enum(Provenance, name="prov_accept"))
    prov_respond: Mapped[Provenance] = mapped_column(short_enum(Provenance, name="prov_respond"))
    prov_resolve: Mapped[Provenance] = mapped_column(short_enum(Provenance, name="prov_resolve"))
    source_note: Mapped[str]
    policy_version: Mapped[int]
    retired_at: Mapped[datetime | None]


kept(Category.__table__)  # type: ignore[arg-type]


class CategoryHistory(Model):
    """What a category said from one moment on; the newest row equals the category."""

    __tablename__ = "category_history"
    __table_args__ = (UniqueConstraint("category_code", "policy_version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    category_code: Mapped[str] = mapped_column(ForeignKey("category.code"))
    policy_version: Mapped[int]
    valid_from: Mapped[datetime]
    person_id: Mapped[UUID | None]
    why: Mapped[str]
    said: Mapped[dict[str, Any]]


append_only(CategoryHistory.__table__)  # type: ignore[arg-type]


class CategoryOverride(Model):
    """Other values for a district, a contract grade or both; null keeps the wider value.

    Nothing in it changes but ``valid_to``, and that once. ``scope`` spells
    district and grade out, so that one row per scope may be open.
    """

    __tablename__ = "category_override"
    __table_args__ = (
        Index(
            "uq_category_override_open",
            "category_code",
            "scope",
            unique=True,
            postgresql_where=text("valid_to IS NULL"),
            sqlite_where=text("valid_to IS NULL"),
        ),
        CheckConstraint("district_id IS NOT NULL OR contract_grade IS NOT NULL", name="scoped"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    category_code: Mapped[str] = mapped_column(ForeignKey("category.code"), index=True)
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    contract_grade: Mapped[str | None]
    scope: Mapped[str]
    policy_version: Mapped[int]
    urgency: Mapped[Urgency | None]
    calendar: Mapped[WorkCalendar | None]
    accept_by: Mapped[str | None]
    respond_by: Mapped[str | None]
    resolve_by: Mapped[str | None]
    confirm_within: Mapped[str | None]
    default_party: Mapped[Party | None]
    start_tier: Mapped[int | None]
    ceiling_tier: Mapped[int | None]
    anonymous_ok: Mapped[bool | None]
    publishable: Mapped[bool | None]
    photo_on_resolve: Mapped[bool | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    person_id: Mapped[UUID | None]
    why: Mapped[str]


append_only(
    CategoryOverride.__table__,  # type: ignore[arg-type]
    erasable={"valid_to": "coalesce(OLD.valid_to, NEW.valid_to)"},
)


class DistrictSetting(Model):
    """One number of ``limits`` as it was set, for a district or (null) everywhere.

    ``value`` is ``{"is": number, token or null}``; null takes an earlier one back.
    """

    __tablename__ = "district_setting"
    __table_args__ = (Index("ix_district_setting_key", "key", "district_id", "valid_from"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str]
    district_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    value: Mapped[dict[str, Any]]
    valid_from: Mapped[datetime]
    set_at: Mapped[datetime]
    set_by_id: Mapped[UUID | None]
    why: Mapped[str]


append_only(DistrictSetting.__table__)  # type: ignore[arg-type]
