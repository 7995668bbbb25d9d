"""``flask serve``: make ready, say where, become the server.

The process turns into granian (``exec``), so that signals reach it directly.
SQLite is served by one process with threads, because its writers take turns
within a process; without Redis that process also drains the outbox.
"""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import flask_migrate
from flask import current_app
from flask.cli import with_appcontext

from app.cli.wechat import FAKE_HOST
from app.kernel import telemetry
from app.kernel.marks import refuse_marked_in_production
from config import DEMO, Settings

TARGET = "wsgi:serving"

before_serving: list[Callable[[], Sequence[str]]] = []
"""Run in demo mode on a migrated database; each answers lines to print."""


@click.command("serve")
@with_appcontext
def serve_command() -> None:
    """Serve the product on one port."""
    settings: Settings = current_app.extensions["settings"]
    check_port(settings.host, settings.port)
    if settings.fakes_wechat:
        check_port(FAKE_HOST, settings.port + 1)
    said: list[str] = []
    if settings.env == DEMO:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        flask_migrate.upgrade()
        for prepare in before_serving:
            said += prepare()
    refuse_marked_in_production(settings)
    for line in (*said, *addresses(settings)):
        click.echo(line)
    sys.stdout.flush()
    if settings.fakes_wechat:
        # It ends when its parent does, which is this process, also once that is the server.
        subprocess.Popen(fake_command(os.getpid()))  # noqa: S603
    command = server_command(settings)
    os.execve(command[0], command, server_environment(settings, os.environ))  # noqa: S606


def addresses(settings: Settings) -> list[str]:
    """Name where people and machines find the product."""
    base = settings.public_url.rstrip("/") or f"http://{settings.host}:{settings.port}"
    lines = [
        f"接口说明      {base}/mp/v1/docs",
        f"是否就绪      {base}/readyz",
    ]
    if settings.fakes_wechat:
        lines.append(f"假微信        http://{FAKE_HOST}:{settings.port + 1}/fake/outbox")
    if settings.env == DEMO:
        lines.append(f"演示短信      {base}/mp/v1/demo/texts")
    return lines


def fake_command(parent: int) -> list[str]:
    """Write the command line of the fake WeChat, which lives as long as ``parent``."""
    flask = [sys.executable, "-m", "flask", "--app", "wsgi"]
    return [*flask, "wechat", "fake", "--parent", str(parent)]


def server_command(settings: Settings) -> list[str]:
    """Write granian's command line."""
    workers = 1 if settings.is_sqlite else settings.web_workers
    return [
        str(Path(sys.executable).with_name("granian")),
        TARGET,
        "--factory",
        *("--interface", "wsgi"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(workers), "--blocking-threads", str(settings.web_threads)),
        "--respawn-failed-workers",
        *("--respawn-interval", "0.5"),
        *("--workers-kill-timeout", "30"),
        *("--backlog", "1024", "--http1-header-read-timeout", "10000", "--no-ws"),
        *("--log-level", "warning"),
    ]


def server_environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Tell the served process what only it should do: work off the outbox, share metrics."""
    told = dict(environ)
    if not settings.redis_url:
        told["SANDAN_EMBEDDED_WORKER"] = "1"
    metrics = settings.data_dir / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True)
    told[telemetry.MULTIPROCESS] = str(metrics)
    return told


def check_port(host: str, port: int) -> None:
    """Refuse early, in words, when somebody else holds the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"{host}:{port} is taken; set PORT to another one"
            ) from error
