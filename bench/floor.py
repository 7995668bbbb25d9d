"""The floor: what this PostgreSQL can do at most for a submit of five inserts.

One transaction of five statements, the rows a report cannot do without (ticket,
step, clock, holding, outbox), committed synchronously by eight clients. pgbench
is C and prepares its statements; where no pgbench is found, our own loop in
Python stands in and the table says so: a slower floor flatters the ratio.
"""

import random
import re
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from bench import http

CLIENTS = 8

TABLES = """
CREATE TABLE floor_ticket (id bigint PRIMARY KEY, number text UNIQUE, state text, place_id bigint,
    body text, due_at timestamptz, made_at timestamptz);
CREATE TABLE floor_step (id bigint PRIMARY KEY, ticket_id bigint REFERENCES floor_ticket,
    seq int, action text, said jsonb, hash text, at timestamptz, UNIQUE (ticket_id, seq));
CREATE TABLE floor_clock (id bigint PRIMARY KEY, ticket_id bigint REFERENCES floor_ticket,
    kind text, due_at timestamptz);
CREATE TABLE floor_holding (id bigint PRIMARY KEY, ticket_id bigint REFERENCES floor_ticket,
    organisation_id bigint, from_at timestamptz);
CREATE TABLE floor_outbox (id bigint PRIMARY KEY, topic text, payload jsonb,
    recorded_at timestamptz);
"""

STATEMENTS = (
    "INSERT INTO floor_ticket VALUES (:id, 'n' || :id, 'submitted', 7, repeat('x', 160),"
    " now() + interval '2 hours', now())",
    "INSERT INTO floor_step VALUES (:id, :id, 1, 'submit', '{\"state\": \"submitted\"}',"
    " repeat('0', 64), now())",
    "INSERT INTO floor_clock VALUES (:id, :id, 'accept', now() + interval '2 hours')",
    "INSERT INTO floor_holding VALUES (:id, :id, 7, now())",
    "INSERT INTO floor_outbox VALUES (:id, 'ticket.moved', '{\"ticket\": 1}', now())",
)


@dataclass(slots=True)
class Floor:
    """A prepared database and the way to press on it."""

    url: str
    folder: Path
    pgbench: Path | None

    @property
    def how(self) -> str:
        """Say what presses."""
        if self.pgbench is None:
            return f"own psycopg loop in Python (no pgbench found), c={CLIENTS}"
        return f"pgbench -M prepared, c={CLIENTS}"

    def round(self, seconds: float) -> float:
        """Press for so long; transactions a second."""
        if self.pgbench is None:
            return http.storm([self._loop] * CLIENTS, seconds).rate
        asked = subprocess.run(
            self._command(round(seconds)), capture_output=True, text=True, check=True
        )
        found = re.search(r"tps = ([0-9.]+) \(without", asked.stdout)
        if found is None:
            raise RuntimeError(f"pgbench said nothing of tps:\n{asked.stdout}\n{asked.stderr}")
        return float(found[1])

    def _command(self, seconds: int) -> list[str]:
        script = self.folder / "floor.sql"
        lines = ["\\set id random(1, 9000000000000000)", "BEGIN;"]
        script.write_text("\n".join([*lines, *(one + ";" for one in STATEMENTS), "COMMIT;\n"]))
        where = conninfo_to_dict(self.url)
        return [
            str(self.pgbench),
            *("-h", str(where.get("host", "127.0.0.1")), "-p", str(where.get("port", 5432))),
            *("-U", str(where["user"])),
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, seconds))),
            *("-f", str(script), str(where["dbname"])),
        ]

    def _loop(self) -> http.Act:
        connection = psycopg.connect(self.url)
        statements = [one.replace(":id", "%(id)s::bigint") for one in STATEMENTS]

        def once() -> None:
            row = {"id": random.randrange(9 * 10**15)}
            with connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode(), row)

        return once


def prepare(url: str, folder: Path, pgbench: Path | None) -> Floor:
    """Make the five tables."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return Floor(url, folder, pgbench)


def middle(rates: list[float]) -> float:
    """Name the median of the rounds."""
    return statistics.median(rates)
