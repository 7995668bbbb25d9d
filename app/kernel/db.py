"""The database: one declarative base, the column types, the engine's manners.

PostgreSQL is the target at scale, SQLite the embedded default; everything here
exists so that a room need not know which one it stands on.
"""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from psycopg import Connection, OperationalError, RawCursor, RawServerCursor
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import (
    DDL,
    JSON,
    CursorResult,
    DateTime,
    Enum,
    Executable,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    Uuid,
    event,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection as SqlConnection
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, registry

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Utc(TypeDecorator[datetime]):
    """Aware UTC in Python and in the database; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps no zone, so it is dropped there."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive time refused: every time in the house is aware")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Hand back aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def short_enum(cls: type[enum.Enum], *, name: str) -> Enum:
    """Make a column type for ``cls``: a short string with a CHECK named ``name``.

    An annotated enum needs this only where one table holds two columns of one
    enum (their CHECKs would share a name).
    """
    return Enum(
        cls,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """Typed declarative base of every table."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            datetime: Utc(),
            UUID: Uuid(),
            str: Text(),
            dict[str, Any]: Json,
            list[Any]: Json,
            list[str]: Json,
            enum.Enum: Enum(
                enum.Enum,
                native_enum=False,
                create_constraint=True,
                length=32,
                values_callable=lambda members: [member.value for member in members],
            ),
        },
    )


db = SQLAlchemy(
    model_class=Base,
    disable_autonaming=True,
    session_options={"expire_on_commit": False},
)
session = db.session


def fetch(statement: Executable, asked: Mapping[str, Any]) -> CursorResult[Any]:
    """Run a statement of columns within the session's transaction, past the ORM.

    For what every request asks: the ORM's part costs as much as the statement. Rows
    come as they stand in the database: what the session still holds is not sent first.
    """
    return session.connection().execute(statement, asked)


if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class KeepingConnection(Connection[Any]):
    """A PostgreSQL connection whose rollback forgets no prepared statement.

    psycopg drops them all, in case the transaction had made or dropped a table. Ours
    never do; and every request that only reads ends in a rollback.
    """

    def rollback(self) -> None:
        """Roll back to the start of the transaction, if there is one.

        Raises:
            psycopg.OperationalError: the server is gone.

        """
        with self.lock:
            if self.pgconn.transaction_status == TransactionStatus.IDLE:
                return
            if self.pgconn.exec_(b"ROLLBACK").status != ExecStatus.COMMAND_OK:
                raise OperationalError("the rollback was not answered")


def engine_options(url: str, *, pool_size: int) -> dict[str, Any]:
    """Name the engine's options for ``url``; ``pool_size`` is threads per process."""
    options: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 5}
    if url.startswith("postgresql"):
        # Statements go out with $1 as they are: rewriting %(name)s into it, for every
        # statement anew, was a tenth of a submit. (Looking for hstore needs the other way.)
        options |= {"paramstyle": "numeric_dollar", "use_native_hstore": False}
        options["connect_args"] = {
            "cursor_factory": RawCursor,
            "options": "-c jit=off -c timezone=UTC -c random_page_cost=1.1",
            "connect_timeout": 5,
            "application_name": "sandan",
        }
    return options


def teach_manners(engine: Engine) -> None:
    """Make a fresh engine behave: SQLite pragmas and honest BEGINs, cursors of one kind."""
    if engine.dialect.name == "postgresql":
        # Several rows go as one statement: psycopg's pipeline for two rows of history
        # held the interpreter for an eighth of a submit.
        engine.dialect.use_insertmanyvalues_wo_returning = True

        @event.listens_for(engine, "do_connect")
        def _dial(_dialect: Dialect, _record: Any, args: Any, options: Any) -> KeepingConnection:
            return KeepingConnection.connect(*args, **options)

        @event.listens_for(engine, "connect")
        def _connected(raw: Any, _record: Any) -> None:
            raw.server_cursor_factory = RawServerCursor

        return

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=10000",
            "foreign_keys=ON",
        ):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: SqlConnection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def append_only_ddl(table: str, *, dialect: str) -> list[str]:
    """Write the statements that make ``table`` refuse UPDATE, DELETE and TRUNCATE.

    Migrations run them with ``op.execute``; a batch change on SQLite drops the
    triggers, so it must run them again.
    """
    return _TRIGGERS[dialect](table, "")


