"""My account: phone, log-ins, what I act as, and the invite I was given."""

from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, validate, validates_schema

from app.identity import queries, service
from app.identity.rules import CodePurpose
from app.kernel import clock
from app.kernel.http import SIGNED_IN, Blueprint, Command, Limit, View, current
from app.tickets import queries as tickets
from miniprogram_api.entrance import authenticate
from miniprogram_api.session import PhoneIn

bp = Blueprint("account", __name__, url_prefix="/me", authenticate=authenticate)


class ProofIn(Command):
    """The code WeChat gave for one's phone, or a number and the code sent to it."""

    code = fields.String(validate=validate.Length(min=1, max=128))
    phone = fields.String(validate=validate.Length(min=1, max=24))
    sms_code = fields.String(validate=validate.Regexp(r"^[0-9]{6}\Z"))

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        by_text = {"phone", "sms_code"} & set(data)
        if ("code" in data) == bool(by_text) or len(by_text) == 1:
            raise ValidationError("请提供微信手机号授权，或手机号和验证码。", "code")


class Proven(View):
    """Whose session it is now: mostly one's own still."""

    person_id = fields.UUID(required=True)


class LogInView(View):
    """A place where one is logged in."""

    id = fields.UUID(required=True)
    method = fields.String(required=True)
    current = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True)
    last_seen_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)


class LogIns(View):
    """Every place where one is logged in, at most fifty."""

    items = fields.List(fields.Nested(LogInView), required=True)


class HatIn(Command):
    """What to act as: a hat of one's own, ``resident``, or null for all at once."""

    hat = fields.String(required=True, allow_none=True, validate=validate.Length(min=1, max=80))


class InviteIn(Command):
    """The code of an invite."""

    code = fields.String(required=True, validate=validate.Length(min=1, max=40))


class Fetched(View):
    """The roles one holds now."""

    roles = fields.List(fields.String(), required=True)


@bp.route("/phone/code", methods=["POST"], access=SIGNED_IN, work=False, limit=Limit("20/hour"))
@bp.arguments(PhoneIn)
@bp.response(204)
def send_code(sent: dict[str, str]) -> None:
    """Have a code sent to the phone one wants to bind."""
    service.ask_code(sent["phone"], CodePurpose.BIND)


@bp.route("/phone", methods=["POST"], access=SIGNED_IN, work=False, limit=Limit("20/hour"))
@bp.arguments(ProofIn)
@bp.response(200, Proven)
def bind_phone(sent: dict[str, str]) -> Any:
    """Prove one's phone, by WeChat or by a code sent to it."""
    actor = current()
    is_bare = not tickets.has_ties(actor.person_id)
    if "code" in sent:
        person_id = service.bind_phone_of_wechat(actor, sent["code"], is_bare=is_bare)
    else:
        person_id = service.bind_phone_of_code(
            actor, sent["phone"], sent["sms_code"], is_bare=is_bare
        )
    return {"person_id": person_id}


@bp.route("/sessions", access=SIGNED_IN)
@bp.response(200, LogIns)
def log_ins() -> Any:
    """List where I am logged in."""
    actor = current()
    assert actor.person_id is not None  # noqa: S101  (SIGNED_IN)
    found = queries.sessions_of(actor.person_id, clock.now())
    return {
        "items": [
            {
                "id": one.id,
                "method": one.method.value,
                "current": one.id == actor.session_id,
                "created_at": one.created_at,
                "last_seen_at": one.last_seen_at,
                "expires_at": one.expires_at,
            }
            for one in found
        ]
    }


@bp.route("/sessions", methods=["DELETE"], access=SIGNED_IN, idempotent=False)
@bp.response(204)
def log_out_everywhere() -> None:
    """Log out on every phone, this one too."""
    actor = current()
    assert actor.person_id is not None  # noqa: S101  (SIGNED_IN)
    service.revoke_sessions(actor, actor.person_id)


@bp.route("/sessions/<uuid:session_id>", methods=["DELETE"], access=SIGNED_IN, idempotent=False)
@bp.response(204)
def end_log_in(session_id: UUID) -> None:
    """Log out on one phone."""
    service.end_session(current(), session_id)


@bp.route("/hat", methods=["PUT"], access=SIGNED_IN)
@bp.arguments(HatIn)
@bp.response(204)
def put_on(sent: dict[str, str | None]) -> None:
    """Act in one role, as a resident only, or in all roles at once."""
    service.put_on(current(), sent["hat"])


@bp.route("/invite", methods=["POST"], access=SIGNED_IN, limit=Limit("20/hour"))
@bp.arguments(InviteIn)
@bp.response(200, Fetched)
def accept_invite(sent: dict[str, str]) -> Any:
    """Fetch the role an invite holds; the phone must be the invited one, and proven."""
    given = service.accept_invite(current(), sent["code"])
    return {"roles": sorted({one.role.value for one in given})}
