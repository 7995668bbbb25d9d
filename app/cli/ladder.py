"""The ladder: what holds at which tier, and setting it from a file."""

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.sla import tell_moves
from app.escalation import queries, rungs, service
from app.escalation.rules import HOLDER_LEVEL, SHIPPED, Rung
from app.kernel.actor import SYSTEM
from app.kernel.clock import SHANGHAI
from app.kernel.errors import Invalid
from app.kernel.work import unit_of_work
from app.territory import queries as territory
from app.tickets.wording import TIERS

ladder_commands = AppGroup("ladder", help="Who holds which tier how long.")


class _Undone(Exception):
    """Ends a unit that was only tried."""


@ladder_commands.command("show")
@click.option("--history", is_flag=True, help="Also what held before or was withdrawn.")
def show(history: bool) -> None:
    """Show every rung that was set and, below it, what is shipped."""
    rows = queries.ladder_rows()
    newest = {(r.district_id, r.category_code, r.urgency, r.tier): r.id for r in rows}
    known = territory.places(r.district_id for r in rows if r.district_id)
    shown = [r for r in rows if history or r.id in newest.values()]
    for row in shown:
        place = known[row.district_id].name if row.district_id else "各区"
        scope = f"{place} {row.category_code or '各类'} {row.urgency or '各级紧急'}"
        since = row.valid_from.astimezone(SHANGHAI)
        gone = "（已撤销）" if row.withdrawn else ""
        click.echo(f"{since:%Y-%m-%d %H:%M} {scope} {_said(queries.rung_of_row(row))}{gone}")
    for rung in SHIPPED:
        click.echo(f"随产品提供 {rung.urgency or '各级紧急'} {_said(rung)}")


def _said(rung: Rung) -> str:
    hold = rung.hold or "不限"
    share = f"或办理时限的{rung.share_percent}%" if rung.share_percent else ""
    at_once = " 一开始就介入" if rung.at_once else ""
    return f"{TIERS[rung.tier]} {hold}{share}{at_once} {' '.join(rung.effects)}"


@ladder_commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@click.option("--why", required=True, help="The reason, kept with every rung.")
@click.option("--from", "since", help="From when on, as 2026-12-01T00:00 in Shanghai; now.")
def import_file(file: Path, dry_run: bool, why: str, since: str | None) -> None:
    """Set rungs from FILE (CSV, or JSON by its name)."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        lines = rungs.read(text, as_json=file.suffix == ".json")
        start = datetime.fromisoformat(since).replace(tzinfo=SHANGHAI) if since else None
    except (ValueError, json.JSONDecodeError) as error:
        raise click.ClickException(f"读不懂：{error}") from error
    checked = service.check_ladder(lines)
    for line, words in checked.problems.items():
        click.echo(f"第{line}行：{'；'.join(words)}", err=True)
    if checked.problems:
        raise click.ClickException(f"有{len(checked.problems)}行不对，没有改动任何一级。")
    try:
        changes, moved = _set(checked.rungs, why, start, dry_run=dry_run)
    except Invalid as refused:
        raise click.ClickException(refused.detail) from refused
    for one in changes:
        was = _said(one.before) if one.before else "（按通用规定）"
        now = "撤销" if one.after.withdrawn else _said(one.after)
        click.echo(f"{HOLDER_LEVEL[one.after.tier]} {one.after.urgency or ''}：{was} → {now}")
    if dry_run:
        tell_moves(moved)
        click.echo(f"在办的时限将有{len(moved)}个变动。")
    click.echo(f"{'试导入（没有写入）' if dry_run else '已导入'}：改动{len(changes)}级。")


def _set(
    given: Sequence[Rung], why: str, start: datetime | None, *, dry_run: bool
) -> tuple[list[service.Change], list[service.Moved]]:
    moved: list[service.Moved] = []
    changes: list[service.Change] = []
    with suppress(_Undone), unit_of_work():
        changes = service.set_ladder(SYSTEM, given, why=why, valid_from=start)
        if dry_run:
            moved = list(service.preview())
            raise _Undone
    return changes, moved
