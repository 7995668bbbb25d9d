"""Fill a database with a history of tickets by COPY: many rows, few minutes, lawful ones.

Four COPY streams run side by side. Keys that point elsewhere and secondary
indexes are taken off first and put back afterwards, which checks every row
against every constraint once more than an insert would. Words and places come
from a small pool of truly sealed values, so that lists can open them. What the
rows are not: their histories are not signed (``flask tickets verify`` would say
so); nothing measured here reads the chain.

The mix: 3 in 100 open, as a district that keeps up; the open ones are spread
over all communities and firms, a third of them late; of the closed a few were
withdrawn or not accepted. A closed ticket has four steps, three clocks and one
holding; an open one has the steps it came to.
"""

import json
import random
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import psycopg
from psycopg import sql

from app.catalog import queries as catalog
from app.catalog.rules import CategoryView
from app.kernel import crypto
from bench.world import Building, World

OPEN_SHARE = 0.03
TABLES = ("ticket", "ticket_step", "sla_clock", "holding")
CODES = ("WPE-LIGHT", "BLD-DOOR", "ENV-CLEAN", "PUB-GATE", "ENV-GREEN", "PRK-CHAOS", "NBR-NOISE")
ACCUSING = "SEC-PATROL"
FAR = "9999-01-01 00:00:00+00"
CHUNK = 1 << 18
YEAR_S = 360 * 86400

OPEN_STATES = ("submitted", "dispatched", "accepted", "in_progress", "resolved")
OPEN_WEIGHTS = (20, 25, 15, 25, 15)
STEPS = {
    "submitted": ("submit",),
    "dispatched": ("submit", "dispatch"),
    "accepted": ("submit", "dispatch", "accept"),
    "in_progress": ("submit", "dispatch", "accept", "start"),
    "resolved": ("submit", "dispatch", "accept", "resolve"),
    "closed": ("submit", "dispatch", "resolve", "verdict"),
    "withdrawn": ("submit", "withdraw"),
    "declined": ("submit", "decline"),
}

TICKET = [
    "id",
    "number",
    "version",
    "state",
    "category_code",
    "kind",
    "urgency",
    "policy_version",
    "photo_required",
    "sensitive",
    "confirm_within",
    "channel",
    "reporter_id",
    "anonymous",
    "contact_phone",
    "text",
    "accuse",
    "district_id",
    "street_id",
    "community_id",
    "compound_id",
    "building_id",
    "grid_id",
    "place_label",
    "public_label",
    "lat",
    "lon",
    "tier",
    "ceiling_tier",
    "desk_level",
    "desk_id",
    "mode",
    "claimable",
    "desk_acts",
    "lead_id",
    "project_id",
    "assignee_id",
    "co_ids",
    "parties",
    "respondent_id",
    "barred",
    "why",
    "returns",
    "ruled",
    "reworks",
    "reopens",
    "nudges",
    "parts",
    "followers",
    "quote_state",
    "self_handled",
    "close_reason",
    "withdrawn_after_accept",
    "result",
    "submitted_at",
    "dispatched_at",
    "accepted_at",
    "resolved_at",
    "closed_at",
    "accept_due_at",
    "respond_due_at",
    "resolve_due_at",
    "confirm_due_at",
    "next_due_at",
    "chain_length",
    "chain_head",
]
STEP = [
    "id",
    "ticket_id",
    "seq",
    "at",
    "action",
    "person_id",
    "relation",
    "public",
    "changes",
    "facts",
    "commitment",
    "personal",
    "previous_hash",
    "hash",
]
CLOCK = [
    "id",
    "ticket_id",
    "kind",
    "round",
    "token",
    "calendar",
    "policy_version",
    "calendar_version",
    "started_at",
    "due_at",
    "guessed",
    "met_at",
]
HOLDING = [
    "id",
    "ticket_id",
    "organisation_id",
    "project_id",
    "role",
    "first_handler",
    "from_at",
    "to_at",
    "due_at",
    "why",
]
COLUMNS = dict(zip(TABLES, (TICKET, STEP, CLOCK, HOLDING), strict=True))


