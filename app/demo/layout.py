"""The ground plan of the invented district, worked out from a compact sketch.

``data/district.json`` names streets, communities and their rows of blocks in
metres east and north of one corner; ``data/compounds.csv`` says what stands in
a block. From these follow every building's spot and every grid's polygon. The
grids cover the ground without gap or overlap. One has a hole (a park around a
lane of houses), one is in two parts (both ends of a shopping street).

The coordinates are GCJ-02 and invented; the division codes begin with 99,
which is nobody's.
"""

import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from app.territory.rules import ManagementMode

DATA = Path(__file__).parent / "data"
METRES_PER_DEGREE = 111_320.0
ROAD = 20.0
"""Metres between a compound and the edge of its block: half the road."""

Point = tuple[float, float]
Ring = tuple[Point, ...]
Polygon = tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle in metres east and north of the district's corner."""

    west: float
    south: float
    east: float
    north: float

    def inset(self, by: float) -> "Rect":
        """Shrink by ``by`` on every side (grow if negative)."""
        return Rect(self.west + by, self.south + by, self.east - by, self.north - by)


@dataclass(frozen=True, slots=True)
class Building:
    """One building, numbered within its compound; ``doors`` are per floor and unit."""

    key: str
    number: int
    units: int
    floors: int
    doors: int
    lift: bool
    lat: float
    lon: float
    grid: str

    @property
    def dwellings(self) -> int:
        """Count the dwellings."""
        return self.units * self.floors * self.doors


@dataclass(frozen=True, slots=True)
class Compound:
    """One compound; ``grids`` are those its buildings stand in, in order of number."""

    key: str
    name: str
    code: str
    community: str
    built: int
    mode: ManagementMode
    lift: bool
    committee: bool
    manager: str
    outline: Ring
    buildings: tuple[Building, ...]
    grids: tuple[str, ...]

    @property
    def households(self) -> int:
        """Count the dwellings of all buildings."""
        return sum(building.dwellings for building in self.buildings)


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid; a polygon is an outer ring and its holes, points are (lon, lat)."""

    code: str
    name: str
    community: str
    covers: str
    polygons: tuple[Polygon, ...]

    def geojson(self) -> dict[str, Any]:
        """Write the shape as GeoJSON geometry."""
        if len(self.polygons) == 1:
            return {"type": "Polygon", "coordinates": _lists(self.polygons[0])}
        return {"type": "MultiPolygon", "coordinates": _lists(self.polygons)}


@dataclass(frozen=True, slots=True)
class Division:
    """A district, street or community with its 12-digit code."""

    code: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that stands on the ground."""

    district: Division
    streets: tuple[Division, ...]
    communities: tuple[Division, ...]
    compounds: tuple[Compound, ...]
    grids: tuple[Grid, ...]


@cache
def plan() -> Plan:
    """Work the ground plan out; always the same."""
    sketch = json.loads((DATA / "district.json").read_text(encoding="utf-8"))
    earth = _Earth(sketch["south_west"]["lat"], sketch["south_west"]["lon"])
    streets, communities, compounds, grids = [], [], [], []
    for street in sketch["streets"]:
        streets.append(Division(street["code"], street["name"], sketch["code"]))
        for community in street["communities"]:
            communities.append(Division(community["code"], community["name"], street["code"]))
            ground = _Ground(earth, community)
            compounds += ground.compounds
            grids += ground.grids
    return Plan(
        Division(sketch["code"], sketch["name"], None),
        tuple(streets),
        tuple(communities),
        tuple(compounds),
        tuple(grids),
    )


