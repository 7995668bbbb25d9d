"""Load the invented district into an empty database: founded first, then lived in for a year.

Everything goes through the rooms' services, with the clock held at the time of each
act. All of it is one unit of work: a load that is cut short leaves the database empty.
"""

import gc
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.catalog import queries as catalog_queries
from app.catalog import service as catalog
from app.demo import bodies, ground, lives, pictures, policy, queries, season, staged
from app.demo.layout import Compound
from app.demo.people import Person
from app.demo.pictures import Pictures
from app.demo.season import Census
from app.demo.stage import Stage
from app.demo.story import Life, Setting
from app.demo.town import DESK_ROLES, Town
from app.demo.world import SEED, build_world
from app.identity import queries as identity_queries
from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock, marks, outbox
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Conflict, SandanError
from app.kernel.work import unit_of_work
from app.moderation import service as moderation
from app.sla import queries as sla_queries
from app.sla import service as sla
from app.tickets.states import OPEN, State

FOUNDED = timedelta(days=400)
"""How long the district has stood: a year of tickets, and time to settle in before."""
CONSOLE = ("dev-community", "dev-street", "dev-district", "dev-admin")
"""Demo people who also get a password, for the desks on a big screen."""


@dataclass(frozen=True, slots=True)
class DemoReport:
    """What was loaded; ``digest`` is equal for equal seed and moment.

    ``passwords`` maps console log-in names to passwords that are kept nowhere else.
    ``stumbles`` are acts the house refused: none, unless something is wrong.
    """

    tickets: int
    open: int
    states: Mapping[State, int]
    people: int
    acts: int
    seconds: float
    digest: str
    passwords: Mapping[str, str]
    stumbles: tuple[str, ...]


def load(
    now: datetime,
    *,
    seed: int = SEED,
    tickets: int = 2000,
    progress: Callable[[str], None] = lambda _: None,
) -> DemoReport:
    """Load the demo district as it stands at ``now``; outside any unit of work.

    Raises:
        Conflict: the database is not empty (code ``not_empty``).

    """
    began = time.perf_counter()
    now = now.replace(microsecond=0)
    _refuse_unless_empty()
    session.rollback()
    progress("正在建立演示区：街道、社区、小区、物业和人员 …")
    with clock.frozen(now):
        shown = pictures.take_in()
    try:
        town, stage = _told(shown, now, seed, tickets, progress, careful=False)
    except SandanError:
        progress("有一步没有办成，换稳妥的办法重来 …")
        town, stage = _told(shown, now, seed, tickets, progress, careful=True)
    with unit_of_work():
        pictures.put_away(shown)
    with clock.frozen(now):
        passwords = _console(town)
    report = _report(stage, town, passwords, time.perf_counter() - began)
    progress(f"演示区已就绪：{report.tickets} 件工单，其中 {report.open} 件在办。")
    return report


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let the garbage wait: half a million living objects are no garbage, looked at or not."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def is_loadable() -> bool:
    """Tell whether the database is empty enough for a demo."""
    return not identity_queries.has_persons() and not marks.demo_marked()


def _refuse_unless_empty() -> None:
    if not is_loadable():
        raise Conflict("数据库里已有数据，演示区只能装进空库。", code="not_empty")


def _found(town: Town, now: datetime, rng: random.Random) -> list[Person]:
    """Found the district; list the residents whose claim of a home comes late."""
    start = now - FOUNDED
    with clock.frozen(start):
        _refuse_unless_empty()
        marks.mark_demo()
        catalog.load_shipped(SYSTEM)
        sla.seed_calendar(SYSTEM)
        ground.plant(town)
        bodies.open_bodies(town)
        ground.furnish(town)
        bodies.bring_people(town)
        bodies.set_shifts(town, start, now)
    with clock.frozen(start + timedelta(hours=1)):
        bodies.wake_people(town)
        policy.decide(town)
        return bodies.settle_homes(town, rng)


