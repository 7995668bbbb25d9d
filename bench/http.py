"""The product over HTTP: served by granian as it really is, asked by thin clients.

A client is a bare socket that keeps alive: the load generator shares the cores
with what it measures, so it must cost as little as it can (pgbench is C).
"""

import os
import secrets
import signal
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.cli.serve import server_command, server_environment
from bench.world import environment, settings_for

HOST = "127.0.0.1"
PREFIX = "/mp/v1"
START_S = 60.0


@contextmanager
def served(url: str, folder: Path, *, drains: bool = True) -> Iterator[int]:
    """Serve the product over a database; hand out the port.

    ``drains`` keeps the outbox worked off inside the two web processes, as
    ``flask serve`` does without a Redis; else nobody drains.
    """
    port = _free_port()
    settings = settings_for(url, folder, port=port)
    told = server_environment(settings, {**os.environ, **environment(url, folder, port=port)})
    if not drains:
        told["SANDAN_EMBEDDED_WORKER"] = "0"
    log = (folder / "server.log").open("ab")
    process = subprocess.Popen(
        server_command(settings), env=told, stdout=log, stderr=log, start_new_session=True
    )
    try:
        _wait(port, process, folder / "server.log")
        yield port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with suppress(OSError):
            status, _ = Client(port).ask("GET", "/healthz", prefix="")
            if status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


class Client:
    """One kept-alive connection of one person."""

    def __init__(self, port: int, token: str = "") -> None:
        self._socket = socket.create_connection((HOST, port), timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._head = f"Host: {HOST}\r\nAuthorization: Bearer {token}\r\n"

    def ask(
        self, method: str, path: str, body: bytes = b"", *, prefix: str = PREFIX
    ) -> tuple[int, bytes]:
        """Send one request and read its answer: status and body."""
        head = f"{method} {prefix}{path} HTTP/1.1\r\n{self._head}"
        if method != "GET":
            key = secrets.token_hex(16)
            head += (
                f"Idempotency-Key: {key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n"
            )
        self._socket.sendall(head.encode() + b"\r\n" + body)
        return self._read()

    def _read(self) -> tuple[int, bytes]:
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        length = next(
            int(line[15:])
            for line in head.split(b"\r\n")
            if line.lower()[:15] == b"content-length:"
        )
        while len(body) < length:
            body += self._more()
        return int(head[9:12]), body

    def _more(self) -> bytes:
        part = self._socket.recv(65536)
        if not part:
            raise ConnectionError("the server hung up")
        return part

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@dataclass(slots=True)
class Round:
    """What one round gave: how many in how long, how long each took, what went wrong."""

    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Count per second."""
        return len(self.taken) / self.seconds if self.seconds else 0.0

    def percentile(self, percent: int) -> float:
        """Name the time in ms that ``percent`` of 100 stayed within."""
        if len(self.taken) < 2:
            return 0.0
        return statistics.quantiles(self.taken, n=100)[percent - 1] * 1000


Act = Callable[[], str | None]
"""One unit of load; answers None if all went well, else what went wrong."""


Maker = Callable[[], Act]


def storm(makers: list[Maker], seconds: float) -> Round:
    """Let every maker's act run again and again in a thread of its own for so long."""
    whole = Round()
    lock = threading.Lock()
    gate = threading.Barrier(len(makers) + 1)
    stop = threading.Event()

    def run(make: Maker) -> None:
        act = make()
        taken: list[float] = []
        failures: dict[str, int] = {}
        gate.wait()
        while not stop.is_set():
            began = time.perf_counter()
            failure = act()
            if failure is None:
                taken.append(time.perf_counter() - began)
            else:
                failures[failure] = failures.get(failure, 0) + 1
        with lock:
            whole.taken += taken
            for name, count in failures.items():
                whole.failures[name] = whole.failures.get(name, 0) + count

    threads = [threading.Thread(target=run, args=(make,)) for make in makers]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    time.sleep(seconds)
    stop.set()
    whole.seconds = time.perf_counter() - began
    for thread in threads:
        thread.join()
    return whole
