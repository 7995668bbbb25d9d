"""Who lives and works in the invented district.

Names are drawn from lists of common characters and phones lie under 1003, which
is nobody's line (and no operator's hotline), so no real person can be meant.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.demo.layout import DATA, Building, Compound, Plan
from app.identity.rules import BindingKind, OrgKind, Role

AGES = ("elder", "middle", "young")
GRIDS_PER_WORKER = 2
HOUSEHOLDS_PER_RESIDENT = 16
FEWEST_RESIDENTS, MOST_RESIDENTS = 8, 32


@dataclass(frozen=True, slots=True)
class Home:
    """Where a person lives; ``dwelling`` is the door number, e.g. 501."""

    compound: str
    building: int
    unit: int
    floor: int
    dwelling: str
    binding: BindingKind


@dataclass(frozen=True, slots=True)
class Post:
    """A role held at a place or grid (``at`` is its key or code) or in an organisation."""

    role: Role
    at: str


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person; ``member_of`` lists organisations beside the posts."""

    key: str
    name: str
    phone: str
    age: str
    login: str | None
    home: Home | None
    posts: tuple[Post, ...]
    member_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Body:
    """What the people's part needs to know of an organisation."""

    key: str
    kind: OrgKind
    at: str


class Crowd:
    """Draws people one after the other; the same seed draws the same people."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - invented people, no secret
        self._names = json.loads((DATA / "names.json").read_text(encoding="utf-8"))
        self._taken: set[str] = set()
        self.people: list[Person] = []

    def add(
        self,
        age: str,
        *,
        login: str | None = None,
        home: Home | None = None,
        posts: Sequence[Post] = (),
        member_of: Sequence[str] = (),
    ) -> Person:
        """Invent one more person."""
        serial = len(self.people) + 1
        person = Person(
            key=login or f"p{serial:04d}",
            name=self._name(age),
            phone=f"1003{(serial * 736_879 + 2_026_011) % 10**7:07d}",
            age=age,
            login=login,
            home=home,
            posts=tuple(posts),
            member_of=tuple(member_of),
        )
        self.people.append(person)
        return person

    def home_in(self, compound: Compound) -> Home:
        """Find a dwelling nobody drew yet."""
        while True:
            building = self._rng.choice(compound.buildings)
            home = self._dwelling_in(compound, building)
            mark = f"{home.compound}/{home.building}/{home.unit}/{home.dwelling}"
            if mark not in self._taken:
                self._taken.add(mark)
                return home

    def take(self, place: Sequence[Any], binding: str) -> Home:
        """Keep one dwelling for a person who is known beforehand."""
        compound, building, unit, dwelling = place
        self._taken.add(f"{compound}/{building}/{unit}/{dwelling}")
        floor = int(dwelling[:-2])
        return Home(compound, building, unit, floor, dwelling, BindingKind(binding))

    def age(self) -> str:
        """Draw an age."""
        return self._rng.choices(AGES, weights=(4, 4, 2))[0]

    def _dwelling_in(self, compound: Compound, building: Building) -> Home:
        floor = self._rng.randint(1, building.floors)
        door = self._rng.randint(1, building.doors)
        binding = self._rng.choices(list(BindingKind), weights=(6, 3, 1))[0]
        unit = self._rng.randint(1, building.units)
        return Home(
            compound.key, building.number, unit, floor, f"{floor}{door:02d}", BindingKind(binding)
        )

    def _name(self, age: str) -> str:
        while True:
            given = self._names[age]
            first, second = self._rng.choice(given["first"]), self._rng.choice(given["second"])
            name: str = self._surname() + first + ("" if self._rng.random() < 0.08 else second)
            if name not in self._taken:
                self._taken.add(name)
                return name

    def _surname(self) -> str:
        surnames: str = self._names["surnames"]
        common = surnames[:20] if self._rng.random() < 0.55 else surnames
        drawn: str = self._rng.choice(common)
        return drawn


def populate(plan: Plan, bodies: Sequence[Body], seed: int) -> tuple[Person, ...]:
    """Invent everybody: log-ins first, then staff, grid workers, residents."""
    crowd = Crowd(seed)
    for login in json.loads((DATA / "logins.json").read_text(encoding="utf-8")):
        _log_in(crowd, login)
    staff = json.loads((DATA / "staff.json").read_text(encoding="utf-8"))
    for body in bodies:
        _employ(crowd, plan, body, staff.get(body.kind.value, ()))
    _walk_the_grids(crowd, plan, bodies)
    _name_officers(crowd, plan, bodies)
    for compound in plan.compounds:
        _move_in(crowd, compound)
    centre = plan.district.code
    crowd.add("middle", posts=[Post(Role.AUDITOR, centre)], member_of=["district"])
    return tuple(crowd.people)


def _log_in(crowd: Crowd, login: Mapping[str, Any]) -> None:
    home = None
    if login["home"]:
        home = crowd.take(login["home"], login["binding"])
    posts = [Post(Role(role), at) for role, at in login["posts"]]
    member_of = [login["member_of"]] if "member_of" in login else []
    crowd.add(login["age"], login=login["code"], home=home, posts=posts, member_of=member_of)


def _employ(crowd: Crowd, plan: Plan, body: Body, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Fill an organisation; who logs in already holds one of its posts."""
    desk = body.kind in {OrgKind.COMMUNITY, OrgKind.STREET, OrgKind.DISTRICT}
    compound = _committee_of(plan, body)
    for need in wanted:
        role = Role(need["role"])
        there = sum(Post(role, body.key) in person.posts for person in crowd.people)
        for _ in range(need["count"] - there):
            posts = [Post(role, body.key), *([Post(role, body.at)] if desk else [])]
            home = crowd.home_in(compound) if compound else None
            crowd.add(need["age"], home=home, posts=posts, member_of=[body.key])


