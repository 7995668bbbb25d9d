"""Forgetting a person: nothing is left that says who they were; or only what WeChat told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select, update

from app.identity import queries
from app.identity.models import (
    DutyShift,
    DwellingBinding,
    PasswordLogin,
    Restriction,
    StaffInvite,
    WechatIdentity,
)
from app.identity.rules import BindingStatus, LoginMethod
from app.identity.service.sessions import end_all, end_opened_by
from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session


def forget(actor: Actor, person_id: UUID) -> None:
    """Take name, phone, WeChat and log-ins away; the row stays, so that numbers do."""
    person = queries.person(person_id, hold=True)
    at, number = clock.now(), person.phone_index
    person.name = person.name_index = person.phone = person.phone_index = None
    person.work_number, person.phone_proven_at = None, None
    person.deactivated_at = person.deactivated_at or at
    person.erased_at = at
    end_all(actor, person_id)
    session.execute(delete(WechatIdentity).where(WechatIdentity.person_id == person_id))
    session.execute(delete(PasswordLogin).where(PasswordLogin.person_id == person_id))
    session.execute(update(DutyShift).where(DutyShift.person_id == person_id).values(phone=None))
    session.execute(
        update(StaffInvite)
        .where(or_(StaffInvite.used_by_id == person_id, StaffInvite.phone_index == number))
        .values(name="", phone="", phone_index="", revoked_at=at)
    )
    session.execute(
        update(DwellingBinding)
        .where(DwellingBinding.person_id == person_id)
        .values(ended_at=at, status=BindingStatus.ENDED, words="")
    )
    session.execute(
        update(Restriction)
        .where(Restriction.person_id == person_id, Restriction.appeal.is_not(None))
        .values(appeal="")
    )
    session.flush()


def unlink_wechat(actor: Actor, openid_index: str, at: datetime) -> UUID | None:
    """Erase what WeChat told of a user who took that back at a moment; name the person.

    Openid and unionid go, so that nothing is sent there any more, and the log-ins through
    WeChat end. The keyed fingerprint of the openid stays: it says nothing of anybody, and
    by it a person who comes back by themselves finds their reports again.
    """
    query = select(WechatIdentity).where(
        WechatIdentity.openid_index == openid_index, WechatIdentity.linked_at <= at
    )
    held = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(held).first()
    if found is None or not found.openid:
        return None
    found.openid, found.unionid, found.unionid_index = "", None, None
    session.flush()
    end_opened_by(actor, found.person_id, LoginMethod.WECHAT, at)
    audit.record(actor, "wechat.unlinked", "person", found.person_id)
    return found.person_id
