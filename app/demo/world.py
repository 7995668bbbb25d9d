"""The invented district as plain values: places, bodies, people, things.

``build_world(seed)`` is pure: the same seed gives the same world. It writes
nothing; the loader hands these values to the rooms' services.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.demo.layout import DATA, Building, Compound, Grid, Plan, plan
from app.demo.people import Body, Person, populate
from app.identity.rules import OrgKind, Role
from app.territory.rules import FacilityKind, ManagementMode

SEED = 20261121
LETTERS = {
    FacilityKind.LAMP: "D",
    FacilityKind.LIFT: "T",
    FacilityKind.MANHOLE: "J",
    FacilityKind.PUMP: "B",
    FacilityKind.GATE: "M",
    FacilityKind.FITNESS: "S",
    FacilityKind.FIRE: "X",
}
"""First letter of a facility's number, as painted on it."""
PUMPED_ABOVE = 9
"""Floors the mains pressure reaches; taller compounds have a pump room."""
LIFT_WARRANTY, LAMP_WARRANTY = 5, 2


@dataclass(frozen=True, slots=True)
class Organisation:
    """A body; ``at`` is the key of its place, ``matters`` the leaves a party is named for."""

    key: str
    kind: OrgKind
    name: str
    short_name: str
    at: str
    has_accounts: bool
    party: str
    matters: tuple[str, ...]
    duty_phone: str


@dataclass(frozen=True, slots=True)
class Project:
    """A firm's contract; ``buildings`` is empty when it serves the whole compound."""

    firm: str
    compound: str
    buildings: tuple[int, ...]
    grade: str
    since: date
    duty_phone: str