def _told(
    shown: Pictures,
    now: datetime,
    seed: int,
    tickets: int,
    progress: Callable[[str], None],
    *,
    careful: bool,
) -> tuple[Town, Stage]:
    """Found the district and let a year pass in it, or do nothing at all."""
    rng = random.Random(seed)  # noqa: S311 - an invented year, no secret
    town, stage = Town(build_world(seed)), Stage(now, careful=careful)
    with _undisturbed(), outbox.untold(), unit_of_work():
        waiting = _found(town, now, rng)
        progress(f"正在讲述一年里的 {tickets} 件诉求 …")
        setting = _setting(stage, town, shown, now)
        reports = season.lay_out(_census(town), now, rng, max(tickets - len(staged.scripts()), 0))
        for report in reports:
            stage.enter(lives.report_life(setting, report, f"{seed}/{report.serial}"))
        for life in staged.staged_lives(setting, now, seed, len(reports)):
            stage.enter(life)
        for person in waiting:
            back = timedelta(minutes=rng.randrange(90, 12_000))
            stage.enter(_claim(town, person.key, now - back))
        stage.play(_teller(progress))
        for ticket_id in queries.joined():
            moderation.let_through(SYSTEM, ticket_id)
    return town, stage


def _setting(stage: Stage, town: Town, shown: Pictures, now: datetime) -> Setting:
    district_id = town.places[town.world.ground.district.code]
    tree = catalog_queries.tree(district_id=district_id, at=now)
    return Setting(
        town=town,
        calendars=sla_queries.calendars(district_id),
        pictures=shown,
        views={view.code: view for group in tree for view in group.categories},
        keys=town.keys_of(),
        persons={person_id: key for key, person_id in town.people.items()},
        enter=stage.enter,
    )


def _census(town: Town) -> Census:
    compounds = town.world.ground.compounds
    filers = {one.key: _desk_filers(town, one) for one in compounds}
    for compound in compounds:
        for building in compound.buildings:
            heads = town.holding([Role.BUILDING_HEAD], building.key)
            walkers = town.holding([Role.GRID_WORKER], building.grid)
            filers[building.key] = [
                *((key, "mini_program") for key in heads),
                *((key, "grid") for key in walkers),
            ]
    return Census(
        world=town.world,
        neighbours={one.key: town.neighbours(one.key) for one in compounds},
        verified=frozenset(town.confirmed),
        filers=filers,
    )


def _desk_filers(town: Town, compound: Compound) -> list[tuple[str, str]]:
    """List who may file for others everywhere in a compound, with their channel."""
    officers = town.holding([Role.COMPOUND_OFFICER], compound.key)
    staff = town.holding(DESK_ROLES["community"], compound.community)
    return [
        *((key, season.PATROL) for key in officers),
        *((key, channel) for key in staff for channel in ("phone", "counter")),
    ]


def _claim(town: Town, key: str, at: datetime) -> Life:
    """Let a newcomer claim a home; the community has not looked at it yet."""
    yield at
    home = town.person_of[key].home
    if home is not None:
        identity.claim_dwelling(town.actors[key], bodies.home_id(town, home), home.binding)


def _teller(progress: Callable[[str], None]) -> Callable[[datetime, int], None]:
    """Tell the progress once for each month of the year."""
    told = ""

    def tell(at: datetime, acts: int) -> None:
        nonlocal told
        month = f"{at.astimezone(clock.SHANGHAI):%Y-%m}"
        if month != told:
            told = month
            progress(f"  {month}（已办 {acts} 步）")

    return tell


def _console(town: Town) -> dict[str, str]:
    """Give the desks a password each; it is told once and kept only as a hash."""
    made = {}
    for key in CONSOLE:
        made[key] = f"{secrets.token_urlsafe(9)}-a1"
        identity.set_password(SYSTEM, town.people[key], key, made[key])
    return made


def _report(stage: Stage, town: Town, passwords: Mapping[str, str], seconds: float) -> DemoReport:
    states = queries.states()
    report = DemoReport(
        tickets=sum(states.values()),
        open=sum(count for state, count in states.items() if state in OPEN | {State.RESOLVED}),
        states=states,
        people=len(town.people),
        acts=stage.acts,
        seconds=seconds,
        digest=queries.digest(),
        passwords=passwords,
        stumbles=tuple(stage.stumbles),
    )
    session.rollback()
    return report
