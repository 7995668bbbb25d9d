"""``flask privacy``: publish what people are told about their data."""

from pathlib import Path

import click
from flask.cli import AppGroup

from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.privacy import service

privacy_commands = AppGroup("privacy", help="Publish the privacy notice.")


@privacy_commands.command("publish")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def publish_command(file: Path) -> None:
    """Put the text of FILE (UTF-8) into force as the next version."""
    with unit_of_work():
        made = service.publish(SYSTEM, file.read_text(encoding="utf-8"))
    click.echo(f"隐私说明第 {made.version} 版已生效。")
