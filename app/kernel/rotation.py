"""Bringing sealed values to the newest key, a batch at a time.

Which columns are sealed is read off the models. Rows already under the first
key of the ring are passed over, so a run that was stopped is simply started
again. A table that refuses updates is opened for the length of one batch's
transaction and closed again in it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, Text, and_, bindparam, cast, select, text, type_coerce, update

from app.kernel import crypto
from app.kernel.crypto import Sealed
from app.kernel.db import db, guard_statements, session

BATCH = 500


@dataclass(frozen=True, slots=True)
class Turned:
    """How many values of one column were sealed anew in one batch."""

    table: str
    column: str
    count: int


def sealed_columns() -> Iterator[tuple[Table, Column[Any]]]:
    """Walk over every sealed column of every table."""
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, Sealed):
                yield table, column


def turn(table: Table, column: Column[Any], *, batch: int = BATCH) -> Turned:
    """Seal up to ``batch`` values of ``column`` with the first key, in the caller's unit.

    Raises:
        Unreadable: a value opens with no key of the ring; nothing of the batch is kept.
    """
    (key,) = table.primary_key.columns
    raw = type_coerce(cast(column, Text), Text)
    stale = and_(column.is_not(None), raw.not_like(f"{crypto.newest_key()}:%"))
    rows = session.execute(select(key, raw).where(stale).limit(batch)).all()
    if rows:
        _open(table)
        session.connection().execute(
            update(table).where(key == bindparam("row")).values({column.name: bindparam("plain")}),
            [{"row": row_id, "plain": crypto.open_sealed(value)} for row_id, value in rows],
        )
        _close(table)
    return Turned(table.name, column.name, len(rows))


def _open(table: Table) -> None:
    """Lift the guard of an append-only table until :func:`_close`, in this transaction."""
    if "append_only" not in table.info:
        return
    on = f" ON {table.name}" if db.engine.dialect.name == "postgresql" else ""
    session.execute(text(f"DROP TRIGGER {table.name}_no_update{on}"))


def _close(table: Table) -> None:
    if "append_only" not in table.info:
        return
    for statement in guard_statements(table, dialect=db.engine.dialect.name):
        session.connection().exec_driver_sql(statement)
