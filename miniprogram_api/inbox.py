"""News to oneself: the inbox, how one wants to be told, what one allows WeChat to send."""

from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.http import SIGNED_IN, Blueprint, Command, PageQuery, Query, View, current
from app.notifications import queries
from app.notifications import service as news
from app.notifications.queries import Told
from app.notifications.rules.settling import State
from app.notifications.rules.telling import ASKED_AT, MOST_GRANTS
from app.notifications.rules.ways import Way, Wish
from app.notifications.rules.wording import KINDS
from app.tickets import access
from app.tickets import queries as tickets
from miniprogram_api.entrance import authenticate
from miniprogram_api.timeline import work_numbers

bp = Blueprint("inbox", __name__, url_prefix="/me", authenticate=authenticate)
work = Blueprint("work_messages", __name__, url_prefix="/work", authenticate=authenticate)

WAYS = {
    Way.INBOX: "站内消息",
    Way.WECHAT: "微信通知",
    Way.WECOM: "企业微信",
    Way.SMS: "短信",
}
STATES = {
    State.WAITING: "待发送",
    State.SENDING: "发送中",
    State.SENT: "已发送",
    State.REFUSED: "未送达（对方未允许或收不到）",
    State.FELL_BACK: "未送达，已换一种方式",
    State.DEAD: "未送达",
}
ARRIVED = "已送达"
"""Said by WeChat itself; of other ways nobody tells us more than that it was sent."""
AUDIENCES = {
    "resident": "反映人",
    "follower": "一起反映的居民",
    "accused": "被反映单位",
}
AT_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]"
CHOSEN = [way.value for way in Way if way is not Way.INBOX]


class WayReport(View):
    """What became of one message."""

    channel = fields.String(required=True)
    channel_text = fields.String(required=True)
    state = fields.String(required=True)
    state_text = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    maybe_repeated = fields.Boolean(required=True)


class NewsView(View):
    """One piece of news, and how else it was sent."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    text = fields.String(required=True)
    ticket_id = fields.UUID(allow_none=True, required=True)
    page = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    read = fields.Boolean(required=True)
    urgent = fields.Boolean(required=True)
    ways = fields.List(fields.Nested(WayReport), required=True)


class InboxPage(View):
    """A page of news, the newest first."""

    items = fields.List(fields.Nested(NewsView), required=True)
    next_cursor = fields.String(allow_none=True, required=True)
    unread = fields.Integer(required=True)


class InboxQuery(PageQuery):
    """Which news: all, or what is not read yet."""

    unread = fields.Boolean(load_default=False)


class ReadIn(Command):
    """Which news was read."""

    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(min=1, max=100))


class ReadView(View):
    """How much was new, and how much is left."""

    read = fields.Integer(required=True)
    unread = fields.Integer(required=True)


class NotifyView(View):
    """How one is told."""

    channels = fields.List(fields.String(), required=True)
    quiet_from = fields.String(required=True)
    quiet_to = fields.String(required=True)
    digest = fields.Boolean(required=True)


class NotifyIn(Command):
    """How one wants to be told; no channel means the usual order. Emergencies come at any hour."""

    channels = fields.List(
        fields.String(validate=validate.OneOf(CHOSEN)),
        required=True,
        validate=validate.Length(max=len(CHOSEN)),
    )
    quiet_from = fields.String(required=True, validate=validate.Regexp(f"^{AT_TIME}$"))
    quiet_to = fields.String(required=True, validate=validate.Regexp(f"^{AT_TIME}$"))
    digest = fields.Boolean(required=True)


class MomentQuery(Query):
    """At which moment one would ask."""

    moment = fields.String(load_default="visit", validate=validate.OneOf(list(ASKED_AT)))


class BalanceView(View):
    """How many messages of a template may still be sent."""

    template_id = fields.String(required=True)
    left = fields.Integer(required=True)
    long_term = fields.Boolean(required=True)
    last_status = fields.String(required=True)


class SubscriptionsView(View):
    """What to hand to wx.requestSubscribeMessage now (three at most), and what one has."""

    ask = fields.List(fields.String(), required=True)
    balance = fields.List(fields.Nested(BalanceView), required=True)


class AnswerIn(Command):
    """What a person answered for one template."""

    template_id = fields.String(required=True, validate=validate.Length(min=1, max=100))
    status = fields.String(
        required=True, validate=validate.OneOf(["accept", "reject", "ban", "filter"])
    )


class SubscriptionsIn(Command):
    """What came of one popup; ``id`` is the client's own, so that a repeat counts once."""

    id = fields.UUID(required=True)
    results = fields.List(
        fields.Nested(AnswerIn), required=True, validate=validate.Length(min=1, max=5)
    )


class MessageView(WayReport):
    """Who was told what, when, and what came of it; nobody's name and no words."""

    kind = fields.String(required=True)
    what = fields.String(required=True)
    audience = fields.String(required=True)
    who = fields.String(required=True)


class MessagePage(View):
    """A page of messages about one ticket, in order."""

    items = fields.List(fields.Nested(MessageView), required=True)
    next_cursor = fields.String(allow_none=True, required=True)


