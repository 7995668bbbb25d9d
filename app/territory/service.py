"""The verbs of the territory; those on the tree and on grids stand beside this file."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, insert, select, update

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound, RuleBroken
from app.kernel.ids import new_id
from app.territory import access, grid_plan, grids, plan, planting, queries, rules, tree, turn
from app.territory.datum import Datum
from app.territory.models import Facility, LevelName, Place, PlaceScene
from app.territory.plan import KnownPlace, Report
from app.territory.rules import FacilityKind, Level

PlaceDraft = plan.PlaceDraft
ProfileDraft = tree.ProfileDraft
GridDraft = grid_plan.GridDraft

add_place = planting.add_place
add_places = planting.add_places
rename = tree.rename
move = tree.move
retire = tree.retire
set_profile = tree.set_profile
add_grid = grids.add_grid
redraw_grid = grids.redraw_grid
retire_grid = grids.retire_grid
import_grids = grids.import_grids


# --- what levels are called


def name_level(actor: Actor, level: Level, name: str, *, place_id: UUID | None = None) -> LevelName:
    """Say what a level is called at a place and below it, or everywhere.

    Raises:
        NotFound, Forbidden: no such place, or not this actor's.
        Invalid: a bad name (code ``bad_name``).

    """
    turn.take_turn(redraw=True)
    nodes = access.nodes_of(turn.held(place_id)) if place_id else frozenset()
    access.require_edit(actor, nodes)
    flaw = rules.name_flaw(name)
    if flaw:
        raise Invalid(flaw, code="bad_name")
    row = session.scalar(
        select(LevelName).where(LevelName.level == level, LevelName.place_id == place_id)
    )
    if row is None:
        row = LevelName(level=level, place_id=place_id)
        session.add(row)
    row.name = name
    session.flush()
    audit.record(actor, "territory.level_named", "place", place_id, level=level.value)
    return row


# --- facilities


@dataclass(frozen=True, slots=True)
class FacilityDraft:
    """A facility to be made: its number as painted on, and who answers for it."""

    number: str
    kind: FacilityKind
    place_id: UUID
    name: str = ""
    lat: float | None = None
    lon: float | None = None
    datum: Datum | None = None
    organisation_id: UUID | None = None
    warranty_until: date | None = None
    id: UUID = field(default_factory=new_id)


def add_facility(actor: Actor, draft: FacilityDraft) -> Facility:
    """Add a facility at a place (a compound, a building, or a community for street furniture).

    Raises:
        NotFound, Forbidden: no such place, or not this actor's.
        Invalid: a bad number or point (codes ``bad_facility``, ``bad_coordinates``).
        Conflict: the number is in use at the place (code ``facility_exists``).

    """
    turn.take_turn(redraw=False)
    place = queries.place(draft.place_id)
    access.require_edit(actor, access.nodes_of(place))
    number = draft.number.strip()
    flaw = rules.name_flaw(number)
    if flaw or place.level is Level.DWELLING:
        raise Invalid("设施编号不对。" if flaw else "设施不能建在住户家里。", code="bad_facility")
    taken = select(Facility.id).where(
        Facility.place_id == place.id, Facility.number == number, Facility.retired_at.is_(None)
    )
    if session.scalar(taken):
        raise Conflict("这里已有相同编号的设施。", code="facility_exists")
    made = Facility(
        id=draft.id,
        number=number,
        kind=draft.kind,
        name=draft.name or rules.KIND_NAMES[draft.kind],
        place_id=place.id,
        organisation_id=draft.organisation_id,
        warranty_until=draft.warranty_until,
        created_at=clock.now(),
        **planting.located(draft.lat, draft.lon, draft.datum),
    )
    session.add(made)
    session.flush()
    audit.record(actor, "territory.facility_added", "facility", made.id)
    return made


def retire_facility(actor: Actor, facility_id: UUID) -> Facility:
    """Retire a facility and revoke its scene.

    Raises:
        NotFound, Forbidden: no such facility, or not this actor's.

    """
    facility = queries.facility(facility_id)
    _guard_facility(actor, facility)
    facility.retired_at = clock.now()
    _revoke(PlaceScene.facility_id == facility.id)
    audit.record(actor, "territory.facility_retired", "facility", facility.id)
    return facility


# --- scenes


def issue_scene(
    actor: Actor, *, place_id: UUID | None = None, facility_id: UUID | None = None
) -> PlaceScene:
    """Issue a QR scene for a place or a facility; an earlier one is revoked.

    Raises:
        NotFound, Forbidden: no such place or facility, or not this actor's.
        RuleBroken: neither or both were given (code ``one_target``).

    """
    if (place_id is None) == (facility_id is None):
        raise RuleBroken("二维码要对应一个地址或一个设施。", code="one_target")
    turn.take_turn(redraw=False)
    if place_id is not None:
        access.require_edit(actor, access.nodes_of(queries.place(place_id)))
        _revoke(PlaceScene.place_id == place_id)
    elif facility_id is not None:
        _guard_facility(actor, queries.facility(facility_id))
        _revoke(PlaceScene.facility_id == facility_id)
    made = PlaceScene(
        scene=rules.new_scene(),
        place_id=place_id,
        facility_id=facility_id,
        issued_at=clock.now(),
    )
    session.add(made)
    session.flush()
    audit.record(actor, "territory.scene_issued", "place_scene", made.id)
    return made


def issue_scenes(actor: Actor, place_ids: Collection[UUID]) -> dict[UUID, str]:
    """Issue scenes for many places that have none of their own yet, in a few statements.

    Returns the new scenes by place; places that had one are left out.

    Raises:
        NotFound, Forbidden: a place is not there, or not this actor's.

    """
    turn.take_turn(redraw=False)
    homes = queries.places(place_ids)
    if len(homes) < len(set(place_ids)) or any(home.retired_at for home in homes.values()):
        raise NotFound("有的地址不存在或已停用。", code="unknown_place")
    parents = {home.parent_id: home for home in homes.values()}
    for home in parents.values():
        access.require_edit(actor, access.nodes_of(home) - {home.id})
    have: set[UUID | None] = set()
    for part in queries.chunks(homes):
        valid = select(PlaceScene.place_id).where(PlaceScene.revoked_at.is_(None))
        have.update(session.scalars(valid.where(PlaceScene.place_id.in_(part))))
    fresh = {place_id: rules.new_scene() for place_id in homes if place_id not in have}
    now = clock.now()
    rows = [{"scene": scene, "place_id": one, "issued_at": now} for one, scene in fresh.items()]
    if rows:
        session.execute(insert(PlaceScene), rows)
        audit.record(actor, "territory.scenes_issued", "place_scene", None, count=len(rows))
    return fresh


def revoke_scene(actor: Actor, scene: str) -> PlaceScene:
    """Revoke a scene: whoever scans it is told so.

    Raises:
        NotFound, Forbidden: no such scene (code ``unknown_scene``), or not this actor's.

    """
    row = session.scalar(select(PlaceScene).where(PlaceScene.scene == rules.read_scene(scene)))
    if row is None:
        raise NotFound("没有这个二维码。", code="unknown_scene")
    if row.place_id is not None:
        home = session.get(Place, row.place_id)
        access.require_edit(actor, access.nodes_of(home) if home else ())
    elif row.facility_id is not None:
        facility = session.get(Facility, row.facility_id)
        if facility is not None:
            _guard_facility(actor, facility)
    row.revoked_at = row.revoked_at or clock.now()
    audit.record(actor, "territory.scene_revoked", "place_scene", row.id)
    return row


def _guard_facility(actor: Actor, facility: Facility) -> None:
    home = session.get(Place, facility.place_id)
    access.require_edit(actor, access.nodes_of(home) if home else ())


def _revoke(target: ColumnElement[bool]) -> None:
    session.execute(
        update(PlaceScene)
        .where(target, PlaceScene.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )


# --- imports


def import_tree(
    actor: Actor, rows: Iterable[tuple[int, Mapping[str, str]]], *, dry_run: bool
) -> Report:
    """Add the places of an org tree from rows of (line, heading → text).

    Headings are those of :data:`plan.HEADINGS`. A row that stands already just
    as it says is passed over, so an import may be repeated. With any error, or
    in a dry run, nothing changes; the report is the same.

    Raises:
        Forbidden: a parent that is not this actor's.

    """
    if not dry_run:
        turn.take_turn(redraw=False)
    listed = list(rows)
    lacking = plan.missing_headings(listed)
    if lacking:
        return Report(len(listed), 0, 0, 0, tuple(lacking), (), dry_run, applied=False)
    said = session.execute(select(LevelName.name, LevelName.level))
    read = plan.read_rows(listed, {**plan.LEVEL_WORDS, **dict(said.all())})
    codes = {code for row in read for code in (row.code, row.parent_code) if code}
    places = queries.codes_known(codes)
    known = {code: KnownPlace(p.id, p.level, p.name, p.parent_id) for code, p in places.items()}
    parents: set[UUID | None] = {one.id for one in places.values()}
    made = plan.plan_tree(read, known, queries.names_taken({*parents, None}))
    _guard_import(actor, made.drafts, {place.id: place for place in places.values()})
    applied = not dry_run and not made.errors
    if applied:
        planting.add_places(actor, made.drafts)
    return Report(
        rows=len(read),
        added=len(made.drafts),
        changed=0,
        unchanged=made.unchanged,
        errors=made.errors,
        warnings=made.warnings,
        dry_run=dry_run,
        applied=applied,
    )


def _guard_import(
    actor: Actor, drafts: Iterable[plan.PlaceDraft], places: Mapping[UUID, Place]
) -> None:
    access.require_edit(actor, frozenset().union(*map(access.nodes_of, places.values())))
    for parent_id in {draft.parent_id for draft in drafts}:
        parent = places.get(parent_id) if parent_id else None
        if parent is not None:
            access.require_edit(actor, access.nodes_of(parent))
        elif parent_id is None:
            access.require_edit(actor, ())
