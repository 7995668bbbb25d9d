"""The served product as its own process group: start it, kill it whole, start it again.

The command line is the one ``flask serve`` turns into; only the target may be
another one, for webs with a seeded bug (``tests/faults/broken_web.py``).
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from app.cli.serve import TARGET, server_command, server_environment
from config import Settings

ROOT = Path(__file__).resolve().parents[2]
START_S = 60


class Web:
    """One server on one port, again and again."""

    def __init__(self, settings: Settings, told: Mapping[str, str], target: str, log: Path) -> None:
        self.port = free_port()
        environ = environment(settings, told) | {"PORT": str(self.port)}
        self._settings = Settings.from_env(environ)
        self._environ = environ
        self._target = target
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the group; it serves a little later."""
        command = server_command(self._settings)
        command[command.index(TARGET)] = self._target
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=server_environment(self._settings, self._environ),
                start_new_session=True,
                stdout=log,
                stderr=log,
            )

    def wait(self) -> None:
        """Wait until it answers."""
        until = time.monotonic() + START_S
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, f"the server ended: {self.said()}"
            assert time.monotonic() < until, f"the server does not answer: {self.said()}"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill -9 the whole group at this very moment."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        _wait_until_gone(self._process.pid)
        self._process = None

    def said(self) -> str:
        """Read the end of what the servers said."""
        return self._log.read_text(errors="replace")[-3000:]

    def _answers(self) -> bool:
        asked = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            asked.request("GET", "/healthz")
            return asked.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            asked.close()


@contextmanager
def open_web(
    settings: Settings,
    folder: Path,
    *,
    target: str = TARGET,
    told: Mapping[str, str] | None = None,
) -> Iterator[Web]:
    """Serve the database of ``settings``; nobody is left afterwards.

    ``told`` adds to the environment. Rate limits are off unless it says otherwise.
    """
    web = Web(settings, told or {}, target, folder / "web.log")
    try:
        yield web
    finally:
        web.kill()


def environment(settings: Settings, told: Mapping[str, str]) -> dict[str, str]:
    """Name the environment of a process over the database and keys of ``settings``."""
    kept = {name: value for name, value in os.environ.items() if name != "REDIS_URL"}
    return {
        **kept,
        "SANDAN_ENV": "test",
        "SANDAN_DATA": str(settings.data_dir),
        "SANDAN_RATE_LIMITS": "0",
        "DATABASE_URL": settings.database_url,
        "LOG_LEVEL": "ERROR",
        **told,
    }


def free_port() -> int:
    """Find a port nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_gone(group: int) -> None:
    """Wait for the last member of a killed group, or the next server might meet it."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        if not any(_lives_in(group, process) for process in psutil.process_iter()):
            return
        time.sleep(0.01)
    raise AssertionError(f"process group {group} is still there")


def _lives_in(group: int, process: psutil.Process) -> bool:
    """Tell a member from one that is dead and only waits for its parent to notice."""
    try:
        member = os.getpgid(process.pid) == group
        return member and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False
