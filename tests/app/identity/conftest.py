"""A town, and a counter of statements."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from sqlalchemy import event

from app.kernel.db import db
from tests.make.territory import Town
from tests.make.territory import town as plant


@pytest.fixture
def town(app) -> Town:
    """Places of every level, and another district as noise."""
    return plant()


@pytest.fixture
def statements() -> Callable[[], AbstractContextManager[list[str]]]:
    """Hand out a counter of the statements that reach the database, BEGIN apart."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_connection, _cursor, statement, *_rest):
            if not statement.startswith("BEGIN"):
                seen.append(statement)

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(db.engine, "before_cursor_execute", note)

    return counting
