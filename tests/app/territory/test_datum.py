"""Datums: published examples, and there and back again anywhere in China."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.territory.datum import Datum, LatLon, convert, in_china

IN_CHINA = st.builds(
    LatLon,
    st.floats(3.0, 54.0, allow_nan=False),
    st.floats(73.0, 136.0, allow_nan=False),
)
FAR_OUTSIDE = st.builds(
    LatLon,
    st.floats(-90, 90),
    st.one_of(st.floats(-180, 71), st.floats(139, 180)),
)
DATUMS = st.sampled_from(list(Datum))


@pytest.mark.parametrize(
    ("wgs", "gcj"),
    [
        (LatLon(31.1774276, 121.5272106), LatLon(31.17530398364597, 121.531541859215)),
        (LatLon(22.543847, 113.912316), LatLon(22.540796131694766, 113.9171764808363)),
        (LatLon(39.911954, 116.377817), LatLon(39.91334545536069, 116.38404722455657)),
        (LatLon(39.915, 116.404), LatLon(39.91640428150164, 116.41024449916938)),
    ],
)
def test_wgs84_becomes_gcj02_as_in_published_examples(wgs, gcj):
    converted = convert(wgs, Datum.WGS84, Datum.GCJ02)

    assert converted == pytest.approx(gcj, abs=1e-9)


def test_gcj02_becomes_bd09_as_in_the_published_example():
    converted = convert(LatLon(39.915, 116.404), Datum.GCJ02, Datum.BD09)

    assert converted == pytest.approx((39.92133699351022, 116.41036949371029), abs=1e-9)


@given(point=IN_CHINA, source=DATUMS, target=DATUMS)
def test_there_and_back_again_loses_less_than_a_millimetre(point, source, target):
    back = convert(convert(point, source, target), target, source)

    assert back == pytest.approx(point, abs=1e-8)


@given(point=FAR_OUTSIDE, source=DATUMS, target=DATUMS)
@example(point=LatLon(90.0, 105.5), source=Datum.GCJ02, target=Datum.WGS84)
@example(point=LatLon(-90.0, 180.0), source=Datum.BD09, target=Datum.GCJ02)
def test_nothing_is_shifted_outside_china(point, source, target):
    assert convert(point, source, target) == point


@given(point=IN_CHINA)
def test_the_shift_is_some_hundred_metres_and_never_nothing(point):
    gcj = convert(point, Datum.WGS84, Datum.GCJ02)

    away = max(abs(gcj.lat - point.lat), abs(gcj.lon - point.lon))

    assert 0 < away < 0.02


def test_the_box_of_china_has_its_rim():
    inside, outside = LatLon(30.0, 120.0), LatLon(30.0, 140.0)

    assert in_china(inside)
    assert not in_china(outside)