def guard_columns_ddl(table: str, columns: Mapping[str, str], *, dialect: str) -> list[str]:
    """As :func:`append_only_ddl`, but UPDATE may still clear ``columns``.

    ``columns`` maps a column to the only SQL literal it may be set to (erasure).
    """
    allowed = " AND ".join(
        f"(NEW.{name} IS NOT DISTINCT FROM OLD.{name} OR NEW.{name} IS NOT DISTINCT FROM {to})"
        if dialect == "postgresql"
        else f"(NEW.{name} IS OLD.{name} OR NEW.{name} IS {to})"
        for name, to in columns.items()
    )
    return _TRIGGERS[dialect](table, allowed)


def _postgresql_triggers(table: str, allowed: str) -> list[str]:
    function = f"{table}_append_only"
    return [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"DROP TRIGGER IF EXISTS {table}_no_delete ON {table}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER IF EXISTS {table}_no_update ON {table}",
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} FOR EACH ROW "
        f"{_unless(allowed)}EXECUTE FUNCTION {function}()",
    ]


def _sqlite_triggers(table: str, allowed: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return [
        f"DROP TRIGGER IF EXISTS {table}_no_delete",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        f"DROP TRIGGER IF EXISTS {table}_no_update",
        f"CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table} {_unless(allowed)}{refuse}",
    ]


def _postgresql_keepers(table: str) -> list[str]:
    function = f"{table}_kept"
    return [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$ "
        f"BEGIN RAISE EXCEPTION '{table} rows stay'; END $$",
        f"DROP TRIGGER IF EXISTS {table}_no_delete ON {table}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
    ]


def _sqlite_keepers(table: str) -> list[str]:
    return [
        f"DROP TRIGGER IF EXISTS {table}_no_delete",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} rows stay'); END",
    ]


def _unless(allowed: str) -> str:
    return f"WHEN (NOT ({allowed})) " if allowed else ""


_TRIGGERS = {"postgresql": _postgresql_triggers, "sqlite": _sqlite_triggers}
_KEEPERS = {"postgresql": _postgresql_keepers, "sqlite": _sqlite_keepers}


def append_only(table: Table, *, erasable: Mapping[str, str] | None = None) -> None:
    """Declare ``table`` append-only; ``create_all`` makes the triggers too.

    Rooms call it under the model. ``erasable`` maps the columns that erasure
    may clear to the SQL literal they are cleared to; all others never change.
    """
    table.info["append_only"] = dict(erasable or {})
    _guard_at_birth(table)


def kept(table: Table) -> None:
    """Declare that rows of ``table`` stay: DELETE and TRUNCATE are refused.

    Then others may name them without a foreign key, whose check locks the named
    row: every report would queue for the row of its district (ADR 0010).
    """
    table.info["kept"] = True
    _guard_at_birth(table)


def is_guarded(table: Table) -> bool:
    """Tell whether triggers belong to a table."""
    return "append_only" in table.info or "kept" in table.info


def guard_statements(table: Table, *, dialect: str) -> list[str]:
    """Name the trigger statements of a table declared append-only or kept."""
    if "append_only" not in table.info:
        return _KEEPERS[dialect](table.name)
    erasable = table.info["append_only"]
    if not erasable:
        return append_only_ddl(table.name, dialect=dialect)
    fixed = [c.name for c in table.columns if c.name not in erasable]
    guards = {name: f"OLD.{name}" for name in fixed} | dict(erasable)
    return guard_columns_ddl(table.name, guards, dialect=dialect)


def _guard_at_birth(table: Table) -> None:
    for dialect in _TRIGGERS:
        for statement in guard_statements(table, dialect=dialect):
            ddl = DDL(statement.replace("%", "%%")).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl)
