"""A telephone network that keeps texts, and a WeChat that knows phones, for tests of log-in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from app.kernel.errors import Invalid, Unauthenticated
from app.sms import gateway as sms
from app.sms.gateway import SmsFault
from app.wechat import gateway as wechat
from app.wechat.gateway import DEV_APPID, WechatLogin


@dataclass
class Network:
    """Takes texts; with ``down`` it takes none."""

    texts: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def send(self, phone: str, text: str, *, purpose: str) -> None:
        assert purpose
        if self.down:
            raise SmsFault("down", maybe_sent=False, final=False)
        self.texts.append((phone, text))

    def last_code(self, phone: str) -> str:
        """Read the code in the newest text to a phone."""
        text = next(words for to, words in reversed(self.texts) if to == phone)
        found = re.search(r"\d{6}", text)
        assert found
        return found.group()


@contextmanager
def network() -> Iterator[Network]:
    """Install a network for a while."""
    made = Network()
    sms.install(made)
    try:
        yield made
    finally:
        sms.install(sms.NotConfigured())


@dataclass
class Knowing:
    """A WeChat whose codes work once; code ``x`` is openid ``x``; phones are as told."""

    phones: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Phone code → the openid it was given to, and the number."""
    spent: set[str] = field(default_factory=set)
    exchanges: int = 0

    def exchange(self, code: str) -> WechatLogin:
        self.exchanges += 1
        if code in self.spent or code.startswith("bad"):
            raise Unauthenticated("微信登录没有成功，请重新进入再试。", code="bad_code")
        self.spent.add(code)
        return WechatLogin(appid=DEV_APPID, openid=code.partition("#")[0])

    def phone_number(self, code: str, openid: str) -> str:
        owner, number = self.phones.pop(code, ("", ""))
        if owner != openid:
            raise Invalid("没有拿到手机号，请再点一次授权按钮。", code="bad_phone_code")
        return number

    def appid(self) -> str:
        return DEV_APPID


@contextmanager
def knowing(**phones: tuple[str, str]) -> Iterator[Knowing]:
    """Install such a WeChat for a while."""
    made = Knowing(dict(phones))
    wechat.install(made)
    try:
        yield made
    finally:
        wechat.install(wechat.NotConfigured())
