"""Polygons: what is taken, what is refused and why, and how they are measured."""

import json

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from app.territory.datum import Datum, LatLon, convert
from app.territory.geometry import Area, Flaw, distance_m, read_area, read_features
from tests.make.territory import at, box, boxes, collection, feature, ring

SIDES = st.floats(-5, 5, allow_nan=False)


def flaw(geometry, datum=Datum.GCJ02):
    found = read_area(geometry, datum)
    assert isinstance(found, Flaw), found
    return found.code


def test_a_square_of_a_hundred_metres_measures_about_a_hectare():
    area = read_area(box(0, 0, 1, 1), Datum.GCJ02)

    assert isinstance(area, Area)
    assert area.area_m2 == pytest.approx(111.32**2 * 0.866, rel=0.01)


def test_a_hole_is_not_part_of_the_area_and_parts_add_up():
    whole = read_area(box(0, 0, 4, 4), Datum.GCJ02)
    holed = read_area(box(0, 0, 4, 4, ring(1, 1, 3, 3)), Datum.GCJ02)
    parts = read_area(boxes((0, 0, 1, 4), (2, 0, 3, 4)), Datum.GCJ02)

    assert isinstance(whole, Area)
    assert isinstance(holed, Area)
    assert isinstance(parts, Area)
    assert holed.area_m2 == pytest.approx(whole.area_m2 * 0.75, rel=1e-3)
    assert parts.area_m2 == pytest.approx(whole.area_m2 * 0.5, rel=1e-3)


def test_a_polygon_is_kept_as_given_and_brought_to_gcj02():
    given = box(0, 0, 1, 1)

    area = read_area(given, Datum.WGS84)

    assert isinstance(area, Area)
    assert area.given == given
    lon, lat = given["coordinates"][0][0]
    corner = convert(LatLon(lat, lon), Datum.WGS84, Datum.GCJ02)
    assert list(area.gcj["coordinates"][0][0]) == pytest.approx([corner.lon, corner.lat], abs=1e-9)


def test_a_bow_tie_is_refused_and_told_where():
    bow = {
        "type": "Polygon",
        "coordinates": [[[120, 30], [121, 31], [121, 30], [120, 31], [120, 30]]],
    }

    found = read_area(bow, Datum.GCJ02)

    assert isinstance(found, Flaw)
    assert found.code == "invalid_polygon"
    assert "自己相交" in found.words
    assert "120.5" in found.words


@pytest.mark.parametrize(
    ("geometry", "code"),
    [
        (None, "bad_geometry"),
        ({}, "bad_geometry"),
        ({"type": "Point", "coordinates": [120, 30]}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": []}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": [[]]}, "open_ring"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": "120,30"}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": [[["a", "b"]]]}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": [[[True, False]]]}, "bad_geometry"),
        ({"type": "Polygon", "coordinates": [[[120, 30], [121, 30], [121, 31]]]}, "open_ring"),
        ({"type": "Polygon", "coordinates": [[[120, 30], [121, 30], [120, 30]]]}, "short_ring"),
        (
            {"type": "Polygon", "coordinates": [[[1e400, 30], [121, 30], [121, 31], [1e400, 30]]]},
            "out_of_range",
        ),
        (box(0, 0, 0.001, 0.001), "too_small"),
        (box(0, 0, 2, 2, ring(5, 5, 6, 6)), "invalid_polygon"),
        (boxes((0, 0, 2, 2), (1, 1, 3, 3)), "invalid_polygon"),
    ],
)
def test_what_is_no_polygon_is_refused(geometry, code):
    assert flaw(geometry) == code


def test_swapped_coordinates_are_recognised():
    swapped = {"type": "Polygon", "coordinates": [[[lat, lon] for lon, lat in ring(0, 0, 1, 1)]]}

    found = read_area(swapped, Datum.GCJ02)

    assert isinstance(found, Flaw)
    assert found.code == "out_of_range"
    assert "写反" in found.words


@given(x=SIDES, y=SIDES)
def test_the_distance_to_a_square_is_that_of_plane_geometry(x, y):
    area = read_area(box(0, 0, 1, 1), Datum.GCJ02)
    lat, lon = at(x, y)

    away = distance_m(area.shape, LatLon(lat, lon))

    east, north = max(-x, 0, x - 1) * 96.4, max(-y, 0, y - 1) * 111.32
    assert away == pytest.approx((east**2 + north**2) ** 0.5, rel=0.01, abs=0.01)


def test_features_know_their_lines():
    text = collection(feature(box(0, 0, 1, 1), "A"), feature(box(1, 0, 2, 1), "B"))

    features = read_features(text)

    assert not isinstance(features, Flaw)
    assert [one.line for one in features] == [3, 4]
    assert features[1].properties["编码"] == "B"


def test_features_of_one_long_line_all_stand_on_it():
    whole = json.loads(collection(feature(box(0, 0, 1, 1), "A"), feature(box(1, 0, 2, 1), "B")))

    features = read_features(json.dumps(whole))

    assert not isinstance(features, Flaw)
    assert [one.line for one in features] == [1, 1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 100_000, "not_json"),
        ('{"features": [NaN]}', "not_json"),
        ("[]", "no_features"),
        ('{"type": "FeatureCollection"}', "no_features"),
    ],
)
def test_what_is_no_geojson_is_refused(text, code):
    found = read_features(text)

    assert isinstance(found, Flaw)
    assert found.code == code


def test_odd_features_are_read_as_empty_ones():
    features = read_features('{"features": [1, {"properties": []}]}')

    assert not isinstance(features, Flaw)
    assert [(one.properties, one.geometry) for one in features] == [({}, None), ({}, None)]


def test_the_winding_of_a_ring_does_not_matter():
    backwards = {"type": "Polygon", "coordinates": [ring(0, 0, 1, 1)[::-1]]}

    one, other = read_area(box(0, 0, 1, 1), Datum.GCJ02), read_area(backwards, Datum.GCJ02)

    assert isinstance(one, Area)
    assert isinstance(other, Area)
    assert shapely.equals(one.shape, other.shape)


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=12,
)


@given(kind=st.sampled_from(["Polygon", "MultiPolygon"]), coordinates=JUNK)
def test_no_junk_breaks_the_reader(kind, coordinates):
    found = read_area({"type": kind, "coordinates": coordinates}, Datum.BD09)

    assert isinstance(found, Flaw)


def test_a_number_too_large_for_any_float_is_refused():
    assert flaw({"type": "Polygon", "coordinates": [[[10**400, 30]] * 4]}) == "bad_geometry"
