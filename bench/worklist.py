"""(c) Worklists, and whether they cost the same however long history has grown.

Each queue is asked for its first page of 20 by those who use it, through the
product's own ``work_page`` (SQL and rows made into objects), and once more over
HTTP. EXPLAIN names the index of each; a sequential scan of tickets is reported.
"""

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import event, text

from app.kernel.db import db, session
from app.tickets import worklists
from bench import http
from bench.world import World, actor_of, app_on

PAGE = 20
ASKED: tuple[tuple[str, str], ...] = (
    ("to_dispatch", "staff0"),
    ("all", "staff0"),
    ("overdue", "staff0"),
    ("follow_up", "staff0"),
    ("team", "repairer0"),
    ("mine", "repairer0"),
    ("pool", "repairer0"),
    ("all", "street"),
    ("to_dispatch", "dispatcher"),
    ("overdue", "dispatcher"),
    ("all", "dispatcher"),
)
"""Queues and who asks them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One worklist of one person: time in ms (median), rows, how it was planned."""

    queue: str
    who: str
    p50: float
    sql_p50: float
    rows: int
    plan: str

    @property
    def key(self) -> tuple[str, str]:
        """Name the worklist."""
        return self.queue, self.who


def measure(world: World, url: str, folder: Path, *, times: int) -> list[Asked]:
    """Ask every worklist ``times`` times in this process."""
    app = app_on(url, folder)
    with app.app_context():
        found = [_ask(world, queue, who, times) for queue, who in ASKED]
        session.remove()
        db.engine.dispose()
    return found


def _ask(world: World, queue: str, who: str, times: int) -> Asked:
    now = datetime.now(UTC)
    actor = actor_of(world, who)
    taken: list[float] = []
    in_sql: list[float] = []
    rows = 0
    with timed(in_sql) as last:
        for _ in range(times + 10):
            began = time.perf_counter()
            page = worklists.work_page(actor, queue, now=now, cursor=None, limit=PAGE)
            taken.append(time.perf_counter() - began)
            rows = len(page.items)
            session.expunge_all()
        statement, parameters = last[-1]
    plan = explain(statement, parameters)
    session.rollback()
    middle, middle_sql = (statistics.median(one[10:]) * 1000 for one in (taken, in_sql))
    return Asked(queue, who, middle, middle_sql, rows, plan)


@contextmanager
def timed(taken: list[float]) -> Iterator[list[tuple[str, Any]]]:
    """Note the time and the text of every statement the engine runs."""
    last: list[tuple[str, Any]] = []

    def before(_c: Any, _u: Any, statement: str, parameters: Any, context: Any, _m: bool) -> None:
        last[:] = [(statement, parameters)]
        context.began = time.perf_counter()

    def after(_c: Any, _u: Any, _s: str, _p: Any, context: Any, _m: bool) -> None:
        taken.append(time.perf_counter() - context.began)

    event.listen(db.engine, "before_cursor_execute", before)
    event.listen(db.engine, "after_cursor_execute", after)
    try:
        yield last
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        event.remove(db.engine, "after_cursor_execute", after)


def explain(statement: str, parameters: Any) -> str:
    """Name the indexes of a plan, and whether it sorts or scans."""
    asked = session.connection().exec_driver_sql(f"EXPLAIN {statement}", parameters)
    lines = [str(row[0]) for row in asked]
    used = [
        line.split(" on ")[-2].split()[-1]
        for line in lines
        if re.search("Index.* Scan using", line)
    ]
    used += [
        line.split("Bitmap Index Scan on ")[1].split()[0]
        for line in lines
        if "Bitmap Index" in line
    ]
    said = [one.removeprefix("ix_ticket_") for one in dict.fromkeys(used)]
    if any("Seq Scan on ticket" in line for line in lines):
        said.append("SEQ SCAN")
    if any("Sort Key" in line for line in lines):
        said.append("sort")
    return " + ".join(said) or "?"


def over_http(world: World, url: str, folder: Path, *, times: int) -> dict[tuple[str, str], float]:
    """Ask every worklist over HTTP, one client; median in ms."""
    found = {}
    with http.served(url, folder, drains=False) as port:
        for queue, who in ASKED:
            client = http.Client(port, world.tokens[who])
            taken = []
            for _ in range(times + 20):
                began = time.perf_counter()
                status, body = client.ask("GET", f"/work?queue={queue}&limit={PAGE}")
                taken.append(time.perf_counter() - began)
                if status != 200:
                    raise RuntimeError(f"{queue}: {status} {body[:200]!r}")
            client.close()
            found[queue, who] = statistics.median(taken[20:]) * 1000
    return found


def empty_round_trip(url: str, folder: Path, *, times: int) -> float:
    """Measure ``SELECT 1`` the same way: what no list can be faster than, in ms."""
    app = app_on(url, folder)
    with app.app_context():
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            session.execute(text("SELECT 1")).all()
            taken.append(time.perf_counter() - began)
        session.remove()
        db.engine.dispose()
    return statistics.median(taken) * 1000
