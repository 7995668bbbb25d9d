"""Polygons: read from GeoJSON, judged, brought to GCJ-02 and measured."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, radians
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from app.territory.datum import Datum, LatLon, in_china, to_gcj

METRES_PER_DEGREE = 111_320.0
SMALLEST_M2 = 1.0
MOST_POINTS = 50_000


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong: a stable code and words for people."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Area:
    """A good polygon or multipolygon: as given, and in GCJ-02 with its size."""

    given: dict[str, Any]
    datum: Datum
    shape: BaseGeometry
    area_m2: float

    @property
    def gcj(self) -> dict[str, Any]:
        """Write the area in GCJ-02 as GeoJSON."""
        written: dict[str, Any] = json.loads(shapely.to_geojson(self.shape))
        return written


def read_area(geometry: object, datum: Datum) -> Area | Flaw:
    """Read a GeoJSON Polygon or MultiPolygon whose coordinates are in ``datum``.

    Holes and several parts are fine; open rings, self-crossings, parts that
    overlap and points outside China are not. The first flaw is told.
    """
    try:
        polygons = _polygons(geometry)
        flaw = next(_ring_flaws(polygons), None)
        if flaw is not None:
            return flaw
        shape = _shape(polygons, datum)
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return Flaw("bad_geometry", "边界数据读不懂，应为 GeoJSON 的 Polygon 或 MultiPolygon。")
    if not shape.is_valid:
        return Flaw("invalid_polygon", _why_invalid(shape))
    area = area_m2(shape)
    if area < SMALLEST_M2:
        return Flaw("too_small", "面积不到 1 平方米，请检查边界。")
    return Area(_bare(geometry), datum, shape, area)


def _polygons(geometry: object) -> list[Any]:
    if not isinstance(geometry, dict):
        raise TypeError("no geometry")
    coordinates = geometry["coordinates"]
    parts = {"Polygon": [coordinates], "MultiPolygon": coordinates}[geometry["type"]]
    if not isinstance(parts, list) or not parts or not all(parts):
        raise ValueError("empty geometry")
    return parts


def _bare(geometry: Any) -> dict[str, Any]:
    return {name: geometry[name] for name in ("type", "coordinates")}


def _ring_flaws(polygons: list[Any]) -> Iterator[Flaw]:
    count = 0
    for polygon in polygons:
        for ring in polygon:
            count += len(ring)
            if count > MOST_POINTS:
                yield Flaw("too_many_points", f"边界点太多，最多 {MOST_POINTS} 个。")
            points = [_point(position) for position in ring]
            if not points or points[0] != points[-1]:
                yield Flaw("open_ring", "边界没有闭合，最后一个点应与第一个点相同。")
            if len(points) < 4:
                yield Flaw("short_ring", "一圈边界至少要有三个不同的点。")
            yield from _range_flaws(points)


def _point(position: Any) -> LatLon:
    """Read ``[lon, lat]`` or ``[lon, lat, height]``.

    Raises:
        TypeError, ValueError: not numbers.

    """
    lon, lat = position[0], position[1]
    if isinstance(lon, bool) or isinstance(lat, bool) or isinstance(position, str):
        raise TypeError("coordinates are numbers")
    return LatLon(float(lat) + 0.0, float(lon) + 0.0)


def _range_flaws(points: list[LatLon]) -> Iterator[Flaw]:
    outside = next((point for point in points if not in_china(point)), None)
    if outside is None:
        return
    hint = "经度和纬度好像写反了。" if in_china(LatLon(outside.lon, outside.lat)) else ""
    yield Flaw("out_of_range", f"坐标（{outside.lon}, {outside.lat}）不在中国范围内。{hint}")


def _shape(polygons: list[Any], datum: Datum) -> BaseGeometry:
    parts = []
    for polygon in polygons:
        rings = [[_xy(to_gcj(_point(p), datum)) for p in ring] for ring in polygon]
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def _xy(point: LatLon) -> tuple[float, float]:
    return point.lon, point.lat


_REASONS = {
    "Self-intersection": "边界自己和自己相交",
    "Ring Self-intersection": "一圈边界自己碰到了自己",
    "Hole lies outside shell": "里面的洞在外圈之外",
    "Holes are nested": "洞里套着洞",
    "Nested shells": "几块区域互相包含",
    "Duplicate Rings": "有两圈边界完全相同",
    "Interior is disconnected": "洞把区域切断了",
}


def _why_invalid(shape: BaseGeometry) -> str:
    explained = shapely.is_valid_reason(shape)
    reason, _, where = explained.partition("[")
    spot = f"，约在（{where.rstrip(']').replace(' ', ', ')}）" if where else ""
    return f"{_REASONS.get(reason.strip(), '边界不成形')}{spot}。"


def area_m2(shape: BaseGeometry) -> float:
    """Measure a shape of degrees in square metres, to the whole metre.

    Whole, so that two areas compare the same on every machine.
    """
    if shape.is_empty:
        return 0.0
    middle = (shape.bounds[1] + shape.bounds[3]) / 2
    return float(round(shape.area * METRES_PER_DEGREE**2 * cos(radians(middle))))


def distance_m(shape: BaseGeometry, point: LatLon) -> float:
    """Measure how far ``point`` is from ``shape`` in metres; 0 inside it."""
    scale = np.array([METRES_PER_DEGREE * cos(radians(point.lat)), METRES_PER_DEGREE])
    here = np.array([point.lon, point.lat])
    flat = shapely.transform(shape, lambda corners: (corners - here) * scale)
    return float(shapely.distance(flat, _ORIGIN))


_ORIGIN = shapely.Point(0.0, 0.0)


def square(point: LatLon, half_m: float) -> BaseGeometry:
    """Draw the square that surely holds all within ``half_m`` metres of ``point``."""
    north = half_m / METRES_PER_DEGREE * 1.01
    east = north / max(cos(radians(point.lat)), 0.01)
    return shapely.box(point.lon - east, point.lat - north, point.lon + east, point.lat + north)


@dataclass(frozen=True, slots=True)
class Feature:
    """One GeoJSON feature with the line on which it begins."""

    line: int
    properties: dict[str, Any]
    geometry: object


_FEATURES = re.compile(r'"features"\s*:\s*\[')
_GAP = re.compile(r"[\s,]*")


def read_features(text: str) -> list[Feature] | Flaw:
    """Read a GeoJSON FeatureCollection, each feature with its line."""
    try:
        whole = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        return Flaw("not_json", f"文件不是有效的 GeoJSON（第 {line} 行附近）。")
    if not isinstance(whole, dict) or not isinstance(whole.get("features"), list):
        return Flaw("no_features", "文件里没有网格，应为 GeoJSON 的 FeatureCollection。")
    features: list[Any] = whole["features"]
    lines = _lines(text, len(features))
    return [_feature(line, feature) for line, feature in zip(lines, features, strict=True)]


def _feature(line: int, feature: Any) -> Feature:
    if not isinstance(feature, dict):
        return Feature(line, {}, None)
    properties = feature.get("properties")
    return Feature(
        line, properties if isinstance(properties, dict) else {}, feature.get("geometry")
    )


def _lines(text: str, count: int) -> list[int]:
    """Find the line of each feature; where the text is odd, count features instead."""
    found, decoder = _FEATURES.search(text), json.JSONDecoder()
    lines: list[int] = []
    line, position, counted = 1, found.end() if found else len(text), 0
    while len(lines) < count:
        gap = _GAP.match(text, position)
        start = gap.end() if gap else position
        line, counted = line + text.count("\n", counted, start), start
        try:
            _, position = decoder.raw_decode(text, start)
        except ValueError:
            return list(range(1, count + 1))
        lines.append(line)
    return lines


def _refuse(constant: str) -> float:
    raise ValueError(constant)