@dataclass(frozen=True, slots=True)
class Pool:
    """Sealed values to choose from, and what the catalogue says of each category."""

    words: tuple[str, ...]
    personal: tuple[tuple[str, str], ...]  # (commitment, sealed words)
    phone: str
    labels: dict[UUID, str]
    categories: dict[str, CategoryView]


def pool(world: World, now: datetime) -> Pool:
    """Seal what the rows will carry (inside the application's context)."""
    said = [f"第{n}号反映：楼道的灯不亮，老人上下楼看不见，请尽快来修" for n in range(64)]
    personal = []
    for one in said:
        salt = secrets.token_urlsafe(16)
        kept = json.dumps({"salt": salt, "words": one}, ensure_ascii=False)
        personal.append((crypto.commitment(salt, one), crypto.seal(kept)))
    return Pool(
        words=tuple(crypto.seal(one) for one in said),
        personal=tuple(personal),
        phone=crypto.seal("10020000000"),
        labels={one.id: crypto.seal(one.label) for one in world.buildings},
        categories={code: catalog.category(code, at=now) for code in (*CODES, ACCUSING)},
    )


def fill(
    url: str, world: World, values: Pool, count: int, now: datetime, *, seed: int = 7
) -> float:
    """Write ``count`` tickets with all that hangs on them; seconds it took."""
    began = time.monotonic()
    with psycopg.connect(url) as connection:
        undone = _take_off(connection)
    _copy(url, _Maker(world, values, now, seed).rows(count))
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


def _copy(url: str, rows: "Iterator[tuple[str, str, str, str]]") -> None:
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


