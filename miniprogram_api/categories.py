"""The category tree, as it holds in a district; asked again it costs nothing (ETag)."""

from typing import Any

from flask import request
from marshmallow import fields

from app.catalog import queries as catalog
from app.kernel import clock
from app.kernel.http import SIGNED_IN, Blueprint, View
from app.kernel.http.schemas import Query
from miniprogram_api.entrance import authenticate

bp = Blueprint("categories", __name__, url_prefix="/categories", authenticate=authenticate)


class Where(Query):
    """For which district; the product's own numbers otherwise."""

    district_id = fields.UUID(load_default=None)


class CategoryCard(View):
    """One leaf: what it is, how soon, what it asks for."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    urgency = fields.String(required=True)
    accuses = fields.String(required=True)
    accept_by = fields.String(required=True)
    respond_by = fields.String(required=True)
    resolve_by = fields.String(required=True)
    anonymous_ok = fields.Boolean(required=True)
    phone_needed = fields.Boolean(required=True, attribute="callback_phone_required")
    in_home = fields.Boolean(required=True)
    sensitive = fields.Boolean(required=True)
    photo_on_resolve = fields.Boolean(required=True)
    hotlines = fields.List(fields.String())


class GroupCard(View):
    """A group of leaves."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    categories = fields.List(fields.Nested(CategoryCard), required=True)


class Tree(View):
    """The whole tree."""

    groups = fields.List(fields.Nested(GroupCard), required=True)


@bp.route("", access=SIGNED_IN)
@bp.arguments(Where, location="query")
@bp.response(200, Tree)
@bp.doc(responses={"304": {"description": "nothing has changed since the ETag you hold"}})
def tree(where: dict[str, Any]) -> Any:
    """Read the category tree."""
    district_id, at = where["district_id"], clock.now()
    mark = catalog.etag(district_id=district_id, at=at)
    headers = {"ETag": f'"{mark}"', "Cache-Control": "private, no-cache"}
    if request.if_none_match.contains_weak(mark):
        return "", 304, headers
    return {"groups": catalog.tree(district_id=district_id, at=at)}, 200, headers
