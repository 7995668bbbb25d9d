"""Reading places, grids, facilities and scenes."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import case, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import ColumnElement

from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import DEFAULT_PAGE, Page, fetch
from app.territory import rules, spots
from app.territory.atlas import GridView
from app.territory.models import CompoundProfile, Facility, Grid, Place, PlaceScene
from app.territory.rules import COLUMNS, Level

CHUNK = 5_000
MOST_HITS = 20
LONGEST_QUERY = 40

atlas = spots.atlas
spot_at = spots.spot_at
spot_of_facility = spots.spot_of_facility
spot_of_place = spots.spot_of_place
spot_of_scene = spots.spot_of_scene

T = TypeVar("T")


def place(place_id: UUID) -> Place:
    """Find a live place.

    Raises:
        NotFound: there is none (codes ``unknown_place``, ``place_retired``).

    """
    found = session.get(Place, place_id)
    if found is None:
        raise NotFound("没有这个地址。", code="unknown_place")
    if found.retired_at is not None:
        raise NotFound("这个地址已停用，请重新选择。", code="place_retired")
    return found


def places(place_ids: Iterable[UUID]) -> dict[UUID, Place]:
    """Find places by id, retired ones too: old tickets still name them."""
    found: dict[UUID, Place] = {}
    for part in chunks(set(place_ids)):
        rows = session.scalars(select(Place).where(Place.id.in_(part)))
        found.update((row.id, row) for row in rows)
    return found


def chunks(values: Collection[T]) -> Iterator[Sequence[T]]:
    """Cut ``values`` into pieces that fit into one IN list of either database."""
    listed = list(values)
    for start in range(0, len(listed), CHUNK):
        yield listed[start : start + CHUNK]


def children(
    parent_id: UUID | None, *, cursor: str | None = None, limit: int = DEFAULT_PAGE
) -> Page[Place]:
    """List the live places right below ``parent_id`` (None: the districts), 2幢 before 10幢."""
    query = select(Place).where(Place.retired_at.is_(None), Place.parent_id == parent_id)
    return fetch(
        query,
        keys=(Place.__table__.c.sort_key, Place.__table__.c.id),
        key_of=lambda row: (row.sort_key, row.id),
        cursor=cursor,
        limit=limit,
    )


def compound_profile(compound_id: UUID) -> CompoundProfile:
    """Find the profile of a compound.

    Raises:
        NotFound: no such compound (code ``unknown_place``).

    """
    found = session.get(CompoundProfile, compound_id)
    if found is None:
        raise NotFound("没有这个小区。", code="unknown_place")
    return found


def under(level: Level, node_id: UUID) -> ColumnElement[bool]:
    """Write the condition that a place lies in a node, or is it."""
    held: ColumnElement[bool] = getattr(Place, level.column) == node_id
    return held


def level_names(place_id: UUID | None = None) -> dict[Level, str]:
    """Say what the levels are called at a place: the nearest row above it counts."""
    named = atlas().level_names
    home = session.get(Place, place_id) if place_id else None
    chain = [getattr(home, column) for column in reversed(COLUMNS)] if home else []
    said = dict(rules.LEVEL_NAMES)
    for level in Level:
        holders = (*(node for node in chain if node), None)
        said[level] = next((named[level, h] for h in holders if (level, h) in named), said[level])
    return said


def names_taken(parent_ids: Collection[UUID | None]) -> set[tuple[UUID | None, str]]:
    """Read the (parent, name) pairs of the live children of some places."""
    conditions = [Place.parent_id.in_(part) for part in chunks({p for p in parent_ids if p})]
    if None in parent_ids:
        conditions.append(Place.parent_id.is_(None))
    live = select(Place.parent_id, Place.name).where(Place.retired_at.is_(None))
    rows = (row for condition in conditions for row in session.execute(live.where(condition)))
    return {(row.parent_id, row.name) for row in rows}


def codes_known(codes: Collection[str]) -> dict[str, Place]:
    """Read the live places that carry one of ``codes``."""
    known: dict[str, Place] = {}
    for part in chunks(set(codes)):
        rows = session.scalars(
            select(Place).where(Place.code.in_(part), Place.retired_at.is_(None))
        )
        known.update((row.code, row) for row in rows if row.code)
    return known


# --- searching


@dataclass(frozen=True, slots=True)
class PlaceHit:
    """A place that matched, with the community it stands in."""

    id: UUID
    level: Level
    label: str
    community_id: UUID | None
    community: str | None
    compound_id: UUID | None


def search(text: str, *, district_id: UUID | None = None, limit: int = MOST_HITS) -> list[PlaceHit]:
    """Find live places by Chinese text, pinyin or pinyin initials; never dwellings.

    Best first: the whole name, then its beginning, then anywhere; wider places
    before narrower ones. At most 20, and none for an empty or overlong text.
    """
    wanted = rules.searchable(text)
    if not wanted or len(wanted) > LONGEST_QUERY:
        return []
    keys = (Place.searched, Place.pinyin, Place.initials)
    community = aliased(Place)
    query = (
        select(Place, community.label)
        .outerjoin(community, community.id == Place.community_id)
        .where(
            Place.searched.is_not(None),
            Place.retired_at.is_(None),
            or_(*(key.contains(wanted, autoescape=True) for key in keys)),
        )
        .order_by(*_ranks(keys, wanted), Place.sort_key, Place.label, Place.id)
        .limit(max(1, min(limit, MOST_HITS)))
    )
    if district_id is not None:
        query = query.where(Place.district_id == district_id)
    return [
        PlaceHit(p.id, p.level, p.label, p.community_id, label, p.compound_id)
        for p, label in session.execute(query)
    ]


def _ranks(keys: Sequence[Any], wanted: str) -> tuple[ColumnElement[int], ColumnElement[int]]:
    whole = or_(*(key == wanted for key in keys))
    beginning = or_(*(key.startswith(wanted, autoescape=True) for key in keys))
    near = case((whole, 0), (beginning, 1), else_=2)
    wide = case({level.value: _WIDTH[level] for level in Level}, value=Place.level, else_=9)
    return near, wide


_WIDTH = {
    Level.COMPOUND: 0,
    Level.BUILDING: 1,
    Level.COMMUNITY: 2,
    Level.STREET: 3,
    Level.DISTRICT: 4,
    Level.UNIT: 5,
    Level.DWELLING: 6,
}
"""People look for a compound first; a unit is chosen after its building."""


# --- grids, facilities, scenes


def grid(grid_id: UUID) -> Grid:
    """Find a live grid.

    Raises:
        NotFound: there is none (code ``unknown_grid``).

    """
    found = session.get(Grid, grid_id)
    if found is None or found.retired_at is not None:
        raise NotFound("没有这个网格。", code="unknown_grid")
    return found


def node_names(node_ids: Collection[UUID]) -> dict[UUID, str]:
    """Name places and grids, retired ones too."""
    named: dict[UUID, str] = {}
    for table in (Place, Grid):
        rows = session.execute(select(table.id, table.name).where(table.id.in_(node_ids)))
        named.update((node_id, name) for node_id, name in rows)
    return named


def grids_of(community_id: UUID) -> list[GridView]:
    """List the grids of a community by code, from memory."""
    views = (view for view in atlas().grids.views if view.community_id == community_id)
    return sorted(views, key=lambda view: view.code)


def facility(facility_id: UUID) -> Facility:
    """Find a live facility.

    Raises:
        NotFound: there is none (code ``unknown_facility``).

    """
    found = session.get(Facility, facility_id)
    if found is None or found.retired_at is not None:
        raise NotFound("没有这个设施。", code="unknown_facility")
    return found


def facilities_numbered(number: str, *, district_id: UUID) -> list[Facility]:
    """Find the live facilities of a district with a number painted on them, at most 20."""
    query = (
        select(Facility)
        .join(Place, Place.id == Facility.place_id)
        .where(
            Facility.number == number.strip(),
            Facility.retired_at.is_(None),
            Place.district_id == district_id,
        )
        .order_by(Facility.id)
        .limit(MOST_HITS)
    )
    return list(session.scalars(query))


def scene_of(place_ids: Collection[UUID]) -> dict[UUID, str]:
    """Map places to the scene that serves them: their own, or the nearest above.

    A dwelling without a code of its own uses its unit's, building's or
    compound's. Places with none at all are left out.
    """
    found: dict[UUID, str] = {}
    columns = [Place.dwelling_id, Place.unit_id, Place.building_id, Place.compound_id]
    columns.append(Place.id)
    for part in chunks(set(place_ids)):
        rows = session.execute(
            select(Place.id, PlaceScene.scene, PlaceScene.place_id, *columns[:4])
            .join(PlaceScene, or_(*(PlaceScene.place_id == column for column in columns)))
            .where(Place.id.in_(part), PlaceScene.revoked_at.is_(None))
        ).all()
        nearest: dict[UUID, int] = {}
        for place_id, scene, holder, *chain in rows:
            away = chain.index(holder) if holder in chain else 0
            if away < nearest.get(place_id, len(columns)):
                nearest[place_id], found[place_id] = away, scene
    return found
