"""The three datums of Chinese maps, converted in this one place.

WGS-84 is what devices and open data speak, GCJ-02 what WeChat and most Chinese
maps draw, BD-09 what Baidu draws. The shifts are the published polynomial on
the Krasovsky 1940 ellipsoid and Baidu's published polar twist. Neither has a
closed inverse, so the way back is a fixed-point iteration on the way there;
it ends below 1e-9 degrees (a tenth of a millimetre).

Outside a box around China nothing is shifted, which is the convention of every
published implementation. In the box's own rim (about a kilometre, far from any
land of China) the forward shift has no unique inverse; a point there is taken
to come from inside.
"""

from collections.abc import Callable
from enum import StrEnum
from math import atan2, cos, hypot, isfinite, pi, sin, sqrt
from typing import NamedTuple

AXIS = 6378245.0
ECCENTRICITY_SQUARED = 0.00669342162296594323
SOUTH, NORTH, WEST, EAST = 0.8293, 55.8271, 72.004, 137.8347
BAIDU_TURN = pi * 3000.0 / 180.0
CLOSE_ENOUGH = 1e-10
MOST_STEPS = 30


class Datum(StrEnum):
    """The datum a coordinate is written in."""

    GCJ02 = "gcj02"
    WGS84 = "wgs84"
    BD09 = "bd09"


class LatLon(NamedTuple):
    """A point in degrees; its datum stands beside it."""

    lat: float
    lon: float


def is_on_earth(point: LatLon) -> bool:
    """Tell whether ``point`` is finite and within the range of degrees."""
    return (
        isfinite(point.lat)
        and isfinite(point.lon)
        and -90 <= point.lat <= 90
        and -180 <= point.lon <= 180
    )


def in_china(point: LatLon) -> bool:
    """Tell whether ``point`` lies in the box in which maps of China are shifted."""
    return SOUTH <= point.lat <= NORTH and WEST <= point.lon <= EAST


def _near_china(point: LatLon) -> bool:
    """Tell whether a point that lies in the box may have been shifted to ``point``."""
    return SOUTH - 1 <= point.lat <= NORTH + 1 and WEST - 1 <= point.lon <= EAST + 1


def convert(point: LatLon, source: Datum, target: Datum) -> LatLon:
    """Write ``point`` of datum ``source`` in datum ``target``, in degrees."""
    if source is target:
        return point
    return _FROM_GCJ[target](_TO_GCJ[source](point))


def to_gcj(point: LatLon, source: Datum) -> LatLon:
    """Write ``point`` in GCJ-02, the datum in which the house compares points."""
    return convert(point, source, Datum.GCJ02)


def _gcj_of_wgs(point: LatLon) -> LatLon:
    return _shifted(point) if in_china(point) else point


def _bd_of_gcj(point: LatLon) -> LatLon:
    return _twisted(point) if in_china(point) else point


def _wgs_of_gcj(point: LatLon) -> LatLon:
    return _undo(_shifted, point)


def _gcj_of_bd(point: LatLon) -> LatLon:
    return _undo(_twisted, point)


def _same(point: LatLon) -> LatLon:
    return point


def _undo(shift: Callable[[LatLon], LatLon], shifted: LatLon) -> LatLon:
    """Find the point that ``shift`` sends to ``shifted``; itself outside China.

    Far away the formulas have no meaning, and at the poles no value.
    """
    if not _near_china(shifted):
        return shifted
    guess = shifted
    for _ in range(MOST_STEPS):
        there = shift(guess)
        off_lat, off_lon = there.lat - shifted.lat, there.lon - shifted.lon
        guess = LatLon(guess.lat - off_lat, guess.lon - off_lon)
        if max(abs(off_lat), abs(off_lon)) < CLOSE_ENOUGH:
            break
    return guess if in_china(guess) else shifted


def _shifted(point: LatLon) -> LatLon:
    """Apply the GCJ-02 polynomial, wherever the point is."""
    x, y = point.lon - 105.0, point.lat - 35.0
    ripple = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + ripple
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + ripple
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    radians = point.lat / 180.0 * pi
    curve = 1 - ECCENTRICITY_SQUARED * sin(radians) ** 2
    meridian = AXIS * (1 - ECCENTRICITY_SQUARED) / (curve * sqrt(curve))
    parallel = AXIS / sqrt(curve) * cos(radians)
    return LatLon(
        point.lat + north * 180.0 / (meridian * pi),
        point.lon + east * 180.0 / (parallel * pi),
    )


def _twisted(point: LatLon) -> LatLon:
    """Apply Baidu's twist to a GCJ-02 point, wherever it is."""
    radius = hypot(point.lon, point.lat) + 0.00002 * sin(point.lat * BAIDU_TURN)
    angle = atan2(point.lat, point.lon) + 0.000003 * cos(point.lon * BAIDU_TURN)
    return LatLon(radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065)


_TO_GCJ: dict[Datum, Callable[[LatLon], LatLon]] = {
    Datum.GCJ02: _same,
    Datum.WGS84: _gcj_of_wgs,
    Datum.BD09: _gcj_of_bd,
}
_FROM_GCJ: dict[Datum, Callable[[LatLon], LatLon]] = {
    Datum.GCJ02: _same,
    Datum.WGS84: _wgs_of_gcj,
    Datum.BD09: _bd_of_gcj,
}
