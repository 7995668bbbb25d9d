"""What several routes take: a place, words with what came along, nothing at all.

Names in bodies, in query values and in the last part of an act's address are
written with underscores (``assist_done``, ``to_dispatch``), so that an act
listed under ``actions`` is posted to under the very name it is listed with.
"""

from typing import Any

from marshmallow import fields, validate

from app.kernel.errors import Invalid
from app.kernel.http import Command
from app.kernel.http.schemas import ChineseText
from app.territory.rules import Datum
from app.tickets.service import Where, Words

MOST_WORDS = 2000
MOST_MEDIA = 10  # nine photos and one voice note
DATUMS = [datum.value for datum in Datum]

SOLVED = validate.OneOf(["yes", "partly", "no"])
SATISFACTION = validate.OneOf(["satisfied", "mostly_satisfied", "dissatisfied"])


class Nothing(Command):
    """An empty object, or no body."""


class PlaceIn(Command):
    """How the place was said: ``scene``, or ``id``, or ``lat`` and ``lon``."""

    scene = fields.String(validate=validate.Length(min=1, max=64))
    id = fields.UUID()
    lat = fields.Float(validate=validate.Range(-90, 90))
    lon = fields.Float(validate=validate.Range(-180, 180))
    datum = fields.String(load_default=Datum.GCJ02.value, validate=validate.OneOf(DATUMS))


class TextIn(Command):
    """Words."""

    text = ChineseText(max_length=MOST_WORDS, load_default="", allow_none=True)


class WordsIn(TextIn):
    """Words, and what came with them."""

    media = fields.List(fields.UUID(), load_default=list, validate=validate.Length(max=MOST_MEDIA))


def words_of(sent: dict[str, Any]) -> Words:
    """Read words and uploads out of a command."""
    return Words(text=sent.get("text") or "", media=sent.get("media") or ())


def where_of(place: dict[str, Any]) -> Where:
    """Read a place out of a command or a query string.

    Raises:
        Invalid: half a map point (code ``place_needed``).
    """
    lat, lon = place.get("lat"), place.get("lon")
    if (lat is None) != (lon is None):
        raise Invalid("经度和纬度要一起填。", code="place_needed", errors={"place": ["经纬度不全"]})
    point = None if lat is None or lon is None else (lat, lon, place["datum"])
    place_id = place.get("id") or place.get("place_id")
    return Where(scene=place.get("scene"), place_id=place_id, point=point)
