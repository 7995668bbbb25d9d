"""Logging in, and finding out who a token is.

Every function here opens its own units of work: a gateway call or a password
hash never sits inside a transaction, and a counted try stays counted when the
log-in is refused. Routes declare ``work=False``.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.identity import passwords, queries, rules
from app.identity.models import PasswordLogin, Person, WechatIdentity
from app.identity.rules import LoginMethod
from app.identity.service import replays, tries
from app.identity.service.people import new_person, renew_identity, wechat_identity
from app.identity.service.sessions import LoggedIn, note_use, open_session
from app.kernel import audit, clock, crypto
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import Forbidden, Unauthenticated
from app.kernel.work import in_unit, unit_of_work
from app.wechat import gateway
from app.wechat.gateway import WechatLogin


def authenticate(token: str) -> Actor | None:
    """Find who holds ``token`` and, now and then, note that the session is in use.

    One statement; about once a day (an hour for consoles) one more, in the unit
    of work that is open or in one of its own.
    """
    found = queries.identify(token)
    if found is None:
        return None
    session_id = found.actor.session_id
    if found.is_due and session_id is not None:
        if in_unit():
            note_use(session_id, found.method, found.opened_at, clock.now())
        else:
            with unit_of_work():
                note_use(session_id, found.method, found.opened_at, clock.now())
    return found.actor


def log_in_with_code(code: str, device: str = "") -> LoggedIn:
    """Log in a WeChat user by a one-time code; who is new becomes a person.

    A code works once. The ``device`` that sent it (a random name it keeps) may hear
    the same answer again within a minute, because answers get lost on the way.

    Raises:
        Unauthenticated: the code is not good (code ``bad_code``).
        Unavailable: WeChat log-in is not set up (``wechat_not_configured``) or down.
        Forbidden: the person was deactivated (``account_deactivated``).

    """
    if (again := replays.of(code, device)) is not None:
        return again
    try:
        login = gateway.exchange(code)
    except Unauthenticated:
        # perhaps the same device's own first try, which has ended meanwhile
        if (again := replays.of(code, device)) is not None:
            return again
        raise
    try:
        opened = _enter(login, code, device)
    except IntegrityError:
        # The same newcomer twice at once: now the first one's person is there.
        opened = _enter(login, code, device)
    if opened is None:
        raise Forbidden("这个账号已停用，如有疑问请联系社区。", code="account_deactivated")
    return opened


def _enter(login: WechatLogin, code: str, device: str) -> LoggedIn | None:
    at = clock.now()
    with unit_of_work():
        person_id = _known(login) or _newcomer(login)
        opened = open_session(person_id, LoginMethod.WECHAT, at)
        if opened is None:
            _refused(person_id, "deactivated")
        else:
            replays.keep(code, device, opened.token, at)
        return opened


def _known(login: WechatLogin) -> UUID | None:
    openid = crypto.blind_index("openid", login.openid)
    found = session.scalar(
        select(WechatIdentity).where(
            WechatIdentity.appid == login.appid, WechatIdentity.openid_index == openid
        )
    )
    if found is None:
        return _known_elsewhere(login)
    if not found.openid:  # taken back once; they come again by themselves
        renew_identity(found, login)
    return found.person_id


def _known_elsewhere(login: WechatLogin) -> UUID | None:
    """Find the person another app of the same owner knows, and link this app too."""
    if not login.unionid:
        return None
    unionid = crypto.blind_index("unionid", login.unionid)
    query = select(WechatIdentity.person_id).where(WechatIdentity.unionid_index == unionid)
    found = session.scalar(query.order_by(WechatIdentity.linked_at, WechatIdentity.id).limit(1))
    if found is not None:
        session.add(wechat_identity(found, login))
    return found


def _newcomer(login: WechatLogin) -> UUID:
    person = new_person()
    session.add(person)
    session.flush()
    session.add(wechat_identity(person.id, login))
    session.flush()
    return person.id


def log_in_with_password(login_name: str, password: str) -> LoggedIn:
    """Log in to a console account.

    Known and unknown names answer alike, in the same time, and are locked alike
    (15 minutes after 5 failures). A try is counted before it is judged, so that
    many at once are not worth more.

    Raises:
        Unauthenticated: wrong name or password, or deactivated (``bad_credentials``).
        TooMany: the name is locked (``login_locked``, with ``retry_after``).

    """
    name = rules.normal_login_name(login_name)[:100]
    tries.take(name)
    login = _login_named(name)
    known = login.password_hash if login else None
    good = passwords.verify(known, password)
    renewed = None
    if good and known and passwords.is_outdated(known):
        renewed = passwords.make_hash(password)
    with unit_of_work():
        opened = _admit(name, known, renewed) if good else None
        if opened is None:
            _refused(login.person_id if login else None, "bad_credentials")
    if opened is None:
        raise Unauthenticated("账号或密码不对，请重新输入。", code="bad_credentials")
    return opened


def _admit(name: str, known: str | None, renewed: str | None) -> LoggedIn | None:
    """Open the session, unless the password or the person changed since it was checked."""
    login = session.scalar(
        select(PasswordLogin)
        .where(PasswordLogin.login_name == name, PasswordLogin.password_hash == known)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if login is None:
        return None
    opened = open_session(login.person_id, LoginMethod.PASSWORD, clock.now())
    if opened is not None:
        login.password_hash = renewed or login.password_hash
        tries.forget(name)
    return opened


def _login_named(name: str) -> PasswordLogin | None:
    """Read a console account and end the transaction that read it."""
    found = session.scalar(
        select(PasswordLogin)
        .join(Person, Person.id == PasswordLogin.person_id)
        .where(PasswordLogin.login_name == name, Person.deactivated_at.is_(None))
    )
    session.rollback()
    return found


def _refused(person_id: UUID | None, reason: str) -> None:
    audit.record(SYSTEM, "login.refused", "person", person_id, reason=reason)
