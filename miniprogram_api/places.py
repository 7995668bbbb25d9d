"""Where: by map point, by QR scene, by typing."""

from typing import Any

from marshmallow import fields, validate

from app.kernel.http import SIGNED_IN, Blueprint, View
from app.kernel.http.schemas import Query
from app.territory import queries as territory
from app.territory.rules import Datum
from miniprogram_api.entrance import authenticate

bp = Blueprint("places", __name__, url_prefix="/places", authenticate=authenticate)

DATUMS = [datum.value for datum in Datum]


class Point(Query):
    """A point on the map, with the datum it was measured in."""

    lat = fields.Float(required=True, validate=validate.Range(-90, 90))
    lon = fields.Float(required=True, validate=validate.Range(-180, 180))
    datum = fields.String(load_default=Datum.GCJ02.value, validate=validate.OneOf(DATUMS))


class Words(Query):
    """What a person types: characters, pinyin or initials."""

    q = fields.String(required=True, validate=validate.Length(min=1, max=50))
    district_id = fields.UUID(load_default=None)


class SpotView(View):
    """A place as found, and why it is this one."""

    place_id = fields.UUID(allow_none=True)
    community_id = fields.UUID(allow_none=True)
    compound_id = fields.UUID(allow_none=True)
    building_id = fields.UUID(allow_none=True)
    grid_id = fields.UUID(allow_none=True)
    facility_id = fields.UUID(allow_none=True)
    label = fields.String(required=True)
    why = fields.String(required=True)
    lat = fields.Float(allow_none=True)
    lon = fields.Float(allow_none=True)


class HitView(View):
    """One place found by typing."""

    id = fields.UUID(required=True)
    level = fields.String(required=True)
    label = fields.String(required=True)


class Hits(View):
    """Places found by typing, the likeliest first (at most 20)."""

    items = fields.List(fields.Nested(HitView), required=True)


@bp.route("/locate", access=SIGNED_IN)
@bp.arguments(Point, location="query")
@bp.response(200, SpotView)
def locate(point: dict[str, Any]) -> Any:
    """Find the grid and the place of a map point."""
    return territory.spot_at(point["lat"], point["lon"], Datum(point["datum"]))


@bp.route("/scene/<string:scene>", access=SIGNED_IN)
@bp.response(200, SpotView)
def scene(scene: str) -> Any:
    """Find the place of a QR code."""
    return territory.spot_of_scene(scene)


@bp.route("/search", access=SIGNED_IN)
@bp.arguments(Words, location="query")
@bp.response(200, Hits)
def search(words: dict[str, Any]) -> Any:
    """Find places by Chinese text, pinyin or initials."""
    return {"items": territory.search(words["q"], district_id=words["district_id"])}
