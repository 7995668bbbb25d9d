"""Migrations and models tell one story, and it can be told backwards."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from app.kernel.db import db, guard_statements, is_guarded, session
from tests.databases import migrate


@pytest.fixture
def engine(app):
    """The engine over a migrated, empty database."""
    return db.engine


def snapshot(engine):
    """Read everything a database says of its shape, in one comparable value."""
    queries = {
        "sqlite": "SELECT type, name, tbl_name, sql FROM sqlite_master"
        " WHERE name NOT LIKE 'sqlite_%' AND tbl_name <> 'alembic_version'",
        "postgresql": """
            SELECT 'column', table_name, column_name,
                   concat(data_type, is_nullable, column_default)
              FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name <> 'alembic_version'
            UNION ALL SELECT 'index', tablename, indexname, indexdef FROM pg_indexes
             WHERE schemaname = 'public' AND tablename <> 'alembic_version'
            UNION ALL SELECT 'constraint', conrelid::regclass::text, conname,
                   pg_get_constraintdef(oid) FROM pg_constraint
             WHERE connamespace = 'public'::regnamespace
               AND conrelid::regclass::text <> 'alembic_version'
            UNION ALL SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
              FROM pg_trigger WHERE NOT tgisinternal""",
    }
    with engine.connect() as connection:
        rows = connection.execute(text(queries[engine.dialect.name])).all()
    return sorted(tuple(_folded(cell) for cell in row) for row in rows)


def _folded(cell):
    """Fold white space and quotes; a CREATE TABLE also forgets the order of its clauses."""
    words = _spaced(cell)
    if not words.startswith("CREATE TABLE"):
        return words
    head, _, body = words.partition("(")
    depth, clauses = 0, [""]
    for sign in body.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            clauses.append("")
        else:
            clauses[-1] += sign
    return f"{head}({sorted(clause.strip() for clause in clauses)})"


def _spaced(cell):
    return re.sub(r'[\s"]+', " ", str(cell)).replace("( ", "(").replace(" )", ")").strip()


def test_the_migrated_database_is_what_the_models_say(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found = compare_metadata(context, db.metadata)

    assert found == []


def test_migrating_and_creating_give_the_same_shape(engine):
    migrated = snapshot(engine)

    migrate(revision="base")
    assert snapshot(engine) == []
    db.create_all()

    created = snapshot(engine)
    assert [row for row in migrated if row not in created] == []
    assert [row for row in created if row not in migrated] == []


def test_up_down_and_up_again(engine):
    before = snapshot(engine)

    migrate(revision="base")
    left = set(inspect(engine).get_table_names()) - {"alembic_version"}
    migrate(revision="head")

    assert left == set()
    assert snapshot(engine) == before


def test_every_guarded_table_has_its_triggers(engine):
    shape = str(snapshot(engine))
    tables = [table for table in db.metadata.tables.values() if is_guarded(table)]
    made = [
        re.search(r"CREATE TRIGGER (\w+)", statement).group(1)
        for table in tables
        for statement in guard_statements(table, dialect=engine.dialect.name)
        if "CREATE TRIGGER" in statement
    ]

    assert {"ticket_step", "audit_entry", "place", "category"} <= {table.name for table in tables}
    assert [name for name in made if name not in shape] == []


def test_a_lost_trigger_would_be_seen(engine):
    name, on = "ticket_step_no_delete", " ON ticket_step"
    session.execute(text(f"DROP TRIGGER {name}" + ("" if "sqlite" in engine.name else on)))
    session.commit()

    assert name not in str(snapshot(engine))


@pytest.mark.parametrize("table", ["place", "category", "organisation", "property_project"])
def test_a_row_that_tickets_name_stays(world, table):
    with pytest.raises(DatabaseError, match="rows stay"):
        session.execute(text(f"DELETE FROM {table}"))  # noqa: S608
    session.rollback()
