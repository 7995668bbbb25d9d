"""What can happen at WeChat, in one shape each, however WeChat writes it (pure).

The same event comes as JSON or XML, with one item as an object or several as a
list, nested or flat, with numbers as text: none of that leaves this module.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Suggest = Literal["pass", "review", "risky", ""]

LISTS = {
    "subscribe_msg_popup_event": "SubscribeMsgPopupEvent",
    "subscribe_msg_change_event": "SubscribeMsgChangeEvent",
    "subscribe_msg_sent_event": "SubscribeMsgSentEvent",
}
DEAUTHORISED = ("user_authorization_revoke", "user_authorization_cancellation")
_NO_LABEL = {"pass": 100, "risky": 21000}
"""What version 1, which tells no label, comes to: normal, and other."""


class Unreadable(Exception):
    """A push lacks what it must have."""


@dataclass(frozen=True, slots=True)
class MediaChecked:
    """The verdict on a photo or voice, or that WeChat could not look at it (``failed``)."""

    trace_id: str
    suggest: Suggest
    label: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """What somebody said to one template: ``accept``, ``reject`` or another word of WeChat's."""

    template_id: str
    status: str
    scene: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionAnswered:
    """Somebody answered the question for messages (``popup``) or changed their mind later.

    Only an accepted ``popup`` is a grant; a change tells what is no longer allowed.
    """

    openid: str = field(repr=False)
    answers: tuple[Answered, ...]
    by: Literal["popup", "change"]


@dataclass(frozen=True, slots=True)
class Delivered:
    """How one message ended: ``errcode`` 0 arrived."""

    template_id: str
    msgid: str
    errcode: int
    status: str


@dataclass(frozen=True, slots=True)
class SubscriptionSent:
    """How messages to somebody ended."""

    openid: str = field(repr=False)
    messages: tuple[Delivered, ...]


@dataclass(frozen=True, slots=True)
class UserMessage:
    """Somebody wrote to the mini-program's service window."""

    openid: str = field(repr=False)
    kind: str
    text: str = field(repr=False)
    msgid: str


