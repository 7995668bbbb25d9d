"""``python -m workers``: run the workers in the foreground until SIGTERM.

With a REDIS_URL: one RQ worker per lane and a keeper, each a process of its
own, started again when one dies; ``python -m workers short|long|keeper`` runs a
single one (for systemd or a container each). Without: the embedded threads.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from flask import Flask

from app import rooms
from app.factory import create_app
from app.kernel import telemetry
from app.kernel.marks import let_time_move, refuse_marked_in_production
from app.kernel.outbox import Lane
from config import Settings
from workers import processes, rqueue
from workers.drain import PRODUCT
from workers.embedded import EmbeddedWorker

KEEPER = "keeper"
ROLES = (*Lane, KEEPER)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the workers."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("role", nargs="?", choices=ROLES, help="one process instead of all")
    role = parser.parse_args(arguments).role
    settings = Settings.from_env()
    telemetry.set_up_logging(settings.log_level)
    if role and not settings.redis_url:
        parser.error("a role needs REDIS_URL")
    if not settings.redis_url:
        _run_embedded(settings)
    elif role is None:
        mine = [sys.executable, "-m", "workers"]
        processes.supervise([[*mine, each] for each in ROLES], _stop_signal())
    else:
        _run_role(settings, settings.redis_url, role)
    return 0


def _run_role(settings: Settings, redis_url: str, role: str) -> None:
    app = _build(settings)
    if role == KEEPER:
        rqueue.keep(app, redis_url, _stop_signal())
    else:
        rqueue.work(app, Lane(role), redis_url)


def _run_embedded(settings: Settings) -> None:
    worker = EmbeddedWorker(_build(settings), PRODUCT)
    stopping = _stop_signal()
    worker.begin()
    stopping.wait()
    worker.stop()


def _build(settings: Settings) -> Flask:
    """Build the product without its doors, with what listeners need."""
    app = create_app(settings)
    rooms.furnish(settings)
    with app.app_context():
        refuse_marked_in_production(settings)
        let_time_move(settings)
    return app


def _stop_signal() -> threading.Event:
    stopping = threading.Event()

    def stop(*_: object) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return stopping


if __name__ == "__main__":
    sys.exit(main())
