"""Version stamps: how caches of one process notice what another changed.

Each cached body of rows (grids, categories, rules, calendars) has a named
stamp; whoever changes the rows bumps it in the same transaction, whoever
caches compares before use. ``current()`` reads all stamps in one statement
and remembers them for the length of one unit of work or request.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Text, cast, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, db, session

_SEEN = "stamps_seen"
T = TypeVar("T")


class Stamp(Model):
    """The version of one cached body of rows."""

    __tablename__ = "stamp"

    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]


_ALL = select(Stamp.name, Stamp.version)

ALL_AT_ONCE: Any = (
    select(func.aggregate_strings(Stamp.name + "=" + cast(Stamp.version, Text), ","))
    .scalar_subquery()
    .label("stamps")
)
"""Every stamp as one column: the log-in of a request reads it along (see :func:`remember`)."""


def bump(name: str) -> None:
    """Say that the rows behind ``name`` have changed.

    The new version is random, not the next number: a unit that rolls back must
    not leave a cache built from its rows under the number of the unit after it.
    """
    fresh = secrets.randbits(31)
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    statement = maker.insert(Stamp).values(name=name, version=fresh)
    session.execute(
        statement.on_conflict_do_update(index_elements=[Stamp.name], set_={"version": fresh})
    )
    session.info.pop(_SEEN, None)


def version(name: str) -> int:
    """Read the version of ``name``; 0 if it was never bumped."""
    return _seen().versions.get(name, 0)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The versions as one transaction of one database sees them."""

    transaction: object
    database: int
    versions: Mapping[str, int]


def _seen() -> _Seen:
    seen: _Seen | None = session.info.get(_SEEN)
    if seen is None or seen.transaction is not session().get_transaction():
        seen = _see({name: number for name, number in session.execute(_ALL)})  # noqa: C416
    return seen


def _see(versions: Mapping[str, int]) -> _Seen:
    seen = _Seen(session().get_transaction(), id(db.engine), versions)
    session.info[_SEEN] = seen
    return seen


def remember(told: str | None) -> None:
    """Take what :data:`ALL_AT_ONCE` read as the versions of this transaction."""
    pairs = (one.partition("=") for one in told.split(",")) if told else ()
    _see({name: int(number) for name, _, number in pairs})


_all: list["Cached[Any]"] = []


def forget_all() -> None:
    """Drop every cached value of this process (a swapped or restored database)."""
    for cache in _all:
        cache.forget()


class Cached(Generic[T]):
    """A value made from rows, rebuilt when its stamp or database changes."""

    def __init__(self, name: str, build: Callable[[], T]) -> None:
        _all.append(self)
        self._name = name
        self._build = build
        self._kept: tuple[object, T] | None = None

    def get(self) -> T:
        """Hand out the value, fresh as of this transaction."""
        seen = _seen()
        mark = (seen.database, seen.versions.get(self._name, 0))
        if self._kept is None or self._kept[0] != mark:
            self._kept = (mark, self._build())
        return self._kept[1]

    def forget(self) -> None:
        """Drop the value."""
        self._kept = None