@cache
def _listed() -> Mapping[str, Mapping[str, str]]:
    with (DATA / "compounds.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def _lists(value: Any) -> Any:
    return [_lists(part) for part in value] if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class _Earth:
    """Turns metres from the corner into degrees; flat enough at this size."""

    lat: float
    lon: float

    def point(self, east: float, north: float) -> Point:
        scale = METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        return round(self.lon + east / scale, 6), round(self.lat + north / METRES_PER_DEGREE, 6)

    def ring(self, rect: Rect) -> Ring:
        corners = (
            (rect.west, rect.south),
            (rect.east, rect.south),
            (rect.east, rect.north),
            (rect.west, rect.north),
            (rect.west, rect.south),
        )
        return tuple(self.point(*corner) for corner in corners)


class _Ground:
    """Lays out one community, block by block."""

    def __init__(self, earth: _Earth, sketch: Mapping[str, Any]) -> None:
        self._earth = earth
        self._code: str = sketch["code"]
        self._name: str = sketch["name"]
        self.compounds: list[Compound] = []
        self.grids: list[Grid] = []
        for block, rect in _blocks(sketch):
            if "joins" in block:
                self._join(block["joins"], rect)
            elif "ring" in block:
                self._ring(block, rect)
            elif len(block.get("compounds", ())) == 1:
                self._sliced(block, rect)
            elif "compounds" in block:
                self._shared(block, rect)
            else:
                self._grid(block["name"], (self._earth.ring(rect),))

    def _grid(self, covers: str, *polygons: Polygon) -> str:
        serial = len(self.grids) + 1
        code = f"{self._code}{serial:02d}"
        name = f"{self._name}第{serial}网格"
        self.grids.append(Grid(code, name, self._code, covers, polygons))
        return code

    def _join(self, covers: str, rect: Rect) -> None:
        at = next(i for i, grid in enumerate(self.grids) if grid.covers == covers)
        whole = (*self.grids[at].polygons, (self._earth.ring(rect),))
        self.grids[at] = replace(self.grids[at], polygons=whole)

    def _ring(self, block: Mapping[str, Any], rect: Rect) -> None:
        """Lay a grid around a compound that is a grid of its own."""
        key = block["compounds"][0]
        inner = rect.inset(3 * ROAD)
        hole = self._earth.ring(inner)
        self._grid(block["ring"], (self._earth.ring(rect), hole))
        columns = int(_listed()[key]["columns"])
        own = self._grid(_listed()[key]["name"], (hole,))
        self._compound(key, inner.inset(ROAD / 2), [own] * columns)

    def _shared(self, block: Mapping[str, Any], rect: Rect) -> None:
        """Lay several small compounds side by side into one grid."""
        keys = block["compounds"]
        names = "、".join(_listed()[key]["name"] for key in keys)
        grid = self._grid(names, (self._earth.ring(rect),))
        width = (rect.east - rect.west) / len(keys)
        for turn, key in enumerate(keys):
            west = rect.west + turn * width
            part = Rect(west, rect.south, west + width, rect.north)
            self._compound(key, part.inset(ROAD), [grid] * int(_listed()[key]["columns"]))

    def _sliced(self, block: Mapping[str, Any], rect: Rect) -> None:
        """Lay one compound and cut its block into grids between columns of buildings."""
        key = block["compounds"][0]
        row = _listed()[key]
        columns, rows = int(row["columns"]), int(row["rows"])
        inner = rect.inset(ROAD)
        width = (inner.east - inner.west) / columns
        done, west, owners = 0, rect.west, []
        for taken in block.get("slices", [columns]):
            last = done + taken == columns
            east = rect.east if last else inner.west + (done + taken) * width
            first, final = done * rows + 1, min((done + taken) * rows, int(row["buildings"]))
            covers = f"{row['name']}{first}—{final}幢"
            ring = self._earth.ring(Rect(west, rect.south, east, rect.north))
            owners += [self._grid(covers, (ring,))] * taken
            done, west = done + taken, east
        self._compound(key, inner, owners)

    def _compound(self, key: str, rect: Rect, owners: list[str]) -> None:
        """Place the buildings column by column; ``owners`` is the grid of each column."""
        row = _listed()[key]
        buildings = tuple(self._buildings(row, rect, owners))
        serial = len(self.compounds) + 1
        self.compounds.append(
            Compound(
                key=key,
                name=row["name"],
                code=f"{self._code}{serial:03d}",
                community=self._code,
                built=int(row["built"]),
                mode=ManagementMode(row["mode"]),
                lift=row["lift"] == "Y",
                committee=row["committee"] == "Y",
                manager=row["manager"],
                outline=self._earth.ring(rect),
                buildings=buildings,
                grids=tuple(dict.fromkeys(building.grid for building in buildings)),
            )
        )

    def _buildings(
        self, row: Mapping[str, str], rect: Rect, owners: list[str]
    ) -> Iterator[Building]:
        columns, rows = int(row["columns"]), int(row["rows"])
        width, height = (rect.east - rect.west) / columns, (rect.north - rect.south) / rows
        for index in range(int(row["buildings"])):
            column, line = divmod(index, rows)
            lon, lat = self._earth.point(
                rect.west + (column + 0.5) * width, rect.south + (line + 0.5) * height
            )
            yield Building(
                key=f"{row['key']}/{index + 1}",
                number=index + 1,
                units=int(row["units"]),
                floors=int(row["floors"]),
                doors=int(row["doors"]),
                lift=row["lift"] == "Y",
                lat=lat,
                lon=lon,
                grid=owners[column],
            )


def _blocks(sketch: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Rect]]:
    """Walk the rows from the south, each from the west, with the ground of every block."""
    left, south = sketch["at"]
    for row in sketch["rows"]:
        west = left
        for block in row["blocks"]:
            east = west + block["width"]
            yield block, Rect(west, south, east, south + row["height"])
            west = east
        south += row["height"]
