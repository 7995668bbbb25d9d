"""What the fake WeChat remembers, in memory and under one lock."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from config import Wechat

TOKEN_S = 7200
OVERLAP_S = 300
CODE_S = 300
TEMPLATES = {
    "fake-accepted": "受理通知",
    "fake-progress": "进展通知",
    "fake-finished": "办结通知",
    "fake-work": "待办提醒",
}
CONTENT = (
    "事项:{{thing1.DATA}}\n编号:{{character_string2.DATA}}\n状态:{{phrase3.DATA}}\n"
    "时间:{{time4.DATA}}\n说明:{{thing5.DATA}}\n"
)


class Refused(Exception):
    """The fake says no, with WeChat's number and words."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        self.errcode = errcode
        self.errmsg = errmsg
        super().__init__(errcode)


@dataclass(slots=True)
class Code:
    """A one-time code and when it was made."""

    about: str
    made_at: float
    openid: str = ""
    used: bool = False


@dataclass(slots=True)
class Failure:
    """A failure to come: ``kind`` is an error number or one of failing's words."""

    kind: str
    times: int
    seconds: float


@dataclass(slots=True)
class State:
    """Everything the fake knows; hold :meth:`locked` to change it."""

    settings: Wechat
    now: Callable[[], float]
    tokens: dict[str, float] = field(default_factory=dict)
    newest: str = ""
    codes: dict[str, Code] = field(default_factory=dict)
    phone_codes: dict[str, Code] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    grants: Counter[tuple[str, str]] = field(default_factory=Counter)
    templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    last_seen: dict[str, float] = field(default_factory=dict)
    media_suggest: str = "pass"
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Begin with the templates of the demo."""
        for template_id, title in TEMPLATES.items():
            self.templates[template_id] = {
                "priTmplId": template_id,
                "title": title,
                "content": CONTENT,
                "example": "",
                "type": 2,
            }

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be alone with the state."""
        with self._lock:
            yield

    def stable_token(self, *, force: bool) -> tuple[str, int]:
        """Give the present token, or a new one if it is nearly over."""
        with self._lock:
            left = self.tokens.get(self.newest, 0) - self.now()
            if force or left <= OVERLAP_S:
                if force:
                    self.tokens.clear()
                self.newest = f"token-{secrets.token_urlsafe(24)}"
                left = TOKEN_S
                self.tokens[self.newest] = self.now() + left
            return self.newest, int(left)

    def check_token(self, token: str) -> None:
        """Refuse a token that is unknown or over."""
        with self._lock:
            ends = self.tokens.get(token)
        if not token:
            raise Refused(41001, "access_token missing")
        if ends is None:
            raise Refused(40001, "invalid credential, access_token is invalid or not latest")
        if ends <= self.now():
            raise Refused(42001, "access_token expired")

    def expire_tokens(self) -> None:
        """Let every token end now."""
        with self._lock:
            self.tokens = dict.fromkeys(self.tokens, self.now())

    def new_code(self, about: str, openid: str = "") -> str:
        """Make a log-in code of an openid, or a phone code of a number."""
        made = f"{'phone' if openid else 'code'}-{secrets.token_hex(12)}"
        shelf = self.phone_codes if openid else self.codes
        with self._lock:
            shelf[made] = Code(about, self.now(), openid)
        return made

    def use_code(self, shelf: dict[str, Code], code: str) -> Code:
        """Use a code up."""
        with self._lock:
            found = shelf.get(code)
            if found is None or self.now() - found.made_at > CODE_S:
                raise Refused(40029, "invalid code")
            if found.used:
                raise Refused(40163, "code been used")
            found.used = True
            return found
