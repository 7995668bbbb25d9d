"""A small territory: square grids around a corner of an invented district."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.ids import new_id
from app.kernel.work import in_unit, unit_of_work
from app.territory import service
from app.territory.models import Facility, Grid, Place
from app.territory.rules import Datum, FacilityKind, Level, ManagementMode
from app.territory.service import FacilityDraft, GridDraft, PlaceDraft, ProfileDraft

LAT, LON = 30.0, 120.0
"""The corner from which sides are counted, GCJ-02."""
STEP = 0.001
"""One side unit, about a hundred metres."""


@contextmanager
def unit() -> Iterator[None]:
    """Open a unit of work unless one is open."""
    if in_unit():
        yield
    else:
        with unit_of_work():
            yield


def at(x: float, y: float) -> tuple[float, float]:
    """Name the (lat, lon) of a corner in side units."""
    return LAT + y * STEP, LON + x * STEP


def ring(x0: float, y0: float, x1: float, y1: float) -> list[list[float]]:
    """Draw a closed rectangle in side units."""
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
    return [[at(x, y)[1], at(x, y)[0]] for x, y in corners]


def box(x0: float, y0: float, x1: float, y1: float, *holes: Any) -> dict[str, Any]:
    """Draw a polygon of one rectangle with holes."""
    return {"type": "Polygon", "coordinates": [ring(x0, y0, x1, y1), *holes]}


def boxes(*sides: tuple[float, float, float, float]) -> dict[str, Any]:
    """Draw a multipolygon of rectangles."""
    return {"type": "MultiPolygon", "coordinates": [[ring(*side)] for side in sides]}


def editor(*node_ids: UUID) -> Actor:
    """Make a person who may edit the territory at some nodes."""
    permissions = frozenset({Permission.TERRITORY_EDIT})
    grants = tuple(Grant("street_staff", permissions, node, "street") for node in node_ids)
    return Actor(person_id=new_id(), name="街道工作人员", grants=grants)


def place(level: Level, name: str, parent_id: UUID | None = None, **extra: Any) -> Place:
    """Plant a place as the system."""
    with unit():
        return service.add_place(SYSTEM, PlaceDraft(level, name, parent_id, **extra))


def grid(
    community_id: UUID, code: str, geometry: dict[str, Any], datum: Datum = Datum.GCJ02
) -> Grid:
    """Draw a grid as the system; its name follows from its code."""
    with unit():
        return service.add_grid(
            SYSTEM, GridDraft(community_id, f"{code}网格", code, geometry, datum)
        )


def facility(place_id: UUID, number: str = "LD-001", **extra: Any) -> Facility:
    """Put up a lamp as the system."""
    kind = extra.pop("kind", FacilityKind.LAMP)
    with unit():
        return service.add_facility(SYSTEM, FacilityDraft(number, kind, place_id, **extra))


def bounded(compound_id: UUID, boundary: dict[str, Any]) -> None:
    """Give a compound its boundary (GCJ-02) and a professional firm's mode."""
    with unit():
        service.set_profile(
            SYSTEM,
            compound_id,
            ProfileDraft(
                ManagementMode.PROFESSIONAL, boundary=boundary, boundary_datum=Datum.GCJ02
            ),
        )


@dataclass(frozen=True, slots=True)
class Town:
    """Ids of a small territory: one street, two communities, a compound with homes."""

    district: UUID
    street: UUID
    community: UUID
    neighbour: UUID
    compound: UUID
    building: UUID
    unit: UUID
    dwelling: UUID


def town() -> Town:
    """Plant a small territory, and another district as noise."""
    district = PlaceDraft(Level.DISTRICT, "云溪区", code="330199000000")
    street = PlaceDraft(Level.STREET, "清河街道", district.id, code="330199001000")
    community = PlaceDraft(Level.COMMUNITY, "桂花社区", street.id, code="330199001001")
    neighbour = PlaceDraft(Level.COMMUNITY, "梧桐社区", street.id, code="330199001002")
    compound = PlaceDraft(
        Level.COMPOUND, "桂花苑", community.id, management_mode=ManagementMode.PROFESSIONAL
    )
    building = PlaceDraft(Level.BUILDING, "3幢", compound.id)
    stairs = PlaceDraft(Level.UNIT, "2单元", building.id)
    dwelling = PlaceDraft(Level.DWELLING, "301室", stairs.id)
    other = PlaceDraft(Level.DISTRICT, "望山县", code="330198000000")
    with unit():
        service.add_places(
            SYSTEM,
            (district, street, community, neighbour, compound, building, stairs, dwelling, other),
        )
    return Town(
        district.id,
        street.id,
        community.id,
        neighbour.id,
        compound.id,
        building.id,
        stairs.id,
        dwelling.id,
    )


def feature(
    geometry: dict[str, Any], code: str, community: str = "330199001001", name: str = ""
) -> dict[str, Any]:
    """Write a GeoJSON feature of a grid."""
    return {
        "type": "Feature",
        "properties": {"编码": code, "名称": name or f"{code}网格", "社区编码": community},
        "geometry": geometry,
    }


def collection(*features: dict[str, Any]) -> str:
    """Write features as people's tools do: one to a line, the first on line 3."""
    body = ",\n".join(json.dumps(one, ensure_ascii=False) for one in features)
    return f'{{"type": "FeatureCollection",\n"features": [\n{body}\n]}}\n'
