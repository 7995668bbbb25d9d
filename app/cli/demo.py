"""``flask demo``: load the invented district, and say who may log in to it."""

import re
from collections.abc import Mapping
from datetime import timedelta

import click
from flask import current_app
from flask.cli import AppGroup

from app.demo import queries, service, words
from app.demo.queries import Account
from app.demo.world import SEED
from app.kernel import clock, marks
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.privacy import service as privacy
from config import DEMO, Settings

demo_commands = AppGroup("demo", help="The invented district.")

NOT_EMPTY = "数据库里已有数据，演示区只能装进空库。"


@demo_commands.command("load")
@click.option("--tickets", default=2000, show_default=True, type=click.IntRange(60, 20_000))
@click.option("--seed", default=SEED, show_default=True)
def load(tickets: int, seed: int) -> None:
    """Load the demo district into an empty database."""
    settings: Settings = current_app.extensions["settings"]
    if settings.env != DEMO:
        raise click.ClickException("the demo district loads in demo mode only: SANDAN_ENV=demo")
    if not _is_empty():
        raise click.ClickException(NOT_EMPTY)
    report = service.load(clock.now(), seed=seed, tickets=tickets, progress=click.echo)
    _tell_privacy()
    _tell_words(settings)
    click.echo(f"用时 {report.seconds:.0f} 秒，内容摘要 {report.digest}")
    for line in (*_passwords(report.passwords), *_accounts()):
        click.echo(line)


@demo_commands.command("accounts")
def accounts() -> None:
    """List the demo log-ins: codes for POST /mp/v1/session, names, roles, place scenes."""
    for line in _accounts() or ["没有演示区。"]:
        click.echo(line)


@demo_commands.command("clock")
@click.option("--forward", default="0m", show_default=True, help="How far: 90m, 5h or 3d.")
def move_clock(forward: str) -> None:
    """Tell the demo's time, or move it forward; what is served follows within seconds."""
    settings = current_app.extensions["settings"]
    if settings.env != DEMO or not _is_demo():
        raise click.ClickException("只有演示区的时间可以移动。")
    found = re.fullmatch(r"(\d{1,4})([mhd])", forward)
    if found is None:
        raise click.UsageError("--forward takes minutes, hours or days: 90m, 5h, 3d")
    by = timedelta(**{_STEPS[found[2]]: int(found[1])})
    moved = clock.move_on(settings.data_dir / marks.CLOCK_FILE, by)
    click.echo(f"演示时间：{moved.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M}")


_STEPS = {"m": "minutes", "h": "hours", "d": "days"}


def prepare() -> list[str]:
    """Load the demo if the database is empty; tell its log-ins if it is a demo."""
    passwords: Mapping[str, str] = {}
    if _is_empty():
        report = service.load(clock.now(), progress=click.echo)
        _tell_privacy()
        passwords = report.passwords
    elif not _is_demo():
        return [f"{NOT_EMPTY}没有装入演示区。"]
    _tell_words(current_app.extensions["settings"])
    return [*_accounts(), *_passwords(passwords)]


def _tell_privacy() -> None:
    with unit_of_work():
        privacy.publish_shipped(SYSTEM)


def _tell_words(settings: Settings) -> None:
    """Give the news their templates where the fake plays WeChat; a real one has its own."""
    if settings.fakes_wechat:
        with unit_of_work():
            words.tell()


def _is_empty() -> bool:
    found = service.is_loadable()
    session.rollback()
    return found


def _is_demo() -> bool:
    found = marks.demo_marked()
    session.rollback()
    return found


def _accounts() -> list[str]:
    listed = queries.accounts()
    session.rollback()
    if not listed:
        return []
    return [
        "",
        "演示账号（POST /mp/v1/session 的 code）：",
        *(_line(account) for account in listed),
        "",
    ]


def _line(account: Account) -> str:
    """Write one log-in: code, name, roles, where they work or live."""
    place = f"　住 {account.home}（扫码 {account.scene}）" if account.scene else ""
    works = f"　{'、'.join(account.works_for)}" if account.works_for else ""
    return f"  {account.code:<15} {account.name}　{'、'.join(account.roles)}{works}{place}"


def _passwords(passwords: Mapping[str, str]) -> list[str]:
    """Write the console log-ins; they are shown this once."""
    if not passwords:
        return []
    return [
        "电脑端账号和密码（只显示这一次）：",
        *(f"  {name:<15} {password}" for name, password in passwords.items()),
        "",
    ]