class _Maker:
    """Writes lines for COPY, one ticket at a time, oldest first."""

    def __init__(self, world: World, values: Pool, now: datetime, seed: int) -> None:
        self._world = world
        self._values = values
        self._now = now
        self._chance = random.Random(seed)
        self._residents = [
            person.hex for name, person in world.people.items() if name.startswith("resident")
        ]
        self._repairers = {
            firm: world.people[f"repairer{n}"].hex for n, firm in enumerate(world.firms)
        }

    def rows(self, count: int) -> Iterator[tuple[str, str, str, str]]:
        """Go through ``count`` tickets: lines of ticket, steps, clocks, holding."""
        chance, buildings = self._chance, self._world.buildings
        apart = YEAR_S / count
        for n in range(count):
            # Any ticket may be open, but the younger the likelier (none of the oldest).
            is_open = chance.random() < OPEN_SHARE * 2 * n / count
            at = self._now - timedelta(seconds=(count - n) * apart + chance.random() * apart)
            yield self._ticket(n, at, chance.choice(buildings), is_open=is_open)

    def _ticket(
        self, n: int, at: datetime, home: Building, *, is_open: bool
    ) -> tuple[str, str, str, str]:
        chance, values = self._chance, self._values
        state = self._state(is_open=is_open)
        accusing = chance.random() < 0.03
        view = values.categories[ACCUSING if accusing else chance.choice(CODES)]
        ticket_id = _uuid(at, chance)
        led = state not in ("submitted", "withdrawn", "declined")
        lead = f"{home.firm_id.hex}\t{home.project_id.hex}" if led and not accusing else "\\N\t\\N"
        assignee = self._repairers[home.firm_id] if led and not accusing and n % 2 else "\\N"
        accused = home.firm_id.hex if accusing else ""
        over = None if is_open else min(at + timedelta(hours=chance.uniform(2, 90)), self._now)
        moved = at + timedelta(minutes=chance.uniform(1, 50))
        due = [at + timedelta(hours=h) for h in (2, 24, 48)]
        next_due = FAR if over else _stamp(self._now + timedelta(hours=chance.uniform(-24, 48)))
        solved = "solved" if n % 3 else "no_answer"
        reason = {"closed": solved, "withdrawn": "withdrawn", "declined": "declined"}.get(state)
        steps = STEPS[state]
        words, label = values.words[n % 64], values.labels[home.id]
        district, desk = self._world.district_id.hex, home.community_id.hex
        ended = _stamp(over) if over else "\\N"
        line = (
            f"{ticket_id}\t{10**11 + n * 7919 % (9 * 10**11)}\t1\t{state}\t{view.code}"
            f"\t{view.kind}\t{view.urgency}\t{view.policy_version}"
            f"\t{view.photo_on_resolve}\t{view.sensitive}\t{view.confirm_within}\tmini_program"
            f"\t{chance.choice(self._residents)}\tf\t{values.phone}\t{words}"
            f"\t{'property' if accusing else _N}\t{district}\t{home.street_id.hex}\t{desk}"
            f"\t{home.compound_id.hex}\t{home.id.hex}\t{home.grid_id.hex}\t{label}\t{home.label}"
            f"\t{home.lat}\t{home.lon}\t{view.start_tier}\t{view.ceiling_tier}\tcommunity\t{desk}"
            f"\tauto\tf\tf\t{lead}\t{assignee}\t[]\t[]\t{accused or _N}\t{accused}\t{_WHY}"
            f"\t0\tf\t0\t0\t0\t0\t0\tnone\tf\t{reason or _N}\tf"
            f"\t{'fixed' if state in ('resolved', 'closed') else _N}\t{_stamp(at)}"
            f"\t{_stamp(moved) if led else _N}"
            f"\t{_stamp(moved) if led and state != 'dispatched' else _N}"
            f"\t{ended if state == 'closed' else _N}\t{ended}"
            f"\t{_stamp(due[0])}\t{_stamp(due[1])}\t{_stamp(due[2])}"
            f"\t{next_due if state == 'resolved' else _N}\t{next_due}\t{len(steps)}\t{_HASH}\n"
        )
        holding = ""
        if led and not accusing:
            holding = (
                f"{_uuid(at, chance)}\t{ticket_id}\t{lead}\tlead\tt\t{_stamp(moved)}\t{ended}"
                f"\t{_stamp(due[2])}\t按这类事项的规定自动派单\n"
            )
        told = self._steps(n, ticket_id, at, steps, home)
        return line, told, self._clocks(ticket_id, at, due, ended), holding

    def _state(self, *, is_open: bool) -> str:
        if is_open:
            return self._chance.choices(OPEN_STATES, OPEN_WEIGHTS)[0]
        luck = self._chance.random()
        return "withdrawn" if luck < 0.03 else "declined" if luck < 0.05 else "closed"

    def _steps(
        self, n: int, ticket_id: str, at: datetime, actions: tuple[str, ...], home: Building
    ) -> str:
        lines = []
        for seq, action in enumerate(actions, 1):
            commitment, personal = self._values.personal[(n + seq) % 64]
            moment = at + timedelta(minutes=10 * (seq - 1))
            changes = f'{{"state": "{action}", "lead_id": "{home.firm_id.hex}"}}'
            relation = "reporter" if action in ("submit", "verdict", "withdraw") else "system"
            lines.append(
                f"{_uuid(moment, self._chance)}\t{ticket_id}\t{seq}\t{_stamp(moment)}\t{action}"
                f"\t{self._residents[n % 64]}\t{relation}\tt\t{changes}\t{{}}\t{commitment}"
                f"\t{personal}\t{_HASH}\t{_HASH}\n"
            )
        return "".join(lines)

    def _clocks(self, ticket_id: str, at: datetime, due: list[datetime], ended: str) -> str:
        return "".join(
            f"{_uuid(at, self._chance)}\t{ticket_id}\t{kind}\t1\t{token}\tdaily\t1\t1"
            f"\t{_stamp(at)}\t{_stamp(when)}\tf\t{ended}\n"
            for kind, token, when in zip(
                ("accept", "respond", "resolve"), ("2sh", "1d", "2d"), due, strict=True
            )
        )


_N = "\\N"
_HASH = "0" * 64
_WHY = '["属于该小区，由物业负责，按这类事项的规定自动派单。"]'


def _stamp(moment: datetime) -> str:
    return moment.isoformat()


def _uuid(at: datetime, chance: random.Random) -> str:
    """Make a UUIDv7 of a moment, as the product's ids are: ordered by time."""
    bits = chance.getrandbits(74)
    head = f"{int(at.timestamp() * 1000):012x}7{bits >> 62:03x}"
    return f"{head}{0x8000 | (bits >> 48 & 0x3FFF):04x}{bits & (1 << 48) - 1:012x}"


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
