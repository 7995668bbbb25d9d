"""Everything the database holds, as raw text: for what must not be there, or must not change."""

from sqlalchemy import inspect, text

from app.kernel.db import db, session


def tables() -> dict[str, list[str]]:
    """Read every table past the models, so that nothing is decrypted on the way."""
    session.rollback()
    with db.engine.connect() as connection:
        names = inspect(connection).get_table_names()
        return {
            name: sorted(
                _line(row)
                for row in connection.execute(text(f'SELECT * FROM "{name}"'))  # noqa: S608
            )
            for name in sorted(names)
        }


def whole() -> str:
    """Read every table as one text."""
    return "\n".join(f"{name}: {row}" for name, rows in tables().items() for row in rows)


def _line(row: object) -> str:
    cells = tuple(row)  # type: ignore[call-overload]
    return "|".join(
        cell.decode("latin-1") if isinstance(cell, bytes | memoryview) else str(cell)
        for cell in cells
    )
