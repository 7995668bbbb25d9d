"""What an import of grids would do: every feature judged, nothing changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import shapely
from shapely.geometry.base import BaseGeometry

from app.kernel.ids import new_id
from app.territory import rules
from app.territory.datum import Datum
from app.territory.geometry import Area, Feature, Flaw, area_m2, read_area
from app.territory.plan import Problem

OVERLAP_M2 = 1.0
"""Neighbours that share an edge may overlap by less: rounding of their authors."""

NAMES = ("name", "名称", "网格名称")
CODES = ("code", "编码", "网格编码")
COMMUNITIES = ("community", "community_code", "社区编码", "社区代码", "社区")


@dataclass(frozen=True, slots=True)
class GridDraft:
    """A grid to be made; ``geometry`` is GeoJSON in ``datum``."""

    community_id: UUID
    name: str
    code: str
    geometry: Mapping[str, Any]
    datum: Datum
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class KnownGrid:
    """A live grid that is there already."""

    id: UUID
    code: str
    name: str
    community_id: UUID
    geometry: Mapping[str, Any]
    datum: Datum
    shape: BaseGeometry


@dataclass(frozen=True, slots=True)
class PlannedGrid:
    """A good feature: what to write, and whether its code is new."""

    line: int
    number: int
    id: UUID
    name: str
    code: str
    community_id: UUID
    area: Area
    is_new: bool


@dataclass(frozen=True, slots=True)
class GridPlan:
    """The grids to make or redraw, and all problems."""

    planned: tuple[PlannedGrid, ...]
    unchanged: int
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def plan_grids(
    features: Sequence[Feature],
    datum: Datum,
    communities: Mapping[str, UUID],
    known: Sequence[KnownGrid],
) -> GridPlan:
    """Judge every feature; ``communities`` maps the codes of live communities.

    A code that is there already is redrawn, in its own community only.
    """
    errors: list[Problem] = []
    planned: list[PlannedGrid] = []
    unchanged = 0
    by_code = {grid.code: grid for grid in known}
    seen: dict[str, int] = {}
    for number, feature in enumerate(features, start=1):
        read = _Read(feature, number)
        area = read_area(feature.geometry, datum)
        flaws = [*read.flaws(communities, by_code, seen)]
        if isinstance(area, Flaw):
            flaws.append(area)
        errors.extend(Problem(feature.line, f.code, f"{read.called}：{f.words}") for f in flaws)
        if flaws or isinstance(area, Flaw):
            continue
        there = by_code.get(read.code)
        if there is not None and _same(there, read, area):
            unchanged += 1
            continue
        home = communities[read.community]
        planned.append(_planned(number, feature.line, read, home, area, there))
    errors.extend(_same_names(planned, known))
    errors.sort(key=lambda problem: problem.line)
    return GridPlan(tuple(planned), unchanged, tuple(errors), tuple(_overlaps(planned, known)))


def _planned(
    number: int, line: int, read: "_Read", home: UUID, area: Area, there: KnownGrid | None
) -> PlannedGrid:
    return PlannedGrid(
        line=line,
        number=number,
        id=there.id if there else new_id(),
        name=read.name,
        code=read.code,
        community_id=home,
        area=area,
        is_new=there is None,
    )


class _Read:
    """The properties of one feature as text."""

    def __init__(self, feature: Feature, number: int) -> None:
        self._number = number
        self.name = property_text(feature.properties, NAMES)
        self.code = property_text(feature.properties, CODES)
        self.community = property_text(feature.properties, COMMUNITIES)
        self.called = f"第 {number} 个网格{f'“{self.code}”' if self.code else ''}"

    def flaws(
        self,
        communities: Mapping[str, UUID],
        known: Mapping[str, KnownGrid],
        seen: dict[str, int],
    ) -> list[Flaw]:
        found = []
        words = rules.name_flaw(self.name)
        if words:
            found.append(Flaw("bad_name", words))
        words = (
            "没有写编码。" if not self.code else rules.code_flaw(rules.Level.COMPOUND, self.code)
        )
        if words:
            found.append(Flaw("bad_code", words))
        elif seen.setdefault(self.code, self._number) != self._number:
            found.append(Flaw("duplicate_code", f"编码与第 {seen[self.code]} 个网格重复。"))
        community_id = communities.get(self.community)
        if community_id is None:
            found.append(Flaw("missing_community", f"找不到社区“{self.community}”。"))
        there = known.get(self.code)
        if there is not None and community_id not in (None, there.community_id):
            found.append(Flaw("code_taken", "这个编码已用于另一个社区的网格。"))
        return found


def property_text(properties: Mapping[str, Any], names: Sequence[str]) -> str:
    """Read a property under the first of ``names`` that is there, as text."""
    value = next((properties[name] for name in names if properties.get(name) is not None), "")
    return str(value).strip() if isinstance(value, str | int) else ""


def _same(there: KnownGrid, read: _Read, area: Area) -> bool:
    return (there.name, there.geometry, there.datum) == (read.name, area.given, area.datum)


def _same_names(planned: Sequence[PlannedGrid], known: Sequence[KnownGrid]) -> list[Problem]:
    """Refuse two grids of one community that people could not tell apart."""
    moving = {grid.id for grid in planned}
    taken = {(g.community_id, g.name): 0 for g in known if g.id not in moving}
    problems = []
    for grid in planned:
        earlier = taken.setdefault((grid.community_id, grid.name), grid.number)
        if earlier != grid.number:
            where = f"与第 {earlier} 个网格重复" if earlier else "已经存在"
            words = f"同一社区的网格名称“{grid.name}”{where}。"
            problems.append(Problem(grid.line, "duplicate_name", words))
    return problems


def _overlaps(planned: Sequence[PlannedGrid], known: Sequence[KnownGrid]) -> list[Problem]:
    """Warn of every pair of grids that overlap once the plan is carried out."""
    moving = {grid.id for grid in planned}
    others = [(g.name, g.shape) for g in known if g.id not in moving]
    everything = [*others, *((g.name, g.area.shape) for g in planned)]
    tree = shapely.STRtree([shape for _, shape in everything])
    problems = []
    for place, grid in enumerate(planned, start=len(others)):
        for index in sorted(tree.query(grid.area.shape, predicate="intersects")):
            name, shape = everything[index]
            shared = area_m2(shapely.intersection(grid.area.shape, shape)) if index < place else 0
            if shared > OVERLAP_M2:
                words = (
                    f"“{grid.name}”与“{name}”重叠约 {shared:.0f} 平方米，重叠处归面积较小的网格。"
                )
                problems.append(Problem(grid.line, "overlap", words))
    return problems
