"""People: adding, naming, deactivating, holding back."""

from datetime import datetime
from uuid import UUID

from app.identity import access, queries, rules
from app.identity.events import PersonDeactivated, PersonRestricted
from app.identity.models import Person, Restriction, WechatIdentity
from app.identity.queries import persons, seats
from app.identity.service.sessions import end_all
from app.kernel import audit, clock, crypto, ids, outbox
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken, Unauthenticated
from app.wechat.gateway import WechatLogin

LONGEST_NAME = 40
LONGEST_WORDS = 500


def add_person(
    actor: Actor,
    *,
    name: str | None = None,
    phone: str | None = None,
    work_number: str | None = None,
) -> Person:
    """Add somebody who has not come by WeChat: staff, or a person met at the counter.

    Raises:
        Forbidden: the actor edits no identity.
        Invalid: name or phone will not do (``bad_name``, ``bad_phone``).

    """
    if not actor.holds(Permission.IDENTITY_EDIT):
        raise Forbidden
    person = new_person()
    person.work_number = work_number
    _name(person, name)
    _reach(person, phone)
    session.add(person)
    session.flush()
    audit.record(actor, "person.added", "person", person.id)
    return person


def new_person() -> Person:
    """Make a person without a name, as WeChat brings them."""
    return Person(id=ids.new_id(), created_at=clock.now())


def change_own_contact(
    actor: Actor, *, name: str | None = None, phone: str | None = None
) -> Person:
    """Write one's own name and phone; what is None stays, what is empty goes.

    Raises:
        Unauthenticated: nobody acts.
        Invalid: name or phone will not do (``bad_name``, ``bad_phone``).

    """
    if actor.person_id is None:
        raise Unauthenticated
    person = queries.person(actor.person_id, hold=True)
    if name is not None:
        _name(person, name)
    if phone is not None:
        _reach(person, phone)
    session.flush()
    return person


def _name(person: Person, name: str | None) -> None:
    text = (name or "").strip()
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise Invalid("姓名不对，请重新填写。", code="bad_name", errors={"name": ["不对"]})
    person.name = text or None
    person.name_index = crypto.blind_index("name", text) if text else None


def _reach(person: Person, phone: str | None) -> None:
    number = rules.normal_phone(phone or "")
    if number and not rules.personal_phone_is_good(number):
        raise Invalid("电话号码不对，请重新填写。", code="bad_phone", errors={"phone": ["不对"]})
    index = crypto.blind_index("phone", number) if number else None
    if index != person.phone_index:
        person.phone_proven_at = None
    person.phone, person.phone_index = number or None, index


def wechat_identity(person_id: UUID, login: WechatLogin) -> WechatIdentity:
    """Make the row by which a WeChat app's user is a person of ours."""
    return renew_identity(
        WechatIdentity(
            person_id=person_id,
            appid=login.appid,
            openid_index=crypto.blind_index("openid", login.openid),
        ),
        login,
    )


def renew_identity(identity: WechatIdentity, login: WechatLogin) -> WechatIdentity:
    """Write down what WeChat tells of a user who comes by themselves."""
    union = login.unionid or None
    identity.openid, identity.unionid = login.openid, union
    identity.unionid_index = crypto.blind_index("unionid", union) if union else None
    identity.linked_at = clock.now()
    return identity


def link_wechat(actor: Actor, person_id: UUID, login: WechatLogin) -> None:
    """Let a WeChat user be a person who is known already (imports, the demo).

    Raises:
        Forbidden: only the system does this; people prove who they are by logging in.

    """
    if not actor.is_system:
        raise Forbidden
    queries.person(person_id)
    session.add(wechat_identity(person_id, login))
    session.flush()


def deactivate(actor: Actor, person_id: UUID) -> Person:
    """Shut a person out at once: sessions end, grants count no more.

    Raises:
        Forbidden: oneself, or the actor edits no identity.
        NotFound: no such person, or not one this actor administers.
        Conflict: already deactivated.

    """
    access.require_not_oneself(actor, person_id)
    person = queries.person(person_id, hold=True)
    at = clock.now()
    access.require_edit(actor, seats.person_nodes(person_id, at))
    if person.deactivated_at is not None:
        raise Conflict("这个账号已经停用。", code="already_deactivated")
    person.deactivated_at = at
    end_all(actor, person_id)
    audit.record(actor, "person.deactivated", "person", person_id)
    outbox.record(PersonDeactivated(person_id=person_id, by=actor.person_id))
    return person


