"""The numbers of a district: show what holds, set one."""

from datetime import datetime
from uuid import UUID

import click
from flask.cli import AppGroup

from app.catalog import queries, setting
from app.catalog.limits import BOUNDS
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.clock import SHANGHAI
from app.kernel.errors import Invalid, NotFound
from app.kernel.work import unit_of_work

settings_commands = AppGroup("settings", help="Numbers that a district may set for itself.")


@settings_commands.command("show")
@click.option("--district", type=click.UUID, help="As they hold in this district (place id).")
@click.option("--history", is_flag=True, help="Everything that was ever set.")
def show(district: UUID | None, history: bool) -> None:
    """Show what holds now, with its bounds."""
    held = queries.limits(district, clock.now())
    for key, bounds in BOUNDS.items():
        span = f"{bounds.least}—{bounds.most}"
        click.echo(f"{key} {getattr(held, key)}  {bounds.words}（{bounds.unit}，{span}）")
    for row in queries.setting_rows() if history else ():
        since = row.valid_from.astimezone(SHANGHAI)
        value = "恢复通用" if row.value["is"] is None else row.value["is"]
        where = row.district_id or "各区"
        click.echo(f"{since:%Y-%m-%d %H:%M} {where} {row.key} {value}：{row.why}")


@settings_commands.command("set")
@click.argument("key", type=click.Choice(list(BOUNDS)))
@click.argument("value", required=False)
@click.option("--why", required=True, help="The reason, kept with the number.")
@click.option("--district", type=click.UUID, help="Only in this district (place id).")
@click.option("--from", "since", help="From when on, as 2026-12-01T00:00 in Shanghai; now.")
def set_one(
    key: str, value: str | None, why: str, district: UUID | None, since: str | None
) -> None:
    """Let KEY be VALUE from a time on; without VALUE the wider number holds again."""
    try:
        start = datetime.fromisoformat(since).replace(tzinfo=SHANGHAI) if since else None
        with unit_of_work():
            setting.set_limit(SYSTEM, key, value, why=why, district_id=district, valid_from=start)
    except ValueError as error:
        raise click.ClickException(f"读不懂：{error}") from error
    except (Invalid, NotFound) as refused:
        raise click.ClickException(refused.detail) from refused
    click.echo("已设置。")
