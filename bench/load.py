"""Fill a database with a history of tickets by COPY: many rows, few minutes, lawful ones.

A COPY stream for each table, side by side. Keys that point elsewhere and secondary
indexes are taken off first and put back afterwards, which checks every row
against every constraint once more than an insert would. Words and places come
from a small pool of truly sealed values, so that lists can open them. What the
rows are not: their histories are not signed (``flask tickets verify`` would say
so); nothing measured here reads the chain. Their clocks are right: ``flask sla
replay`` finds no difference (see ``lives``).

The mix: 3 in 100 open, as a district that keeps up; the open ones are spread
over all communities and firms, a third of them late; of the closed a few were
withdrawn or not accepted, one in ten was late. A closed ticket that was in time
has four steps, three clocks and one holding; an open one has what it came to.
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime

import psycopg
from psycopg import sql

from bench.rows import COLUMNS, TABLES, Maker, Pool, Rows
from bench.world import World

OPEN_SHARE = 0.03
CHUNK = 1 << 18


def fill(
    url: str,
    world: World,
    values: Pool,
    count: int,
    now: datetime,
    *,
    share: float = OPEN_SHARE,
    seed: int = 7,
) -> float:
    """Write ``count`` tickets, a ``share`` of them open, with all that hangs on them.

    Tells the seconds it took.
    """
    began = time.monotonic()
    with psycopg.connect(url) as connection:
        undone = _take_off(connection)
    _copy(url, Maker(world, values, now, share=share, seed=seed).rows(count))
    _put_back(url, undone)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    return time.monotonic() - began


def _take_off(connection: psycopg.Connection) -> list[list[str]]:
    """Drop foreign keys, unique constraints and indexes; the statements that make them again."""
    tables = list(TABLES)
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('f', 'u')",
        [tables],
    ).fetchall()
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = ANY(%s::regclass[]) AND NOT indisprimary AND NOT EXISTS"
        " (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype = 'u')",
        [tables],
    ).fetchall()
    for table, name, _, _ in constraints:
        connection.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"'.encode())
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    add = [
        (kind, f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
        for table, name, kind, definition in constraints
    ]
    return [
        [definition for _, definition in indexes] + [one for kind, one in add if kind == "u"],
        [one for kind, one in add if kind == "f"],
    ]


def _put_back(url: str, undone: list[list[str]]) -> None:
    """Make indexes, then foreign keys, which checks every row."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '512MB'")
        for statements in undone:
            for statement in statements:
                connection.execute(statement.encode())


def _copy(url: str, rows: Iterator[Rows]) -> None:
    with ExitStack() as stack, ThreadPoolExecutor(len(TABLES)) as writers:
        streams = []
        for table in TABLES:
            connection = stack.enter_context(psycopg.connect(url))
            names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table]))
            order = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
            streams.append(stack.enter_context(connection.cursor().copy(order)))
        buffers: list[list[str]] = [[] for _ in TABLES]
        sizes = [0] * len(TABLES)
        waiting: list[Future[object]] = [writers.submit(int) for _ in TABLES]
        for row in rows:
            for n, text in enumerate(row):
                buffers[n].append(text)
                sizes[n] += len(text)
                if sizes[n] > CHUNK:
                    waiting[n].result()
                    waiting[n] = writers.submit(streams[n].write, "".join(buffers[n]).encode())
                    buffers[n], sizes[n] = [], 0
        for n, stream in enumerate(streams):
            waiting[n].result()
            stream.write("".join(buffers[n]).encode())


def open_tickets(url: str) -> int:
    """Count what is open."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM ticket WHERE closed_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def rows_in(url: str) -> dict[str, int]:
    """Count the rows of each table that was filled (as ANALYZE saw them)."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT relname, reltuples::bigint FROM pg_class WHERE relname = ANY(%s)",
            [list(TABLES)],
        ).fetchall()
    return {str(name): int(count) for name, count in found}
