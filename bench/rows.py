"""The lines of COPY: one ticket at a time with all that hangs on it, oldest first."""

import json
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import CategoryView
from app.kernel import crypto
from app.sla import queries as sla
from app.sla.calendars import Calendars
from app.sla.clocks import Clock
from app.sla.rules import PROMISES, ClockKind
from bench import lives
from bench.lives import Life
from bench.world import Building, World

CODES = ("WPE-LIGHT", "BLD-DOOR", "ENV-CLEAN", "PUB-GATE", "ENV-GREEN", "PRK-CHAOS", "NBR-NOISE")
ACCUSING = "SEC-PATROL"
YEAR_S = 360 * 86400
SHARED_S = 4 * 3600
"""Closed tickets of one category filed within so long share one life."""
A_WHILE = timedelta(days=14)
LATE_SHARE = 0.1
"""Of the closed: what was signed for after its time."""

OPEN_STATES = ("submitted", "dispatched", "accepted", "in_progress", "resolved")
OPEN_WEIGHTS = (20, 25, 15, 25, 15)

COLUMNS: dict[str, tuple[str, ...]] = {
    name: tuple(columns.split())
    for name, columns in {
        "ticket": """
            id number version state category_code kind urgency policy_version photo_required
            sensitive confirm_within channel reporter_id anonymous contact_phone text accuse
            district_id street_id community_id compound_id building_id grid_id place_label
            public_label lat lon tier ceiling_tier desk_level desk_id mode claimable desk_acts
            lead_id project_id assignee_id co_ids parties respondent_id barred why returns ruled
            reworks reopens nudges parts followers breaches extensions long_term quote_state
            self_handled close_reason withdrawn_after_accept result submitted_at dispatched_at
            accepted_at started_at resolved_at closed_at accept_due_at respond_due_at
            resolve_due_at confirm_due_at tier_due_at escalated_at next_due_at look_at due_soon
            chain_length chain_head""",
        "ticket_step": """
            id ticket_id seq at action person_id relation public facts changes commitment
            personal previous_hash hash""",
        "sla_clock": """
            id ticket_id kind round tier token percent calendar policy_version calendar_version
            started_at amendments due_at warn_at guessed paused warned_at breached_at met_at
            stopped_at used_s""",
        "sla_breach": "id ticket_id kind round tier due_at noted_at holder_id",
        "holding": """
            id ticket_id organisation_id project_id role first_handler from_at to_at due_at
            why""",
    }.items()
}
TABLES = tuple(COLUMNS)
Rows = tuple[str, str, str, str, str]
"""Lines for each of ``TABLES``."""

