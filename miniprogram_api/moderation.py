"""The desk's look at what may be shown to other residents."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from marshmallow import fields

from app.kernel.actor import Actor, Permission
from app.kernel.http import Blueprint, Command, PageQuery, View, current, looked_at
from app.kernel.http.schemas import ChineseText
from app.moderation import queries
from app.moderation import service as moderation
from app.moderation.rules import Kind, Suggest
from app.moderation.service.deciding import LONGEST_WHY
from app.tickets import wording
from miniprogram_api.entrance import authenticate
from miniprogram_api.timeline import MediaView, links

if TYPE_CHECKING:
    from app.moderation.queries import Held

bp = Blueprint("moderation", __name__, url_prefix="/work/moderation", authenticate=authenticate)

KINDS = {
    Kind.TEXT: "反映的内容",
    Kind.WORDS: "后续说明",
    Kind.PHOTO: "照片",
    Kind.VOICE: "录音",
}
SUGGESTS = {
    Suggest.UNKNOWN: "没有机器意见",
    Suggest.PASS: "机器认为可以公开",
    Suggest.REVIEW: "机器拿不准",
    Suggest.RISKY: "机器认为不宜公开",
}
WHYS = {
    "no_openid": "不是从微信来的，微信不能代看",
    "inactive": "对方两小时内没有用过小程序，微信不能代看",
    "no_address": "没有设置公网地址，微信取不到",
    "unseen": "微信没有打开",
    "unanswered": "微信没有答复",
    "lost": "微信多次没有答复",
    "gone": "文件已经删除",
}


class HeldView(View):
    """Something that waits for a person; the report itself goes on meanwhile."""

    id = fields.UUID(required=True)
    ticket_id = fields.UUID(required=True)
    number = fields.String(required=True)
    place = fields.String(required=True)
    kind = fields.String(required=True)
    kind_text = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    suggest = fields.String(required=True)
    suggest_text = fields.String(required=True)
    label = fields.Integer(required=True)
    why = fields.String(allow_none=True, required=True)
    text = fields.String(allow_none=True, required=True)
    media = fields.List(fields.Nested(MediaView), required=True)


class HeldPage(View):
    """A page of what waits, the oldest first."""

    items = fields.List(fields.Nested(HeldView), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


class DecisionIn(Command):
    """Whether other residents may see it, and why."""

    publish = fields.Boolean(required=True)
    why = ChineseText(required=True, min_length=1, max_length=LONGEST_WHY)


class DecidedView(View):
    """How it stands now."""

    id = fields.UUID(required=True)
    state = fields.String(required=True)
    decided_at = fields.AwareDateTime(required=True)


@bp.route("", access=Permission.TICKET_DISPATCH, audit="content.viewed")
@bp.arguments(PageQuery, location="query")
@bp.response(200, HeldPage)
def waiting(query: dict[str, Any]) -> Any:
    """Page through what a person of this desk must look at; the look is written down."""
    actor = current()
    page = queries.queue(actor, cursor=query["cursor"], limit=query["limit"])
    looked_at(None, count=len(page.items))
    return {"items": [_held(actor, one) for one in page.items], "next_cursor": page.next_cursor}


@bp.route("/<uuid:check_id>", methods=["POST"], access=Permission.TICKET_DISPATCH)
@bp.arguments(DecisionIn)
@bp.response(200, DecidedView)
def decide(sent: dict[str, Any], check_id: UUID) -> Any:
    """Let it be shown to other residents, or hide it; nothing is deleted."""
    return moderation.decide(current(), check_id, publish=sent["publish"], why=sent["why"])


def _held(actor: Actor, one: "Held") -> dict[str, Any]:
    check = one.check
    return {
        "id": check.id,
        "ticket_id": check.ticket_id,
        "number": wording.number(one.ticket.number),
        "place": one.ticket.public_label,
        "kind": check.kind.value,
        "kind_text": KINDS[check.kind],
        "at": check.made_at,
        "suggest": check.suggest.value,
        "suggest_text": SUGGESTS[check.suggest],
        "label": check.label,
        "why": WHYS.get(check.why or ""),
        "text": one.words or None,
        "media": links([one.media], actor) if one.media else [],
    }
