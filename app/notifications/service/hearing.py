"""What WeChat pushes about messages: what people allow, how one ended, who wrote to nobody."""

from uuid import UUID, uuid5

from prometheus_client import Counter
from sqlalchemy import select

from app.kernel import clock
from app.kernel.clock import SHANGHAI
from app.kernel.db import session
from app.kernel.metrics import REGISTRY
from app.notifications import queries
from app.notifications.models import Message
from app.notifications.rules.settling import State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.notifications.service import granting
from app.notifications.service.telling import News, fall_back, tell
from app.wechat.events import WechatSubscriptionAnswered, WechatSubscriptionSent, WechatUserWrote

_NAMES = UUID("2f0c8f0a-58c4-4c0e-9d0d-0e5f6c7b9a21")
_written = Counter(
    "sandan_wechat_user_messages_total",
    "What people wrote to the service window, where nobody reads",
    ("kind", "known"),
    registry=REGISTRY,
)
_KINDS = frozenset({"text", "image", "miniprogrampage"})


class NotSettledYet(Exception):
    """WeChat tells the end of a message that we are still sending: ask again shortly."""


def on_subscription_answered(event: WechatSubscriptionAnswered) -> None:
    """Let WeChat's word on what a person allows go into the ledger, once for each push."""
    said = [(event.template_id, event.status)]
    heard = granting.on_push_popup if event.by == "popup" else granting.on_push_change
    heard(event.openid_index, event.event_id.hex, said)


def on_message_ended(event: WechatSubscriptionSent) -> None:
    """Note that a message reached its phone, or go on to the next way because it did not.

    Raises:
        NotSettledYet: it may be one that is still in our hands.

    """
    person_id = queries.person_of_openid(event.openid_index)
    if person_id is None:
        return
    row = _sent(person_id, event) if event.msgid else None
    if row is None:
        if _in_hand(person_id, event.template_id):
            raise NotSettledYet
        return
    if row.state is not State.SENT or row.arrived_at is not None:
        return
    now = clock.now()
    if event.errcode == 0:
        row.arrived_at = now
        return
    row.state = State.FELL_BACK if row.then else State.REFUSED
    row.error = "NotDelivered"
    if row.then:
        fall_back(row, now)


def _sent(person_id: UUID, event: WechatSubscriptionSent) -> Message | None:
    query = select(Message).where(
        Message.msgid == event.msgid,
        Message.person_id == person_id,
        Message.template_id == event.template_id,
        Message.channel == Way.WECHAT,
    )
    held = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).first()


def _in_hand(person_id: UUID, template_id: str) -> bool:
    query = select(Message.id).where(
        Message.settled_at.is_(None),
        Message.person_id == person_id,
        Message.template_id == template_id,
        Message.state == State.SENDING,
    )
    return session.scalar(query.limit(1)) is not None


def on_user_wrote(event: WechatUserWrote) -> None:
    """Tell who writes to the service window, once a day, where they will be heard; count all."""
    person_id = queries.person_of_openid(event.openid_index)
    kind = event.kind if event.kind in _KINDS else "other"
    _written.labels(kind, "yes" if person_id else "no").inc()
    if person_id is None:
        return
    day = event.occurred_at.astimezone(SHANGHAI).date()
    news = News(
        event_id=uuid5(_NAMES, f"{person_id.hex} {day}"),
        kind="wrote",
        audience=Audience.SELF,
        push=False,
    )
    tell(news, [person_id])
