"""Categories for tests."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.catalog import queries, rows, service
from app.catalog.rules import CategoryView
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work


def shipped_lines() -> list[rows.SourceLine]:
    """The lines of the catalogue that comes with the product."""
    return rows.read_csv(service.SHIPPED.read_text(encoding="utf-8-sig"))


def with_cells(code: str, **cells: str) -> list[rows.SourceLine]:
    """The shipped lines, with other cells for one code."""
    return [
        (line, {**told, **cells} if told["code"] == code else told)
        for line, told in shipped_lines()
    ]


def loaded_catalogue() -> None:
    """Load the shipped catalogue in a unit of its own."""
    with unit_of_work():
        service.load_shipped(SYSTEM)


def category_view(code: str = "WPE-LIGHT", **changes: Any) -> CategoryView:
    """One shipped category as a view, without a database."""
    found: Mapping[str, rows.CategoryRow] = {
        row.code: row for row in rows.check(shipped_lines()).rows
    }
    return replace(rows.view_of(found[code], 1), **changes)


def versions_of(code: str) -> list[int]:
    """The policy versions a category went through, oldest first."""
    return [told.policy_version for told in reversed(queries.history_of(code))]
