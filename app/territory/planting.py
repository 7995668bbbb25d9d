"""Planting places: one, or ten thousand in a few statements."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound
from app.territory import access, queries, rules
from app.territory.datum import Datum, LatLon, in_china, to_gcj
from app.territory.models import CompoundProfile, Grid, Place
from app.territory.plan import PlaceDraft
from app.territory.rules import COLUMNS, Level, ManagementMode, Naming
from app.territory.turn import held, take_turn

NAMING = ("label", "public_label", "searched", "pinyin", "initials")


def located(lat: float | None, lon: float | None, datum: Datum | None) -> dict[str, Any]:
    """Fill the columns of a point: as given, and in GCJ-02.

    Raises:
        Invalid: half a point, no datum, or not in China (code ``bad_coordinates``).

    """
    if lat is None and lon is None:
        return dict.fromkeys(("lat", "lon", "datum", "gcj_lat", "gcj_lon"))
    if lat is None or lon is None or datum is None or not in_china(LatLon(lat, lon)):
        raise Invalid(
            "坐标不对：要有经度、纬度和坐标系，并且在中国范围内。", code="bad_coordinates"
        )
    gcj = to_gcj(LatLon(lat, lon), datum)
    return {"lat": lat, "lon": lon, "datum": datum, "gcj_lat": gcj.lat, "gcj_lon": gcj.lon}


@dataclass(frozen=True, slots=True)
class _Stand:
    """What a child needs to know of its parent."""

    level: Level
    code: str | None
    ids: Mapping[str, UUID | None]
    naming: Naming


def add_place(actor: Actor, draft: PlaceDraft) -> Place:
    """Add one place; see :func:`add_places`."""
    add_places(actor, (draft,))
    return held(draft.id)


def add_places(actor: Actor, drafts: Iterable[PlaceDraft]) -> tuple[UUID, ...]:
    """Add many places in a few statements; parents may stand among the drafts, in any order.

    Compounds without a code get the next of their community; every compound
    gets a profile.

    Raises:
        Forbidden: not this actor's territory.
        NotFound: a parent is not there (code ``unknown_place``).
        Invalid: a draft is wrong (code ``bad_place``; ``errors`` by draft number).
        Conflict: a code or a sibling's name is in use (code ``place_exists``).

    """
    wanted = sorted(drafts, key=lambda draft: draft.level.depth)
    take_turn(redraw=False)
    stands = _parents(actor, wanted)
    _refuse_taken(wanted)
    serials = _Serials(wanted, stands)
    now, rows, errors = clock.now(), [], {}
    for number, draft in enumerate(wanted):
        try:
            row = _row(draft, stands, serials, now)
        except Invalid as error:
            errors[str(number)] = [f"{draft.name}：{error.detail}"]
        else:
            rows.append(row)
    if errors:
        first = next(iter(errors.values()))[0]
        raise Invalid(first, code="bad_place", errors=errors)
    _check_grids(rows)
    if rows:
        session.execute(insert(Place), rows)
        _insert_profiles([d for d in wanted if d.level is Level.COMPOUND])
        audit.record(actor, "territory.places_added", "place", rows[0]["id"], count=len(rows))
    return tuple(draft.id for draft in wanted)


def _parents(actor: Actor, drafts: Sequence[PlaceDraft]) -> dict[UUID, _Stand]:
    """Guard, and read the parents that stand already."""
    inside = {draft.id for draft in drafts}
    outside = {draft.parent_id for draft in drafts if draft.parent_id not in inside}
    if None in outside:
        access.require_edit(actor, ())
    found = queries.places(parent_id for parent_id in outside if parent_id)
    for parent_id in outside - {None}:
        parent = found.get(parent_id) if parent_id else None
        if parent is None or parent.retired_at is not None:
            raise NotFound("没有找到上级地址。", code="unknown_place")
        access.require_edit(actor, access.nodes_of(parent))
    return {parent.id: _stand(parent) for parent in found.values()}


def _stand(place: Place) -> _Stand:
    ids = {column: getattr(place, column) for column in COLUMNS}
    return _Stand(place.level, place.code, ids, naming_of(place))


def naming_of(place: Place) -> Naming:
    """Read the naming kept in a place's row."""
    return Naming(*(getattr(place, field) for field in NAMING))