def reactivate(actor: Actor, person_id: UUID) -> Person:
    """Let a deactivated person in again, with the grants still in force.

    Raises:
        Forbidden, NotFound: not a person this actor administers.
        Conflict: the person is active.

    """
    access.require_not_oneself(actor, person_id)
    person = queries.person(person_id, hold=True)
    access.require_edit(actor, seats.person_nodes(person_id, clock.now()))
    if person.deactivated_at is None:
        raise Conflict("这个账号没有停用。", code="not_deactivated")
    if person.erased_at is not None:
        raise Conflict("这个账号已由本人注销，不能恢复。", code="account_erased")
    person.deactivated_at = None
    person.phone_proven_at = None  # somebody else may have proven it since
    audit.record(actor, "person.reactivated", "person", person_id)
    return person


def restrict(actor: Actor, person_id: UUID, street_id: UUID, reason: str) -> Restriction:
    """Hold an abusive reporter back for 30 days: one open ticket, P0 and P1 always free.

    Only the street does this (rules.md, Abuse); the person reads why and may appeal.

    Raises:
        Forbidden: the actor is no street's staff, or means oneself.
        NotFound: not this street, or no such person.
        Conflict: this street restricts the person already.
        Invalid: no reason given.

    """
    access.require_not_oneself(actor, person_id)
    _require_street(actor, street_id)
    words = _words(reason)
    person = queries.person(person_id, hold=True)
    at = clock.now()
    standing = persons.restrictions_of(person_id, at)
    if any(one.street_id == street_id for one in standing):
        raise Conflict("已经限制过，还没有到期。", code="already_restricted")
    restriction = Restriction(
        id=ids.new_id(),
        person_id=person_id,
        street_id=street_id,
        reason=words,
        by_id=actor.person_id,
        starts_at=at,
        ends_at=at + rules.RESTRICTION,
    )
    session.add(restriction)
    person.restricted_until = restriction.ends_at
    session.flush()
    audit.record(actor, "person.restricted", "person", person_id, street=str(street_id))
    outbox.record(PersonRestricted(restriction.id, person_id, street_id))
    return restriction


def appeal_restriction(actor: Actor, restriction_id: UUID, words: str) -> Restriction:
    """Say as the person held back why it is wrong; once.

    Raises:
        NotFound: not one's own restriction.
        Conflict: over, lifted or appealed already.
        Invalid: no words.

    """
    restriction = persons.restriction(restriction_id)
    if restriction.person_id != actor.person_id:
        raise NotFound
    at = clock.now()
    if restriction.appealed_at is not None or not _stands(restriction, at):
        raise Conflict
    restriction.appeal, restriction.appealed_at = _words(words), at
    return restriction


def lift_restriction(actor: Actor, restriction_id: UUID, why: str) -> Restriction:
    """End a restriction before its time, after an appeal or without one.

    Raises:
        Forbidden: no street's staff, oneself, or whoever restricted where there is an appeal.
        NotFound: not this street's restriction.
        Conflict: over or lifted already.
        Invalid: no reason given.

    """
    restriction = persons.restriction(restriction_id)
    access.require_not_oneself(actor, restriction.person_id)
    _require_street(actor, restriction.street_id)
    at = clock.now()
    if not _stands(restriction, at):
        raise Conflict
    if restriction.appealed_at is not None and actor.person_id == restriction.by_id:
        raise RuleBroken("申诉要由另一位工作人员处理。", code="second_person_needed")
    restriction.lifted_why = _words(why)
    restriction.lifted_at, restriction.lifted_by_id = at, actor.person_id
    session.flush()
    person = queries.person(restriction.person_id, hold=True)
    left = persons.restrictions_of(person.id, at)
    person.restricted_until = left[0].ends_at if left else None
    audit.record(actor, "person.restriction_lifted", "person", person.id)
    return restriction


def _stands(restriction: Restriction, at: datetime) -> bool:
    return restriction.lifted_at is None and at < restriction.ends_at


def _require_street(actor: Actor, street_id: UUID) -> None:
    if not actor.holds(Permission.PERSON_RESTRICT):
        raise Forbidden("只有街道可以限制或解除限制。", code="street_only")
    if not actor.may(Permission.PERSON_RESTRICT, nodes=[street_id]):
        raise NotFound


def _words(text: str) -> str:
    words = text.strip()
    if not words or len(words) > LONGEST_WORDS:
        raise Invalid(f"请写明原因，最多 {LONGEST_WORDS} 字。", code="words_needed")
    return words
