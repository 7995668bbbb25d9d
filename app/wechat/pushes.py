"""What WeChat tells us by itself: who it is from is proven first, then it is read.

In secure mode the proof is ``msg_signature``, which covers the body; the
``signature`` beside it does not and is never looked at. In plain mode nothing
covers the body, so once a push key is set up, plain pushes are refused. Whatever
is wrong with a push ends in one error that says only so much.
"""

import hashlib
import hmac
import json
import struct
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from xml.parsers.expat import ExpatError

import xmltodict
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatException

from app.wechat.happenings import Push, Unreadable, read_push
from config import Wechat

T = TypeVar("T")
FRESH = timedelta(minutes=5)
MAX_BYTES = 256 * 1024
_MALFORMED = (
    WeChatException,
    Unreadable,
    ExpatError,
    ValueError,
    TypeError,
    LookupError,
    AssertionError,
    RecursionError,
    OverflowError,
    struct.error,
)
"""All that readers of JSON, XML and AES raise over what somebody made up."""


class PushRefused(Exception):
    """Refuse what is no push of our mini-program; ``why`` is for the log and names no content."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


_installed: list[Wechat] = []


def install(settings: Wechat | None) -> None:
    """Say whose pushes are taken; None takes none."""
    _installed[:] = [settings] if settings and settings.push_token else []


def are_taken() -> bool:
    """Tell whether this installation has told WeChat to push at all."""
    return bool(_installed)


def verify_url(query: Mapping[str, str]) -> str:
    """Answer the question with which WeChat makes sure that this address is ours.

    Raises:
        PushRefused: it is not WeChat who asks.

    """
    _check_signature(query, "signature", _settings().push_token)
    echo = query.get("echostr", "")
    if not (echo.isascii() and echo.isalnum() and len(echo) <= 256):
        raise PushRefused("no echostr")
    return echo


def read(
    query: Mapping[str, str],
    body: bytes,
    content_type: str,  # noqa: ARG001 - WeChat's header does not always say what the body is
    now: datetime,
) -> Push:
    """Prove a push and read it; JSON or XML, plain or secure as set up.

    Raises:
        PushRefused: it is not from WeChat, not for us, too old, or nobody can read it.

    """
    settings = _settings()
    _check_fresh(query, now)
    if len(body) > MAX_BYTES:
        raise PushRefused("too large")
    if not settings.push_key:
        _check_signature(query, "signature", settings.push_token)
        return _guarded(lambda: read_push(_parsed(body), now), "malformed")
    sealed = _guarded(lambda: _parsed(body).get("Encrypt"), "malformed")
    if not isinstance(sealed, str) or not sealed:
        raise PushRefused("plain, though a push key is set up")
    _check_signature(query, "msg_signature", settings.push_token, sealed)
    text = _guarded(lambda: _opened(settings, query, sealed), "does not open")
    return _guarded(lambda: read_push(_parsed(text.encode()), now), "malformed")


def sign(*parts: str) -> str:
    """Sign as WeChat does: SHA-1 over the sorted parts."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def _settings() -> Wechat:
    if not _installed:
        raise PushRefused("not set up")
    return _installed[0]


def _check_fresh(query: Mapping[str, str], now: datetime) -> None:
    text = query.get("timestamp", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise PushRefused("no timestamp")
    if abs(now - datetime.fromtimestamp(int(text), UTC)) > FRESH:
        raise PushRefused("stale")


def _check_signature(query: Mapping[str, str], name: str, token: str, *parts: str) -> None:
    signed = (token, query.get("timestamp", ""), query.get("nonce", ""), *parts)
    own = _guarded(lambda: sign(*signed), "malformed")
    if not hmac.compare_digest(own.encode(), query.get(name, "").encode("utf-8", "replace")):
        raise PushRefused("wrong signature")


def _opened(settings: Wechat, query: Mapping[str, str], sealed: str) -> str:
    """Decrypt; the app named inside must be ours."""
    crypto = WeChatCrypto(settings.push_token, settings.push_key, settings.appid)
    proof = (query.get("msg_signature", ""), query.get("timestamp", ""), query.get("nonce", ""))
    return str(crypto.decrypt_message({"Encrypt": sealed}, *proof))


def _parsed(body: bytes) -> Mapping[str, Any]:
    """Read an object from JSON or XML, whichever it is; the header is not to be trusted."""
    text = body.decode("utf-8").strip()
    if text.startswith("<"):
        found = xmltodict.parse(text, disable_entities=True).get("xml")
    else:
        found = json.loads(text)
    if not isinstance(found, Mapping):
        raise Unreadable
    return found


def _guarded(step: Callable[[], T], why: str) -> T:
    """Run a step over what somebody sent; whatever it raises is one refusal, with no context."""
    try:
        return step()
    except _MALFORMED:
        pass
    raise PushRefused(why)
