"""What is reported when, where and by whom in the invented year: pure, from a seed.

The mix of matters and its course over the year stand in ``data/seasons.json``;
this file draws from them. It knows nothing of the database.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any

from app.demo.layout import DATA, Compound, Grid
from app.demo.people import Person
from app.demo.world import World
from app.kernel.clock import SHANGHAI

YEAR = timedelta(days=365)
GROWTH = (0.7, 1.3)
"""How busy the first and the last day are: the product becomes known."""
LATELY = timedelta(days=9)
LATELY_BUSIER = 1.5
"""The last days bring more, so that the desks have something to do."""
ON_BEHALF, TWIN, TICKED = 0.06, 0.035, 0.02
PATROL = "patrol"
"""The channel of a compound's officer, who files for the compound, not for the street."""
OLD_AGE = 12.0
"""Years of building age that double the trouble of a compound."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report to be made; ``where`` is home, stairs, lift, yard or street.

    ``who`` speaks, ``filer`` (building head, grid worker, community staff) files
    for them. A ``twin`` repeats the report of that serial number. ``ticked``: "I
    complain about the firm", where that is possible.
    """

    serial: int
    at: datetime
    code: str
    who: str
    where: str
    compound: str
    grid: str | None = None
    filer: str | None = None
    channel: str = "mini_program"
    twin: int | None = None
    ticked: bool = False


@dataclass(frozen=True, slots=True)
class Census:
    """Who may speak: ``verified`` keys may report from inside their home."""

    world: World
    neighbours: Mapping[str, Sequence[Person]]
    verified: frozenset[str]
    filers: Mapping[str, Sequence[tuple[str, str]]]
    """Compound or building → (person, channel) who file for others there."""


@cache
def _table() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((DATA / "seasons.json").read_text(encoding="utf-8"))
    return found


def where_of(code: str) -> str:
    """Tell where a matter is reported from."""
    found: str = _table()["leaves"][code]["where"]
    return found


def lay_out(census: Census, now: datetime, rng: random.Random, count: int) -> list[Report]:
    """Draw the year's reports, by time."""
    moments = sorted(_moments(now, rng, count))
    drawn: list[Report] = []
    while len(drawn) < count:
        at = moments[len(drawn)]
        report = _drawn(census, len(drawn), at, rng)
        drawn.append(report)
        if rng.random() < TWIN and len(drawn) < count and report.where in ("stairs", "yard"):
            drawn.append(_twin(census, report, len(drawn), rng, now))
    return sorted(drawn, key=lambda report: (report.at, report.serial))


def _moments(now: datetime, rng: random.Random, count: int) -> list[datetime]:
    today = now.astimezone(SHANGHAI).date()
    days = [today - timedelta(days=back) for back in range(YEAR.days, -1, -1)]
    chosen = rng.choices(days, weights=[_busy(day, today) for day in days], k=count)
    return [_moment(day, "day", now, rng) for day in chosen]


def _busy(day: date, today: date) -> float:
    back = today - day
    rising = GROWTH[1] - (GROWTH[1] - GROWTH[0]) * (back / YEAR)
    lately = LATELY_BUSIER if back <= LATELY else 1.0
    weekday: float = _table()["weekdays"][day.weekday()]
    return rising * lately * weekday


def _moment(day: date, hours: str, now: datetime, rng: random.Random) -> datetime:
    """Draw a time of day; what has not come yet is moved to the day before."""
    hour = rng.choices(range(24), weights=_table()["hours"][hours])[0]
    moment = time(hour, rng.randrange(60), rng.randrange(60))
    at = datetime.combine(day, moment, tzinfo=SHANGHAI).astimezone(UTC)
    return at if at < now - timedelta(minutes=5) else at - timedelta(days=1)


def _drawn(census: Census, serial: int, at: datetime, rng: random.Random) -> Report:
    local = at.astimezone(SHANGHAI)
    leaves = _table()["leaves"]
    code = rng.choices(list(leaves), weights=[_weight(one, local.month) for one in leaves])[0]
    leaf = leaves[code]
    if "hours" in leaf:
        at = _moment(local.date(), leaf["hours"], at + timedelta(days=1), rng)
    compound = _compound(census.world, leaf, at, rng)
    who = _speaker(census, compound, leaf["where"], rng)
    grid = _street(census.world, compound, rng) if leaf["where"] == "street" else None
    filer, channel = None, "h5" if rng.random() < 0.12 else "mini_program"
    if rng.random() < (ON_BEHALF * 2 if who.age == "elder" else ON_BEHALF):
        filer, channel = rng.choice(_filers(census, who, leaf["where"]))
    return Report(
        serial=serial,
        at=at,
        code=code,
        who=who.key,
        where=leaf["where"],
        compound=compound.key,
        grid=grid.code if grid else None,
        filer=filer,
        channel=channel,
        ticked=rng.random() < TICKED,
    )


def _filers(census: Census, who: Person, where: str) -> Sequence[tuple[str, str]]:
    """List who may file this: desks everywhere, who walks around only where they walk."""
    assert who.home is not None  # noqa: S101  (residents speak)
    compound = who.home.compound
    there = list(census.filers[compound])
    if where == "street":
        return [one for one in there if one[1] != PATROL]
    if where in ("home", "stairs", "lift"):
        there += census.filers.get(f"{compound}/{who.home.building}", ())
    return [one for one in there if one[0] != who.key]


def _weight(code: str, month: int) -> float:
    leaf = _table()["leaves"][code]
    season = _table()["seasons"].get(leaf.get("season"), [1.0] * 12)
    weight: float = leaf["weight"] * season[month - 1]
    return weight


def _compound(world: World, leaf: Mapping[str, Any], at: datetime, rng: random.Random) -> Compound:
    if "only" in leaf and rng.random() < 0.8:
        return world.compound(leaf["only"])
    fit = [one for one in world.ground.compounds if _fits(world, one, leaf)]
    return rng.choices(fit, weights=[_trouble(one, at.year) for one in fit])[0]


def _fits(world: World, compound: Compound, leaf: Mapping[str, Any]) -> bool:
    if leaf["where"] == "lift":
        return compound.lift
    needs = leaf.get("needs")
    if needs == "firm":
        return bool(world.firms_of(compound.key))
    return needs != "committee" or compound.committee


def _trouble(compound: Compound, year: int) -> float:
    """Weigh a compound by its households and its age."""
    size: float = compound.households**0.6
    return size * (1 + max(year - compound.built, 0) / OLD_AGE)


def _speaker(census: Census, compound: Compound, where: str, rng: random.Random) -> Person:
    living = census.neighbours[compound.key]
    inside = [one for one in living if one.key in census.verified]
    return rng.choice(inside if where == "home" else living)


def _street(world: World, compound: Compound, rng: random.Random) -> Grid:
    """Choose a grid without a compound in the same community."""
    lived_in = {code for one in world.ground.compounds for code in one.grids}
    near = [
        grid
        for grid in world.ground.grids
        if grid.community == compound.community and grid.code not in lived_in
    ]
    return rng.choice(near)


def _twin(census: Census, first: Report, serial: int, rng: random.Random, now: datetime) -> Report:
    """Let somebody else of the compound report the same a little later."""
    living = [one for one in census.neighbours[first.compound] if one.key != first.who]
    later = first.at + timedelta(minutes=rng.randint(6, 300))
    return Report(
        serial=serial,
        at=min(later, now - timedelta(minutes=1)),
        code=first.code,
        who=rng.choice(living).key,
        where=first.where,
        compound=first.compound,
        twin=first.serial,
    )
