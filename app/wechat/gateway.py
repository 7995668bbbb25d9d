"""The one way to ask WeChat who somebody is.

Which gateway answers is installed once at start, by whoever composes the
application. Until the real one stands there are two: one that knows demo
people only and one that says that WeChat log-in is not set up.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

from app.kernel import marks
from app.kernel.errors import Unauthenticated, Unavailable
from config import DEMO, Settings

DEV_APPID = "dev"
_DEV_CODE = re.compile(r"dev-[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class WechatLogin:
    """Who WeChat says the holder of a log-in code is."""

    appid: str
    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)


class Gateway(Protocol):
    """What the house asks of WeChat."""

    def exchange(self, code: str) -> WechatLogin:
        """Trade a one-time log-in code for an identity; no transaction may be open.

        Raises:
            Unauthenticated: the code is wrong, used or too old (code ``bad_code``).
            Unavailable: WeChat is not set up here (``wechat_not_configured``) or down.

        """
        ...

    def phone_number(self, code: str, openid: str) -> str:
        """Trade a phone code for the number of the user it was given to."""
        ...

    def appid(self) -> str | None:
        """Name the mini-program."""
        ...


class NotConfigured:
    """Refuse every code: this installation has no WeChat yet."""

    def exchange(self, code: str) -> WechatLogin:
        """Say that WeChat log-in is not set up."""
        raise _not_configured()

    def phone_number(self, code: str, openid: str) -> str:
        """Say that WeChat is not set up."""
        raise _not_configured()

    def appid(self) -> str | None:
        """Name nothing."""
        return None


class DevCodes:
    """Know the people of the demo: code ``dev-x`` is openid ``dev-x``.

    Two locks, because such a code opens an account without any secret: the
    settings must say demo, and so must the database, which is asked each time.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.env != DEMO:
            raise ValueError("dev codes exist in demo mode only")

    def exchange(self, code: str) -> WechatLogin:
        """Read a demo code."""
        if not marks.demo_marked():
            raise _not_configured()
        if not _DEV_CODE.fullmatch(code):
            raise Unauthenticated("微信登录没有成功，请重新进入再试。", code="bad_code")
        return WechatLogin(appid=DEV_APPID, openid=code)

    def phone_number(self, code: str, openid: str) -> str:
        """Know no phones."""
        raise _not_configured()

    def appid(self) -> str | None:
        """Name the demo."""
        return DEV_APPID


def for_settings(settings: Settings) -> Gateway:
    """Choose the gateway of an installation."""
    return DevCodes(settings) if settings.env == DEMO else NotConfigured()


_installed: list[Gateway] = []


def install(gateway: Gateway) -> None:
    """Make ``gateway`` the one in use."""
    _installed[:] = [gateway]


def exchange(code: str) -> WechatLogin:
    """Ask the installed gateway; with none installed, WeChat is not set up."""
    gateway = _installed[0] if _installed else NotConfigured()
    return gateway.exchange(code)


def appid() -> str | None:
    """Name the mini-program the installed gateway speaks for."""
    return _gateway().appid()


def phone_number(code: str, openid: str) -> str:
    """Trade a phone code for the number of the user it was given to."""
    return _gateway().phone_number(code, openid)


def _gateway() -> Gateway:
    return _installed[0] if _installed else NotConfigured()


def _not_configured() -> Unavailable:
    return Unavailable("这里还没有开通微信登录，请换一种方式登录。", code="wechat_not_configured")
