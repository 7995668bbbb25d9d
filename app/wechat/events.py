"""What WeChat told us, for those above; nobody's openid or words stand here in the clear.

``openid_index`` is the blind index under which identity finds the person;
``sealed_openid`` and ``sealed_text`` open with :func:`app.kernel.crypto.open_sealed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from app.kernel import crypto, outbox
from app.wechat.happenings import (
    Deauthorised,
    MediaChecked,
    Push,
    SubscriptionAnswered,
    SubscriptionSent,
    UserMessage,
)

OPENID = "openid"
"""The kind of blind index that identity keeps openids under."""


@dataclass(frozen=True, slots=True)
class WechatMediaChecked(outbox.Event):
    """A photo or voice was looked at; ``failed`` if WeChat could not."""

    topic: ClassVar[str] = "wechat.media_checked"

    trace_id: str
    suggest: str
    label: int
    failed: bool


@dataclass(frozen=True, slots=True)
class WechatSubscriptionAnswered(outbox.Event):
    """Somebody allowed or refused messages of one template (``by``: popup or change)."""

    topic: ClassVar[str] = "wechat.subscription_answered"

    openid_index: str
    template_id: str
    status: str
    scene: str
    by: str


@dataclass(frozen=True, slots=True)
class WechatSubscriptionSent(outbox.Event):
    """One message ended: ``errcode`` 0 arrived."""

    topic: ClassVar[str] = "wechat.subscription_sent"

    openid_index: str
    template_id: str
    msgid: str
    errcode: int
    status: str


@dataclass(frozen=True, slots=True)
class WechatUserWrote(outbox.Event):
    """Somebody wrote to the service window."""

    topic: ClassVar[str] = "wechat.user_wrote"

    openid_index: str
    sealed_openid: str
    kind: str
    sealed_text: str
    msgid: str


@dataclass(frozen=True, slots=True)
class WechatDeauthorised(outbox.Event):
    """Somebody took back what they allowed the mini-program to know."""

    topic: ClassVar[str] = "wechat.deauthorised"

    openid_index: str


def told_by(push: Push) -> Sequence[outbox.Event]:
    """List what a push has to tell; one event per template."""
    what = push.happened
    if isinstance(what, MediaChecked):
        return [WechatMediaChecked(what.trace_id, what.suggest, what.label, what.failed)]
    if isinstance(what, SubscriptionAnswered):
        who = openid_index(what.openid)
        return [
            WechatSubscriptionAnswered(who, one.template_id, one.status, one.scene, what.by)
            for one in what.answers
        ]
    if isinstance(what, SubscriptionSent):
        who = openid_index(what.openid)
        return [
            WechatSubscriptionSent(who, one.template_id, one.msgid, one.errcode, one.status)
            for one in what.messages
        ]
    if isinstance(what, UserMessage):
        return [
            WechatUserWrote(
                openid_index(what.openid),
                crypto.seal(what.openid),
                what.kind,
                crypto.seal(what.text),
                what.msgid,
            )
        ]
    if isinstance(what, Deauthorised):
        return [WechatDeauthorised(openid_index(what.openid))]
    return []


def openid_index(openid: str) -> str:
    """Make the index under which a person is found by openid."""
    return crypto.blind_index(OPENID, openid)
