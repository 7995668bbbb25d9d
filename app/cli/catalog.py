"""Commands for the category catalogue."""

from pathlib import Path

import click
from flask.cli import AppGroup

from app.catalog import rows, service
from app.kernel.actor import SYSTEM
from app.kernel.errors import Invalid
from app.kernel.work import unit_of_work

catalog_commands = AppGroup(
    "catalog", help="Categories, their time limits and where they come from."
)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@catalog_commands.command("load")
@click.argument("file", type=_FILE, default=service.SHIPPED)
def load(file: Path) -> None:
    """Load FILE (default: the shipped categories); loading twice changes nothing."""
    try:
        with unit_of_work():
            report = service.load(SYSTEM, _lines(file))
    except Invalid as refused:
        for line, words in refused.errors.items():
            click.echo(f"第{line}行 {'；'.join(words)}", err=True)
        raise click.ClickException(refused.detail) from refused
    for notice in report.notices:
        click.echo(f"注意 {notice}")
    click.echo(
        f"新增{len(report.added)}类，改动{len(report.changed)}类，不变{report.unchanged}类，"
        f"文件未提到{len(report.left_alone)}类。"
    )


@catalog_commands.command("check")
@click.argument("file", type=_FILE)
def check(file: Path) -> None:
    """Check FILE without loading it; every wrong line is named."""
    checked = rows.check(_lines(file))
    for notice in checked.notices:
        click.echo(f"注意 {notice}")
    for problem in checked.problems:
        click.echo(str(problem), err=True)
    if checked.problems:
        raise click.ClickException(f"有{len(checked.problems)}处不对。")
    click.echo(f"{len(checked.rows)}类，没有问题。")


def _lines(file: Path) -> list[rows.SourceLine]:
    try:
        return rows.read_csv(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.ClickException("文件不是 UTF-8 编码，请另存为“CSV UTF-8”再试。") from error


commands = catalog_commands
