"""``flask wechat``: the fake WeChat of development and tests."""

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
from app.wechat.fake import make_fake
from config import DEMO, Settings

FAKE_HOST = "127.0.0.1"
_LOOK_S = 0.5

wechat_commands = AppGroup("wechat", help="WeChat, and the fake one.")


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
