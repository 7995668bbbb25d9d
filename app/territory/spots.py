"""Spots: where something is, from a place, a scanned code, a facility or a map point."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from shapely.geometry import shape
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import aliased, join

from app.kernel import stamps
from app.kernel.db import fetch, session
from app.kernel.errors import Invalid, NotFound
from app.territory import rules
from app.territory.atlas import Atlas, CompoundView, Found, GridView
from app.territory.datum import Datum, LatLon, is_on_earth, to_gcj
from app.territory.models import CompoundProfile, Facility, Grid, LevelName, Place, PlaceScene
from app.territory.rules import COLUMNS, FacilityKind, Level, Spot

STAMP = "territory"


def _build() -> Atlas:
    grids = session.execute(
        select(Grid, Place.district_id, Place.street_id, Place.label)
        .join(Place, Place.id == Grid.community_id)
        .where(Grid.retired_at.is_(None))
    ).all()
    compounds = session.execute(
        select(CompoundProfile, Place)
        .join(Place, Place.id == CompoundProfile.compound_id)
        .where(CompoundProfile.boundary_gcj.is_not(None), Place.retired_at.is_(None))
    ).all()
    names = session.execute(select(LevelName.level, LevelName.place_id, LevelName.name)).all()
    return Atlas(
        ((_grid_view(*row), shape(row[0].geometry_gcj)) for row in grids),
        ((_compound_view(*row), shape(row[0].boundary_gcj)) for row in compounds),
        names,
    )


def _grid_view(grid: Grid, district_id: UUID, street_id: UUID | None, label: str) -> GridView:
    if street_id is None:
        raise ValueError(f"grid {grid.id} stands in no street")
    return GridView(
        id=grid.id,
        code=grid.code,
        name=grid.name,
        district_id=district_id,
        street_id=street_id,
        community_id=grid.community_id,
        community_label=label,
        area_m2=grid.area_m2,
    )


def _compound_view(profile: CompoundProfile, place: Place) -> CompoundView:
    if place.street_id is None or place.community_id is None:
        raise ValueError(f"compound {place.id} stands in no community")
    return CompoundView(
        id=place.id,
        code=place.code or str(place.id),
        label=place.label,
        district_id=place.district_id,
        street_id=place.street_id,
        community_id=place.community_id,
        area_m2=profile.area_m2 or 0.0,
        management_mode=profile.management_mode.value,
    )


_atlas = stamps.Cached(STAMP, _build)


def atlas() -> Atlas:
    """Hand out the map, as fresh as this transaction."""
    return _atlas.get()


_ABOVE = (aliased(Place), aliased(Place), aliased(Place))
_HOLDERS = (Place.unit_id, Place.building_id, Place.compound_id)


_HOME = (
    *(getattr(Place, column) for column in COLUMNS),
    Place.level,
    Place.grid_id,
    Place.gcj_lat,
    Place.gcj_lon,
    Place.label,
    Place.public_label,
    Place.retired_at,
)
_THING = (
    Facility.id.label("facility_id"),
    Facility.kind.label("facility_kind"),
    Facility.number.label("facility_number"),
    Facility.organisation_id.label("responsible_id"),
    Facility.warranty_until,
    Facility.gcj_lat.label("facility_lat"),
    Facility.gcj_lon.label("facility_lon"),
    Facility.retired_at.label("facility_retired_at"),
)
"""What spots need of a place and of a facility: whole rows cost twice as much to read."""


class _Step(NamedTuple):
    """The grid and the point written on a place or on one of its ancestors."""

    grid_id: UUID | None
    point: LatLon | None


class _Thing(NamedTuple):
    """What is known of a facility."""

    id: UUID | None = None
    kind: FacilityKind | None = None
    number: str | None = None
    responsible_id: UUID | None = None
    warranty_until: date | None = None
    point: LatLon | None = None
    retired_at: datetime | None = None


def _spots(source: Any) -> Any:
    """Select from ``source`` all that spots need, in one statement.

    A row is (grid, lat, lon) of its unit, building and compound, then the place,
    the management mode, and the facility if ``source`` holds any.
    """
    columns = [c.label(None) for one in _ABOVE for c in (one.grid_id, one.gcj_lat, one.gcj_lon)]
    query = select(*columns, *_HOME, CompoundProfile.management_mode).select_from(source)
    for above, holder in zip(_ABOVE, _HOLDERS, strict=True):
        query = query.outerjoin(above, above.id == holder)
    return query.outerjoin(CompoundProfile, CompoundProfile.compound_id == Place.compound_id)


# Every report asks one of these: written once, because writing them costs more than running them.
_BY_PLACE = _spots(Place).where(Place.id == bindparam("place_id"))
_BY_SCENE = (
    _spots(
        join(
            join(PlaceScene, Facility, Facility.id == PlaceScene.facility_id, isouter=True),
            Place,
            Place.id == func.coalesce(PlaceScene.place_id, Facility.place_id),
        )
    )
    .add_columns(*_THING, PlaceScene.revoked_at)
    .where(PlaceScene.scene == bindparam("scene"))
)


def spot_of_place(place_id: UUID) -> Spot:
    """Find the spot of a place, in one statement.

    The grid is the one written on the place or its nearest ancestor; else the
    grid of its own point or its building's, within its community; else the one
    grid of its compound. Places above the compound have no grid.

    Raises:
        NotFound: no live place (codes ``unknown_place``, ``place_retired``).

    """
    row = fetch(_BY_PLACE, {"place_id": place_id}).one_or_none()
    if row is None:
        raise NotFound("没有这个地址。", code="unknown_place")
    return _spot(row, _Thing(), "按所选地址")


def spot_of_scene(scene: str) -> Spot:
    """Find the spot of a scanned QR scene, in one statement.

    Raises:
        NotFound: unknown, revoked or of a retired place (codes
            ``unknown_scene``, ``scene_revoked``, ``place_retired``).

    """
    read = rules.read_scene(scene)
    unknown = NotFound("没有这个二维码，请改用地图或地址选择。", code="unknown_scene")
    if read is None:
        raise unknown
    row = fetch(_BY_SCENE, {"scene": read}).one_or_none()
    if row is None:
        raise unknown
    if row.revoked_at is not None:
        raise NotFound(
            "这张二维码牌已经作废，请扫新贴的牌子，或直接选择地址。", code="scene_revoked"
        )
    return _spot(row, _thing(row), "按所扫二维码")


def spot_of_facility(facility_id: UUID) -> Spot:
    """Find the spot of a facility.

    Raises:
        NotFound: no live facility (codes ``unknown_facility``, ``place_retired``).

    """
    source = join(Facility, Place, Place.id == Facility.place_id)
    query = _spots(source).add_columns(*_THING)
    row = session.execute(query.where(Facility.id == facility_id)).one_or_none()
    if row is None:
        raise NotFound("没有这个设施。", code="unknown_facility")
    return _spot(row, _thing(row), "按设施编号")


def spot_at(lat: float, lon: float, datum: Datum | str) -> Spot:
    """Find the spot of a map point by the rule written in :mod:`app.territory.atlas`.

    Raises:
        Invalid: not a point on earth, or an unknown datum (code ``bad_coordinates``).
        NotFound: outside every grid and compound (code ``no_grid_here``).

    """
    try:
        point, source = LatLon(float(lat), float(lon)), Datum(datum)
    except (TypeError, ValueError) as error:
        raise Invalid("位置坐标不对，请重新选择位置。", code="bad_coordinates") from error
    if not is_on_earth(point):
        raise Invalid("位置坐标不对，请重新选择位置。", code="bad_coordinates")
    spot = atlas().spot(to_gcj(point, source))
    if spot is None:
        raise NotFound(
            "这个位置不在本平台服务范围内，请在地址里选择小区，或联系所在社区。",
            code="no_grid_here",
        )
    return spot


def _spot(home: Any, facility: _Thing, found_by: str) -> Spot:
    if home.retired_at is not None or facility.retired_at is not None:
        raise NotFound("这个地址或设施已停用，请重新选择。", code="place_retired")
    steps = [_Step(home[n], _point(home[n + 1], home[n + 2])) for n in (0, 3, 6)]
    own = _point(home.gcj_lat, home.gcj_lon)
    near, compound = [_Step(home.grid_id, own), *steps[:2]], steps[2]
    if home.level.depth <= Level.COMPOUND.depth:
        near = []
    points = [point for point in (facility.point, *(one.point for one in near)) if point]
    found = _grid_of(home, [*near, compound], points)
    point = points[0] if points else (compound.point or own)
    what = f" {rules.KIND_NAMES[facility.kind]} {facility.number}" if facility.kind else ""
    mode = home.management_mode
    return Spot(
        **{column: getattr(home, column) for column in COLUMNS},
        facility_id=facility.id,
        facility_kind=facility.kind.value if facility.kind else None,
        facility_number=facility.number,
        responsible_id=facility.responsible_id,
        warranty_until=facility.warranty_until,
        grid_id=found.grid.id if found.grid else None,
        label=home.label + what,
        public_label=home.public_label + what,
        lat=point.lat if point else None,
        lon=point.lon if point else None,
        why=f"{found_by}：{found.why}",
        management_mode=mode.value if mode else None,
    )


def _thing(row: Any) -> _Thing:
    return _Thing(
        row.facility_id,
        row.facility_kind,
        row.facility_number,
        row.responsible_id,
        row.warranty_until,
        _point(row.facility_lat, row.facility_lon),
        row.facility_retired_at,
    )


def _point(lat: float | None, lon: float | None) -> LatLon | None:
    return None if lat is None or lon is None else LatLon(lat, lon)


def _grid_of(home: Any, chain: Sequence[_Step], points: Sequence[LatLon]) -> Found:
    """Find the grid of a place; ``chain`` (to the compound) and ``points`` begin nearest."""
    known = atlas()
    written = (known.grid_by_id.get(one.grid_id) for one in chain if one.grid_id)
    grid = next((grid for grid in written if grid), None)
    if grid is not None:
        return Found(grid, f"地址登记在{grid.name}。")
    if home.community_id is not None and points:
        return known.grid_at(points[0], home.community_id)
    if home.community_id is not None and home.compound_id is not None:
        return known.grid_of_compound(home.compound_id, home.community_id, chain[-1].point)
    return Found(None, "这个地址没有对应网格，由社区确定。")
