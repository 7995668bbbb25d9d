"""Planting the invented ground: divisions, grids, buildings, facilities, QR scenes."""

from collections.abc import Iterator
from uuid import UUID

from app.demo.layout import Building, Compound
from app.demo.town import Town
from app.demo.world import Facility
from app.kernel.actor import SYSTEM
from app.territory import queries as territory
from app.territory import service
from app.territory.rules import Datum, Level
from app.territory.service import FacilityDraft, GridDraft, PlaceDraft


def plant(town: Town) -> None:
    """Plant every place and grid of the plan."""
    ground = town.world.ground
    district = PlaceDraft(Level.DISTRICT, ground.district.name, code=ground.district.code)
    drafts = {ground.district.code: district}
    for level, divisions in (
        (Level.STREET, ground.streets),
        (Level.COMMUNITY, ground.communities),
    ):
        for one in divisions:
            parent = drafts[one.parent or ground.district.code]
            drafts[one.code] = PlaceDraft(level, one.name, parent.id, code=one.code)
    for compound in ground.compounds:
        drafts[compound.key] = _compound(compound, drafts[compound.community].id)
    service.add_places(SYSTEM, drafts.values())
    town.places.update({key: draft.id for key, draft in drafts.items()})
    for grid in ground.grids:
        draft = GridDraft(
            town.places[grid.community], grid.name, grid.code, grid.geojson(), Datum.GCJ02
        )
        town.places[grid.code] = service.add_grid(SYSTEM, draft).id
    inside = dict(_inside(town))
    service.add_places(SYSTEM, inside.values())
    town.places.update({key: draft.id for key, draft in inside.items()})


def _compound(compound: Compound, community_id: UUID) -> PlaceDraft:
    lon = sum(x for x, _ in compound.outline[:4]) / 4
    lat = sum(y for _, y in compound.outline[:4]) / 4
    return PlaceDraft(
        Level.COMPOUND,
        compound.name,
        community_id,
        code=compound.code,
        lat=round(lat, 6),
        lon=round(lon, 6),
        datum=Datum.GCJ02,
        management_mode=compound.mode,
        households=compound.households,
        built_year=compound.built,
    )


def _inside(town: Town) -> Iterator[tuple[str, PlaceDraft]]:
    for compound in town.world.ground.compounds:
        for building in compound.buildings:
            draft = PlaceDraft(
                Level.BUILDING,
                f"{building.number}幢",
                town.places[compound.key],
                lat=building.lat,
                lon=building.lon,
                datum=Datum.GCJ02,
                grid_id=town.places[building.grid],
            )
            yield building.key, draft
            yield from _doors(building, draft)


def _doors(building: Building, draft: PlaceDraft) -> Iterator[tuple[str, PlaceDraft]]:
    for number in range(1, building.units + 1):
        unit = PlaceDraft(Level.UNIT, f"{number}单元", draft.id)
        yield f"{building.key}/{number}", unit
        for floor in range(1, building.floors + 1):
            for door in range(1, building.doors + 1):
                name = f"{floor}{door:02d}"
                yield (
                    f"{building.key}/{number}/{name}",
                    PlaceDraft(Level.DWELLING, f"{name}室", unit.id),
                )


def furnish(town: Town) -> None:
    """Set up the facilities and hang the QR scenes: on buildings, and on street furniture."""
    for facility in town.world.facilities:
        made = service.add_facility(SYSTEM, _facility(town, facility))
        if facility.compound is None:
            issued = service.issue_scene(SYSTEM, facility_id=made.id)
            town.scenes[facility.number] = issued.scene
    hung = [
        *(compound.key for compound in town.world.ground.compounds),
        *(b.key for compound in town.world.ground.compounds for b in compound.buildings),
    ]
    service.issue_scenes(SYSTEM, [town.places[key] for key in hung])
    scenes = territory.scene_of([town.places[key] for key in hung])
    town.scenes.update({key: scenes[town.places[key]] for key in hung})


def _facility(town: Town, facility: Facility) -> FacilityDraft:
    community = facility.grid[:12]
    at = facility.building or facility.compound or community
    if facility.unit is not None:
        at = f"{facility.building}/{facility.unit}"
    return FacilityDraft(
        number=facility.number,
        kind=facility.kind,
        place_id=town.places[at],
        name=facility.label,
        lat=facility.lat,
        lon=facility.lon,
        datum=Datum.GCJ02,
        organisation_id=town.organisations[facility.responsible] if facility.responsible else None,
        warranty_until=facility.warranty_until,
    )
