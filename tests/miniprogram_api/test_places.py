"""Finding a place over HTTP: by map point, by code, by typing."""

import pytest

from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.territory import service as territory
from app.territory.rules import Datum, LatLon, convert
from tests.make import territory as make
from tests.make.answers import refused, taken


@pytest.fixture
def phone(client_for):
    return client_for("resident")


@pytest.fixture
def grid(world):
    """A grid over the compound's corner of the map, and another beside it."""
    make.grid(world.places["community2"], "G2", make.box(10, 0, 20, 10))
    return make.grid(world.places["community"], "G1", make.box(0, 0, 10, 10))


def test_a_map_point_finds_its_grid(phone, world, grid):
    lat, lon = make.at(5, 5)

    spot = taken(phone.get("/places/locate", lat=lat, lon=lon, datum="gcj02"))

    assert spot["grid_id"] == str(grid.id)
    assert spot["community_id"] == str(world.places["community"])
    assert spot["why"]


@pytest.mark.parametrize("datum", list(Datum))
def test_a_point_is_converted_from_its_datum(phone, grid, datum):
    point = convert(LatLon(*make.at(5, 5)), Datum.GCJ02, datum)

    spot = taken(phone.get("/places/locate", lat=point.lat, lon=point.lon, datum=datum.value))

    assert spot["grid_id"] == str(grid.id)
    assert (spot["lat"], spot["lon"]) == pytest.approx(make.at(5, 5), abs=1e-4)


def test_a_point_outside_every_grid_is_not_found(phone, grid):
    lat, lon = make.at(500, 500)

    refused(phone.get("/places/locate", lat=lat, lon=lon), 404, "no_grid_here")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"lat": 30},
        {"lat": "x", "lon": 120},
        {"lat": 91, "lon": 120},
        {"lat": 30, "lon": 181},
        {"lat": "nan", "lon": 120},
        {"lat": "inf", "lon": 120},
        {"lat": "1e400", "lon": 120},
        {"lat": 30, "lon": 120, "datum": "mars"},
        {"lat": 30, "lon": 120, "zoom": 3},
    ],
)
def test_half_a_point_or_none_is_refused(phone, query):
    refused(phone.get("/places/locate", **query), 422, "invalid")


def test_a_scanned_code_finds_its_place(phone, world):
    for scene in (world.scenes["building"], world.scenes["building"].lower()):
        spot = taken(phone.get(f"/places/scene/{scene}"))

        assert spot["place_id"] == str(world.places["building"])
        assert spot["label"] == "桂花苑 3幢"


@pytest.mark.parametrize("scene", ["NOSUCHCODE", "x", "a%00b", "二维码", "%F0%9F%92%A1" * 20])
def test_an_unknown_code_is_not_found(phone, scene):
    refused(phone.get(f"/places/scene/{scene}"), 404)


def test_a_revoked_code_says_so(phone, world):
    with unit_of_work():
        territory.revoke_scene(SYSTEM, world.scenes["building"])

    refused(phone.get(f"/places/scene/{world.scenes['building']}"), 404, "scene_revoked")


@pytest.mark.parametrize("typed", ["桂花苑", "guihuayuan", "ghy", " GHY "])
def test_typing_finds_a_compound_first(phone, world, typed):
    items = taken(phone.get("/places/search", q=typed))["items"]

    assert items[0] == {
        "id": str(world.places["compound"]),
        "level": "compound",
        "label": "桂花苑",
    }


def test_typing_never_finds_a_home(phone):
    for typed in ("301", "301室", "桂花苑3幢2单元301室"):
        assert taken(phone.get("/places/search", q=typed))["items"] == []


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "桂" * 51}, {"q": "a", "x": "1"}])
def test_a_search_needs_a_word(phone, query):
    refused(phone.get("/places/search", **query), 422, "invalid")


@pytest.mark.parametrize("typed", ["%", "_", "\\", "'; DROP TABLE place; --", "%25%"])
def test_signs_of_the_database_are_only_signs(phone, typed):
    assert taken(phone.get("/places/search", q=typed))["items"] == []
