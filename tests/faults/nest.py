"""A nest of workers for tests that kill: ``python -m tests.faults.nest``.

Loading the product takes a second, so it is loaded once here; each worker is a
fork with a session of its own, as good as a fresh process and quick to have.
Reads one JSON order per line (see ``crew.Crew.hatch``), answers with the
worker's pid.
"""

import ctypes
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn
from uuid import UUID

from flask import Flask

from app.escalation import queries as escalation_queries
from app.escalation import service as escalation
from app.factory import create_app
from app.kernel import clock, work
from app.kernel.db import session
from app.kernel.outbox import Lane, Lease, Listener, leases
from app.kernel.work import unit_of_work
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from config import Settings
from tests.faults import ledger, messengers
from workers import jobs, rqueue
from workers.drain import Wiring
from workers.embedded import EmbeddedWorker

PR_SET_PDEATHSIG = 1
LEASE_S = 1.0
PAUSE_S = 0.05
EMBEDDED, KEEPER, WATCHER, MESSENGER = "embedded", "keeper", "watcher", "messenger"


def finish_first(lease: Lease, listener: Listener) -> None:
    """The seeded bug: say that it is done, then (where a kill would show it) do it."""
    with unit_of_work():
        leases._finish(lease)
    time.sleep(PAUSE_S)
    with unit_of_work():
        listener.handle(lease.event)
        session.flush()


def climb_apart(ticket_id: UUID) -> bool:
    """The seeded bug: commit what is broken, then (where a kill would show it) climb."""
    ticket = escalation_queries.take(ticket_id, clock.now())
    if ticket is None:
        return False
    broken = tickets.note_clocks(ticket_id, clock.now())
    session.commit()
    time.sleep(PAUSE_S)
    work._begin()
    return bool(broken) and escalation.climb(ticket_queries.hold(ticket_id), broken[0].kind.value)


BUGS = {"finish_first": finish_first}
BUGS_OF_WATCHERS = {"climb_apart": climb_apart}


def main() -> None:
    app = create_app(Settings.from_env())
    leases.SEND_MARGIN_S = 2
    rqueue.FLAG_S = 1
    rqueue.REST_S = 0.5
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _live(app, order)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _live(app: Flask, order: dict) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    leases._run = BUGS.get(order.get("bug") or "", leases._run)
    if order["role"] == WATCHER:
        _watch(app, order.get("bug") or "")
    if order["role"] == MESSENGER:
        messengers.carry(app, order["url"], order.get("bug") or "")
    heard = ledger.listeners(Path(order["sink"]))
    wiring = Wiring(listeners=heard, timetable=(), batch=5, lease_s=LEASE_S, budget_s=5)
    role, url, prefix = order["role"], order["redis_url"], order["prefix"]
    try:
        if role == EMBEDDED:
            EmbeddedWorker(app, wiring, look_s=0.05).begin()
            threading.Event().wait()
        elif role == KEEPER:
            never = threading.Event()
            rqueue.keep(app, url, never, wiring=wiring, prefix=prefix, look_s=0.1)
        else:
            rqueue.work(app, Lane(role), url, wiring=wiring, prefix=prefix)
    finally:
        os._exit(0)


def _watch(app: Flask, bug: str) -> NoReturn:
    """Keep nothing but the watcher's time, tick after tick."""
    escalation.look = BUGS_OF_WATCHERS.get(bug, escalation.look)
    with app.app_context():
        while True:
            jobs.watch(clock.now())
            session.remove()
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
