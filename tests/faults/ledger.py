"""A ledger outside the house: what really happened, counted by the database and by a file.

``inside`` listens within a unit of work: its row must stand exactly once.
``outside`` sends: a line in a file nobody can take back, at least once, and
more often only where a worker was killed between sending and settling.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from sqlalchemy import text

from app.kernel import outbox
from app.kernel.db import db, session
from app.kernel.outbox import Event, Listener, Listeners
from app.kernel.work import unit_of_work

TABLE = "fault_ledger"
SLOW_S = 0.01


@dataclass(frozen=True, slots=True)
class Owed(Event):
    topic: ClassVar[str] = "fault.owed"

    number: int


@dataclass(frozen=True, slots=True)
class Poison(Event):
    """Kills its worker (``exit``) or never comes back (``hang``)."""

    topic: ClassVar[str] = "fault.poison"

    kind: str


def swallow(event: Poison) -> None:
    if event.kind == "exit":
        os._exit(9)
    time.sleep(60)


def somewhat(seconds: float) -> float:
    """Draw a pause up to ``seconds``."""
    return random.uniform(0, seconds)  # noqa: S311


def make_table() -> None:
    with db.engine.connect().execution_options(writes=True) as connection, connection.begin():
        connection.execute(text(f"CREATE TABLE {TABLE} (event_id VARCHAR(36) NOT NULL)"))


def owe(count: int, *, first: int = 0) -> list[UUID]:
    """Record ``count`` events in one unit of work."""
    events = [Owed(number=first + index) for index in range(count)]
    with unit_of_work():
        for event in events:
            outbox.record(event)
    return [event.event_id for event in events]


def listeners(sink: Path, *, slow_s: float = SLOW_S) -> Listeners:
    """Wire both ledgers; ``slow_s`` leaves time to be killed in the middle."""

    def inside(event: Owed) -> None:
        _pulse(sink, os.getsid(0)).touch()
        session.execute(
            text(f"INSERT INTO {TABLE} (event_id) VALUES (:id)"),  # noqa: S608
            {"id": str(event.event_id)},
        )
        time.sleep(somewhat(2 * slow_s))

    def outside(event: Owed) -> None:
        _pulse(sink, os.getsid(0)).touch()
        time.sleep(somewhat(slow_s))
        with sink.open("ab", buffering=0) as file:
            file.write(f"{event.event_id}\n".encode())
        time.sleep(somewhat(slow_s))

    quick = {"timeout_s": 1, "max_attempts": 1000, "first_wait_s": 0.1}
    deadly = Listener(name="poison", handle=swallow, timeout_s=1, max_attempts=3, first_wait_s=0.1)
    return outbox.listen(
        [
            (Poison, deadly),
            (Owed, Listener(name="inside", handle=inside, **quick)),
            (Owed, Listener(name="outside", handle=outside, work=False, **quick)),
        ]
    )


def quiet(sink: Path, workers: Sequence[int]) -> None:
    """Forget who worked so far."""
    for pid in workers:
        _pulse(sink, pid).unlink(missing_ok=True)


def at_work(sink: Path, workers: Sequence[int]) -> list[int]:
    """Name the workers that began a delivery since :func:`quiet`."""
    return [pid for pid in workers if _pulse(sink, pid).exists()]


def _pulse(sink: Path, session_id: int) -> Path:
    return sink.with_name(f"pulse-{session_id}")


def inside_counts() -> Counter[UUID]:
    session.rollback()
    rows = session.execute(text(f"SELECT event_id FROM {TABLE}")).scalars().all()  # noqa: S608
    session.rollback()
    return Counter(UUID(row) for row in rows)


def outside_counts(sink: Path) -> Counter[UUID]:
    if not sink.exists():
        return Counter()
    lines = sink.read_text().splitlines()
    return Counter(UUID(line) for line in lines)


def interrupted() -> int:
    """Count the rows that were claimed more than once: a kill hit them."""
    return _count("attempts > 1")


def _count(condition: str) -> int:
    session.rollback()
    query = f"SELECT count(*) FROM outbox_delivery WHERE {condition}"  # noqa: S608
    counted: int = session.execute(text(query)).scalar_one()
    session.rollback()
    return counted


def done() -> int:
    """Count the rows that say they are done."""
    return _count("done_at IS NOT NULL")


def is_settled() -> bool:
    """Tell whether nothing is owed any more."""
    session.rollback()
    counted = outbox.backlog()
    session.rollback()
    return counted.unfanned + counted.ready + counted.later + counted.claimed == 0
