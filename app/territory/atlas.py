"""The map in memory: which grid and which compound hold a point.

The rule, so that no answer is ever left to chance:

1. A point inside a grid, or within ``EDGE_M`` of its edge, is the grid's.
   If several hold it (an edge they share, or an overlap), the smallest area
   wins, then the lower code. The order in which rows were written never counts.
2. A point in no grid but inside a compound's own boundary belongs to that
   compound and its community; its grid is the compound's only grid, else the
   nearest of that community within ``GAP_M``, else none: the community decides.
3. A point in a gap belongs to the nearest grid within ``GAP_M`` metres (ties:
   smaller area, lower code).
4. Farther out the point is not in the territory.

A grid tells the community. The compound is told by its own boundary alone,
and only if it stands in that community: a grid may hold several compounds or
part of one. Without such a boundary the compound stays empty.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry

from app.territory.datum import LatLon
from app.territory.geometry import area_m2, distance_m, square
from app.territory.rules import Level, Spot

EDGE_M = 0.5
GAP_M = 50.0
SHARE = 0.01
"""A grid that holds less than this part of a compound does not split it."""


@dataclass(frozen=True, slots=True)
class GridView:
    """A grid as the map keeps it."""

    id: UUID
    code: str
    name: str
    district_id: UUID
    street_id: UUID
    community_id: UUID
    community_label: str
    area_m2: float


@dataclass(frozen=True, slots=True)
class CompoundView:
    """A compound with a boundary of its own."""

    id: UUID
    code: str
    label: str
    district_id: UUID
    street_id: UUID
    community_id: UUID
    area_m2: float
    management_mode: str


V = TypeVar("V", GridView, CompoundView)


@dataclass(frozen=True, slots=True)
class Hit(Generic[V]):
    """An area near a point, and how far off in metres."""

    area: V
    away_m: float


class Areas(Generic[V]):
    """Areas of one kind under a tree; answers in the stated order."""

    def __init__(self, entries: Iterable[tuple[V, BaseGeometry]]) -> None:
        pairs = sorted(entries, key=lambda entry: _order(entry[0]))
        self.views: Sequence[V] = tuple(view for view, _ in pairs)
        self.shapes: Sequence[BaseGeometry] = tuple(shape for _, shape in pairs)
        self._tree = shapely.STRtree(self.shapes)
        # The tree builds itself at the first question; asked here, before threads share it.
        self._tree.query(shapely.Point(0, 0))

    def holding(self, point: LatLon, community_id: UUID | None = None) -> list[Hit[V]]:
        """List the areas that hold ``point`` or have it on their edge, winner first."""
        near = self._within(point, EDGE_M, community_id)
        return sorted(near, key=lambda hit: _order(hit.area))

    def nearest(self, point: LatLon, community_id: UUID | None = None) -> Hit[V] | None:
        """Find the nearest area within ``GAP_M``, to the centimetre, or None."""
        near = self._within(point, GAP_M, community_id)
        return min(near, key=lambda h: (round(h.away_m, 2), *_order(h.area)), default=None)

    def overlapping(self, shape: BaseGeometry, community_id: UUID) -> list[V]:
        """List the areas of a community that hold a real share of ``shape``."""
        whole = area_m2(shape)
        found = []
        for index in sorted(self._tree.query(shape, predicate="intersects")):
            if self.views[index].community_id == community_id:
                shared = area_m2(shapely.intersection(shape, self.shapes[index]))
                if shared > whole * SHARE:
                    found.append(self.views[index])
        return found

    def _within(self, point: LatLon, reach_m: float, community_id: UUID | None) -> list[Hit[V]]:
        hits = []
        for index in self._tree.query(square(point, reach_m)):
            view = self.views[index]
            if community_id is None or view.community_id == community_id:
                away = distance_m(self.shapes[index], point)
                if away <= reach_m:
                    hits.append(Hit(view, away))
        return hits


def _order(area: GridView | CompoundView) -> tuple[float, str]:
    return area.area_m2, area.code


@dataclass(frozen=True, slots=True)
class Found:
    """The grid of a point, if any, and why it is that one."""

    grid: GridView | None
    why: str
    inside: bool = False


class Atlas:
    """All grids and bounded compounds, and what the levels are called."""

    def __init__(
        self,
        grids: Iterable[tuple[GridView, BaseGeometry]],
        compounds: Iterable[tuple[CompoundView, BaseGeometry]],
        level_names: Iterable[tuple[Level, UUID | None, str]] = (),
    ) -> None:
        self.grids = Areas(grids)
        self.compounds = Areas(compounds)
        self.grid_by_id = {view.id: view for view in self.grids.views}
        self.level_names = {(level, place_id): name for level, place_id, name in level_names}
        self._grids_of_compound = {
            view.id: tuple(self.grids.overlapping(shape, view.community_id))
            for view, shape in zip(self.compounds.views, self.compounds.shapes, strict=True)
        }

    def grid_at(self, point: LatLon, community_id: UUID | None = None) -> Found:
        """Find the grid of ``point`` by rules 1 and 3, within a community if given."""
        holding = self.grids.holding(point, community_id)
        if holding:
            grid = holding[0].area
            if len(holding) == 1:
                return Found(grid, f"位置在{grid.name}内。", inside=True)
            names = "、".join(hit.area.name for hit in holding)
            why = f"位置在{names}的交界或重叠处，按面积较小的{grid.name}。"
            return Found(grid, why, inside=True)
        nearest = self.grids.nearest(point, community_id)
        if nearest is None:
            return Found(None, "这个位置附近没有划分网格，由社区确定。")
        metres = max(1, round(nearest.away_m))
        return Found(
            nearest.area, f"位置不在网格内，归到约 {metres} 米外最近的{nearest.area.name}。"
        )

    def grid_of_compound(
        self, compound_id: UUID, community_id: UUID, centre: LatLon | None
    ) -> Found:
        """Find the grid of a whole compound: its only one, never one of several by chance."""
        grids = self._grids_of_compound.get(compound_id, ())
        if len(grids) == 1:
            return Found(grids[0], f"小区在{grids[0].name}内。")
        if len(grids) > 1:
            return Found(None, "小区跨几个网格，由社区确定。")
        if centre is None:
            return Found(None, "这个地址还没有对应网格，由社区确定。")
        return self.grid_at(centre, community_id)

    def spot(self, point: LatLon) -> Spot | None:
        """Find everything about a map point, or None outside the territory."""
        found = self.grid_at(point)
        within = found.grid.community_id if found.grid and found.inside else None
        compounds = self.compounds.holding(point, within)
        if compounds:
            return self._in_compound(point, compounds[0].area, found)
        if found.grid is None:
            return None
        grid = found.grid
        label = f"{grid.community_label}（地图位置）"
        return _spot(point, grid, label, found)

    def _in_compound(self, point: LatLon, compound: CompoundView, found: Found) -> Spot:
        if not found.inside:
            found = self.grid_of_compound(compound.id, compound.community_id, None)
            if found.grid is None:
                found = self.grid_at(point, compound.community_id)
        spot = _spot(point, compound, compound.label, found)
        return replace(spot, compound_id=compound.id, management_mode=compound.management_mode)


def _spot(point: LatLon, home: GridView | CompoundView, label: str, found: Found) -> Spot:
    return Spot(
        district_id=home.district_id,
        street_id=home.street_id,
        community_id=home.community_id,
        grid_id=found.grid.id if found.grid else None,
        label=label,
        public_label=label,
        lat=point.lat,
        lon=point.lon,
        why=f"按地图位置：{found.why}",
    )
