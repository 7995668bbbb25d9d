"""One unit of work: the only commit in the house.

A unit is one transaction. On SQLite it takes the writer's turn first (an
in-process lock: waiting in line beats backing off from a busy database) and
begins IMMEDIATE, because a deferred read-then-write fails at once.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from sqlalchemy.orm.exc import StaleDataError

from app.kernel import appending
from app.kernel.db import db, session
from app.kernel.errors import Conflict

_open: ContextVar[bool] = ContextVar("unit_of_work_open", default=False)
_writers_turn = threading.Lock()

after_commit: list[Callable[[], None]] = []
"""Rung after a commit that recorded news; filled by wsgi and workers."""

NEWS = "news"
"""Key in ``session.info``: set while the unit holds events to be told of."""


@contextmanager
def unit_of_work() -> Iterator[None]:
    """Do everything inside or nothing.

    Raises:
        RuntimeError: a unit is already open; units do not nest.
        Conflict: a row changed under our hands.

    """
    if _open.get():
        raise RuntimeError("units of work do not nest")
    token = _open.set(True)
    try:
        with _turn():
            _begin()
            try:
                yield
                session.commit()
            except StaleDataError as error:
                session.rollback()
                raise Conflict from error
            except BaseException:
                session.rollback()
                raise
    finally:
        _open.reset(token)
        appending.forget()
        news = session.info.pop(NEWS, False)
    if news:
        for ring in after_commit:
            ring()


def in_unit() -> bool:
    """Tell whether a unit of work is open here."""
    return _open.get()


def _turn() -> Any:
    return _writers_turn if db.engine.dialect.name == "sqlite" else nullcontext()


def _begin() -> None:
    if session().in_transaction():
        session.rollback()
    if db.engine.dialect.name == "sqlite":
        session.connection(execution_options={"writes": True})
