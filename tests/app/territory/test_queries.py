"""Spots, search and lists; and that the map hears of other processes' changes."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Invalid, NotFound
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.territory import queries, service
from app.territory.datum import LatLon, convert
from app.territory.rules import Datum, FacilityKind, Level
from app.territory.service import PlaceDraft
from config import ROOT
from tests.make import territory as make

pytestmark = pytest.mark.usefixtures("app")


def spot(x, y):
    return queries.spot_at(*make.at(x, y), Datum.GCJ02)


# --- spots of places


def test_the_spot_of_a_home_names_everything_and_shows_the_public_only_the_building():
    town = make.town()

    found = queries.spot_of_place(town.dwelling)

    assert found.label == "桂花苑 3幢 2单元 301室"
    assert found.public_label == "桂花苑 3幢"
    assert found.management_mode == "professional"
    assert found.nodes == {
        town.district,
        town.street,
        town.community,
        town.compound,
        town.building,
        town.unit,
        town.dwelling,
    }


def test_the_spot_of_a_place_costs_one_statement_once_the_map_is_known(statements):
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    queries.spot_of_place(town.building)
    session.expunge_all()

    with statements() as seen:
        queries.spot_of_place(town.dwelling)

    assert len(seen) == 1


def test_a_scene_is_read_in_one_statement_too(statements):
    town = make.town()
    lamp = make.facility(town.compound)
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, facility_id=lamp.id).scene
    queries.spot_of_place(town.dwelling)
    session.expunge_all()

    with statements() as seen:
        queries.spot_of_scene(scene)

    assert len(seen) == 1


def test_a_written_grid_beats_the_point_and_is_inherited_from_the_nearest_ancestor():
    town = make.town()
    one = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    two = make.grid(town.community, "G2", make.box(1, 0, 2, 1))
    lat, lon = make.at(1.5, 0.5)
    building = make.place(
        Level.BUILDING,
        "7幢",
        town.compound,
        grid_id=one.id,
        lat=lat,
        lon=lon,
        datum=Datum.GCJ02,
    )
    plain = make.place(Level.UNIT, "1单元", building.id)
    own = make.place(Level.UNIT, "2单元", building.id, grid_id=two.id)

    assert queries.spot_of_place(plain.id).grid_id == one.id
    assert queries.spot_of_place(own.id).grid_id == two.id
    with unit_of_work():
        service.retire_grid(SYSTEM, one.id)
    assert queries.spot_of_place(plain.id).grid_id == two.id


def test_a_home_takes_the_grid_of_its_buildings_point_in_any_datum():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    east = make.grid(town.community, "G2", make.box(1, 0, 2, 1))
    given = convert(LatLon(*make.at(1.2, 0.5)), Datum.GCJ02, Datum.WGS84)
    building = make.place(
        Level.BUILDING, "7幢", town.compound, lat=given.lat, lon=given.lon, datum=Datum.WGS84
    )
    home = make.place(Level.DWELLING, "101室", building.id)

    found = queries.spot_of_place(home.id)

    assert found.grid_id == east.id
    assert (found.lat, found.lon) == pytest.approx(make.at(1.2, 0.5), abs=1e-7)
    assert queries.place(building.id).lat == given.lat


def test_a_building_beyond_its_communitys_grids_has_none_of_the_neighbours():
    town = make.town()
    make.grid(town.neighbour, "G1", make.box(0, 0, 1, 1))
    lat, lon = make.at(0.5, 0.5)
    building = make.place(Level.BUILDING, "7幢", town.compound, lat=lat, lon=lon, datum=Datum.GCJ02)

    found = queries.spot_of_place(building.id)

    assert found.grid_id is None
    assert "社区确定" in found.why


def test_a_split_compound_gives_no_grid_by_chance():
    town = make.town()
    west = make.grid(town.community, "G1", make.box(0, 0, 1, 2))
    make.grid(town.community, "G2", make.box(1, 0, 2, 2))
    make.bounded(town.compound, make.box(0.5, 0.5, 1.5, 1.5))

    split = queries.spot_of_place(town.dwelling)
    make.bounded(town.compound, make.box(0.2, 0.5, 0.9, 1.5))
    whole = queries.spot_of_place(town.dwelling)

    assert split.grid_id is None
    assert "跨" in split.why
    assert whole.grid_id == west.id


def test_a_compound_without_boundary_takes_the_grid_of_its_centre():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    lat, lon = make.at(0.5, 0.5)
    compound = make.place(
        Level.COMPOUND, "银杏苑", town.community, lat=lat, lon=lon, datum=Datum.GCJ02
    )
    building = make.place(Level.BUILDING, "1幢", compound.id)

    found = queries.spot_of_place(building.id)

    assert found.grid_id == drawn.id
    assert (found.lat, found.lon) == (lat, lon)


def test_a_place_above_the_compound_has_no_grid():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    for place_id in (town.community, town.street, town.district):
        assert queries.spot_of_place(place_id).grid_id is None


def test_an_unknown_place_is_not_found():
    make.town()

    with pytest.raises(NotFound) as missing:
        queries.spot_of_place(new_id())

    assert missing.value.code == "unknown_place"


def test_a_facility_beats_its_place_in_point_and_label():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    lat, lon = make.at(0.5, 0.5)
    lift = make.facility(
        town.building,
        "DT-007",
        kind=FacilityKind.LIFT,
        lat=lat,
        lon=lon,
        datum=Datum.GCJ02,
        warranty_until=date(2028, 5, 31),
    )
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, facility_id=lift.id).scene

    found = queries.spot_of_scene(f" {scene.lower()} ")

    assert replace(found, why="") == replace(queries.spot_of_facility(lift.id), why="")
    assert found.label == "桂花苑 3幢 电梯 DT-007"
    assert (found.facility_id, found.facility_kind) == (lift.id, "lift")
    assert (found.building_id, found.grid_id) == (town.building, drawn.id)
    assert found.warranty_until == date(2028, 5, 31)


def test_street_furniture_has_a_community_and_no_compound():
    town = make.town()
    lid = make.facility(town.community, "JG-1", kind=FacilityKind.MANHOLE)

    found = queries.spot_of_facility(lid.id)

    assert (found.community_id, found.compound_id) == (town.community, None)
    assert found.label == "桂花社区 井盖 JG-1"
    with pytest.raises(NotFound):
        queries.spot_of_facility(new_id())


def test_homes_without_a_code_use_the_nearest_above():
    town = make.town()
    other = make.place(Level.BUILDING, "4幢", town.compound)
    with unit_of_work():
        of_compound = service.issue_scene(SYSTEM, place_id=town.compound).scene
        of_building = service.issue_scene(SYSTEM, place_id=town.building).scene

    scenes = queries.scene_of([town.dwelling, other.id, town.street])

    assert scenes == {town.dwelling: of_building, other.id: of_compound}
    assert queries.scene_of([]) == {}


# --- spots of map points


@pytest.mark.parametrize("datum", list(Datum))
def test_a_map_point_finds_grid_compound_and_community_in_any_datum(datum):
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 4, 4))
    make.grid(town.neighbour, "G2", make.box(4, 0, 8, 4))
    make.bounded(town.compound, make.box(1, 1, 2, 2))
    given = convert(LatLon(*make.at(1.5, 1.5)), Datum.GCJ02, datum)

    found = queries.spot_at(given.lat, given.lon, datum.value)

    assert (found.grid_id, found.compound_id) == (drawn.id, town.compound)
    assert found.nodes == {town.district, town.street, town.community, town.compound, drawn.id}
    assert found.label == "桂花苑"
    assert (found.lat, found.lon) == pytest.approx(make.at(1.5, 1.5), abs=1e-7)


def test_a_grid_may_hold_several_compounds():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 4, 4))
    other = make.place(Level.COMPOUND, "银杏苑", town.community)
    make.bounded(town.compound, make.box(0, 0, 1, 1))
    make.bounded(other.id, make.box(2, 2, 3, 3))

    spots = [spot(0.5, 0.5), spot(2.5, 2.5), spot(1.5, 1.5)]

    assert [one.compound_id for one in spots] == [town.compound, other.id, None]
    assert {one.grid_id for one in spots} == {drawn.id}


def test_renaming_a_compound_is_heard_by_the_map():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 4, 4))
    make.bounded(town.compound, make.box(0, 0, 1, 1))
    before = spot(0.5, 0.5).label

    with unit_of_work():
        service.rename(SYSTEM, town.compound, "金桂苑")

    assert (before, spot(0.5, 0.5).label) == ("桂花苑", "金桂苑")


def test_a_point_outside_the_territory_is_told_so():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    for lat, lon in (make.at(30, 30), (51.5, -0.1), (0.0, 0.0)):
        with pytest.raises(NotFound) as outside:
            queries.spot_at(lat, lon, "wgs84")
        assert outside.value.code == "no_grid_here"


@pytest.mark.parametrize(
    ("lat", "lon", "datum"),
    [
        (float("nan"), 120.0, "gcj02"),
        (float("inf"), 120.0, "gcj02"),
        (91.0, 120.0, "gcj02"),
        (30.0, 181.0, "gcj02"),
        (30.0, 120.0, "mars"),
        ("x", 120.0, "gcj02"),
        (None, 120.0, "gcj02"),
    ],
)
def test_what_is_no_point_is_invalid(lat, lon, datum):
    make.town()

    with pytest.raises(Invalid) as refused:
        queries.spot_at(lat, lon, datum)

    assert refused.value.code == "bad_coordinates"


REDRAW = """
import sys
from uuid import UUID
from app.factory import create_app
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.territory import service
from app.territory.rules import Datum
from config import Settings
from app import rooms
from tests.make.territory import box

