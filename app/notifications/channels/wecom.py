"""Messages of an application of 企业微信 to staff: two calls, so a client of our own.

The account of a person there is their work number. A token is kept in this process
until it runs out; it stands in no error and in no log.
"""

import json
import threading
import time
from datetime import timedelta
from typing import Any

from app.kernel import clock, outward
from app.notifications.channels import Parcel, Reach
from app.notifications.rules.settling import Outcome, Result
from config import Wecom

_STALE = frozenset({40001, 40014, 42001})
_BUSY = frozenset({-1, 50001})
_QUOTA = frozenset({45009, 45033})
_UNKNOWN = frozenset({40003, 60111, 81013, 82001})
_WRONG = frozenset({40013, 40056, 48002, 60020, 301002})
_MARGIN_S = 300.0
REST = timedelta(minutes=10)
TITLE_BYTES, TEXT_BYTES = 128, 512


class WecomChannel:
    """Speak to 企业微信; ``public_url`` makes the message a card that opens our page."""

    def __init__(self, wecom: Wecom, public_url: str = "") -> None:
        self._wecom = wecom
        self._public_url = public_url.rstrip("/")
        self._lock = threading.Lock()
        self._token: tuple[str, float] = ("", 0.0)

    def reaches(self, reach: Reach) -> bool:
        """Tell whether this is a member of staff with an account."""
        return reach.is_staff and bool(reach.account)

    def send(self, parcel: Parcel) -> Outcome:
        """Send one message; a stale token is renewed once."""
        try:
            code, answer = self._post(parcel, self._fresh_token())
            if code in _STALE:
                self._token = ("", 0.0)
                code, answer = self._post(parcel, self._fresh_token())
        except outward.NoAnswer as error:
            return Outcome(Result.AGAIN, "NoAnswer", maybe_sent=error.maybe_arrived)
        except _TokenRefusedError as error:
            if error.code in _BUSY or error.code is None:
                return Outcome(Result.AGAIN, "TokenBusy")
            return Outcome(Result.AGAIN, f"token:{error.code}", until=clock.now() + REST)
        except ValueError:
            return Outcome(Result.AGAIN, "NoJson", maybe_sent=True)
        return _outcome(code, answer)

    def _post(self, parcel: Parcel, token: str) -> tuple[int, Any]:
        answer = outward.ask(
            "POST",
            self._wecom.api_url + "cgi-bin/message/send",
            params={"access_token": token},
            body=json.dumps(self._said(parcel), ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
        )
        said = answer.json()
        return int(said["errcode"]) if isinstance(said, dict) and "errcode" in said else 0, said

    def _said(self, parcel: Parcel) -> dict[str, Any]:
        said: dict[str, Any] = {
            "touser": parcel.reach.account,
            "agentid": self._wecom.agent_id,
            "enable_duplicate_check": 1,
            "duplicate_check_interval": 1800,
        }
        title, text = _bytes(parcel.title, TITLE_BYTES), _bytes(parcel.text, TEXT_BYTES)
        if not self._public_url:
            return said | {"msgtype": "text", "text": {"content": f"{title}\n{text}"}}
        url = f"{self._public_url}/m/#/{parcel.page}"
        return said | {
            "msgtype": "textcard",
            "textcard": {"title": title, "description": text, "url": url, "btntxt": "查看"},
        }

    def _fresh_token(self) -> str:
        with self._lock:
            token, until = self._token
            if token and time.monotonic() < until:
                return token
            try:
                answer = outward.ask(
                    "GET",
                    self._wecom.api_url + "cgi-bin/gettoken",
                    params={"corpid": self._wecom.corp_id, "corpsecret": self._wecom.secret},
                )
            except outward.NoAnswer:
                raise _TokenRefusedError(None) from None
            try:
                said = answer.json()
                token, life_s = str(said["access_token"]), float(said.get("expires_in", 7200))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise _TokenRefusedError(_code(answer)) from None
            self._token = (token, time.monotonic() + max(60.0, life_s - _MARGIN_S))
            return token


class _TokenRefusedError(Exception):
    """No token was given; nothing was sent."""

    def __init__(self, code: int | None) -> None:
        self.code = code
        super().__init__(f"errcode={code}")


def _code(answer: outward.Answer) -> int | None:
    try:
        code = answer.json()["errcode"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, int) else None


def _outcome(code: int, answer: Any) -> Outcome:
    error = f"errcode:{code}"
    if code == 0:
        if isinstance(answer, dict) and answer.get("invaliduser"):
            return Outcome(Result.REFUSED, "invaliduser")
        msgid = answer.get("msgid") if isinstance(answer, dict) else None
        return Outcome(Result.SENT, msgid=msgid if isinstance(msgid, str) else None)
    if code in _BUSY:
        return Outcome(Result.AGAIN, error)
    if code in _QUOTA:
        return Outcome(Result.LATER, error, until=clock.now() + REST)
    if code in _STALE | _WRONG:
        return Outcome(Result.AGAIN, error, until=clock.now() + REST)
    return Outcome(Result.REFUSED if code in _UNKNOWN else Result.BROKEN, error)


def _bytes(words: str, most: int) -> str:
    """Cut to so many bytes, which is how 企业微信 counts."""
    return words.encode()[:most].decode(errors="ignore")
