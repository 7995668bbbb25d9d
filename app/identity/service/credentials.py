"""Setting passwords. These open their own units of work: hashing is slow."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.identity import access, passwords, queries, rules
from app.identity.models import PasswordLogin
from app.identity.queries.seats import person_nodes
from app.identity.service import tries
from app.identity.service.sessions import end_all
from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, Unauthenticated
from app.kernel.work import unit_of_work


def set_password(actor: Actor, person_id: UUID, login_name: str, password: str) -> None:
    """Give a person a console account, or a new name and password for it.

    Every session of the person ends.

    Raises:
        Invalid: the name or the password will not do (``bad_login_name``, ``weak_password``).
        Forbidden, NotFound: not a person this actor administers.
        Conflict: another person has this name (``login_name_taken``).

    """
    name = rules.normal_login_name(login_name)
    if not rules.login_name_is_good(name):
        raise Invalid(
            "账号名用 3 到 40 个小写字母、数字、点或横线，以字母开头。", code="bad_login_name"
        )
    _check(password, name)
    made = passwords.make_hash(password)
    try:
        with unit_of_work():
            _write(actor, person_id, name, made)
    except IntegrityError as error:
        raise Conflict("这个账号名已有人使用。", code="login_name_taken") from error


def _write(actor: Actor, person_id: UUID, name: str, made: str) -> None:
    at = clock.now()
    access.require_not_oneself(actor, person_id)
    queries.person(person_id)
    access.require_edit(actor, person_nodes(person_id, at))
    login = session.get(PasswordLogin, person_id, with_for_update=True, populate_existing=True)
    if login is None:
        login = PasswordLogin(person_id=person_id)
        session.add(login)
    login.login_name, login.password_hash, login.changed_at = name, made, at
    session.flush()
    tries.forget(name)
    end_all(actor, person_id)
    audit.record(actor, "password.set", "person", person_id)


def change_password(actor: Actor, old: str, new: str) -> None:
    """Change one's own password, knowing the old one; every session ends.

    Raises:
        Unauthenticated: the old password is wrong, or there is no account (``bad_credentials``).
        TooMany: too many wrong tries (``login_locked``).
        Invalid: the new one will not do (``weak_password``).

    """
    login = session.scalar(select(PasswordLogin).where(PasswordLogin.person_id == actor.person_id))
    session.rollback()
    wrong = Unauthenticated("原密码不对，请重新输入。", code="bad_credentials")
    if login is None or actor.person_id is None:
        raise wrong
    _check(new, login.login_name)
    tries.take(login.login_name)
    if not passwords.verify(login.password_hash, old):
        raise wrong
    made = passwords.make_hash(new)
    with unit_of_work():
        held = session.get(
            PasswordLogin, actor.person_id, with_for_update=True, populate_existing=True
        )
        if held is None or held.password_hash != login.password_hash:
            raise Conflict
        held.password_hash, held.changed_at = made, clock.now()
        tries.forget(login.login_name)
        end_all(actor, actor.person_id)
        audit.record(actor, "password.changed", "person", actor.person_id)


def _check(password: str, login_name: str) -> None:
    fault = rules.password_faults(password, login_name)
    if fault:
        raise Invalid(fault, code="weak_password", errors={"password": [fault]})
