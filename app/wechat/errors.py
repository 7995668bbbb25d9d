"""What WeChat can answer, by what is to be done about it (one class for each of them).

``errcode`` is WeChat's number (None when there was no answer) and ``rid`` the
request id its support asks for. No text of an answer or a request is kept:
both carry keys, codes and people.
"""

from datetime import UTC, datetime, timedelta

from app.kernel.clock import SHANGHAI


class WechatFault(Exception):
    """Base of everything that can go wrong with WeChat."""

    def __init__(self, errcode: int | None = None, rid: str = "") -> None:
        self.errcode = errcode
        self.rid = rid
        super().__init__(f"errcode={errcode} rid={rid}")


class NotSetUp(WechatFault):
    """No mini-program is set up here."""


class Busy(WechatFault):
    """WeChat is busy or did not answer: again later. ``maybe_done`` if it may have acted."""

    def __init__(
        self, errcode: int | None = None, rid: str = "", *, maybe_done: bool = False
    ) -> None:
        super().__init__(errcode, rid)
        self.maybe_done = maybe_done


class TokenRefused(WechatFault):
    """The access token is refused after one refresh: tell an operator."""


class Misconfigured(WechatFault):
    """Keys, address list or permissions are wrong: nothing works until somebody mends it."""


class UnknownOpenid(WechatFault):
    """No such user of this mini-program: drop."""


class BadCode(WechatFault):
    """The one-time code is wrong, used or too old: the client logs in anew."""


class RiskBlocked(WechatFault):
    """WeChat holds the user to be a risk: deny."""


class QuotaReached(WechatFault):
    """No more calls until ``until``."""

    def __init__(self, until: datetime, errcode: int | None = None, rid: str = "") -> None:
        super().__init__(errcode, rid)
        self.until = until


class BadData(WechatFault):
    """What was sent is malformed: our bug."""


class BadTemplate(WechatFault):
    """Template, page or fields do not fit: tell an operator."""


class NoGrant(WechatFault):
    """The user has allowed no (more) message of this template."""


class WindowClosed(WechatFault):
    """The hours in which the user may be answered are over: drop."""


class UserInactive(WechatFault):
    """The user has not been here for two hours: a person must look."""


class SessionStale(WechatFault):
    """The client's session key is no longer good: log in anew."""


class Withdrawn(WechatFault):
    """WeChat no longer offers this call."""


TOKEN_REFUSED = frozenset({40001, 40014, 42001})
DAILY, MINUTELY = 45009, 45011

_FAULTS: dict[int, type[WechatFault]] = {
    -1: Busy,
    **dict.fromkeys(TOKEN_REFUSED, TokenRefused),
    **dict.fromkeys((40013, 40125, 40164, 40243, 41002, 41004, 48001, 48004), Misconfigured),
    40003: UnknownOpenid,
    **dict.fromkeys((40029, 40163), BadCode),
    40226: RiskBlocked,
    **dict.fromkeys((40033, 47001), BadData),
    **dict.fromkeys((40037, 41030, 47003), BadTemplate),
    43101: NoGrant,
    **dict.fromkeys((45015, 45047), WindowClosed),
    61010: UserInactive,
    87009: SessionStale,
    **dict.fromkeys((45103, 45109), Withdrawn),
}


def fault_of(errcode: int, rid: str, *, now: datetime, minutely: bool = False) -> WechatFault:
    """Name the fault of an answer; a number nobody explains is a bare :class:`WechatFault`.

    A quota is given back at midnight in Shanghai; ``minutely`` ones, and 45011, in a minute.
    """
    if errcode in (DAILY, MINUTELY):
        is_short = minutely or errcode == MINUTELY
        until = now + timedelta(minutes=1) if is_short else _midnight_after(now)
        return QuotaReached(until, errcode, rid)
    return _FAULTS.get(errcode, WechatFault)(errcode, rid)


def _midnight_after(now: datetime) -> datetime:
    today = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1)).astimezone(UTC)