_N = "\\N"
_HASH = "0" * 64
_WHY = '["属于该小区，由物业负责，按这类事项的规定自动派单。"]'
_SAME = {
    "version": "1",
    "channel": "mini_program",
    "anonymous": "f",
    "desk_level": "community",
    "mode": "auto",
    "why": _WHY,
    "quote_state": "none",
    "chain_head": _HASH,
    **dict.fromkeys(("claimable", "desk_acts", "ruled", "long_term"), "f"),
    **dict.fromkeys(("self_handled", "withdrawn_after_accept"), "f"),
    **dict.fromkeys(("returns", "reworks", "reopens", "nudges", "parts"), "0"),
    **dict.fromkeys(("followers", "extensions"), "0"),
    **dict.fromkeys(("co_ids", "parties"), "[]"),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A life as text: columns of the ticket, and the ends of lines after the ids."""

    terms: dict[str, str]
    steps: tuple[tuple[int, str, str], ...]  # when in ms, before and after the person
    clocks: tuple[tuple[int, str], ...]
    breaches: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Pool:
    """Sealed values to choose from, and what catalogue and calendar say."""

    words: tuple[str, ...]
    personal: tuple[tuple[str, str], ...]  # (commitment, sealed words)
    phone: str
    labels: dict[UUID, str]
    categories: dict[str, CategoryView]
    calendars: Calendars


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
        calendars=sla.calendars(world.district_id),
    )


class Maker:
    """Writes lines for COPY, one ticket at a time, oldest first."""

    def __init__(self, world: World, values: Pool, now: datetime, *, share: float, seed: int):
        self._world = world
        self._values = values
        self._now = now
        self._share = share
        self._chance = random.Random(seed)
        self._residents = [
            person.hex for name, person in world.people.items() if name.startswith("resident")
        ]
        self._repairers = {
            firm: world.people[f"repairer{n}"].hex for n, firm in enumerate(world.firms)
        }
        self._shared: dict[tuple[str, str, bool], Told] = {}
        self._begun = now

    def rows(self, count: int) -> Iterator[Rows]:
        """Go through ``count`` tickets: lines of each table."""
        chance, buildings = self._chance, self._world.buildings
        apart = YEAR_S / count
        for n in range(count):
            # Any ticket may be open, but the younger the likelier (none of the oldest).
            is_open = chance.random() < self._share * 2 * n / count
            at = self._now - timedelta(seconds=(count - n) * apart + chance.random() * apart)
            yield self._ticket(n, at, chance.choice(buildings), is_open=is_open)

    def _ticket(self, n: int, at: datetime, home: Building, *, is_open: bool) -> Rows:
        chance = self._chance
        state = self._state(is_open=is_open)
        accusing = chance.random() < 0.03
        view = self._values.categories[ACCUSING if accusing else chance.choice(CODES)]
        told = self._opened(view, at, state) if is_open else self._closed(view, at, state)
        begun = _ms(at)
        ticket_id = _uuid(begun, chance)
        led = state not in ("submitted", "withdrawn", "declined") and not accusing
        holder = home.firm_id.hex if led else _N
        columns = (
            _SAME
            | self._who(n, home, led=led, accusing=accusing)
            | told.terms
            | {"id": ticket_id, "number": str(10**11 + n * 7919 % (9 * 10**11))}
        )
        return (
            "\t".join([columns[name] for name in COLUMNS["ticket"]]) + "\n",
            self._steps(n, ticket_id, told, home),
            "".join([f"{_uuid(ms, chance)}\t{ticket_id}{end}\n" for ms, end in told.clocks]),
            "".join(
                [f"{_uuid(ms, chance)}\t{ticket_id}{end}\t{holder}\n" for ms, end in told.breaches]
            ),
            _holding(_uuid(begun, chance), columns) if led else "",
        )

    def _state(self, *, is_open: bool) -> str:
        if is_open:
            return self._chance.choices(OPEN_STATES, OPEN_WEIGHTS)[0]
        luck = self._chance.random()
        return "withdrawn" if luck < 0.03 else "declined" if luck < 0.05 else "closed"

    def _opened(self, view: CategoryView, at: datetime, state: str) -> Told:
        share = self._chance.uniform(0.02, 1.5)
        life = lives.opened(view, self._values.calendars, at, state, self._now, share)
        return _told(life, state, self._now)

    def _closed(self, view: CategoryView, at: datetime, state: str) -> Told:
        """Hand out the life that tickets of these hours share, or begin it."""
        begun = datetime.fromtimestamp(int(at.timestamp()) // SHARED_S * SHARED_S, UTC)
        if begun != self._begun:
            self._begun = begun
            self._shared.clear()
        late = state == "closed" and self._chance.random() < LATE_SHARE
        reason = {"closed": self._chance.choice(("solved", "solved", "no_answer"))}.get(
            state, state
        )
        key = view.code, reason, late
        found = self._shared.get(key)
        if found is None:
            # What would still be running ran a while before.
            since = begun - A_WHILE if begun > self._now - A_WHILE else begun
            life = lives.closed(view, self._values.calendars, since, state, late=late)
            found = self._shared[key] = _told(life, state, self._now, reason)
        return found

    def _who(self, n: int, home: Building, *, led: bool, accusing: bool) -> dict[str, str]:
        """Say where it is, whose it is and who wrote it."""
        values, accused = self._values, home.firm_id.hex if accusing else ""
        return {
            "reporter_id": self._chance.choice(self._residents),
            "contact_phone": values.phone,
            "text": values.words[n % 64],
            "accuse": "property" if accusing else _N,
            "district_id": self._world.district_id.hex,
            "street_id": home.street_id.hex,
            "community_id": home.community_id.hex,
            "compound_id": home.compound_id.hex,
            "building_id": home.id.hex,
            "grid_id": home.grid_id.hex,
            "place_label": values.labels[home.id],
            "public_label": home.label,
            "lat": str(home.lat),
            "lon": str(home.lon),
            "desk_id": home.community_id.hex,
            "lead_id": home.firm_id.hex if led else _N,
            "project_id": home.project_id.hex if led else _N,
            "assignee_id": self._repairers[home.firm_id] if led and n % 2 else _N,
            "respondent_id": accused or _N,
            "barred": accused,
        }

    def _steps(self, n: int, ticket_id: str, told: Told, home: Building) -> str:
        lines, firm, person = [], home.firm_id.hex, self._residents[n % 64]
        for seq, (ms, before, after) in enumerate(told.steps, 1):
            commitment, personal = self._values.personal[(n + seq) % 64]
            lines.append(
                f"{_uuid(ms, self._chance)}\t{ticket_id}\t{seq}\t{before}\t{person}\t{after}"
                f'\t{{"lead_id": "{firm}"}}\t{commitment}\t{personal}\t{_HASH}\t{_HASH}\n'
            )
        return "".join(lines)


_DUE = (*PROMISES, ClockKind.TIER)


def _told(life: Life, state: str, now: datetime, reason: str = "") -> Told:
    return Told(
        terms=_terms(life, state, now, reason),
        steps=tuple(
            (_ms(at), f"{_stamp(at)}\t{action}", f"{_relation(action)}\tt\t{facts}")
            for action, at, facts in life.steps
        ),
        clocks=tuple((_ms(one.started_at), _clock(life, one, now)) for one in life.clocks),
        breaches=tuple(
            (_ms(noted), _breach(one, noted))
            for one in life.clocks
            if (noted := life.broken.get((one.kind, one.round)))
        ),
    )


def _terms(life: Life, state: str, now: datetime, reason: str) -> dict[str, str]:
    """Say what it is, how far it came and what is owed when."""
    view, resolved = life.view, life.when("resolve")
    confirm = resolved + timedelta(days=7) if resolved else None
    return {
        "state": state,
        "category_code": view.code,
        "kind": view.kind,
        "urgency": view.urgency,
        "policy_version": str(view.policy_version),
        "photo_required": str(view.photo_on_resolve),
        "sensitive": str(view.sensitive),
        "confirm_within": view.confirm_within,
        "tier": str(life.tier),
        "ceiling_tier": str(view.ceiling_tier),
        "breaches": str(len(life.broken)),
        "close_reason": reason or _N,
        "result": "fixed" if resolved else _N,
        "submitted_at": _stamp(life.steps[0][1]),
        "dispatched_at": _stamp(life.when("dispatch")),
        "accepted_at": _stamp(life.when("accept")),
        "started_at": _stamp(life.when("start")),
        "resolved_at": _stamp(resolved),
        "closed_at": _stamp(life.steps[-1][1] if reason else None),
        **{f"{kind}_due_at": _stamp(life.due_at(kind)) for kind in _DUE},
        "confirm_due_at": _stamp(confirm),
        "escalated_at": _stamp(life.escalated_at),
        "next_due_at": _stamp(life.next_due(state, confirm)),
        "look_at": _stamp(life.look_at(now)),
        "due_soon": str(life.due_soon(now)),
        "chain_length": str(len(life.steps)),
    }


def _clock(life: Life, one: Clock, now: datetime) -> str:
    broken = (one.kind, one.round) in life.broken
    warned = one.running and one.warn_at <= now
    used = _N if one.used is None else str(round(one.used.total_seconds()))
    return (
        f"\t{one.kind}\t{one.round}\t{one.tier}\t{one.token}\t{one.percent}\t{one.calendar}"
        f"\t{one.policy_version}\t{one.edition}\t{_stamp(one.started_at)}\t[]"
        f"\t{_stamp(one.due_at)}\t{_stamp(one.warn_at)}\tf\tf"
        f"\t{_stamp(one.warn_at if broken or warned else None)}"
        f"\t{_stamp(one.due_at if broken else None)}\t{_stamp(one.met_at)}"
        f"\t{_stamp(one.stopped_at)}\t{used}"
    )


def _breach(one: Clock, noted: datetime) -> str:
    return f"\t{one.kind}\t{one.round}\t{one.tier}\t{_stamp(one.due_at)}\t{_stamp(noted)}"


def _holding(new_id: str, ticket: dict[str, str]) -> str:
    return (
        f"{new_id}\t{ticket['id']}\t{ticket['lead_id']}\t{ticket['project_id']}\tlead\tt"
        f"\t{ticket['dispatched_at']}\t{ticket['closed_at']}\t{ticket['resolve_due_at']}"
        "\t按这类事项的规定自动派单\n"
    )


def _relation(action: str) -> str:
    return "reporter" if action in ("submit", "verdict", "withdraw") else "system"


def _stamp(moment: datetime | None) -> str:
    return moment.isoformat() if moment else _N


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _uuid(ms: int, chance: random.Random) -> str:
    """Make a UUIDv7 of a moment, as the product's ids are: ordered by time."""
    bits = chance.getrandbits(74)
    head = f"{ms:012x}7{bits >> 62:03x}"
    return f"{head}{0x8000 | (bits >> 48 & 0x3FFF):04x}{bits & (1 << 48) - 1:012x}"
