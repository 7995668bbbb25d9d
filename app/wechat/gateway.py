"""The one way to ask WeChat.

Which gateway answers is installed once at start, by whoever composes the
application: the real one, the demo's (which knows its people's codes and asks
the fake WeChat for everything else), or one that says that WeChat is not set up.
"""

import re
from collections.abc import Sequence

from app.kernel import marks
from app.wechat.answers import (
    Kind,
    Sent,
    SubscribeMessage,
    Template,
    TextVerdict,
    WechatLogin,
    schema_of,
)
from app.wechat.real import Gateway, bad_login_code, not_configured
from config import DEMO, DEMO_APPID, Settings

__all__ = [
    "DEV_APPID",
    "DevCodes",
    "Gateway",
    "NotConfigured",
    "Sent",
    "SubscribeMessage",
    "Template",
    "TextVerdict",
    "WechatLogin",
    "add_template",
    "appid",
    "check_media",
    "check_session",
    "check_text",
    "delete_template",
    "exchange",
    "for_settings",
    "install",
    "phone_number",
    "place_code",
    "schema_of",
    "send_subscribe",
    "templates",
    "url_link",
    "version",
]

DEV_APPID = DEMO_APPID
_DEV_CODE = re.compile(r"dev-[a-z0-9][a-z0-9-]{0,39}")


class NotConfigured(Gateway):
    """Refuse everything: this installation has no WeChat."""

    def __init__(self) -> None:
        super().__init__(None)


class DevCodes(Gateway):
    """Know the people of the demo: code ``dev-x`` is openid ``dev-x``.

    Two locks, because such a code opens an account without any secret: the
    settings must say demo, and so must the database, which is asked each time.
    The fake WeChat, which makes a code for whoever asks, stands behind the same
    two. All else is asked of WeChat, or of the fake.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.env != DEMO:
            raise ValueError("dev codes exist in demo mode only")
        super().__init__(settings.wechat)
        self._has_real = settings.wechat is not None and not settings.fakes_wechat

    def exchange(self, code: str) -> WechatLogin:
        """Read a demo code; have any other read by WeChat, or the fake."""
        is_dev = code.startswith("dev-")
        if (is_dev or not self._has_real) and not marks.demo_marked():
            raise not_configured()
        if self.appid() is not None and not is_dev:
            return super().exchange(code)
        if not _DEV_CODE.fullmatch(code):
            raise bad_login_code()
        return WechatLogin(appid=DEV_APPID, openid=code)


def for_settings(settings: Settings) -> Gateway:
    """Choose the gateway of an installation."""
    if settings.env == DEMO:
        return DevCodes(settings)
    return Gateway(settings.wechat) if settings.wechat else NotConfigured()


_installed: list[Gateway] = []


def install(gateway: Gateway) -> None:
    """Make ``gateway`` the one in use."""
    _installed[:] = [gateway]


def _present() -> Gateway:
    return _installed[0] if _installed else NotConfigured()


def appid() -> str | None:
    """Name the mini-program of this installation, or None."""
    return _present().appid()


def version() -> str:
    """Name the version of the mini-program that codes open: release, trial or develop."""
    return _present().version()


def exchange(code: str) -> WechatLogin:
    """Trade a one-time log-in code for an identity; no transaction may be open.

    Raises:
        Unauthenticated: the code is wrong, used or too old (``bad_code``).
        Forbidden: WeChat holds the user to be a risk (``wechat_risk_blocked``).
        TooMany: too often within a minute.
        Unavailable: not set up here (``wechat_not_configured``) or down (``wechat_busy``).

    """
    return _present().exchange(code)


def phone_number(code: str, openid: str) -> str:
    """Trade the code of the phone button for this user's number, without country code.

    Raises:
        Invalid: the code is wrong, used, too old or another's (``bad_phone_code``).
        Forbidden, TooMany, Unavailable: as :func:`exchange`.

    """
    return _present().phone_number(code, openid)


def send_subscribe(message: SubscribeMessage) -> Sent:
    """Send a message the user has allowed; never repeated here, one grant is one message.

    Raises:
        WechatFault: the class says what is to be done; ``Busy.maybe_done`` if it may
            have gone out. So for every function below.

    """
    return _present().send_subscribe(message)


def templates() -> list[Template]:
    """List the message templates of the mini-program."""
    return _present().templates()


def add_template(tid: str, fields: Sequence[int], scene: str) -> str:
    """Take a template of the public library (2 to 5 field numbers) and name its id."""
    return _present().add_template(tid, fields, scene)


def delete_template(template_id: str) -> None:
    """Take a template away."""
    _present().delete_template(template_id)


def check_text(openid: str, content: str, scene: int) -> TextVerdict:
    """Ask whether a text may be shown (scene: 1 profile, 2 comment, 3 forum, 4 social)."""
    return _present().check_text(openid, content, scene)


def check_media(openid: str, url: str, kind: Kind) -> str:
    """Have a photo or voice checked; the verdict comes as a push that names this trace id."""
    return _present().check_media(openid, url, kind)


def place_code(scene: str, page: str) -> bytes:
    """Draw the mini-program code that opens ``page`` with ``scene``; a picture."""
    return _present().place_code(scene, page)


def url_link(path: str, query: str, days: int) -> str:
    """Make a link for SMS and mail that opens the mini-program, good for ``days`` (30 at most)."""
    return _present().url_link(path, query, days)


def check_session(openid: str, session_key: str) -> bool:
    """Tell whether the client's session key is still good."""
    return _present().check_session(openid, session_key)
