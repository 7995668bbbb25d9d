"""Verbs on what stands in the tree: rename, move, retire, a compound's profile."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, select, update

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.territory import access, queries, rules
from app.territory.datum import Datum
from app.territory.geometry import Area, Flaw, read_area
from app.territory.models import CompoundProfile, Grid, Place, PlaceScene
from app.territory.planting import NAMING, naming_of
from app.territory.rules import LEVELS, Level, ManagementMode
from app.territory.turn import held, take_turn


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """What is known of a compound; ``boundary`` is GeoJSON in ``boundary_datum``."""

    management_mode: ManagementMode
    households: int | None = None
    built_year: int | None = None
    boundary: Mapping[str, Any] | None = None
    boundary_datum: Datum | None = None


def rename(actor: Actor, place_id: UUID, name: str) -> Place:
    """Rename a place, and every address below that begins with it.

    Raises:
        NotFound, Forbidden: no such place, or not this actor's.
        Invalid: a bad name (code ``bad_place``).
        Conflict: a sibling has the name (code ``place_exists``).

    """
    take_turn(redraw=True)
    place = held(place_id)
    access.require_edit(actor, access.nodes_of(place))
    flaw = rules.name_flaw(name)
    if flaw:
        raise Invalid(flaw, code="bad_place")
    if name == place.name:
        return place
    if (place.parent_id, name) in queries.names_taken({place.parent_id}):
        raise Conflict("同一上级下已有这个名称。", code="place_exists")
    parent = session.get(Place, place.parent_id) if place.parent_id else None
    place.name, place.sort_key = name, rules.sort_key(name)
    _rename_below(place, parent)
    audit.record(actor, "territory.renamed", "place", place.id)
    return place


def move(actor: Actor, place_id: UUID, parent_id: UUID) -> Place:
    """Hang a place with all below it under another parent.

    Grids written on the places are forgotten where the community changes.

    Raises:
        NotFound, Forbidden: no such place or parent, or not this actor's.
        RuleBroken: a parent of the wrong level (code ``wrong_level_order``).
        Conflict: a new sibling has the name (code ``place_exists``).

    """
    take_turn(redraw=True)
    place, parent = held(place_id), held(parent_id)
    for one in (place, parent):
        access.require_edit(actor, access.nodes_of(one))
    if parent.level not in rules.PARENTS[place.level]:
        raise RuleBroken("不能移到这一级下面。", code="wrong_level_order")
    if (parent.id, place.name) in queries.names_taken({parent.id}) and place.parent_id != parent.id:
        raise Conflict("新的上级下已有这个名称。", code="place_exists")
    above = LEVELS[: place.level.depth]
    ancestors = {level.column: getattr(parent, level.column) for level in above}
    if place.community_id != parent.community_id and place.level.depth >= Level.COMPOUND.depth:
        ancestors["grid_id"] = None
    place.parent_id = parent.id
    session.flush()
    session.execute(_below(place, itself=True).values(ancestors))
    session.refresh(place)
    _rename_below(place, parent)
    audit.record(actor, "territory.moved", "place", place.id)
    return place


def retire(actor: Actor, place_id: UUID) -> int:
    """Retire a place with all below it, revoke their scenes, retire their grids.

    Returns how many places were retired. Nothing is deleted: tickets name them.

    Raises:
        NotFound, Forbidden: no such place, or not this actor's.

    """
    take_turn(redraw=True)
    place, now = held(place_id), clock.now()
    access.require_edit(actor, access.nodes_of(place))
    below = select(Place.id).where(queries.under(place.level, place.id))
    session.execute(
        update(PlaceScene)
        .where(PlaceScene.place_id.in_(below), PlaceScene.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    session.execute(
        update(Grid)
        .where(Grid.community_id.in_(below), Grid.retired_at.is_(None))
        .values(retired_at=now)
    )
    live = select(func.count()).where(queries.under(place.level, place.id))
    count = session.scalar(live.where(Place.retired_at.is_(None))) or 0
    session.execute(
        _below(place, itself=True).where(Place.retired_at.is_(None)).values(retired_at=now)
    )
    audit.record(actor, "territory.retired", "place", place.id, count=count)
    return count


def _below(place: Place, *, itself: bool) -> Any:
    """Begin an update of the subtree; objects in the session are brought up to date."""
    statement = update(Place).where(queries.under(place.level, place.id))
    if not itself:
        statement = statement.where(Place.id != place.id)
    return statement.execution_options(synchronize_session="fetch")


def _rename_below(place: Place, parent: Place | None) -> None:
    """Write a place's naming anew and swap the beginning of all namings built on it."""
    before = naming_of(place)
    after = rules.naming(place.level, place.name, naming_of(parent) if parent else None)
    for field in NAMING:
        setattr(place, field, getattr(after, field))
    session.flush()
    changed = {
        field: literal(getattr(after, field)).concat(
            func.substr(getattr(Place, field), len(old) + 1)
        )
        for field in NAMING
        if (old := getattr(before, field)) is not None and old != getattr(after, field)
    }
    if not changed or place.level.depth < Level.COMMUNITY.depth:
        return
    statement = _below(place, itself=False)
    if place.level is Level.COMMUNITY:
        statement = statement.where(Place.compound_id.is_(None))
    session.execute(statement.values(changed))


def set_profile(actor: Actor, compound_id: UUID, draft: ProfileDraft) -> CompoundProfile:
    """Write who manages a compound and where it ends.

    Raises:
        NotFound, Forbidden: no such compound, or not this actor's.
        Invalid: a bad boundary (code as told by :func:`geometry.read_area`).

    """
    take_turn(redraw=True)
    access.require_edit(actor, access.nodes_of(held(compound_id)))
    profile = queries.compound_profile(compound_id)
    profile.management_mode = draft.management_mode
    profile.households, profile.built_year = draft.households, draft.built_year
    area = _boundary(draft)
    profile.boundary = area.given if area else None
    profile.boundary_datum = area.datum if area else None
    profile.boundary_gcj = area.gcj if area else None
    profile.area_m2 = area.area_m2 if area else None
    session.flush()
    mode = draft.management_mode.value
    audit.record(actor, "territory.profile_set", "place", compound_id, mode=mode)
    return profile


def _boundary(draft: ProfileDraft) -> Area | None:
    if draft.boundary is None:
        return None
    if draft.boundary_datum is None:
        raise Invalid("边界要写明坐标系。", code="bad_coordinates")
    area = read_area(draft.boundary, draft.boundary_datum)
    if isinstance(area, Flaw):
        raise Invalid(area.words, code=area.code)
    return area
