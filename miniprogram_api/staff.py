"""Bringing in staff: invites to a role, made by those who may give it."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.identity import queries, service
from app.identity.rules import Role, masked_phone
from app.identity.service import NewInvite
from app.kernel.actor import Permission
from app.kernel.http import Blueprint, Command, PageQuery, View, current
from app.kernel.http.schemas import OneLine
from miniprogram_api.entrance import authenticate

bp = Blueprint("staff", __name__, url_prefix="/staff", authenticate=authenticate)

GIVERS = (Permission.IDENTITY_EDIT, Permission.STAFF_EDIT)


class NewInviteIn(Command):
    """Whom to invite to what; exactly one of place, grid and organisation."""

    name = OneLine(max_length=40, required=True)
    phone = fields.String(required=True, validate=validate.Length(min=1, max=24))
    role = fields.String(required=True, validate=validate.OneOf([one.value for one in Role]))
    place_id = fields.UUID(load_default=None, allow_none=True)
    grid_id = fields.UUID(load_default=None, allow_none=True)
    organisation_id = fields.UUID(load_default=None, allow_none=True)
    work_number = OneLine(max_length=20, load_default=None, allow_none=True)


class InviteView(View):
    """An invite, without the code that opens it."""

    id = fields.UUID(required=True)
    name = fields.String(required=True)
    phone = fields.String(required=True)
    role = fields.String(required=True)
    place_id = fields.UUID(allow_none=True)
    grid_id = fields.UUID(allow_none=True)
    organisation_id = fields.UUID(allow_none=True)
    made_at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
    used_at = fields.AwareDateTime(required=True, allow_none=True)
    revoked_at = fields.AwareDateTime(required=True, allow_none=True)


class FreshInvite(InviteView):
    """An invite as it is made: the code, and the scene a QR code of it carries, shown once."""

    code = fields.String(required=True)
    scene = fields.String(required=True)


class InvitePage(View):
    """A page of invites."""

    items = fields.List(fields.Nested(InviteView), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


@bp.route("/invites", access=GIVERS)
@bp.arguments(PageQuery, location="query")
@bp.response(200, InvitePage)
def invites(query: dict[str, Any]) -> Any:
    """List the invites I made, and those into the roster I keep."""
    page = queries.invites_of(current(), cursor=query["cursor"], limit=query["limit"])
    return {"items": page.items, "next_cursor": page.next_cursor}


@bp.route("/invites", methods=["POST"], access=GIVERS)
@bp.arguments(NewInviteIn)
@bp.response(201, FreshInvite)
def invite(sent: dict[str, Any]) -> Any:
    """Invite somebody to a role; the code is shown this once."""
    made, code = service.invite(current(), NewInvite(**{**sent, "role": Role(sent["role"])}))
    shown = {name: getattr(made, name) for name in InviteView().fields if name != "phone"}
    return {**shown, "phone": masked_phone(made.phone), "code": code, "scene": f"i={code}"}


@bp.route("/invites/<uuid:invite_id>", methods=["DELETE"], access=GIVERS, idempotent=False)
@bp.response(204)
def revoke(invite_id: UUID) -> None:
    """Take an invite back."""
    service.revoke_invite(current(), invite_id)
