"""The access token, shared by all processes through the database: one refresher at a time.

A row carries the token and a lease. Whoever needs a new token takes the lease
with one UPDATE that only one can win, fetches with no transaction open, and
stores under the lease; the others wait briefly and read again. WeChat hands out
the same token until five minutes before its end, and lets the old one live on
for those, so the next is fetched then and nobody waits for it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.crypto import Unreadable
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.wechat.errors import Busy, WechatFault
from app.wechat.models import WechatToken

AHEAD = timedelta(minutes=5)
AGAIN = timedelta(seconds=30)
LEASE = timedelta(seconds=20)
"""Longer than a fetch may take, or two would fetch at once."""
WAIT_S = 6.0
_POLL_S = 0.05

T = WechatToken


@dataclass(frozen=True, slots=True)
class Token:
    """A token in use; ``generation`` names it to whom it was refused."""

    value: str = field(repr=False)
    generation: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the token call answered: the token and for how many seconds it is good."""

    value: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class _Row:
    value: str | None = field(repr=False)
    generation: int
    renew_at: datetime | None
    expires_at: datetime | None
    leased_until: datetime | None

    def good(self, now: datetime, refused: int | None) -> Token | None:
        """Give the token unless it is over or the refused one."""
        if self.value is None or self.generation == refused:
            return None
        if self.expires_at is None or now >= self.expires_at:
            return None
        return Token(self.value, self.generation)


_NONE = _Row(None, 0, None, None, None)


def current(appid: str, fetch: Callable[[], Fetched], *, refused: int | None = None) -> Token:
    """Give a token that is good; fetch one if there is none, and nobody else is at it.

    ``refused`` is the generation of a token that was just refused: it is fetched
    anew only if it is still the stored one. No transaction may be open.

    Raises:
        WechatFault: what ``fetch`` raises.
        Busy: somebody else has been fetching for too long.

    """
    until = time.monotonic() + WAIT_S
    while True:
        row, now = _read(appid), clock.now()
        good = row.good(now, refused)
        if good and row.renew_at is not None and now < row.renew_at:
            return good
        if row.leased_until is None or row.leased_until <= now:
            lease = _lease(appid, row.generation, now)
            if lease is not None:
                return _renew(appid, lease, row.generation, fetch, good)
        elif good:
            return good
        if time.monotonic() > until:
            raise Busy
        time.sleep(_POLL_S)


def _read(appid: str) -> _Row:
    columns = (T.token, T.generation, T.renew_at, T.expires_at, T.leased_until)
    try:
        found = session.execute(select(*columns).where(T.appid == appid)).one_or_none()
    except Unreadable:  # its key has left the ring: fetch anew
        rest = select(T.generation, T.leased_until).where(T.appid == appid)
        generation, leased_until = session.execute(rest).one()
        return _Row(None, generation, None, None, leased_until)
    finally:
        session.rollback()
    return _Row(*found) if found else _NONE


def _lease(appid: str, generation: int, now: datetime) -> UUID | None:
    """Take the right to fetch, unless somebody has it or has already stored a newer token."""
    mine = new_id()
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    row = maker.insert(T).values(appid=appid, generation=0).on_conflict_do_nothing()
    take = (
        update(T)
        .where(T.appid == appid, T.generation == generation)
        .where(or_(T.leased_until.is_(None), T.leased_until <= now))
        .values(leased_by=mine, leased_until=now + LEASE)
        .returning(T.appid)
    )
    with unit_of_work():
        session.execute(row)
        won = session.scalar(take, execution_options={"synchronize_session": False})
    return mine if won else None


def _renew(
    appid: str, lease: UUID, generation: int, fetch: Callable[[], Fetched], old: Token | None
) -> Token:
    try:
        fetched = fetch()
    except WechatFault:
        if old is None:
            _settle(appid, lease)
            raise
        _settle(appid, lease, renew_at=clock.now() + AGAIN)
        return old
    except BaseException:
        _settle(appid, lease)
        raise
    now, lives = clock.now(), timedelta(seconds=fetched.expires_in)
    _settle(
        appid,
        lease,
        token=fetched.value,
        generation=generation + 1,
        renew_at=now + max(lives - AHEAD, lives / 2),
        expires_at=now + lives,
    )
    return Token(fetched.value, generation + 1)


def _settle(appid: str, lease: UUID, **values: Any) -> None:
    """Give the lease back, if it is still ours, together with what came of it."""
    end = update(T).where(T.appid == appid, T.leased_by == lease)
    with unit_of_work():
        session.execute(
            end.values(leased_by=None, leased_until=None, **values),
            execution_options={"synchronize_session": False},
        )
