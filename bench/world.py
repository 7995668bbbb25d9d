"""The small district that is measured: made through the services, then copied.

One district, four streets, twenty communities with a grid each, sixty compounds
of four buildings, ten firms. It stays the same however many tickets there are:
a worklist must not grow slower because history grew longer.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from flask import Flask

from app import rooms
from app.catalog import service as catalog
from app.factory import create_app
from app.identity import queries as identity_queries
from app.identity import service as identity
from app.identity.rules import LoginMethod, OrgKind, Role
from app.identity.service import NewOrganisation, NewProject, NewShift
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import db
from app.kernel.work import unit_of_work
from app.sla import service as sla
from app.territory import queries as territory
from app.territory import service as territory_service
from app.territory.datum import Datum
from app.territory.rules import Level, ManagementMode
from app.territory.service import GridDraft, PlaceDraft
from config import Settings

assert rooms.MODELS

STREETS, COMMUNITIES, COMPOUNDS, BUILDINGS, FIRMS, RESIDENTS = 4, 20, 60, 4, 10, 64
WEST, SOUTH = 123.0, 30.0  # open water
CELL = 0.01


@dataclass(frozen=True, slots=True)
class Building:
    """One building with all that a ticket there carries, and its QR scene."""

    id: UUID
    compound_id: UUID
    community_id: UUID
    street_id: UUID
    grid_id: UUID
    firm_id: UUID
    project_id: UUID
    lat: float
    lon: float
    label: str
    scene: str


@dataclass(slots=True)
class World:
    """Ids, scenes and open sessions of the district."""

    district_id: UUID
    buildings: list[Building] = field(default_factory=list)
    people: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    firms: list[UUID] = field(default_factory=list)


def settings_for(url: str, folder: Path, *, port: int = 8000) -> Settings:
    """Make the settings of a served product; the keys are kept in ``folder``."""
    return Settings.from_env(environment(url, folder, port=port))


def environment(url: str, folder: Path, *, port: int = 8000) -> dict[str, str]:
    """Name what the served product is told: test mode, no rate limits."""
    return {
        "SANDAN_ENV": "test",
        "SANDAN_DATA": str(folder),
        "DATABASE_URL": url,
        "SANDAN_RATE_LIMITS": "0",
        "LOG_LEVEL": "INFO",
        "PORT": str(port),
    }


def app_on(url: str, folder: Path) -> Flask:
    """Make the application without doors over a database."""
    return create_app(settings_for(url, folder))


def build(url: str, folder: Path, now: datetime) -> World:
    """Make tables and the district in an empty database."""
    app = app_on(url, folder)
    with app.app_context(), clock.frozen(now - timedelta(days=400)):
        db.create_all()
        with unit_of_work():
            catalog.load_shipped(SYSTEM)
            sla.seed_calendar(SYSTEM)
            world = _plant()
        with unit_of_work():
            _people(world)
    with app.app_context():
        with unit_of_work():
            _sessions(world)
        db.engine.dispose()
    return world


def actor_of(world: World, name: str) -> Actor:
    """Let somebody of the district act."""
    found = identity_queries.actor_of(world.people[name])
    assert found is not None
    return found


def _plant() -> World:
    drafts: list[PlaceDraft] = []

    def add(level: Level, name: str, parent: PlaceDraft | None, **more: object) -> PlaceDraft:
        made = PlaceDraft(level, name, parent.id if parent else None, **more)  # type: ignore[arg-type]
        drafts.append(made)
        return made

    district = add(Level.DISTRICT, "澄湖区", None, code="990101000000")
    streets = [
        add(Level.STREET, f"第{n + 1}街道", district, code=f"9901010{n + 1:02d}000")
        for n in range(STREETS)
    ]
    communities = [
        add(
            Level.COMMUNITY,
            f"第{n + 1}社区",
            streets[n % STREETS],
            code=f"9901010{n % STREETS + 1:02d}{n + 1:03d}",
        )
        for n in range(COMMUNITIES)
    ]
    compounds = [
        add(
            Level.COMPOUND,
            f"第{n + 1}小区",
            communities[n % COMMUNITIES],
            management_mode=ManagementMode.PROFESSIONAL,
        )
        for n in range(COMPOUNDS)
    ]
    buildings = []
    for n, compound in enumerate(compounds):
        for b in range(BUILDINGS):
            lat = SOUTH + CELL * (0.2 + 0.2 * (n // COMMUNITIES))
            lon = WEST + CELL * (n % COMMUNITIES + 0.15 + 0.2 * b)
            home = add(Level.BUILDING, f"{b + 1}幢", compound, lat=lat, lon=lon, datum=Datum.GCJ02)
            buildings.append((n, home))
    territory_service.add_places(SYSTEM, drafts)
    world = World(district.id)
    grids = [_grid(n, community.id) for n, community in enumerate(communities)]
    projects = _organisations(world, district, streets, communities, compounds)
    territory_service.issue_scenes(SYSTEM, [home.id for _, home in buildings])
    scenes = territory.scene_of([home.id for _, home in buildings])
    for n, home in buildings:
        firm_id, project_id = projects[n]
        world.buildings.append(
            Building(
                id=home.id,
                compound_id=compounds[n].id,
                community_id=communities[n % COMMUNITIES].id,
                street_id=streets[n % COMMUNITIES % STREETS].id,
                grid_id=grids[n % COMMUNITIES],
                firm_id=firm_id,
                project_id=project_id,
                lat=home.lat or 0.0,
                lon=home.lon or 0.0,
                label=f"{compounds[n].name} {home.name}",
                scene=scenes[home.id],
            )
        )
    return world


def _grid(n: int, community_id: UUID) -> UUID:
    west, east = WEST + CELL * n, WEST + CELL * (n + 1)
    ring = [[west, SOUTH], [east, SOUTH], [east, SOUTH + CELL], [west, SOUTH + CELL], [west, SOUTH]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    draft = GridDraft(community_id, f"第{n + 1}网格", f"G{n + 1:03d}", shape, Datum.GCJ02)
    return territory_service.add_grid(SYSTEM, draft).id


def _organisations(
    world: World,
    district: PlaceDraft,
    streets: list[PlaceDraft],
    communities: list[PlaceDraft],
    compounds: list[PlaceDraft],
) -> list[tuple[UUID, UUID]]:
    desks = [
        (OrgKind.DISTRICT, district, "district"),
        *((OrgKind.STREET, street, f"street{n}") for n, street in enumerate(streets)),
        *((OrgKind.COMMUNITY, one, f"community{n}") for n, one in enumerate(communities)),
    ]
    for kind, place, key in desks:
        made = identity.open_organisation(
            SYSTEM,
            NewOrganisation(
                kind=kind, name=f"{place.name}值班室", place_id=place.id, has_accounts=True
            ),
        )
        world.people[f"organisation:{key}"] = made.id
    for n in range(FIRMS):
        firm = NewOrganisation(kind=OrgKind.PROPERTY_FIRM, name=f"第{n + 1}物业", has_accounts=True)
        world.firms.append(identity.open_organisation(SYSTEM, firm).id)
    projects = []
    for n, compound in enumerate(compounds):
        firm_id = world.firms[n % FIRMS]
        contract = NewProject(
            organisation_id=firm_id, compound_id=compound.id, duty_phone="10010000001"
        )
        projects.append((firm_id, identity.open_project(SYSTEM, contract).id))
    return projects


def _people(world: World) -> None:
    posts = [
        *((f"repairer{n}", Role.REPAIRER, firm) for n, firm in enumerate(world.firms)),
        *((f"manager{n}", Role.PROPERTY_MANAGER, firm) for n, firm in enumerate(world.firms)),
        *(
            (f"staff{n}", Role.COMMUNITY_STAFF, world.people[f"organisation:community{n}"])
            for n in range(COMMUNITIES)
        ),
        ("street", Role.STREET_STAFF, world.people["organisation:street0"]),
        ("dispatcher", Role.DISTRICT_DISPATCHER, world.people["organisation:district"]),
    ]
    names = [*(name for name, _, _ in posts), *(f"resident{n}" for n in range(RESIDENTS))]
    for n, name in enumerate(names):
        person = identity.add_person(
            SYSTEM, name=f"测试{n}", phone=f"100{n:08d}", work_number=f"{1000 + n}"
        )
        world.people[name] = person.id
    for name, role, organisation_id in posts:
        identity.appoint(SYSTEM, world.people[name], role, organisation_id)
    for n, firm in enumerate(world.firms):
        shift = NewShift(
            organisation_id=firm,
            person_id=world.people[f"repairer{n}"],
            starts_at=clock.now(),
            order=0,
        )
        identity.start_shift(SYSTEM, shift)


def _sessions(world: World) -> None:
    for name, person_id in world.people.items():
        if not name.startswith("organisation:"):
            opened = open_session(person_id, LoginMethod.WECHAT, clock.now())
            assert opened is not None
            world.tokens[name] = opened.token