def _refuse_taken(drafts: Sequence[PlaceDraft]) -> None:
    codes = [draft.code for draft in drafts if draft.code]
    names = [(draft.parent_id, draft.name) for draft in drafts]
    twice = len(set(codes)) < len(codes) or len(set(names)) < len(names)
    if (
        twice
        or queries.names_taken({name[0] for name in names}) & set(names)
        or queries.codes_known(codes)
    ):
        raise Conflict("编码或名称已经存在。", code="place_exists")


class _Serials:
    """Codes for compounds that came without: the community's 12 digits and a serial."""

    def __init__(self, drafts: Sequence[PlaceDraft], stands: Mapping[UUID, _Stand]) -> None:
        self._last: dict[str, int] = defaultdict(int)
        blank = {d.parent_id for d in drafts if d.level is Level.COMPOUND and not d.code}
        codes = [d.code for d in drafts if d.level is Level.COMPOUND and d.code]
        for part in queries.chunks({one for one in blank if one in stands}):
            codes += session.scalars(
                select(Place.code).where(
                    Place.community_id.in_(part),
                    Place.level == Level.COMPOUND,
                    Place.code.is_not(None),
                )
            )
        for code in codes:
            if len(code) == 15 and code.isdigit():
                self._last[code[:12]] = max(self._last[code[:12]], int(code[12:]))

    def next(self, community_code: str) -> str:
        self._last[community_code] += 1
        return f"{community_code}{self._last[community_code]:03d}"


def _row(
    draft: PlaceDraft, stands: dict[UUID, _Stand], serials: _Serials, now: datetime
) -> dict[str, Any]:
    """Make the row of a draft and let it stand as a parent of later ones.

    Raises:
        Invalid: a flaw of the draft.

    """
    parent = stands.get(draft.parent_id) if draft.parent_id else None
    allowed = rules.PARENTS[draft.level]
    if (parent.level not in allowed) if parent else bool(allowed):
        raise Invalid("上级的级别不对。")
    code = draft.code
    if draft.level is Level.COMPOUND and not code and parent and parent.code:
        code = serials.next(parent.code)
    flaw = rules.name_flaw(draft.name) or rules.code_flaw(draft.level, code or "")
    if flaw:
        raise Invalid(flaw)
    ids = dict(parent.ids) if parent else dict.fromkeys(COLUMNS)
    ids[draft.level.column] = draft.id
    named = rules.naming(draft.level, draft.name, parent.naming if parent else None)
    stands[draft.id] = _Stand(draft.level, code, ids, named)
    return {
        "id": draft.id,
        "level": draft.level,
        "parent_id": draft.parent_id,
        "name": draft.name,
        "code": code or None,
        "sort_key": rules.sort_key(draft.name),
        "grid_id": draft.grid_id,
        "created_at": now,
        **ids,
        **{field: getattr(named, field) for field in NAMING},
        **located(draft.lat, draft.lon, draft.datum),
    }


def _check_grids(rows: Sequence[Mapping[str, Any]]) -> None:
    """Refuse grids of another community."""
    wanted = {row["grid_id"] for row in rows if row["grid_id"]}
    homes: dict[UUID, UUID] = {}
    for part in queries.chunks(wanted):
        live = select(Grid.id, Grid.community_id).where(Grid.retired_at.is_(None))
        homes.update(
            (row.id, row.community_id) for row in session.execute(live.where(Grid.id.in_(part)))
        )
    if any(row["grid_id"] and homes.get(row["grid_id"]) != row["community_id"] for row in rows):
        raise Invalid("网格不属于这个社区。", code="grid_elsewhere")


def _insert_profiles(drafts: Sequence[PlaceDraft]) -> None:
    if drafts:
        rows = [
            {
                "compound_id": draft.id,
                "management_mode": draft.management_mode or ManagementMode.NONE,
                "households": draft.households,
                "built_year": draft.built_year,
            }
            for draft in drafts
        ]
        session.execute(insert(CompoundProfile), rows)
