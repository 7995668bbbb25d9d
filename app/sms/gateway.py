"""The one way to send a text message.

Which gateway sends is installed once at start, by whoever composes the
application: the documented HTTP provider (docs/sms.md), the demo, which keeps
texts instead of sending them, or none. No transaction may be open.
"""

import hashlib
import hmac
import json
from typing import Protocol

import structlog
from sqlalchemy import delete, select

from app.kernel import clock, marks, outward
from app.kernel.db import session
from app.kernel.ids import new_token
from app.kernel.work import unit_of_work
from app.sms.models import DemoSms
from config import DEMO, Settings, Sms

_log = structlog.get_logger("sandan.sms")

SIGNATURE = "X-Sandan-Signature"
KEPT = 200
_NOT_TAKEN = (429, 503)


class SmsFault(Exception):
    """A text was not known to be taken over; it names no number and no words.

    ``maybe_sent``: it may arrive all the same. ``final``: asking again does not help.
    """

    def __init__(self, why: str = "", *, maybe_sent: bool, final: bool) -> None:
        self.maybe_sent = maybe_sent
        self.final = final
        super().__init__(why)


class NotSetUp(SmsFault):
    """Nobody sends texts here."""

    def __init__(self) -> None:
        super().__init__("no provider of text messages", maybe_sent=False, final=True)


class Gateway(Protocol):
    """What the house asks of whoever sends texts."""

    def send(self, phone: str, text: str, *, purpose: str) -> None:
        """Send ``text`` to ``phone``; ``purpose`` (``code``, ``notice``) picks the route.

        Raises:
            SmsFault: it was not, or not surely, taken over.
            NotSetUp: there is no provider.

        """
        ...


class NotConfigured:
    """Send nothing: this installation has no provider."""

    def send(self, phone: str, text: str, *, purpose: str) -> None:
        """Say that there is no provider."""
        raise NotSetUp


class HttpProvider:
    """Hand texts to a provider over HTTP, each request signed over its raw body."""

    def __init__(self, provider: Sms) -> None:
        self._provider = provider

    def send(self, phone: str, text: str, *, purpose: str) -> None:
        """Post one text; any 2xx means that the provider has taken it over."""
        said = {
            "phone": phone,
            "text": text,
            "sign": self._provider.sign,
            "purpose": purpose,
            "timestamp": int(clock.now().timestamp()),
            "nonce": new_token(16),
        }
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            SIGNATURE: f"sha256={signature(self._provider.key, body)}",
        }
        try:
            answer = outward.ask("POST", self._provider.url, body=body, headers=headers)
        except outward.NoAnswer as error:
            raise SmsFault(str(error), maybe_sent=error.maybe_arrived, final=False) from None
        if not 200 <= answer.status < 300:
            raise _refused(answer.status)


class DemoTexts:
    """Keep texts for a page and the log to show instead of sending them.

    Two locks, because a text can hold a log-in code: the settings must say demo,
    and so must the database, which is asked each time.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.env != DEMO:
            raise ValueError("texts are kept in demo mode only")

    def send(self, phone: str, text: str, *, purpose: str) -> None:
        """Keep one text, and forget those long gone by."""
        with unit_of_work():
            if not marks.demo_marked():
                raise NotSetUp
            session.add(DemoSms(at=clock.now(), purpose=purpose, phone=phone, text=text))
            session.flush()
            newest = select(DemoSms.id).order_by(DemoSms.id.desc()).limit(KEPT)
            session.execute(
                delete(DemoSms).where(DemoSms.id.not_in(newest)),
                execution_options={"synchronize_session": False},
            )
        # Invented people on a marked database: here the words may stand in the log.
        _log.info("demo_sms_kept", purpose=purpose, to=phone, words=text)


def signature(key: str, body: bytes) -> str:
    """Sign the raw body of a request (hex HMAC-SHA256)."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def for_settings(settings: Settings) -> Gateway:
    """Choose the gateway of an installation; a demo never sends to the numbers it invented."""
    if settings.env == DEMO:
        return DemoTexts(settings)
    return HttpProvider(settings.sms) if settings.sms else NotConfigured()


_installed: list[Gateway] = []


def install(gateway: Gateway) -> None:
    """Make ``gateway`` the one in use."""
    _installed[:] = [gateway]


def send(phone: str, text: str, *, purpose: str) -> None:
    """Send by the installed gateway; with none installed, nobody sends texts here.

    Raises:
        SmsFault: it was not, or not surely, taken over.
        NotSetUp: there is no provider.

    """
    gateway = _installed[0] if _installed else NotConfigured()
    gateway.send(phone, text, purpose=purpose)


def _refused(status: int) -> SmsFault:
    """Read a refusal: 429 and 503 took nothing, other 5xx may have, the rest never will."""
    is_final = status < 500 and status != 429
    maybe_sent = not is_final and status not in _NOT_TAKEN
    return SmsFault(f"status {status}", maybe_sent=maybe_sent, final=is_final)
