"""Log-in and log-out."""

from typing import Any

from marshmallow import fields, validate

from app.identity import service as identity
from app.identity.rules import CodePurpose
from app.identity.service import LoggedIn
from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Command, Limit, View, current
from miniprogram_api.entrance import authenticate
from miniprogram_api.me import PersonView, card_of

bp = Blueprint("session", __name__, url_prefix="/session", authenticate=authenticate)


class Code(Command):
    """The one-time code of wx.login."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=128))
    device = fields.String(
        load_default="",
        validate=validate.Length(max=64),
        metadata={
            "description": "a random name the phone keeps for itself: within 60 seconds it may "
            "send the same code again and hear the same answer"
        },
    )


class PhoneIn(Command):
    """A mobile number."""

    phone = fields.String(required=True, validate=validate.Length(min=1, max=24))


class SmsIn(PhoneIn):
    """A mobile number and the code sent to it."""

    sms_code = fields.String(required=True, validate=validate.Regexp(r"^[0-9]{6}\Z"))


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
    return _shown(identity.log_in_with_code(code["code"], code["device"]))


@bp.route(
    "/sms_code",
    methods=["POST"],
    access=PUBLIC,
    work=False,
    idempotent=False,
    limit=Limit("300/hour", per="address"),
)
@bp.arguments(PhoneIn)
@bp.response(204)
def send_code(sent: dict[str, str]) -> None:
    """Have a log-in code sent to a phone; the answer is the same for every phone."""
    identity.ask_code(sent["phone"], CodePurpose.LOGIN)


@bp.route(
    "/sms",
    methods=["POST"],
    access=PUBLIC,
    work=False,
    idempotent=False,
    limit=Limit("600/hour", per="address"),
)
@bp.arguments(SmsIn)
@bp.response(200, Opened)
def log_in_by_sms(sent: dict[str, str]) -> Any:
    """Log in with the code sent to a phone."""
    return _shown(identity.log_in_with_sms(sent["phone"], sent["sms_code"]))


def _shown(opened: LoggedIn) -> dict[str, Any]:
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
