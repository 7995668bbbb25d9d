"""Tables of people, what they may do, and the organisations they work for.

Times of effect are half-open: from ``valid_from`` up to, not including,
``valid_to``; an empty ``valid_to`` means until further notice.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.identity.rules import (
    BindingKind,
    BindingStatus,
    CodePurpose,
    LoginMethod,
    OrgKind,
    Role,
)
from app.kernel.crypto import Sealed
from app.kernel.db import Model, kept
from app.kernel.ids import new_id


class Person(Model):
    """A human being; name and phone sealed, found by blind index."""

    __tablename__ = "person"
    __table_args__ = (
        Index(
            "uq_person_proven_phone",
            "phone_index",
            unique=True,
            postgresql_where=text("phone_proven_at IS NOT NULL AND deactivated_at IS NULL"),
            sqlite_where=text("phone_proven_at IS NOT NULL AND deactivated_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str | None] = mapped_column(Sealed)
    name_index: Mapped[str | None] = mapped_column(index=True)
    phone: Mapped[str | None] = mapped_column(Sealed)
    phone_index: Mapped[str | None] = mapped_column(index=True)
    work_number: Mapped[str | None]
    created_at: Mapped[datetime]
    deactivated_at: Mapped[datetime | None]
    restricted_until: Mapped[datetime | None]
    phone_proven_at: Mapped[datetime | None]
    erased_at: Mapped[datetime | None]


class Restriction(Model):
    """One holding back of an abusive reporter by a street, with its appeal."""

    __tablename__ = "person_restriction"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    street_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), index=True)
    reason: Mapped[str] = mapped_column(Sealed)
    by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    appealed_at: Mapped[datetime | None]
    appeal: Mapped[str | None] = mapped_column(Sealed)
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    lifted_why: Mapped[str | None] = mapped_column(Sealed)


class WechatIdentity(Model):
    """A person as one WeChat app knows them."""

    __tablename__ = "wechat_identity"
    __table_args__ = (UniqueConstraint("appid", "openid_index"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    appid: Mapped[str]
    openid: Mapped[str] = mapped_column(Sealed)
    openid_index: Mapped[str]
    unionid: Mapped[str | None] = mapped_column(Sealed)
    unionid_index: Mapped[str | None] = mapped_column(index=True)
    linked_at: Mapped[datetime]


class Session(Model):
    """An opened log-in; of the token only a fingerprint is kept."""

    __tablename__ = "login_session"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    method: Mapped[LoginMethod]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    revoked_at: Mapped[datetime | None]
    hat: Mapped[str | None]
    """What is put on (``rules.hat``); None is everything held."""


class LoginReplay(Model):
    """The answer to a WeChat code, for the device that may have lost it."""

    __tablename__ = "login_replay"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    device_hash: Mapped[str]
    token: Mapped[str] = mapped_column(Sealed)
    until: Mapped[datetime] = mapped_column(index=True)


class SmsCode(Model):
    """The one code that is good for a phone, and when codes were asked for it."""

    __tablename__ = "sms_code"

    phone_index: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[CodePurpose]
    code_hash: Mapped[str | None]
    expires_at: Mapped[datetime]
    tries: Mapped[int]
    asked: Mapped[list[str]]
    last_at: Mapped[datetime] = mapped_column(index=True)


class StaffInvite(Model):
    """A role that waits for the person with this phone to fetch it by its code."""

    __tablename__ = "staff_invite"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN place_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN grid_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END = 1",
            name="one_seat",
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code_hash: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(Sealed)
    phone: Mapped[str] = mapped_column(Sealed)
    phone_index: Mapped[str]
    work_number: Mapped[str | None]
    role: Mapped[Role]
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    grid_id: Mapped[UUID | None] = mapped_column(ForeignKey("grid.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    made_by_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    revoked_at: Mapped[datetime | None]


class PasswordLogin(Model):
    """A console account of a person."""

    __tablename__ = "password_login"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    login_name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    changed_at: Mapped[datetime]


class LoginAttempt(Model):
    """Tries at a log-in name, whether it exists or not, so that both act alike."""

    __tablename__ = "login_attempt"

    name_index: Mapped[str] = mapped_column(primary_key=True)
    tries: Mapped[int]
    locked_until: Mapped[datetime | None]
    last_at: Mapped[datetime] = mapped_column(index=True)


class Organisation(Model):
    """A body that can answer for something; a desk stands at ``place_id``."""

    __tablename__ = "organisation"
    __table_args__ = (Index("ix_organisation_desk", "place_id", "kind"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[OrgKind]
    name: Mapped[str]
    short_name: Mapped[str]
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    duty_phone: Mapped[str | None] = mapped_column(Sealed)
    has_accounts: Mapped[bool]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


kept(Organisation.__table__)  # type: ignore[arg-type]


class PropertyProject(Model):
    """A firm's contract for a compound."""

    __tablename__ = "property_project"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    compound_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), index=True)
    contract_grade: Mapped[str | None]
    duty_phone: Mapped[str | None] = mapped_column(Sealed)
    manager_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


kept(PropertyProject.__table__)  # type: ignore[arg-type]


class ServiceScope(Model):
    """A part of the compound a project is for; a project without any serves it whole.

    What is left empty is not limited: a facility kind without a building means
    those facilities in the whole compound.
    """

    __tablename__ = "service_scope"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("property_project.id"), index=True)
    building_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    facility_kind: Mapped[str | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class Membership(Model):
    """A person's post in a body, apart from what it allows."""

    __tablename__ = "membership"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    post: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class RoleGrant(Model):
    """A person holds a role at a place, at a grid or in an organisation."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN place_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN grid_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN organisation_id IS NULL THEN 0 ELSE 1 END = 1",
            name="one_seat",
        ),
        CheckConstraint("(level IS NULL) = (organisation_id IS NOT NULL)", name="level_of_node"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[Role]
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"), index=True)
    grid_id: Mapped[UUID | None] = mapped_column(ForeignKey("grid.id"), index=True)
    level: Mapped[str | None]
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    granted_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    revoked_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))


class DutyShift(Model):
    """Somebody answers for an organisation, perhaps at one place, for some hours."""

    __tablename__ = "duty_shift"
    __table_args__ = (Index("ix_duty_shift_now", "organisation_id", "ends_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    phone: Mapped[str | None] = mapped_column(Sealed)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    rank: Mapped[int]


class DwellingBinding(Model):
    """A person lives in or owns a dwelling: claimed, then decided by the community."""

    __tablename__ = "dwelling_binding"
    __table_args__ = (
        Index(
            "uq_dwelling_binding_open",
            "person_id",
            "place_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_dwelling_binding_waiting",
            "claimed_at",
            "id",
            postgresql_where=text("decided_at IS NULL AND ended_at IS NULL"),
            sqlite_where=text("decided_at IS NULL AND ended_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), index=True)
    place_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), index=True)
    kind: Mapped[BindingKind]
    status: Mapped[BindingStatus]
    claimed_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    words: Mapped[str] = mapped_column(Sealed)
    ended_at: Mapped[datetime | None]


class FallbackContact(Model):
    """One line of the list to ring in a compound without a firm (兜底)."""

    __tablename__ = "fallback_contact"
    __table_args__ = (UniqueConstraint("compound_id", "rank"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    compound_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"))
    rank: Mapped[int]
    name: Mapped[str] = mapped_column(Sealed)
    phone: Mapped[str] = mapped_column(Sealed)
    what: Mapped[str]
