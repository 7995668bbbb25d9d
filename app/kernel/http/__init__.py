"""HTTP manners of every JSON door: routes, access, units of work, problems.

A door makes one :func:`make_api`, declares :class:`Blueprint` objects with
``authenticate=`` and decorates plain functions::

    bp = Blueprint("tickets", __name__, url_prefix="/tickets", authenticate=actor_of_token)

    @bp.route("", methods=["POST"], access=SIGNED_IN, idempotent="required")
    @bp.arguments(Draft)
    @bp.response(201, Receipt)
    def submit(draft):
        return tickets.submit(current(), draft)
"""

from app.kernel.http.api import Api, make_api
from app.kernel.http.blueprint import PUBLIC, SIGNED_IN, Access, Blueprint
from app.kernel.http.bodies import raw_body
from app.kernel.http.limits import Limit
from app.kernel.http.schemas import (
    ChineseText,
    Command,
    Moment,
    OneLine,
    PageQuery,
    Query,
    Schema,
    Upload,
    View,
)
from app.kernel.http.seat import current, current_or_none, looked_at

__all__ = [
    "PUBLIC",
    "SIGNED_IN",
    "Access",
    "Api",
    "Blueprint",
    "ChineseText",
    "Command",
    "Limit",
    "Moment",
    "OneLine",
    "PageQuery",
    "Query",
    "Schema",
    "Upload",
    "View",
    "current",
    "current_or_none",
    "looked_at",
    "make_api",
    "raw_body",
]