def _committee_of(plan: Plan, body: Body) -> Compound | None:
    if body.kind is not OrgKind.OWNERS_COMMITTEE:
        return None
    return next(compound for compound in plan.compounds if compound.key == body.at)


def _walk_the_grids(crowd: Crowd, plan: Plan, bodies: Sequence[Body]) -> None:
    """Give every grid a worker, every community a leader, some workers a second employer."""
    firms = [body.key for body in bodies if body.kind is OrgKind.PROPERTY_FIRM]
    for turn, community in enumerate(plan.communities):
        grids = [grid.code for grid in plan.grids if grid.community == community.code]
        body = _desk_of(bodies, community.code)
        crowd.add(
            "middle",
            posts=[Post(Role.GRID_LEADER, code) for code in grids],
            member_of=[body],
        )
        walked = {post.at for post in _posts(crowd) if post.role is Role.GRID_WORKER}
        waiting = [code for code in grids if code not in walked]
        for start in range(0, len(waiting), GRIDS_PER_WORKER):
            part_time = start == 0 and turn < len(firms)
            crowd.add(
                crowd.age() if not part_time else "middle",
                posts=[
                    Post(Role.GRID_WORKER, code)
                    for code in waiting[start : start + GRIDS_PER_WORKER]
                ],
                member_of=[body, *([firms[turn]] if part_time else [])],
            )


def _posts(crowd: Crowd) -> Iterator[Post]:
    return (post for person in crowd.people for post in person.posts)


def _desk_of(bodies: Sequence[Body], code: str) -> str:
    return next(body.key for body in bodies if body.at == code and body.kind is OrgKind.COMMUNITY)


def _name_officers(crowd: Crowd, plan: Plan, bodies: Sequence[Body]) -> None:
    """Name a compound officer for every compound that has none yet."""
    named = {post.at for post in _posts(crowd) if post.role is Role.COMPOUND_OFFICER}
    for compound in plan.compounds:
        if compound.key not in named:
            posts = [Post(Role.COMPOUND_OFFICER, compound.key)]
            crowd.add("middle", posts=posts, member_of=[_desk_of(bodies, compound.community)])


def _move_in(crowd: Crowd, compound: Compound) -> None:
    """House residents: some lead a building, one helps as a volunteer."""
    wanted = compound.households // HOUSEHOLDS_PER_RESIDENT
    wanted = min(max(wanted, FEWEST_RESIDENTS), MOST_RESIDENTS)
    led = {post.at for post in _posts(crowd) if post.role is Role.BUILDING_HEAD}
    for turn in range(wanted):
        home = crowd.home_in(compound)
        key = f"{compound.key}/{home.building}"
        posts = []
        if turn % 4 == 0 and key not in led:
            led.add(key)
            posts.append(Post(Role.BUILDING_HEAD, key))
        elif turn == 1:
            posts.append(Post(Role.VOLUNTEER, compound.key))
        crowd.add("elder" if posts else crowd.age(), home=home, posts=posts)
