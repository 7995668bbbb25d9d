"""Dead letters: look at them, give them another go."""

from uuid import UUID

import click
from flask.cli import AppGroup

from app.kernel import outbox
from app.kernel.errors import NotFound
from app.kernel.work import unit_of_work

PAGE = 100

outbox_commands = AppGroup("outbox", help="What is owed, and what was given up.")


@outbox_commands.command("dead")
def dead() -> None:
    """List the deliveries that were given up, oldest first."""
    cursor, count = None, 0
    while True:
        page = outbox.dead_letters(cursor=cursor, limit=PAGE)
        for row in page.items:
            click.echo(
                f"{row.id}  {row.dead_at:%Y-%m-%d %H:%M}Z  {row.listener}  {row.error or ''}"
            )
        count += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            break
    click.echo(f"{count} dead")


@outbox_commands.command("requeue")
@click.argument("delivery_id", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="Every dead letter.")
def requeue(delivery_id: UUID | None, every: bool) -> None:
    """Give a dead letter, or all of them, its attempts again."""
    if (delivery_id is None) is not every:
        raise click.UsageError("name one delivery, or --all")
    wanted = [delivery_id] if delivery_id else _all_dead()
    for one in wanted:
        _requeue(one)
    click.echo(f"{len(wanted)} requeued")


def _all_dead() -> list[UUID]:
    ids: list[UUID] = []
    cursor = None
    while True:
        page = outbox.dead_letters(cursor=cursor, limit=PAGE)
        ids += [row.id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def _requeue(delivery_id: UUID) -> None:
    try:
        with unit_of_work():
            outbox.requeue(delivery_id)
    except NotFound as error:
        raise click.ClickException(f"no dead letter {delivery_id}") from error
