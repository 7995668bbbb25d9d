"""``flask wechat``: what the mini-program has, and the fake WeChat of development and tests."""

import os
import signal
import threading
import time
from collections.abc import Callable

import click
from flask import current_app
from flask.cli import AppGroup
from werkzeug.serving import make_server

from app.kernel import clock, marks
from app.kernel.db import session
from app.wechat import errors, gateway
from app.wechat.answers import Template, schema_of
from app.wechat.fake import make_fake
from config import DEMO, Settings

FAKE_HOST = "127.0.0.1"
_LOOK_S = 0.5

wechat_commands = AppGroup("wechat", help="WeChat, and the fake one.")


@wechat_commands.command("templates")
def templates() -> None:
    """List the message templates of the mini-program, each with its fields."""
    found = known_templates()
    if found is None:
        raise click.ClickException("没有设置小程序（WECHAT_APPID）。")
    for one in found.values():
        click.echo(f"{one.id}  {one.title}  {'长期订阅' if one.is_long_term else '一次性订阅'}")
        for line in one.content.strip().splitlines():
            click.echo(f"  {line}")
        for name, label in schema_of(one.content).items():
            choices = one.choices.get(name, ())
            among = f"（只能填：{'、'.join(choices)}）" if choices else ""
            click.echo(f"  字段 {name} {label}{among}")
    click.echo(f"共{len(found)}个模板。")


def known_templates() -> dict[str, Template] | None:
    """Ask WeChat for its templates, by id; None where no mini-program is set up."""
    session.rollback()
    if gateway.appid() is None:
        return None
    try:
        return {one.id: one for one in gateway.templates()}
    except errors.WechatFault as fault:
        raise click.ClickException(f"微信没有答复（{type(fault).__name__} {fault}）。") from fault


@wechat_commands.command("fake")
@click.option("--port", type=int, help="Where to listen; the port after the product's by default.")
@click.option("--parent", type=int, help="End when this process is gone.")
def fake(port: int | None, parent: int | None) -> None:
    """Serve the fake WeChat on this machine only, never in production."""
    settings: Settings = current_app.extensions["settings"]
    try:
        made = make_fake(settings)
    except ValueError as refusal:
        raise click.ClickException(str(refusal)) from refusal
    if settings.env == DEMO:
        # A push from before the moved clock of the demo would be refused as stale.
        clock.follow(settings.data_dir / marks.CLOCK_FILE)
    at = port or settings.port + 1
    try:
        server = make_server(FAKE_HOST, at, made, threaded=True)
    except (OSError, SystemExit) as taken:
        raise click.ClickException(f"{FAKE_HOST}:{at} is taken; set PORT to another one") from taken
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if parent is not None:
        threading.Thread(target=_follow, args=(parent, server.shutdown), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("", nl=False)
    finally:
        server.server_close()


def _follow(parent: int, end: Callable[[], None]) -> None:
    """End once ``parent`` is no longer our parent: whoever started us has gone."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    end()
