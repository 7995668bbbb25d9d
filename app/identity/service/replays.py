"""A lost answer to a log-in, told once more to the device it was for."""

import hmac
from datetime import datetime

from sqlalchemy import select

from app.identity import queries, rules
from app.identity.models import LoginReplay, Session
from app.identity.service.sessions import LoggedIn
from app.kernel import clock, crypto
from app.kernel.db import session


def of(code: str, device: str) -> LoggedIn | None:
    """Find what this device was answered to this code, if that is not a minute ago."""
    if not device:
        return None
    kept = session.get(LoginReplay, crypto.fingerprint(code), populate_existing=True)
    good = (
        kept is not None
        and clock.now() < kept.until
        and hmac.compare_digest(kept.device_hash, crypto.fingerprint(device))
    )
    again = _same(kept.token) if good and kept is not None else None
    session.rollback()
    return again


def _same(token: str) -> LoggedIn | None:
    actor = queries.actor_of_token(token)
    ends = session.scalar(
        select(Session.expires_at).where(Session.token_hash == crypto.fingerprint(token))
    )
    return LoggedIn(token, actor, ends) if actor is not None and ends is not None else None


def keep(code: str, device: str, token: str, at: datetime) -> None:
    """Keep an answer for its device, in the unit that opened the session."""
    if device:
        session.merge(
            LoginReplay(
                code_hash=crypto.fingerprint(code),
                device_hash=crypto.fingerprint(device),
                token=token,
                until=at + rules.REPLAY_FOR,
            )
        )
