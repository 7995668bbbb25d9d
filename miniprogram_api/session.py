"""Log-in and log-out."""

from typing import Any

from marshmallow import fields, validate

from app.identity import service as identity
from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Command, Limit, View, current
from miniprogram_api.entrance import authenticate
from miniprogram_api.me import PersonView, card_of

bp = Blueprint("session", __name__, url_prefix="/session", authenticate=authenticate)


class Code(Command):
    """The one-time code of wx.login."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=128))


class Opened(View):
    """A fresh session: keep the token, it is shown once."""

    token = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)
    person = fields.Nested(PersonView, required=True)
    roles = fields.List(fields.String(), required=True)


@bp.route(
    "",
    methods=["POST"],
    access=PUBLIC,
    work=False,
    idempotent=False,
    limit=Limit("60/minute", per="address"),
)
@bp.arguments(Code)
@bp.response(200, Opened)
def log_in(code: dict[str, str]) -> Any:
    """Log in with a WeChat code."""
    opened = identity.log_in_with_code(code["code"])
    return {
        "token": opened.token,
        "expires_at": opened.expires_at,
        "person": card_of(opened.actor),
        "roles": opened.actor.roles,
    }


@bp.route("", methods=["DELETE"], access=SIGNED_IN, idempotent=False)
@bp.response(204)
def log_out() -> None:
    """Log out of this session."""
    identity.log_out(current())
