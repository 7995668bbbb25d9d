"""Bring in the tree and the grids of a territory, after a look at what would happen."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click
from flask.cli import AppGroup

from app.kernel import tables
from app.kernel.actor import SYSTEM
from app.kernel.errors import SandanError
from app.kernel.work import unit_of_work
from app.territory import queries, service
from app.territory.plan import Report
from app.territory.rules import Datum, Level

LARGEST_MAP = 64 * 1024 * 1024
LARGEST_TABLE = tables.Limits(octets=32 * 1024 * 1024, rows=200_000)

territory = AppGroup("territory", help="Places, grids and what levels are called.")


@territory.group("import")
def bring_in() -> None:
    """Import an org tree or grids; with any bad row nothing changes."""


_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
_dry_run = click.option("--dry-run", is_flag=True, help="Report every bad row, change nothing.")


@bring_in.command("tree")
@_file
@_dry_run
def import_tree(file: Path, dry_run: bool) -> None:
    """Import places from a CSV or XLSX table.

    Columns: 级别, 编码, 名称, 上级编码, 纬度, 经度, 坐标系, 管理模式, 户数.
    """
    _run(
        lambda: service.import_tree(
            SYSTEM, tables.read(file.read_bytes(), LARGEST_TABLE), dry_run=dry_run
        ),
        dry_run,
    )


@bring_in.command("grids")
@_file
@click.option("--datum", required=True, type=click.Choice([datum.value for datum in Datum]))
@_dry_run
def import_grids(file: Path, datum: str, dry_run: bool) -> None:
    """Import grids from GeoJSON; each feature names its code, name and community code."""
    if file.stat().st_size > LARGEST_MAP:
        raise click.ClickException("文件太大，最多 64 MB。")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.ClickException("文件应为 UTF-8 编码。") from error
    _run(lambda: service.import_grids(SYSTEM, text, datum=Datum(datum), dry_run=dry_run), dry_run)


@territory.command("levels")
def levels() -> None:
    """Show what the levels are called where nothing else is said."""
    names = queries.level_names()
    for level in Level:
        click.echo(f"{level.value:10} {names[level]}")


def _run(bring: Callable[[], Report], dry_run: bool) -> None:
    """Run an import in its unit of work, print the report, and fail if it has errors."""
    unit: AbstractContextManager[None] = nullcontext() if dry_run else unit_of_work()
    try:
        with unit:
            report = bring()
    except SandanError as error:
        for line, words in error.errors.items():
            click.echo(f"第 {line} 行  {'；'.join(words)}", err=True)
        raise click.ClickException(error.detail) from error
    for problem in report.warnings:
        click.echo(f"第 {problem.line} 行  提醒 [{problem.code}] {problem.words}")
    for problem in report.errors:
        click.echo(f"第 {problem.line} 行  错误 [{problem.code}] {problem.words}", err=True)
    click.echo(
        f"共 {report.rows} 行：新增 {report.added}，更新 {report.changed}，"
        f"不变 {report.unchanged}，错误 {len(report.errors)}，提醒 {len(report.warnings)}。"
    )
    if report.errors:
        raise click.ClickException("有错误，什么都没有改。")
    click.echo("这是试运行，什么都没有改。" if dry_run else "已写入。")