def _own(actor: Actor) -> UUID:
    assert actor.person_id is not None  # noqa: S101  (SIGNED_IN)
    return actor.person_id


def _report(row: Any) -> dict[str, Any]:
    return {
        "channel": row.channel.value,
        "channel_text": WAYS[row.channel],
        "state": row.state.value,
        "state_text": ARRIVED if row.arrived_at else STATES[row.state],
        "at": row.settled_at or row.due_at,
        "maybe_repeated": row.maybe_repeated,
    }


def _news(told: Told) -> dict[str, Any]:
    row = told.message
    return {
        "id": row.id,
        "kind": row.kind,
        "title": row.title,
        "text": row.text,
        "ticket_id": row.ticket_id,
        "page": row.page,
        "at": row.created_at,
        "read": row.read_at is not None,
        "urgent": row.urgent,
        "ways": [_report(one) for one in told.ways],
    }


@bp.route("/inbox", access=SIGNED_IN)
@bp.arguments(InboxQuery, location="query")
@bp.response(200, InboxPage)
def inbox(query: dict[str, Any]) -> Any:
    """Page through my news, each with what became of it by the other ways."""
    reader = current()
    found = queries.inbox(
        reader, cursor=query["cursor"], limit=query["limit"], unread_only=query["unread"]
    )
    return {
        "items": [_news(one) for one in found.items],
        "next_cursor": found.next_cursor,
        "unread": queries.unread(reader),
    }


@bp.route("/inbox/read", methods=["POST"], access=SIGNED_IN)
@bp.arguments(ReadIn)
@bp.response(200, ReadView)
def read(sent: dict[str, Any]) -> Any:
    """Note that I have read some of my news."""
    done = news.read(current(), sent["ids"])
    return {"read": done, "unread": queries.unread(current())}


@bp.route("/notify", access=SIGNED_IN)
@bp.response(200, NotifyView)
def notify() -> Any:
    """Read how I am told."""
    return _wish(queries.wish_of(_own(current())))


@bp.route("/notify", methods=["PUT"], access=SIGNED_IN)
@bp.arguments(NotifyIn)
@bp.response(200, NotifyView)
def set_notify(sent: dict[str, Any]) -> Any:
    """Choose how I want to be told."""
    wish = news.set_preferences(
        current(),
        sent["channels"],
        sent["quiet_from"],
        sent["quiet_to"],
        digest=sent["digest"],
    )
    return _wish(wish)


def _wish(wish: Wish) -> dict[str, Any]:
    return {
        "channels": [way.value for way in wish.ways],
        "quiet_from": f"{wish.quiet.begin:%H:%M}",
        "quiet_to": f"{wish.quiet.end:%H:%M}",
        "digest": wish.digest,
    }


@bp.route("/subscriptions", access=SIGNED_IN)
@bp.arguments(MomentQuery, location="query")
@bp.response(200, SubscriptionsView)
def subscriptions(query: dict[str, Any]) -> Any:
    """Read which WeChat templates to ask for now, and how many messages I still allow."""
    return _subscriptions(query["moment"])


@bp.route("/subscriptions", methods=["POST"], access=SIGNED_IN)
@bp.arguments(SubscriptionsIn)
@bp.response(200, SubscriptionsView)
def answered(sent: dict[str, Any]) -> Any:
    """Report what I answered; with WeChat's own pushes set up, theirs counts instead."""
    pairs = [(one["template_id"], one["status"]) for one in sent["results"]]
    news.note_subscription(current(), sent["id"], pairs)
    return _subscriptions("visit")


def _subscriptions(moment: str) -> dict[str, Any]:
    balances = queries.balances(_own(current()))
    asks = queries.asks(moment, clock.now())
    full = {
        key
        for key, row in balances.items()
        if row.long_term or row.granted - row.used >= MOST_GRANTS
    }
    return {
        "ask": [one for one in asks if one not in full],
        "balance": [
            {
                "template_id": row.template_id,
                "left": max(0, row.granted - row.used),
                "long_term": row.long_term,
                "last_status": row.last_status,
            }
            for row in balances.values()
        ],
    }


@work.route("/<uuid:ticket_id>/messages", access=SIGNED_IN)
@work.arguments(PageQuery, location="query")
@work.response(200, MessagePage)
def messages(query: dict[str, Any], ticket_id: UUID) -> Any:
    """Read, as staff, who was told what of a ticket, when, and what came of it."""
    access.require_staff(current(), tickets.get(ticket_id))
    found = queries.deliveries_of(ticket_id, cursor=query["cursor"], limit=query["limit"])
    staff = [row.person_id for row in found.items if row.audience not in AUDIENCES]
    numbers = work_numbers(staff)
    items = [
        {
            **_report(row),
            "kind": row.kind,
            "what": KINDS.get((row.kind, row.audience), row.kind),
            "audience": row.audience,
            "who": AUDIENCES.get(row.audience) or numbers.get(row.person_id) or "工作人员",
        }
        for row in found.items
    ]
    return {"items": items, "next_cursor": found.next_cursor}
