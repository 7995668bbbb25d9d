"""``flask keys``: bring sealed values to the newest key."""

import click
from flask.cli import AppGroup

from app.kernel import rotation
from app.kernel.work import unit_of_work

key_commands = AppGroup("keys", help="Keys of the sealed fields.")


@key_commands.command("rotate")
def rotate() -> None:
    """Seal every value with the first key of SANDAN_FIELD_KEYS; safe to stop and start again.

    Put the new key first and keep the old ones behind it, restart every
    process, run this, then drop the old keys.
    """
    total = 0
    for table, column in rotation.sealed_columns():
        done = 0
        while turned := _turn(table, column):
            done += turned
        if done:
            click.echo(f"{table.name}.{column.name}: {done}")
        total += done
    click.echo(f"{total} values sealed with the newest key")


def _turn(table: object, column: object) -> int:
    with unit_of_work():
        return rotation.turn(table, column).count  # type: ignore[arg-type]
