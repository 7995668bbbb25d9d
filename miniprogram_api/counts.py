"""Public counts of a place: what closed at which tier, and what was allowed to whom."""

from datetime import timedelta
from typing import Any

from marshmallow import fields, validate

from app.escalation import queries, rules
from app.kernel import clock
from app.kernel.errors import Invalid
from app.kernel.http import SIGNED_IN, Blueprint, View
from app.kernel.http.schemas import Query
from app.territory import queries as territory
from app.tickets.access import COLUMNS
from miniprogram_api.entrance import authenticate

bp = Blueprint("counts", __name__, url_prefix="/counts", authenticate=authenticate)


class CountsQuery(Query):
    """Which place, and over how many days."""

    place = fields.UUID(required=True)
    days = fields.Integer(load_default=90, validate=validate.Range(min=1, max=366))


class TierCount(View):
    """How many closed at one tier."""

    tier = fields.Integer(required=True)
    closed = fields.Integer(required=True)


class Counts(View):
    """How a place did; shares are null without a base."""

    place = fields.String(required=True)
    days = fields.Integer(required=True)
    closed = fields.Integer(required=True)
    tiers = fields.List(fields.Nested(TierCount), required=True)
    share_at_tier_1 = fields.Float(required=True, allow_none=True)
    share_up_to_tier_2 = fields.Float(required=True, allow_none=True)
    breaches = fields.Integer(required=True)
    excluded = fields.Integer(required=True)
    granted = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    refused = fields.Integer(required=True)


@bp.route("", access=SIGNED_IN)
@bp.arguments(CountsQuery, location="query")
@bp.response(200, Counts)
def counts(query: dict[str, Any]) -> Any:
    """Tell how a compound, community, street or district did; counts only, no names."""
    place = territory.place(query["place"])
    if place.level not in COLUMNS:
        raise Invalid(
            "请选小区、社区、街道或区。", code="bad_place", errors={"place": ["级别不对"]}
        )
    found = queries.tally(place.level, place.id, clock.now() - timedelta(days=query["days"]))
    at_one, to_two = rules.shares(found.closed_by_tier)
    return {
        "place": place.name,
        "days": query["days"],
        "closed": sum(count for _, count in found.closed_by_tier),
        "tiers": [{"tier": tier, "closed": count} for tier, count in found.closed_by_tier],
        "share_at_tier_1": at_one,
        "share_up_to_tier_2": to_two,
        "breaches": found.breaches,
        "excluded": found.excluded,
        "granted": found.leaves,
        "refused": found.refused,
    }
