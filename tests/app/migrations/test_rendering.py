"""What autogenerate writes imports nothing of the house and guards what is append-only."""

import pytest
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData, Table, Text, create_engine

from app.kernel.crypto import Sealed
from app.kernel.db import Json, Utc, append_only
from app.migrations import rendering


def house():
    metadata = MetaData()
    history = Table(
        "history",
        metadata,
        Column("id", Text, primary_key=True),
        Column("at", Utc),
        Column("name", Sealed),
        Column("facts", Json),
    )
    append_only(history, erasable={"name": "NULL"})
    Table("plain", metadata, Column("id", Text, primary_key=True))
    return metadata


def written(metadata, script=None):
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"target_metadata": metadata, "render_as_batch": True}
            | {"render_item": rendering.render_item},
        )
        script = script or produce_migrations(context, metadata)
        rendering.writer(context, ("base",), [script])
        code = render_python_code(
            script.upgrade_ops,
            render_as_batch=True,
            render_item=rendering.render_item,
            migration_context=context,
        )
    engine.dispose()
    return code


def test_types_of_the_house_are_written_plainly():
    code = written(house())

    assert "app." not in code
    assert "sa.Column('at', sa.DateTime(timezone=True)" in code
    assert "sa.Column('name', sa.Text()" in code
    assert "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')" in code


def test_an_append_only_table_gets_its_triggers_on_both_databases():
    code = written(house())

    assert code.count("on(\n") == 2
    assert "CREATE TRIGGER history_no_update" in code
    assert "plain_no_update" not in code


def changed(table, op):
    alter = ops.ModifyTableOps(table, [op])
    return ops.MigrationScript("1", ops.UpgradeOps([alter]), ops.DowngradeOps([]))


@pytest.mark.parametrize(
    ("table", "op", "guards"),
    [
        ("history", ops.AddColumnOp("history", Column("x", Text)), 2),
        ("history", ops.CreateIndexOp("ix", "history", ["at"]), 0),
        ("plain", ops.AddColumnOp("plain", Column("x", Text)), 0),
    ],
)
def test_triggers_come_back_after_a_change_that_may_rebuild_the_table(table, op, guards):
    assert written(house(), changed(table, op)).count("on(\n") == guards
