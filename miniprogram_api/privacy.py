"""My data: what I am told, what I agreed to, a copy of it, and the way out."""

from typing import Any

from marshmallow import fields, validate

from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Command, Limit, View, current
from app.privacy import queries, service
from miniprogram_api.entrance import authenticate
from miniprogram_api.inputs import Nothing

bp = Blueprint("privacy", __name__, authenticate=authenticate)

WAY_OUT = "注销"


class NoticeView(View):
    """The privacy notice in force."""

    version = fields.Integer(required=True)
    text = fields.String(required=True)
    published_at = fields.AwareDateTime(required=True)


class ConsentIn(Command):
    """An answer to the notice."""

    version = fields.Integer(required=True, strict=True)
    agreed = fields.Boolean(required=True)
    device = fields.String(load_default="", validate=validate.Length(max=64))


class ConsentView(View):
    """An answer as it was given."""

    version = fields.Integer(required=True)
    agreed = fields.Boolean(required=True)
    at = fields.AwareDateTime(required=True)


class Consents(View):
    """Every answer of mine, the newest first."""

    items = fields.List(fields.Nested(ConsentView), required=True)


class Copy(View):
    """Everything kept about me, room by room."""

    made_at = fields.AwareDateTime(required=True)
    account = fields.Raw(required=True)
    consents = fields.Raw(required=True)
    tickets = fields.Raw(required=True)
    ratings = fields.Raw(required=True)
    media = fields.Raw(required=True)
    news = fields.Raw(required=True)


class WayOutIn(Command):
    """The word that says it is meant."""

    confirm = fields.String(
        required=True, validate=validate.Equal(WAY_OUT, error="请输入“注销”两个字。")
    )


@bp.route("/privacy", access=PUBLIC)
@bp.response(200, NoticeView)
def notice() -> Any:
    """Read the privacy notice in force."""
    return queries.notice()


@bp.route("/me/consents", access=SIGNED_IN)
@bp.response(200, Consents)
def consents() -> Any:
    """List what I answered to which version."""
    person_id = current().person_id
    return {"items": queries.consents_of(person_id) if person_id else []}


@bp.route("/me/consents", methods=["POST"], access=SIGNED_IN, limit=Limit("30/hour"))
@bp.arguments(ConsentIn)
@bp.response(201, ConsentView)
def answer(sent: dict[str, Any]) -> Any:
    """Agree to the notice in force, or do not."""
    return service.answer(current(), sent["version"], agreed=sent["agreed"], device=sent["device"])


@bp.route("/me/export", methods=["POST"], access=SIGNED_IN, idempotent=False, limit=Limit("20/day"))
@bp.arguments(Nothing)
@bp.response(200, Copy)
def export(_sent: dict[str, Any]) -> Any:
    """Have a copy of everything kept about me."""
    return service.hand_out(current())


@bp.route("/me/erasure", methods=["POST"], access=SIGNED_IN, idempotent=False)
@bp.arguments(WayOutIn)
@bp.response(204)
def forget(_sent: dict[str, str]) -> None:
    """Have my account and everything that tells who I am deleted; this cannot be undone."""
    service.forget(current())
