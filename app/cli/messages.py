"""``flask messages``: what this installation says to people, and taking it in from a file."""

from contextlib import nullcontext
from pathlib import Path

import click
from flask.cli import AppGroup

from app.cli.wechat import known_templates
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Invalid
from app.kernel.work import unit_of_work
from app.notifications import queries, service
from app.notifications.rules import drafting, wording
from app.notifications.rules.drafting import SourceLine, UnreadableFile
from app.notifications.rules.wording import Wording

message_commands = AppGroup("messages", help="What people are told, in which words.")


@message_commands.command("templates")
@click.option("--shipped", is_flag=True, help="Show the words that are shipped instead.")
def templates(*, shipped: bool) -> None:
    """List the rows in force; what has none is said as shipped."""
    found = list(wording.SHIPPED) if shipped else queries.in_force(clock.now())
    for one in found:
        click.echo(_line(one))
        click.echo(f"  {one.text}")
        for name, words in one.fields.items():
            click.echo(f"  {name} = {words}")
    session.rollback()
    click.echo(f"共{len(found)}条。")


@message_commands.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Check and tell, change nothing.")
def import_command(file: Path, *, dry_run: bool) -> None:
    """Take in FILE (CSV with a header, or a JSON list): all of it, or nothing.

    Columns: kind, audience, channel, title, text, template_id, fields
    (thing1={category};phrase2={state}), page, long_term (Y or N), valid_from.
    """
    lines = _lines(file)
    known = known_templates()
    if known is None:
        click.echo("注意 没有设置小程序，模板编号和字段没有和微信核对。")
    try:
        with nullcontext() if dry_run else unit_of_work():
            report = service.import_templates(SYSTEM, lines, known, dry_run=dry_run)
    except Invalid as refused:
        for number, words in refused.errors.items():
            click.echo(f"第{number}行 {'；'.join(words)}", err=True)
        raise click.ClickException(refused.detail) from refused
    for one in report.changed:
        click.echo(_line(one))
    done = "将改动" if dry_run else "改动"
    click.echo(f"{done}{len(report.changed)}条，不变{report.unchanged}条。")


def _line(one: Wording) -> str:
    at = one.valid_from
    since = f"  {at.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}起" if at else ""
    template = f"  {one.template_id}" if one.template_id else ""
    kind = "  长期订阅" if one.long_term else ""
    return f"{one.kind}  {one.audience}  {one.channel}  {one.title}{template}{kind}{since}"


def _lines(file: Path) -> list[SourceLine]:
    try:
        return drafting.read_lines(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise click.ClickException("文件不是 UTF-8 编码，请另存为“CSV UTF-8”再试。") from error
    except UnreadableFile as error:
        raise click.ClickException(str(error)) from error