assert rooms.MODELS
app = create_app(Settings.from_env())
with app.app_context(), unit_of_work():
    service.redraw_grid(SYSTEM, UUID(sys.argv[1]), box(5, 5, 6, 6), Datum.GCJ02)
"""


def test_a_grid_redrawn_by_another_process_is_noticed(settings, tmp_path):
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    before = spot(0.5, 0.5).grid_id
    session.remove()
    url = settings.database_url
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "SANDAN_ENV": "test",
        "SANDAN_DATA": str(tmp_path),
        "DATABASE_URL": url,
        "PYTHONPATH": str(Path(ROOT)),
    }

    subprocess.run(
        [sys.executable, "-c", REDRAW, str(drawn.id)], check=True, env=environment, cwd=ROOT
    )

    assert before == drawn.id
    assert spot(5.5, 5.5).grid_id == drawn.id
    with pytest.raises(NotFound):
        spot(0.5, 0.5)


# --- lists


def test_children_are_listed_as_people_count_and_by_pages():
    town = make.town()
    for number in (10, 2, 1):
        make.place(Level.BUILDING, f"{number}幢", town.compound)
    with unit_of_work():
        service.retire(SYSTEM, make.place(Level.BUILDING, "5幢", town.compound).id)

    first = queries.children(town.compound, limit=3)
    rest = queries.children(town.compound, limit=3, cursor=first.next_cursor)

    assert [one.name for one in first.items] == ["1幢", "2幢", "3幢"]
    assert [one.name for one in rest.items] == ["10幢"]
    assert {one.name for one in queries.children(None).items} == {"云溪区", "望山县"}


def test_grids_of_a_community_are_listed_by_code():
    town = make.town()
    for code in ("G3", "G1"):
        make.grid(town.community, code, make.box(0, 0, 1, 1))
    make.grid(town.neighbour, "G2", make.box(3, 0, 4, 1))

    assert [one.code for one in queries.grids_of(town.community)] == ["G1", "G3"]


def test_places_are_found_by_id_retired_ones_too():
    town = make.town()
    with unit_of_work():
        service.retire(SYSTEM, town.unit)

    assert set(queries.places([town.unit, town.compound, new_id()])) == {town.unit, town.compound}


# --- search


def names(text, **options):
    return [hit.label for hit in queries.search(text, **options)]


def planted():
    town = make.town()
    drafts = [
        PlaceDraft(Level.COMPOUND, "东桂花苑", town.community),
        PlaceDraft(Level.COMPOUND, "重庆里", town.neighbour),
        PlaceDraft(Level.COMPOUND, "100%好家", town.neighbour),
        PlaceDraft(Level.COMPOUND, "A_B花园", town.neighbour),
        PlaceDraft(Level.COMPOUND, "AXB花园", town.neighbour),
    ]
    with unit_of_work():
        service.add_places(SYSTEM, drafts)
    return town


@pytest.mark.parametrize("text", ["桂花苑", "ghy", "GHY", "guihuayuan", " 桂 花 苑 "])
def test_a_compound_is_found_by_characters_initials_or_pinyin_best_first(text):
    planted()

    assert names(text)[0] == "桂花苑"
    assert "东桂花苑" in names(text)


@pytest.mark.parametrize("text", ["cql", "chongqing", "重庆"])
def test_readings_follow_the_phrase(text):
    planted()

    assert names(text) == ["重庆里"]


@pytest.mark.parametrize("text", ["桂花苑3幢", "桂花苑 3幢", "ghy3z", "桂花苑３幢"])
def test_a_building_is_found_with_its_compound(text):
    planted()

    assert names(text)[0] == "桂花苑 3幢"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("%", ["100%好家"]),
        ("_", ["A_B花园"]),
        ("a_b", ["A_B花园"]),
        ("/", []),
        ("\\", []),
        ("'", []),
        ("%%", []),
        ("", []),
        ("  ", []),
        ("桂" * 41, []),
    ],
)
def test_wildcards_are_only_letters(text, found):
    planted()

    assert names(text) == found


@pytest.mark.parametrize("text", ["301室", "301", "桂花苑3幢2单元301室"])
def test_nobody_finds_a_home_by_typing(text):
    planted()

    assert names(text) == []


def test_search_stays_in_its_district_and_is_never_long():
    town = planted()
    far = make.place(Level.STREET, "远街", queries.search("望山县")[0].id, code="330198001000")
    there = make.place(Level.COMMUNITY, "远社区", far.id, code="330198001001")
    make.place(Level.COMPOUND, "桂花苑", there.id)
    with unit_of_work():
        service.add_places(
            SYSTEM, [PlaceDraft(Level.BUILDING, f"{n}幢", town.compound) for n in range(10, 60)]
        )

    here = queries.search("桂花苑", district_id=town.district, limit=500)

    assert len(here) == 20
    assert [hit.level for hit in here[:2]] == [Level.COMPOUND, Level.BUILDING]
    assert there.id not in {hit.community_id for hit in here}
    assert len(queries.search("桂花苑", limit=0)) == 1
    assert [h.community for h in queries.search("桂花苑")][:2].count("远社区") == 1


def test_a_retired_place_is_not_found_by_searching():
    town = planted()
    with unit_of_work():
        service.retire(SYSTEM, town.compound)

    assert names("桂花苑") == ["东桂花苑"]
