"""Sessions: opened by a log-in, shown by an opaque token, ended at once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, delete, or_, update

from app.identity import access, queries
from app.identity.models import LoginAttempt, LoginReplay, Session, SmsCode
from app.identity.queries.seats import person_nodes
from app.identity.rules import RESIDENT_HAT, LoginMethod, session_end
from app.kernel import audit, clock, crypto, ids
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Invalid, NotFound, Unauthenticated

KEPT = timedelta(days=30)
"""How long a session that is over stays in the table; the audit keeps the log-in."""


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The outcome of a log-in; the token is told this once and never stored."""

    token: str = field(repr=False)
    actor: Actor
    expires_at: datetime


def open_session(person_id: UUID, method: LoginMethod, at: datetime) -> LoggedIn | None:
    """Open a session in the caller's unit; None if the person is deactivated."""
    token = ids.new_token()
    opened = Session(
        id=ids.new_id(),
        person_id=person_id,
        token_hash=crypto.fingerprint(token),
        method=method,
        created_at=at,
        last_seen_at=at,
        expires_at=session_end(method, at, at),
    )
    actor = queries.actor_of(person_id, session_id=opened.id)
    if actor is None:
        return None
    session.add(opened)
    audit.record(actor, "session.opened", "login_session", opened.id, method=method.value)
    return LoggedIn(token, actor, opened.expires_at)


def note_use(session_id: UUID, method: LoginMethod, opened_at: datetime, at: datetime) -> None:
    """Write down that a session is in use, which moves its end."""
    session.execute(
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None))
        .values(last_seen_at=at, expires_at=session_end(method, opened_at, at))
    )


def log_out(actor: Actor) -> None:
    """End the session this actor came with.

    Raises:
        Unauthenticated: the actor came without one.

    """
    if actor.session_id is None:
        raise Unauthenticated
    _end(actor, Session.id == actor.session_id, actor.session_id)


def put_on(actor: Actor, hat: str | None) -> None:
    """Act from now on in one role, as a mere resident, or (None) in all roles at once.

    What one belongs to still counts against one, whatever is put on.

    Raises:
        Unauthenticated: the actor came without a session.
        Invalid: not a hat of one's own (code ``unknown_hat``).

    """
    if actor.session_id is None or actor.person_id is None:
        raise Unauthenticated
    own = {one.key for one in queries.hats_of(actor.person_id)} | {RESIDENT_HAT, None}
    if hat not in own:
        raise Invalid("您没有这个身份。", code="unknown_hat", errors={"hat": ["不对"]})
    session.execute(update(Session).where(Session.id == actor.session_id).values(hat=hat))
    audit.record(actor, "session.hat", "login_session", actor.session_id, hat=hat or "all")


def end_session(actor: Actor, session_id: UUID) -> None:
    """End one of one's own sessions, perhaps on a phone that was lost.

    Raises:
        NotFound: not one's own, or over.

    """
    mine = and_(Session.id == session_id, Session.person_id == actor.person_id)
    if _end(actor, mine, session_id) == 0:
        raise NotFound


def revoke_sessions(actor: Actor, person_id: UUID) -> int:
    """End every session of a person, one's own or of somebody one administers; count them.

    Raises:
        Forbidden, NotFound: neither oneself nor a person this actor administers.

    """
    if actor.person_id != person_id:
        access.require_edit(actor, person_nodes(person_id, clock.now()))
    return _end(actor, Session.person_id == person_id, person_id)


def end_all(actor: Actor, person_id: UUID) -> int:
    """End every session of a person whose guard has passed already."""
    return _end(actor, Session.person_id == person_id, person_id)


def end_opened_by(actor: Actor, person_id: UUID, method: LoginMethod, until: datetime) -> int:
    """End the sessions that a person opened in one way up to a moment."""
    which = and_(
        Session.person_id == person_id, Session.method == method, Session.created_at <= until
    )
    return _end(actor, which, person_id)


def _end(actor: Actor, which: object, subject_id: UUID) -> int:
    ended = session.scalars(
        update(Session)
        .where(which, Session.revoked_at.is_(None))  # type: ignore[arg-type]
        .values(revoked_at=clock.now())
        .returning(Session.id)
    ).all()
    audit.record(actor, "session.ended", "login_session", subject_id, count=len(ended))
    return len(ended)


def sweep(at: datetime) -> int:
    """Delete sessions over for 30 days, and tries, codes and answers a day old; count all."""
    over = or_(Session.expires_at < at - KEPT, Session.revoked_at < at - KEPT)
    gone = session.scalars(delete(Session).where(over).returning(Session.id)).all()
    day_ago = at - timedelta(days=1)
    stale = delete(LoginAttempt).where(LoginAttempt.last_at < day_ago)
    tries = session.scalars(stale.returning(LoginAttempt.name_index)).all()
    told = delete(LoginReplay).where(LoginReplay.until < at)
    answers = session.scalars(told.returning(LoginReplay.code_hash)).all()
    spent = delete(SmsCode).where(SmsCode.last_at < day_ago)
    codes = session.scalars(spent.returning(SmsCode.phone_index)).all()
    return len(gone) + len(tries) + len(answers) + len(codes)