@dataclass(frozen=True, slots=True)
class Deauthorised:
    """Somebody took back what they allowed the mini-program to know."""

    openid: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something we do not act on."""

    event: str


Happening = (
    MediaChecked | SubscriptionAnswered | SubscriptionSent | UserMessage | Deauthorised | Unknown
)


@dataclass(frozen=True, slots=True)
class Push:
    """A push that is proven; ``key`` is the same when WeChat sends it again."""

    key: str
    at: datetime
    happened: Happening

    @property
    def kind(self) -> str:
        """Name the kind of what happened."""
        return type(self.happened).__name__


def read_push(body: Mapping[str, Any], now: datetime) -> Push:
    """Read a decrypted or plain push.

    Raises:
        Unreadable: something it must have is not there.
        ValueError: a number is none.

    """
    created = _number(body.get("CreateTime"), 0)
    if not 0 <= created < 2**33:
        raise Unreadable
    event = _text(body.get("Event")) if _text(body.get("MsgType")) == "event" else ""
    reader = _READERS.get(event, _unknown) if event else _user_message
    happened = reader(body)
    at = datetime.fromtimestamp(created, UTC) if created else now
    return Push(key=_key(body, created, event, happened), at=at, happened=happened)


def _key(body: Mapping[str, Any], created: int, event: str, happened: Happening) -> str:
    """Name the push for good: its number, or who, when and what."""
    number = _text(body.get("MsgId"))
    parts = ["msg", number]
    if not number:
        parts = [_text(body.get("FromUserName")), str(created), event, *_marks(happened)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _marks(happened: Happening) -> list[str]:
    if isinstance(happened, MediaChecked):
        return [happened.trace_id]
    if isinstance(happened, SubscriptionAnswered):
        return sorted(f"{one.template_id} {one.status}" for one in happened.answers)
    if isinstance(happened, SubscriptionSent):
        return sorted(f"{one.template_id} {one.msgid}" for one in happened.messages)
    if isinstance(happened, Deauthorised):
        return [happened.openid]
    return []


def _media(body: Mapping[str, Any]) -> MediaChecked:
    trace_id = _needed(body, "trace_id")
    result = body.get("result")
    if isinstance(result, Mapping):
        suggest = _text(result.get("suggest"))
        failed = _number(body.get("errcode"), 0) != 0
        label = _number(result.get("label"), 0)
    else:
        failed = _number(body.get("errcode"), 0) != 0 or _number(body.get("status_code"), 0) != 0
        suggest = {"0": "pass", "1": "risky"}.get(_text(body.get("isrisky")), "")
        label = _NO_LABEL.get(suggest, 0)
    if failed or suggest not in ("pass", "review", "risky"):
        return MediaChecked(trace_id, "", 0, failed=True)
    return MediaChecked(trace_id, suggest, label, failed=False)  # type: ignore[arg-type]


def _popup(body: Mapping[str, Any]) -> SubscriptionAnswered:
    return SubscriptionAnswered(_needed(body, "FromUserName"), _answers(body), "popup")


def _change(body: Mapping[str, Any]) -> SubscriptionAnswered:
    return SubscriptionAnswered(_needed(body, "FromUserName"), _answers(body), "change")


def _answers(body: Mapping[str, Any]) -> tuple[Answered, ...]:
    return tuple(
        Answered(
            template_id=_needed(item, "TemplateId"),
            status=_needed(item, "SubscribeStatusString"),
            scene=_text(item.get("PopupScene")),
        )
        for item in _items(body)
    )


def _sent(body: Mapping[str, Any]) -> SubscriptionSent:
    messages = tuple(
        Delivered(
            template_id=_needed(item, "TemplateId"),
            msgid=_text(item.get("MsgID")) or _text(item.get("MsgId")),
            errcode=_number(item.get("ErrorCode"), 0),
            status=_text(item.get("ErrorStatus")),
        )
        for item in _items(body)
    )
    return SubscriptionSent(_needed(body, "FromUserName"), messages)


def _items(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Find the items of a subscription event: nested, listed, a single one, or flat."""
    nested = body.get(LISTS[_text(body.get("Event"))])
    outer = nested if isinstance(nested, Mapping) else body
    found = outer.get("List", outer if "TemplateId" in outer else None)
    items = found if isinstance(found, list) else [found]
    if not items or not all(isinstance(item, Mapping) for item in items):
        raise Unreadable
    return items


def _deauthorised(body: Mapping[str, Any]) -> Deauthorised:
    return Deauthorised(_text(body.get("OpenID")) or _needed(body, "FromUserName"))


def _unknown(body: Mapping[str, Any]) -> Unknown:
    return Unknown(_needed(body, "Event")[:64])


def _user_message(body: Mapping[str, Any]) -> UserMessage:
    return UserMessage(
        openid=_needed(body, "FromUserName"),
        kind=_needed(body, "MsgType")[:32],
        text=_text(body.get("Content")),
        msgid=_text(body.get("MsgId")),
    )


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Happening]] = {
    "wxa_media_check": _media,
    "subscribe_msg_popup_event": _popup,
    "subscribe_msg_change_event": _change,
    "subscribe_msg_sent_event": _sent,
    **dict.fromkeys(DEAUTHORISED, _deauthorised),
}


def _text(value: object) -> str:
    """Read text or a whole number as text; anything else is nothing."""
    if isinstance(value, bool):
        return ""
    return str(value).strip() if isinstance(value, str | int) else ""


def _needed(body: Mapping[str, Any], name: str) -> str:
    text = _text(body.get(name))
    if not text:
        raise Unreadable
    return text


def _number(value: object, default: int) -> int:
    text = _text(value)
    return int(text[:20]) if text else default
