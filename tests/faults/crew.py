"""The test's end of a nest: hatch workers, kill them, leave nobody behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from config import Settings

ROOT = Path(__file__).resolve().parents[2]


class Crew:
    """Workers by pid; every process it ends was started by it."""

    def __init__(
        self, nest: subprocess.Popen[bytes], sink: Path, *, redis_url: str = "", prefix: str = ""
    ) -> None:
        self._nest = nest
        self._orders = {"sink": str(sink), "redis_url": redis_url, "prefix": prefix}
        self._sessions: list[int] = []

    def hatch(self, role: str, *, bug: str | None = None, url: str = "") -> int:
        """Start a worker: ``embedded``, ``keeper``, ``watcher``, or an RQ worker of a lane;
        or a ``messenger``, which writes to ``url``.
        """
        assert self._nest.stdin is not None
        assert self._nest.stdout is not None
        order = self._orders | {"role": role, "bug": bug, "url": url}
        self._nest.stdin.write(json.dumps(order).encode() + b"\n")
        self._nest.stdin.flush()
        pid = int(self._nest.stdout.readline())
        self._sessions.append(pid)
        return pid

    def kill(self, pid: int, *, children: bool = True) -> None:
        """Kill -9 a worker, with the child it forked for a turn or leaving that an orphan."""
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            # Held still first, or it might fork between the look and the shot.
            os.kill(pid, signal.SIGSTOP)
            victims = psutil.Process(pid).children(recursive=True) if children else []
            for victim in (*(one.pid for one in victims), pid):
                with suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)

    def hatched_since(self, pid: int) -> bool:
        """Tell whether anybody was hatched after ``pid``."""
        return self._sessions[-1] != pid

    def tell(self, pid: int, number: signal.Signals) -> None:
        os.kill(pid, number)

    def members(self) -> list[int]:
        """List who is alive of everyone hatched here and their children."""
        alive = []
        for process in psutil.process_iter():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if (
                    os.getsid(process.pid) in self._sessions
                    and process.status() != psutil.STATUS_ZOMBIE
                ):
                    alive.append(process.pid)
        return alive

    def disband(self) -> None:
        """Kill everyone that is left."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def open_nest(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Open a nest over the database of ``settings``; everybody is gone afterwards."""
    environ = os.environ | {
        "SANDAN_ENV": "test",
        "SANDAN_DATA": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "LOG_LEVEL": "ERROR",
    }
    nest = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nest"],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert nest.stdin is not None
    assert nest.stdout is not None
    try:
        yield nest
    finally:
        nest.stdin.close()
        nest.wait(10)
        nest.stdout.close()


@contextmanager
def open_crew(nest: subprocess.Popen[bytes], sink: Path, **where: str) -> Iterator[Crew]:
    """Gather a crew from ``nest``, killed afterwards; ``where`` names Redis and prefix."""
    crew = Crew(nest, sink, **where)
    try:
        yield crew
    finally:
        crew.disband()


def wait_for(condition: Callable[[], bool], seconds: float = 20, every: float = 0.05) -> bool:
    """Wait until ``condition`` holds; False if it never did."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(every)
    return False
