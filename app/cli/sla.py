"""``flask sla``: recompute every clock from its history."""

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from app.escalation import service as escalation
from app.kernel.clock import SHANGHAI
from app.kernel.work import unit_of_work
from app.tickets.wording import CLOCKS_STAFF

sla_commands = AppGroup("sla", help="Promises and clocks.")

SHOWN = 20


@sla_commands.command("replay")
def replay() -> None:
    """Recompute every clock of every ticket from its steps; exit 1 if one differs."""
    checked = differing = 0
    for number, differences in escalation.replay():
        checked += 1
        differing += bool(differences)
        for words in differences[:SHOWN]:
            click.echo(f"{number}: {words}")
    click.echo(f"{checked} tickets replayed, {differing} differ")
    if differing:
        raise SystemExit(1)


@sla_commands.command("recount")
@click.option("--dry-run", is_flag=True, help="Only tell which due times would move.")
def recount(dry_run: bool) -> None:
    """Count open clocks anew under the present calendar and time limits.

    The product does this by itself after a change; by hand it shows what is left.
    """
    moved = list(escalation.preview())
    tell_moves(moved)
    for ticket_id in () if dry_run else dict.fromkeys(one.ticket_id for one in moved):
        with unit_of_work():
            escalation.recount(ticket_id)
    click.echo(f"{len(moved)} due times {'would move' if dry_run else 'moved'}")


def tell_moves(moved: Sequence[escalation.Moved]) -> None:
    """List the first of the due times that move, from when to when in Shanghai."""
    for one in moved[:SHOWN]:
        before, after = (f"{at.astimezone(SHANGHAI):%m-%d %H:%M}" for at in (one.before, one.after))
        click.echo(f"  {one.number} {CLOCKS_STAFF[one.kind]}：{before} → {after}")
