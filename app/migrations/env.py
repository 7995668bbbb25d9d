"""Run migrations through the app's own engine, one transaction each.

``flask db upgrade`` on PostgreSQL takes a lock, so that two starting processes
do not migrate at once. On SQLite foreign keys rest while tables are rebuilt and
are checked before the commit.
"""

from alembic import context
from alembic.runtime.migration import MigrationContext
from flask import current_app
from sqlalchemy import text
from sqlalchemy.engine import Connection

from app import rooms
from app.kernel.db import db
from app.migrations import rendering

LOCK = 727_272_001
TARGET = db.metadata
assert rooms.MODELS  # noqa: S101 - naming them keeps the import


def _configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=TARGET,
        transaction_per_migration=True,
        transactional_ddl=True,
        on_version_apply=_check_foreign_keys,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=True,
        render_item=rendering.render_item,
        process_revision_directives=rendering.writer,
        include_object=_is_ours,
    )


def _check_foreign_keys(*, ctx: MigrationContext, **_: object) -> None:
    """Fail a step that leaves a row pointing nowhere (SQLite; PostgreSQL never lets it)."""
    if ctx.connection is None or ctx.dialect.name != "sqlite":
        return
    broken = ctx.connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise RuntimeError(f"foreign keys are broken in {sorted({row[0] for row in broken})}")


def _is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    return not (kind == "table" and name == "alembic_version")


def run() -> None:
    """Migrate over one connection."""
    with db.engine.connect() as connection:
        dialect = connection.dialect.name
        if dialect == "sqlite":
            _run_on_sqlite(connection)
            return
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        try:
            _migrate(connection)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()


def _run_on_sqlite(connection: Connection) -> None:
    raw = connection.connection.driver_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        _migrate(connection.execution_options(writes=True))
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def _migrate(connection: Connection) -> None:
    _configure(connection)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise RuntimeError("migrations run on a database; --sql is not supported")
with current_app.app_context():
    run()
