"""Rows that do not change in the unit that writes them: history, events, who holds a ticket.

The session would spend more on watching them than the database on writing them, so
they wait beside it, in order, and go out together: a statement for each table, after
what the session itself has to send.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import Insert, event, insert
from sqlalchemy.orm import ORMExecuteState, Session

from app.kernel.db import Base, session

WAITING = "appended"
"""Key in ``session.info``."""


def append(row: Base) -> None:
    """Insert ``row`` with the next flush, at the latest before the next question or the commit."""
    session.info.setdefault(WAITING, []).append(row)


@event.listens_for(session, "before_commit")
def _send_all(sending: Session) -> None:
    if sending.info.get(WAITING):
        sending.flush()  # first what they refer to; without anything, it tells nobody
        _send(sending)


@event.listens_for(session, "do_orm_execute")
def _send_before_asking(asking: ORMExecuteState) -> None:
    _send_all(asking.session)


@event.listens_for(session, "after_flush")
def _send(sending: Session, _context: object = None) -> None:
    by_table: dict[Any, list[dict[str, Any]]] = {}
    for row in sending.info.pop(WAITING, ()):
        told = _columns(type(row), vars(row))
        by_table.setdefault((type(row), *told), []).append(told)
    for (model, *_), rows in by_table.items():
        sending.connection().execute(_insert(model), rows if len(rows) > 1 else rows[0])


def forget() -> None:
    """Drop what still waits: the unit it belonged to failed."""
    session.info.pop(WAITING, None)


def _columns(model: Any, told: Mapping[str, Any]) -> dict[str, Any]:
    """Name the columns to write; one with a default of its own is left to it."""
    return {
        name: told.get(name)
        for name, has_default in _names(model)
        if name in told or not has_default
    }


@cache
def _names(model: Any) -> tuple[tuple[str, bool], ...]:
    return tuple((column.key, column.default is not None) for column in model.__table__.c)


@cache
def _insert(model: Any) -> Insert:
    return insert(model.__table__)
