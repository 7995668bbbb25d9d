"""Signs for printing: ask for the sheets of a place, fetch them, renew and revoke."""

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import fields, validate

from app.kernel.http import PUBLIC, Blueprint, Limit, View, current, current_or_none, looked_at
from app.kernel.http.schemas import Command, Query
from app.signs import service as signs
from app.signs.access import PRINTS
from app.signs.rules import FORMATS, REASONS, SIZES, SheetFile
from app.signs.service import Wanted
from miniprogram_api.entrance import authenticate

bp = Blueprint("signs", __name__, url_prefix="/places", authenticate=authenticate)

FILES = {
    kind: {"schema": {"type": "string", "format": "binary"}}
    for kind in sorted({file.content_type for file in SheetFile})
}


class SheetsIn(Command):
    """Which signs: all at and below the place, its own alone, or one facility's."""

    alone = fields.Boolean(load_default=False)
    facility_id = fields.UUID(load_default=None)


class FileQuery(Query):
    """Which file; a picture only of a single sign."""

    size = fields.String(required=True, validate=validate.OneOf(SIZES))
    format = fields.String(load_default="pdf", validate=validate.OneOf(FORMATS))


class RenewIn(Command):
    """Why, and which facility if it is not the place itself."""

    reason = fields.String(
        required=True,
        validate=validate.OneOf(list(REASONS)),
        metadata={"description": " · ".join(f"{code} {words}" for code, words in REASONS.items())},
    )
    facility_id = fields.UUID(load_default=None)


class SheetsView(View):
    """How far the sheets are; ``failed`` signs have the web code alone, ``note`` says why."""

    id = fields.UUID(required=True)
    place_id = fields.UUID(required=True)
    total = fields.Integer(required=True)
    done = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    ready = fields.Boolean(required=True)
    note = fields.String(required=True)
    files = fields.List(fields.String(), required=True)


class LinkView(View):
    """Where the file is, for ten minutes."""

    url = fields.String(required=True)


class SceneView(View):
    """The scene in use from now on."""

    scene = fields.String(required=True)


@bp.route(
    "/<uuid:place_id>/sheets", methods=["POST"], access=PRINTS, limit=Limit("20/hour; 100/day")
)
@bp.arguments(SheetsIn)
@bp.response(202, SheetsView)
def ask(sent: dict[str, Any], place_id: UUID) -> Any:
    """Start making the signs of a place, at most 500."""
    return signs.ask(current(), Wanted(place_id, sent["facility_id"], sent["alone"]))


@bp.route("/<uuid:place_id>/sheets/<uuid:job_id>", access=PRINTS)
@bp.response(200, SheetsView)
def progress(place_id: UUID, job_id: UUID) -> Any:
    """Tell how far the sheets are."""
    return signs.progress(current(), place_id, job_id)


@bp.route("/<uuid:place_id>/sheets/<uuid:job_id>/file", access=PRINTS, audit="signs.sheets_taken")
@bp.arguments(FileQuery, location="query")
@bp.response(200, LinkView)
@bp.doc(responses={"409": "CONFLICT"})
def file(asked: dict[str, Any], place_id: UUID, job_id: UUID) -> Any:
    """Give a link to the printable file."""
    wanted = SheetFile(f"{asked['size']}.{asked['format']}")
    token = signs.link(current(), place_id, job_id, wanted)
    looked_at(job_id, file=wanted.value)
    return {"url": f"/mp/v1/places/sheets/{token}"}


@bp.route("/sheets/<string:token>", access=PUBLIC, limit=Limit("60/minute"))
@bp.response(200)
@bp.doc(responses={"200": {"description": "the file", "content": FILES}})
def fetch(token: str) -> Response:
    """Fetch a printable file by its signed link; who is logged in must be its viewer."""
    viewer = current_or_none()
    opened = signs.open_link(token, viewer.person_id if viewer else None)
    answer = Response(opened.data, content_type=opened.file.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="sandan-{opened.file.value}"'
    answer.headers["Cache-Control"] = "private, max-age=600"
    return answer


@bp.route("/<uuid:place_id>/sign/renew", methods=["POST"], access=PRINTS, limit=Limit("60/hour"))
@bp.arguments(RenewIn)
@bp.response(200, SceneView)
def renew(sent: dict[str, Any], place_id: UUID) -> Any:
    """Give a place or facility a new code; the old sign opens nothing from now on."""
    return {"scene": signs.renew(current(), Wanted(place_id, sent["facility_id"]), sent["reason"])}


@bp.route("/<uuid:place_id>/sign/revoke", methods=["POST"], access=PRINTS, limit=Limit("60/hour"))
@bp.arguments(RenewIn)
@bp.response(204)
def revoke(sent: dict[str, Any], place_id: UUID) -> None:
    """Take the sign of a place or facility out of use."""
    signs.revoke(current(), Wanted(place_id, sent["facility_id"]), sent["reason"])
