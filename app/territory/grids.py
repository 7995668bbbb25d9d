"""Verbs on grids: draw, redraw, rename, retire, and their import."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from shapely.geometry import shape
from sqlalchemy import select

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.territory import access, queries, rules
from app.territory.datum import Datum
from app.territory.geometry import Area, Feature, Flaw, read_area, read_features
from app.territory.grid_plan import (
    COMMUNITIES,
    GridDraft,
    GridPlan,
    KnownGrid,
    PlannedGrid,
    plan_grids,
    property_text,
)
from app.territory.models import Grid, Place
from app.territory.plan import Problem, Report
from app.territory.rules import Level
from app.territory.turn import held, take_turn


def add_grid(actor: Actor, draft: GridDraft) -> Grid:
    """Draw a grid in a community.

    Raises:
        NotFound, Forbidden: no such community, or not this actor's.
        Invalid: a bad name, code or polygon (its code tells which).
        Conflict: the code is in use (code ``grid_exists``).

    """
    take_turn(redraw=True)
    community = held(draft.community_id)
    access.require_edit(actor, access.nodes_of(community))
    if community.level is not Level.COMMUNITY:
        raise Invalid("网格只能建在社区里。", code="not_a_community")
    flaw = rules.name_flaw(draft.name) or rules.code_flaw(Level.COMPOUND, draft.code)
    if flaw or not draft.code:
        raise Invalid(flaw or "网格要有编码。", code="bad_grid")
    if session.scalar(select(Grid.id).where(Grid.code == draft.code, Grid.retired_at.is_(None))):
        raise Conflict("网格编码已经存在。", code="grid_exists")
    area = _good(read_area(draft.geometry, draft.datum))
    made = _make(draft.id, draft.community_id, draft.name, draft.code, area)
    audit.record(actor, "territory.grid_added", "grid", made.id)
    return made


def redraw_grid(
    actor: Actor, grid_id: UUID, geometry: Mapping[str, Any], datum: Datum, *, name: str = ""
) -> Grid:
    """Give a grid another shape, and another name if one is given.

    Raises:
        NotFound, Forbidden: no such grid, or not this actor's.
        Invalid: a bad name or polygon.

    """
    take_turn(redraw=True)
    grid = _held(actor, grid_id)
    flaw = rules.name_flaw(name) if name else None
    if flaw:
        raise Invalid(flaw, code="bad_grid")
    _draw(grid, _good(read_area(geometry, datum)), name or grid.name)
    audit.record(actor, "territory.grid_redrawn", "grid", grid.id)
    return grid


def retire_grid(actor: Actor, grid_id: UUID) -> Grid:
    """Take a grid off the map; places that name it fall back to their points.

    Raises:
        NotFound, Forbidden: no such grid, or not this actor's.

    """
    take_turn(redraw=True)
    grid = _held(actor, grid_id)
    grid.retired_at = clock.now()
    session.flush()
    audit.record(actor, "territory.grid_retired", "grid", grid.id)
    return grid


def import_grids(actor: Actor, geojson: str, *, datum: Datum, dry_run: bool) -> Report:
    """Draw and redraw grids from the text of a GeoJSON FeatureCollection.

    Each feature names its ``code``/编码, ``name``/名称 and ``community``/社区编码.
    With any error, or in a dry run, nothing changes; the report is the same.

    Raises:
        Forbidden: a community that is not this actor's.

    """
    if not dry_run:
        take_turn(redraw=True)
    features = read_features(geojson)
    if isinstance(features, Flaw):
        problem = Problem(1, features.code, features.words)
        return Report(0, 0, 0, 0, (problem,), (), dry_run, False)
    communities = _communities(actor, features)
    plan = plan_grids(features, datum, communities, _known())
    applied = not dry_run and not plan.errors
    if applied:
        _carry_out(actor, plan)
    new = sum(grid.is_new for grid in plan.planned)
    return Report(
        rows=len(features),
        added=new,
        changed=len(plan.planned) - new,
        unchanged=plan.unchanged,
        errors=plan.errors,
        warnings=plan.warnings,
        dry_run=dry_run,
        applied=applied,
    )


def _communities(actor: Actor, features: Sequence[Feature]) -> dict[str, UUID]:
    """Find the live communities that the features name, guarding each."""
    codes = {property_text(feature.properties, COMMUNITIES) for feature in features}
    found = {}
    for code, place in queries.codes_known(codes).items():
        if place.level is Level.COMMUNITY:
            access.require_edit(actor, access.nodes_of(place))
            found[code] = place.id
    if not found:
        access.require_edit(actor, ())
    return found


def _known() -> list[KnownGrid]:
    rows = session.scalars(select(Grid).where(Grid.retired_at.is_(None)).order_by(Grid.code))
    return [
        KnownGrid(g.id, g.code, g.name, g.community_id, g.geometry, g.datum, shape(g.geometry_gcj))
        for g in rows
    ]


def _carry_out(actor: Actor, plan: GridPlan) -> None:
    old_ids = [grid.id for grid in plan.planned if not grid.is_new]
    old: dict[UUID, Grid] = {}
    for part in queries.chunks(old_ids):
        old.update((g.id, g) for g in session.scalars(select(Grid).where(Grid.id.in_(part))))
    for planned in plan.planned:
        _put(planned, old.get(planned.id))
    session.flush()
    audit.record(actor, "territory.grids_imported", "grid", None, count=len(plan.planned))


def _put(planned: PlannedGrid, there: Grid | None) -> None:
    if there is None:
        _make(planned.id, planned.community_id, planned.name, planned.code, planned.area)
    else:
        _draw(there, planned.area, planned.name)


def _make(grid_id: UUID, community_id: UUID, name: str, code: str, area: Area) -> Grid:
    made = Grid(id=grid_id, community_id=community_id, code=code, created_at=clock.now())
    session.add(made)
    _draw(made, area, name)
    return made


def _draw(grid: Grid, area: Area, name: str) -> None:
    grid.name = name
    grid.geometry, grid.datum = area.given, area.datum
    grid.geometry_gcj, grid.area_m2 = area.gcj, area.area_m2
    grid.changed_at = clock.now()
    session.flush()


def _held(actor: Actor, grid_id: UUID) -> Grid:
    session.get(Grid, grid_id, populate_existing=True)
    grid = queries.grid(grid_id)
    home = session.get(Place, grid.community_id)
    access.require_edit(actor, access.nodes_of(home) if home else ())
    return grid


def _good(area: Area | Flaw) -> Area:
    if isinstance(area, Flaw):
        raise Invalid(area.words, code=area.code)
    return area