@dataclass(frozen=True, slots=True)
class Facility:
    """A thing in public; ``compound`` is None on the street, ``responsible`` None if nobody is."""

    number: str
    kind: FacilityKind
    label: str
    compound: str | None
    building: str | None
    unit: int | None
    grid: str
    lat: float
    lon: float
    responsible: str | None
    warranty_until: date | None


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is called, in which order, round the clock."""

    organisation: str
    person: str
    order: int


@dataclass(frozen=True, slots=True)
class Fallback:
    """Whom a compound without a firm may call (兜底), and for what."""

    compound: str
    name: str
    phone: str
    what: str


@dataclass(frozen=True, slots=True)
class World:
    """Everything the loader needs."""

    ground: Plan
    organisations: tuple[Organisation, ...]
    projects: tuple[Project, ...]
    people: tuple[Person, ...]
    duties: tuple[Duty, ...]
    facilities: tuple[Facility, ...]
    fallbacks: tuple[Fallback, ...]

    def compound(self, key: str) -> Compound:
        """Find a compound by its key."""
        return next(compound for compound in self.ground.compounds if compound.key == key)

    def organisation(self, key: str) -> Organisation:
        """Find an organisation by its key."""
        return next(body for body in self.organisations if body.key == key)

    def firms_of(self, compound: str, building: int | None = None) -> tuple[str, ...]:
        """Name the firms that serve a compound, or one building of it."""
        return tuple(
            project.firm
            for project in self.projects
            if project.compound == compound
            and (building is None or not project.buildings or building in project.buildings)
        )

    def login(self, code: str) -> Person:
        """Find the person a demo log-in code stands for."""
        return next(person for person in self.people if person.login == code)


def build_world(seed: int = SEED) -> World:
    """Invent the whole district."""
    ground = plan()
    organisations = tuple(_organisations(ground))
    projects = tuple(_projects())
    bodies = [Body(each.key, each.kind, each.at) for each in organisations]
    people = populate(ground, bodies, seed)
    return World(
        ground=ground,
        organisations=organisations,
        projects=projects,
        people=people,
        duties=tuple(_duties(organisations, people)),
        facilities=tuple(_facilities(ground, projects)),
        fallbacks=tuple(_fallbacks(ground, projects)),
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _organisations(ground: Plan) -> Iterator[Organisation]:
    for serial, row in enumerate(_rows("organisations.csv"), start=1):
        yield Organisation(
            key=row["key"],
            kind=OrgKind(row["kind"]),
            name=row["name"],
            short_name=row["short_name"],
            at=row["at"],
            has_accounts=row["accounts"] == "Y",
            party=row["party"],
            matters=tuple(row["matters"].split()),
            duty_phone=f"10040{serial:06d}",
        )
    for compound in ground.compounds:
        if compound.committee:
            yield Organisation(
                key=f"committee-{compound.key}",
                kind=OrgKind.OWNERS_COMMITTEE,
                name=f"{compound.name}业主委员会",
                short_name=f"{compound.name}业委会",
                at=compound.key,
                has_accounts=True,
                party="owners_committee",
                matters=(),
                duty_phone="",
            )


def _projects() -> Iterator[Project]:
    for serial, row in enumerate(_rows("projects.csv"), start=1):
        first, _, last = row["buildings"].partition("-")
        yield Project(
            firm=row["firm"],
            compound=row["compound"],
            buildings=tuple(range(int(first), int(last) + 1)) if first else (),
            grade=row["grade"],
            since=date.fromisoformat(row["since"]),
            duty_phone=f"10041{serial:06d}",
        )


def _duties(organisations: Sequence[Organisation], people: Sequence[Person]) -> Iterator[Duty]:
    """Put handlers and desks on the call list, those nearest the work first."""
    ranks = (
        Role.REPAIRER,
        Role.PROPERTY_CLERK,
        Role.PROPERTY_MANAGER,
        Role.COMMUNITY_STAFF,
        Role.COMMUNITY_SECRETARY,
        Role.STREET_STAFF,
        Role.DISTRICT_DISPATCHER,
    )
    for body in organisations:
        listed = [
            (ranks.index(post.role), person.key)
            for person in people
            for post in person.posts
            if post.at == body.key and post.role in ranks
        ]
        listed.sort(key=lambda entry: entry[0])
        for order, (_, key) in enumerate(listed, start=1):
            yield Duty(body.key, key, order)


def _facilities(ground: Plan, projects: Sequence[Project]) -> Iterator[Facility]:
    counts = dict.fromkeys(LETTERS, 0)
    draft: list[Mapping[str, Any]] = []
    for compound in ground.compounds:
        draft += _inside(compound, projects)
    for grid in ground.grids:
        if not any(grid.code in compound.grids for compound in ground.compounds):
            draft += _on_the_street(grid)
    for one in draft:
        counts[one["kind"]] += 1
        yield Facility(number=f"{LETTERS[one['kind']]}{counts[one['kind']]:04d}", **one)


def _inside(compound: Compound, projects: Sequence[Project]) -> Iterator[Mapping[str, Any]]:
    for building in compound.buildings:
        firm = _firm_of(compound.key, building.number, projects)
        near = _near(building, compound.key, firm)
        label = f"{compound.name}{building.number}幢"
        yield near | {"kind": FacilityKind.LAMP, "label": f"{label}楼前庭院灯"}
        yield near | {"kind": FacilityKind.MANHOLE, "label": f"{label}西侧雨水井"}
        if building.lift:
            until = date(compound.built + LIFT_WARRANTY, 12, 31)
            for unit in range(1, building.units + 1):
                lift = {"unit": unit, "label": f"{label}{unit}单元电梯", "warranty_until": until}
                yield near | lift | {"kind": FacilityKind.LIFT}
    first = compound.buildings[0]
    near = _near(first, compound.key, _firm_of(compound.key, first.number, projects))
    if first.floors > PUMPED_ABOVE:
        yield near | {"kind": FacilityKind.PUMP, "label": f"{compound.name}二次供水泵房"}
    if compound.mode is not ManagementMode.NONE:
        yield near | {"kind": FacilityKind.GATE, "label": f"{compound.name}大门道闸"}
        yield near | {"kind": FacilityKind.FITNESS, "label": f"{compound.name}健身角"}
    yield near | {"kind": FacilityKind.FIRE, "label": f"{compound.name}1幢旁消火栓"}


def _near(building: Building, compound: str, firm: str | None) -> dict[str, Any]:
    return {
        "compound": compound,
        "building": building.key,
        "unit": None,
        "grid": building.grid,
        "lat": building.lat,
        "lon": building.lon,
        "responsible": firm,
        "warranty_until": None,
    }


def _on_the_street(grid: Grid) -> Iterator[Mapping[str, Any]]:
    """Set lamps and manholes at the corners of a grid without a compound, a little inside."""
    outer = grid.polygons[0][0]
    middle = (sum(x for x, _ in outer[:4]) / 4, sum(y for _, y in outer[:4]) / 4)
    for serial, (lon, lat) in enumerate(outer[:4], start=1):
        spot = {
            "compound": None,
            "building": None,
            "unit": None,
            "grid": grid.code,
            "lon": round(lon + (middle[0] - lon) * 0.1, 6),
            "lat": round(lat + (middle[1] - lat) * 0.1, 6),
        }
        street = {
            "responsible": _street_of(grid),
            "warranty_until": date(2026 + LAMP_WARRANTY, 6, 30),
        }
        lamp = {"kind": FacilityKind.LAMP, "label": f"{grid.covers}{serial}号路灯"}
        yield spot | street | lamp
        if serial % 2 == 0:
            manhole = {"kind": FacilityKind.MANHOLE, "label": f"{grid.covers}{serial}号污水井"}
            yield spot | manhole | {"responsible": "water", "warranty_until": None}


def _street_of(grid: Grid) -> str:
    return "street-wanghe" if grid.community.startswith("990101001") else "street-tingsong"


def _firm_of(compound: str, building: int, projects: Sequence[Project]) -> str | None:
    return next(
        (
            project.firm
            for project in projects
            if project.compound == compound
            and (not project.buildings or building in project.buildings)
        ),
        None,
    )


def _fallbacks(ground: Plan, projects: Sequence[Project]) -> Iterator[Fallback]:
    served = {project.compound for project in projects}
    serial = 0
    for compound in ground.compounds:
        if compound.key in served:
            continue
        for name, what in (
            ("社区应急维修点", "公共水管、下水道、楼道灯"),
            ("社区开锁登记点", "单元门、门锁"),
            ("街道排险值班", "墙体、树木、井盖险情"),
        ):
            serial += 1
            yield Fallback(compound.key, name, f"10042{serial:06d}", what)
