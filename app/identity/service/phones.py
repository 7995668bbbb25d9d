"""Whose phone it is: proving one's own, and coming in by it.

These open their own units of work: WeChat or a text message is asked outside.
A phone is proven for one active person at a time; the newest proof counts,
because numbers pass on to others.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.exc import IntegrityError

from app.identity import queries, rules
from app.identity.models import (
    DwellingBinding,
    Membership,
    Person,
    RoleGrant,
    Session,
    WechatIdentity,
)
from app.identity.rules import CodePurpose, LoginMethod
from app.identity.service import codes
from app.identity.service.people import new_person
from app.identity.service.sessions import LoggedIn, open_session
from app.kernel import audit, clock, crypto
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Unauthenticated
from app.kernel.work import unit_of_work
from app.wechat import gateway


def log_in_with_sms(phone: str, code: str) -> LoggedIn:
    """Log in by a code sent to a phone; who is new becomes a person.

    Raises:
        Invalid: no mobile number (code ``bad_phone``).
        Unauthenticated: the code is not good (``bad_sms_code``).
        Forbidden: the person was deactivated (``account_deactivated``).

    """
    number = codes.use_code(phone, CodePurpose.LOGIN, code)
    try:
        return _enter(number)
    except IntegrityError:
        return _enter(number)  # the same newcomer by another way at once


def _enter(number: str) -> LoggedIn:
    at = clock.now()
    with unit_of_work():
        person = _proven(number)
        if person is None or not _proven_lately(person, at):
            _refuse_shut_out(number, at)
            _release(person)
            person = new_person()
            session.add(person)
        _settle(person, number, at)
        opened = open_session(person.id, LoginMethod.SMS, at)
        assert opened is not None  # noqa: S101  (a proven person is active)
        return opened


def bind_phone_of_wechat(actor: Actor, code: str, *, is_bare: bool) -> UUID:
    """Prove one's phone by the one-time code WeChat gives for it; name whose session it now is.

    Who came by WeChat and has done nothing yet (``is_bare``: no ticket) becomes the
    person the phone already stands for, so that nobody is two people by accident.

    Raises:
        Unauthenticated: nobody acts.
        Invalid: the code is not good (``bad_phone_code``).
        Conflict: one's log-in is not by WeChat (``no_wechat``).
        Unavailable: WeChat is not set up or down.

    """
    openid = _own_openid(actor)
    number = gateway.phone_number(code, openid)
    return _prove(actor, codes.checked_mobile(number), is_bare=is_bare)


def bind_phone_of_code(actor: Actor, phone: str, code: str, *, is_bare: bool) -> UUID:
    """Prove one's phone by a code sent to it; as :func:`bind_phone_of_wechat`.

    Raises:
        Invalid: no mobile number (code ``bad_phone``).
        Unauthenticated: nobody acts, or the code is not good (``bad_sms_code``).

    """
    if actor.person_id is None:
        raise Unauthenticated
    return _prove(actor, codes.use_code(phone, CodePurpose.BIND, code), is_bare=is_bare)


def _own_openid(actor: Actor) -> str:
    if actor.person_id is None:
        raise Unauthenticated
    openid = session.scalar(
        select(WechatIdentity.openid).where(
            WechatIdentity.person_id == actor.person_id, WechatIdentity.appid == gateway.appid()
        )
    )
    session.rollback()
    if not openid:
        raise Conflict("请在微信小程序里操作，或用短信验证码。", code="no_wechat")
    return openid


def _prove(actor: Actor, number: str, *, is_bare: bool) -> UUID:
    try:
        return _bind(actor, number, is_bare)
    except IntegrityError:
        return _bind(actor, number, is_bare)


def _bind(actor: Actor, number: str, is_bare: bool) -> UUID:
    assert actor.person_id is not None  # noqa: S101  (the callers asked)
    at = clock.now()
    with unit_of_work():
        earlier = _proven(number)
        if earlier is not None and earlier.id != actor.person_id:
            if is_bare and _proven_lately(earlier, at) and _may_join(actor.person_id, earlier.id):
                _join(actor, earlier)
                _settle(earlier, number, at)
                return earlier.id
            _release(earlier)
        person = queries.person(actor.person_id, hold=True)
        _settle(person, number, at)
        return person.id


def _proven(number: str) -> Person | None:
    """Find the active person a phone is proven for, held for change."""
    return session.scalar(
        select(Person)
        .where(
            Person.phone_index == crypto.blind_index("phone", number),
            Person.phone_proven_at.is_not(None),
            Person.deactivated_at.is_(None),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _refuse_shut_out(number: str, at: datetime) -> None:
    """Let nobody who was shut out come back as somebody new by the same phone."""
    shut_out = select(Person.id).where(
        Person.phone_index == crypto.blind_index("phone", number),
        Person.phone_proven_at >= at - rules.PROOF_LASTS,
        Person.deactivated_at.is_not(None),
        Person.erased_at.is_(None),
    )
    if session.scalar(shut_out.limit(1)) is not None:
        raise Forbidden("这个账号已停用，如有疑问请联系社区。", code="account_deactivated")


def _proven_lately(person: Person, at: datetime) -> bool:
    return person.phone_proven_at is not None and person.phone_proven_at >= at - rules.PROOF_LASTS


def _release(person: Person | None) -> None:
    if person is not None:
        person.phone_proven_at = None
        session.flush()
        audit.record(SYSTEM, "phone.passed_on", "person", person.id)


def _settle(person: Person, number: str, at: datetime) -> None:
    person.phone, person.phone_index = number, crypto.blind_index("phone", number)
    person.phone_proven_at = at
    session.flush()
    audit.record(SYSTEM, "phone.proven", "person", person.id)


def _may_join(newcomer_id: UUID, earlier_id: UUID) -> bool:
    """Tell whether a WeChat newcomer without any tie may be the person known by phone."""
    ties = (RoleGrant, Membership, DwellingBinding)
    is_tied = any(
        session.scalar(select(exists().where(tie.person_id == newcomer_id))) for tie in ties
    )
    known = select(exists().where(WechatIdentity.person_id == earlier_id))
    return not is_tied and not session.scalar(known)


def _join(actor: Actor, earlier: Person) -> None:
    """Give a newcomer's WeChat and sessions to the person known by phone; the newcomer ends."""
    for table in (WechatIdentity, Session):
        session.execute(
            update(table).where(table.person_id == actor.person_id).values(person_id=earlier.id)
        )
    assert actor.person_id is not None  # noqa: S101  (the callers asked)
    newcomer = queries.person(actor.person_id, hold=True)
    newcomer.deactivated_at = clock.now()
    audit.record(actor, "person.joined", "person", earlier.id, was=str(newcomer.id))
