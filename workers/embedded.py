"""The engine without a Redis: one thread per lane, in the served process.

It starts only when told to (``start``), never by importing anything. A stop
lets the delivery in hand finish and gives the others back. A listener that
hangs holds up its lane: a thread cannot be killed, so time limits are kept
only by the RQ engine.
"""

import atexit
import os
import signal
import threading
from multiprocessing import util

import structlog
from flask import Flask

from app.kernel import outbox
from app.kernel.outbox import Lane
from config import Settings
from workers import drain
from workers.drain import PRODUCT, Wiring

_log = structlog.get_logger("sandan.worker")

LOOK_S = 1.0
GATHER_S = 0.25
"""Rung, it waits so long for more: the commits of a busy moment are one turn, not many."""
PAUSE_AFTER_ERROR_S = 2.0
STOP_S = 20.0

_running: list["EmbeddedWorker"] = []


class EmbeddedWorker:
    """Threads that drain the outbox and keep the timetable."""

    def __init__(self, app: Flask, wiring: Wiring = PRODUCT, *, look_s: float = LOOK_S) -> None:
        self._app = app
        self._wiring = wiring
        self._look_s = look_s
        self._stopping = threading.Event()
        self._bells = {lane: threading.Event() for lane in Lane}
        self._threads = [
            threading.Thread(target=self._keep, args=(lane,), name=f"worker-{lane}", daemon=True)
            for lane in Lane
        ]

    def begin(self) -> None:
        """Start the threads."""
        _running.append(self)
        for thread in self._threads:
            thread.start()

    def ring(self, lane: Lane = Lane.SHORT) -> None:
        """Wake a lane."""
        self._bells[lane].set()

    @property
    def is_running(self) -> bool:
        """Tell whether any thread is alive."""
        return any(thread.is_alive() for thread in self._threads)

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Let the work in hand finish and end; True if it did in time."""
        self._stopping.set()
        for bell in self._bells.values():
            bell.set()
        for thread in self._threads:
            if thread.ident is not None and thread is not threading.current_thread():
                thread.join(timeout_s)
        if self in _running:
            _running.remove(self)
        return not self.is_running

    def _keep(self, lane: Lane) -> None:
        bell = self._bells[lane]
        bell.set()
        while not self._stopping.is_set():
            rung = bell.wait(self._look_s)
            if rung:
                self._stopping.wait(GATHER_S)
            # Silenced before the first look: what is recorded from here on rings again.
            bell.clear()
            if self._stopping.is_set():
                return
            try:
                self._turn(lane, rung=rung)
            except Exception as error:
                _log.error("turn_failed", lane=lane, error=outbox.describe(error))
                self._stopping.wait(PAUSE_AFTER_ERROR_S)

    def _turn(self, lane: Lane, *, rung: bool) -> None:
        with self._app.app_context():
            if not rung and not drain.is_due(self._wiring, lane):
                return
            if drain.turn(self._wiring, lane, ring=self.ring, stopping=self._stopping.is_set):
                self.ring(lane)


def ring() -> None:
    """Wake the short lane of whatever runs in this process."""
    for worker in _running:
        worker.ring()


def start(app: Flask, wiring: Wiring = PRODUCT) -> EmbeddedWorker:
    """Start the engine in this process, if the settings ask for it, and end it with the process.

    Where they do not (no ``embedded_worker``, or a Redis is given), the worker
    handed back is idle.
    """
    settings: Settings = app.extensions["settings"]
    worker = EmbeddedWorker(app, wiring)
    if not settings.embedded_worker or settings.redis_url:
        return worker
    worker.begin()
    atexit.register(worker.stop)
    # A server's worker process may be a multiprocessing child, which skips atexit.
    util.Finalize(None, worker.stop, exitpriority=10)
    _stop_on_sigterm(worker)
    return worker


def _stop_on_sigterm(worker: EmbeddedWorker) -> None:
    """Join before dying of SIGTERM where nobody handles it; servers have their own handler."""
    on_main = threading.current_thread() is threading.main_thread()
    if not on_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def leave(signum: int, *_: object) -> None:
        worker.stop()
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGTERM, leave)
