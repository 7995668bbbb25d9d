"""The exchange with the district's platform: what is sent there, and who may answer.

Which platform it is, `rooms.furnish` installs. What is refused or lost is told by a short
code; no text of the other side is kept, it may hold anything.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from app.escalation import package
from app.kernel import outward
from app.kernel.errors import Forbidden, NotFound
from app.kernel.outward import Answer, NoAnswer
from config import Platform

SEND_S = 20.0
"""Seconds for the whole exchange: a package carries photos."""
MAX_REFERENCE = 100

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})

_installed: list[Platform] = []


@dataclass(frozen=True, slots=True)
class Sent:
    """How sending went: it arrived, it was refused for good, or it is to be tried again."""

    arrived: bool
    again: bool = False
    error: str = ""
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """What came with a signed body."""

    key_id: str
    timestamp: str
    signature: str


def install(platform: Platform | None) -> None:
    """Make ``platform`` the one packages go to; None: there is none."""
    _installed[:] = [platform] if platform else []


def current() -> Platform | None:
    """Hand out the platform in use, if one is set up."""
    return _installed[0] if _installed else None


def send(platform: Platform, body: bytes, now: datetime) -> Sent:
    """Send one signed package; no transaction may be open."""
    timestamp = str(int(now.timestamp()))
    headers = {
        "Content-Type": "application/json",
        package.KEY_ID: platform.key_id,
        package.TIMESTAMP: timestamp,
        package.SIGNATURE: package.signature(platform.key, timestamp, body),
    }
    try:
        answer = outward.ask("POST", platform.url, body=body, headers=headers, timeout_s=SEND_S)
    except NoAnswer as lost:
        return Sent(arrived=False, again=True, error=f"no_answer: {lost.why}")
    return _judge(answer)


def _judge(answer: Answer) -> Sent:
    if 200 <= answer.status < 300:
        return Sent(arrived=True, reference=_reference(answer))
    again = answer.status >= 500 or answer.status in _AGAIN
    return Sent(arrived=False, again=again, error=f"http_{answer.status}")


def _reference(answer: Answer) -> str | None:
    """Read under which number the platform keeps the package, if it says so."""
    try:
        told = answer.json()
    except (ValueError, json.JSONDecodeError):
        return None
    reference = told.get("reference") if isinstance(told, dict) else None
    return reference[:MAX_REFERENCE] if isinstance(reference, str) and reference else None


def require_signed(signed: Signed, raw: bytes, now: datetime) -> None:
    """Let in only what the platform signed, over these bytes, just now.

    Raises:
        NotFound: there is no platform here.
        Forbidden: another key, a wrong signature (``bad_signature``) or one that is too
            old or too early (``stale_signature``).
    """
    platform = current()
    if platform is None:
        raise NotFound
    known = signed.key_id == platform.key_id
    if not package.is_signed(platform.key, signed.timestamp, raw, signed.signature) or not known:
        raise Forbidden("签名不对。", code="bad_signature")
    if not package.is_fresh(signed.timestamp, now):
        raise Forbidden("签名时间与现在相差太大，请校准时间后再发。", code="stale_signature")
