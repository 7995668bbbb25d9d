"""Packages to the district's platform: look at them, send one again."""

from uuid import UUID

import click
from flask.cli import AppGroup

from app.escalation import queries, service
from app.escalation.rules import Delivery
from app.kernel.actor import SYSTEM
from app.kernel.clock import SHANGHAI
from app.kernel.errors import Conflict, NotFound
from app.kernel.work import unit_of_work

platform_commands = AppGroup("platform", help="What goes to the district's platform.")

SHOWN = 200


@platform_commands.command("list")
@click.option("--state", type=click.Choice([one.value for one in Delivery]))
def list_packages(state: str | None) -> None:
    """List packages, what was touched last first."""
    found = queries.packages(Delivery(state) if state else None, SHOWN)
    for row, number in found:
        at = row.touched_at.astimezone(SHANGHAI)
        click.echo(
            f"{row.id}  {number}  {row.reason}  {row.state}  tries {row.attempts}  "
            f"{at:%Y-%m-%d %H:%M}  {row.last_error or row.remote_reference or ''}"
        )
    click.echo(f"{len(found)} packages")


@platform_commands.command("resend")
@click.argument("package_id", type=click.UUID)
def resend(package_id: UUID) -> None:
    """Let a package that waits, was refused or is dead go out again."""
    try:
        with unit_of_work():
            service.resend(SYSTEM, package_id)
    except (Conflict, NotFound) as refused:
        raise click.ClickException(refused.detail) from refused
    click.echo("1 to be sent")
