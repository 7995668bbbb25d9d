"""Commands for the working calendar."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import click
from flask.cli import AppGroup

from app.cli.sla import tell_moves
from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import Invalid, NotFound
from app.kernel.work import unit_of_work
from app.sla import queries, rows, service

calendar_commands = AppGroup("calendar", help="Holidays, make-up workdays and opening hours.")


@calendar_commands.command("seed")
def seed() -> None:
    """Enter the holidays that come with the product, for years not yet entered."""
    with unit_of_work():
        years = service.seed_calendar(SYSTEM)
    click.echo(f"录入了{years[0]}—{years[-1]}年。" if years else "没有新的年份。")
    _tell_warnings()


class _Undone(Exception):
    """Ends a unit that was only tried."""


@calendar_commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Report every line and change nothing.")
@click.option("--district", type=click.UUID, help="Only for this district (place id).")
def import_file(file: Path, dry_run: bool, district: UUID | None) -> None:
    """Enter special days from FILE: a CSV of date,kind,name (kind: holiday or workday)."""
    try:
        lines = rows.read_csv(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.ClickException("文件不是 UTF-8 编码，请另存为“CSV UTF-8”再试。") from error
    try:
        report, moved = _brought_in(file, lines, district, dry_run=dry_run)
    except Invalid as refused:
        for line, words in refused.errors.items():
            click.echo(f"第{line}行：{'；'.join(words)}", err=True)
        raise click.ClickException(refused.detail) from refused
    except NotFound as missing:
        raise click.ClickException(missing.detail) from missing
    did = "试导入（没有写入）" if dry_run else "已导入"
    click.echo(f"{did}：新增{report.added}天，改动{report.changed}天，不变{report.unchanged}天。")
    if dry_run:
        tell_moves(moved)
        click.echo(f"在办的时限将有{len(moved)}个变动。")
    elif report.edition is not None:
        click.echo(f"工作日历现为第{report.edition}版，在办的时限将重新计算。")


def _brought_in(
    file: Path, lines: Sequence[rows.SourceLine], district: UUID | None, *, dry_run: bool
) -> tuple[service.ImportReport, list[escalation.Moved]]:
    """Import for real; a dry run sees what would move, and is then undone whole."""
    moved: list[escalation.Moved] = []
    with suppress(_Undone), unit_of_work():
        report = service.import_days(SYSTEM, lines, source=file.name, district_id=district)
        if dry_run:
            moved = list(escalation.preview())
            raise _Undone
    return report, moved


@calendar_commands.command("warnings")
def warnings() -> None:
    """Say which coming years lack holiday data."""
    _tell_warnings(quiet="近期的放假和调休安排都已录入。")


def _tell_warnings(quiet: str = "") -> None:
    told = queries.calendar_warnings(clock.now())
    for words in told:
        click.echo(f"注意 {words}")
    if quiet and not told:
        click.echo(quiet)


commands = calendar_commands
