"""Photos and voice: in as multipart, out by signed links of ten minutes."""

from typing import Any

from flask import Response, request
from marshmallow import fields

from app.kernel.errors import Invalid
from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Limit, View, current, current_or_none
from app.kernel.http.schemas import Schema, Upload
from app.media import checks
from app.media import service as media
from app.media.rules import CONTENT_TYPES
from miniprogram_api.entrance import authenticate

bp = Blueprint("media", __name__, url_prefix="/media", authenticate=authenticate)
looked_at_by_wechat = Blueprint("media_check", __name__, url_prefix="/media_check")

FILES = {
    kind: {"schema": {"type": "string", "format": "binary"}}
    for kind in sorted(set(CONTENT_TYPES.values()))
}


class File(Schema):
    """One file per call."""

    file = Upload(required=True)


class Received(View):
    """What the upload is called from now on."""

    id = fields.UUID(required=True)
    kind = fields.String()
    width = fields.Integer(allow_none=True)
    height = fields.Integer(allow_none=True)
    seconds = fields.Float(allow_none=True)


@bp.route(
    "", methods=["POST"], access=SIGNED_IN, work=False, idempotent="id", limit=Limit("60/minute")
)
@bp.arguments(File, location="files")
@bp.response(201, Received)
def receive(_files: dict[str, Any]) -> Any:
    """Hand in a photo or a voice note."""
    sent = request.files.getlist("file")
    if request.form:
        raise Invalid("只传文件，不要别的内容。", errors={"_": ["没有这一项，请去掉。"]})
    if len(sent) != 1:
        raise Invalid("一次只能传一个文件。", code="one_file", errors={"file": ["一次一个"]})
    return media.receive(current(), sent[0].stream.read())


@bp.route("/<string:token>", access=PUBLIC)
@bp.response(200)
@bp.doc(responses={"200": {"description": "the file", "content": FILES}})
def show(token: str) -> Response:
    """Fetch a photo or a voice note by its signed link; who is logged in must be its viewer."""
    viewer = current_or_none()
    content_type, data = media.open_link(token, viewer.person_id if viewer else None)
    answer = Response(data, content_type=content_type)
    answer.headers["Cache-Control"] = "private, max-age=600"
    return answer


@looked_at_by_wechat.route("/<string:token>", access=PUBLIC)
@looked_at_by_wechat.response(200)
@looked_at_by_wechat.doc(responses={"200": {"description": "the file", "content": FILES}})
def show_for_check(token: str) -> Response:
    """Fetch a photo or a voice note that WeChat was asked to look at, by the link it was given."""
    content_type, data = checks.open_link(token)
    answer = Response(data, content_type=content_type)
    answer.headers["Cache-Control"] = "no-store"
    return answer
