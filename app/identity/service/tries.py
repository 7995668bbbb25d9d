"""Counting tries at a log-in name, in units of their own: a refusal takes nothing back."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.identity import rules
from app.identity.models import LoginAttempt
from app.identity.rules import Tries
from app.kernel import audit, clock, crypto
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import TooMany
from app.kernel.work import unit_of_work


def take(login_name: str) -> None:
    """Count one try at a name, known or not.

    Raises:
        TooMany: the name is locked (code ``login_locked``).

    """
    at = clock.now()
    with unit_of_work():
        row = _held(login_name)
        before = Tries(row.tries, row.locked_until)
        locked = rules.is_locked(before, at)
        if not locked:
            after = rules.count_try(before, at)
            row.tries, row.locked_until, row.last_at = after.count, after.locked_until, at
            if after.locked_until is not None:
                audit.record(SYSTEM, "login.locked", "login_name", None, tries=after.count)
    if locked and before.locked_until is not None:
        wait = int((before.locked_until - at).total_seconds()) + 1
        minutes = -(-wait // 60)
        raise TooMany(
            f"密码连续输错，请 {minutes} 分钟后再试。", code="login_locked", retry_after=wait
        )


def forget(login_name: str) -> None:
    """Forget the tries at a name after a success, in the caller's unit."""
    session.execute(delete(LoginAttempt).where(LoginAttempt.name_index == _key(login_name)))


def _held(login_name: str) -> LoginAttempt:
    """Find or make the row of a name and hold it, so that tries at once queue up."""
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    key = _key(login_name)
    fresh = maker.insert(LoginAttempt).values(name_index=key, tries=0, last_at=clock.now())
    session.execute(fresh.on_conflict_do_nothing(index_elements=[LoginAttempt.name_index]))
    return session.scalars(
        select(LoginAttempt)
        .where(LoginAttempt.name_index == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _key(login_name: str) -> str:
    return crypto.blind_index("login_name", login_name)
