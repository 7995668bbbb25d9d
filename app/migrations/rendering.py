"""What autogenerate writes: plain SQLAlchemy types and the triggers of guarded tables.

Migrations import nothing of the house, so that an old one still runs when the
code has moved on.
"""

from typing import Any

from alembic.autogenerate import render, renderers, rewriter
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation
from sqlalchemy import JSON, Table, TypeDecorator

from app.kernel.db import guard_statements, is_guarded

DIALECTS = ("postgresql", "sqlite")


class GuardTable(MigrateOperation):
    """Put the triggers of an append-only or kept table in place."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def reverse(self) -> MigrateOperation:
        """Undo nothing: the triggers go with their table."""
        return self


@renderers.dispatch_for(GuardTable)
def _render_guard(_context: AutogenContext, guard: GuardTable) -> list[str]:
    lines = []
    for dialect in DIALECTS:
        statements = guard_statements(guard.table, dialect=dialect)
        written = ",\n".join(f"    {statement!r}" for statement in statements)
        lines.append(f"on(\n    {dialect!r},\n{written},\n)")
    return lines


writer = rewriter.Rewriter()


@writer.rewrites(ops.CreateTableOp)
def _guard_new_table(_context: Any, _revision: Any, create: ops.CreateTableOp) -> list[Any]:
    table = create.to_table()
    known = _context.opts["target_metadata"].tables.get(table.name)
    if known is None or not is_guarded(known):
        return [create]
    return [create, GuardTable(known)]


@writer.rewrites(ops.ModifyTableOps)
def _guard_changed_table(_context: Any, _revision: Any, modify: ops.ModifyTableOps) -> list[Any]:
    known = _context.opts["target_metadata"].tables.get(modify.table_name)
    only_indexes = all(isinstance(op, ops.CreateIndexOp | ops.DropIndexOp) for op in modify.ops)
    if known is None or not is_guarded(known) or only_indexes:
        return [modify]
    return [modify, GuardTable(known)]


def render_item(kind: str, item: Any, context: AutogenContext) -> str | bool:
    """Write our own types as the plain types beneath them."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return render._repr_type(item.impl_instance, context)
    if kind == "type" and isinstance(item, JSON):
        return "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"
    return False
