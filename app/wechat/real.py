"""One method per call of WeChat, each answer read into our own words.

Without settings every method says that WeChat is not set up.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol, TypeVar

import requests

from app.kernel import clock, outward
from app.kernel.errors import (
    Forbidden,
    Invalid,
    SandanError,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from app.wechat.answers import Kind, Sent, SubscribeMessage, Template, TextVerdict, WechatLogin
from app.wechat.errors import (
    MINUTELY,
    BadCode,
    Busy,
    NotSetUp,
    QuotaReached,
    RiskBlocked,
    SessionStale,
    WechatFault,
)
from app.wechat.transport import Line, Request, text_of
from config import Wechat

T = TypeVar("T")
_VERSIONS = {"formal": "release", "trial": "trial", "developer": "develop"}
_MEDIA = {"audio": 1, "image": 2}
_IN_PUBLIC = 3
"""WeChat's "forum": the strictest scene that fits what others may come to see."""


class _Asks(Protocol):
    def ask(self, request: Request) -> Any: ...

    def ask_bare(self, request: Request) -> Any: ...


class _DeadLine:
    """Where there is no WeChat, every question ends here."""

    def ask(self, request: Request) -> Any:
        raise NotSetUp

    def ask_bare(self, request: Request) -> Any:
        raise NotSetUp


_NOBODY = Wechat(appid="", secret="")


class Gateway:
    """Ask WeChat; every call refuses to run inside a unit of work."""

    def __init__(self, settings: Wechat | None, *, total_s: float = outward.TIMEOUT_S) -> None:
        self._settings = settings or _NOBODY
        self._line: _Asks = Line(settings, total_s=total_s) if settings else _DeadLine()
        self._version = _VERSIONS[self._settings.state]

    def appid(self) -> str | None:
        """Name the mini-program, if there is one."""
        return self._settings.appid or None

    def version(self) -> str:
        """Name the version of the mini-program that codes open: release, trial or develop."""
        return self._version

    def exchange(self, code: str) -> WechatLogin:
        """Trade a log-in code for an identity; the session key is dropped at once."""
        params = {
            "appid": self._settings.appid,
            "secret": self._settings.secret,
            "js_code": code,
            "grant_type": "authorization_code",
        }
        request = Request("sns/jscode2session", params=params)
        answer = _for_a_person(lambda: self._line.ask_bare(request), bad_login_code)
        openid = _for_a_person(lambda: text_of(answer, "openid"), bad_login_code)
        unionid = answer.get("unionid")
        return WechatLogin(
            appid=self._settings.appid,
            openid=openid,
            unionid=unionid if isinstance(unionid, str) and unionid else None,
        )

    def phone_number(self, code: str, openid: str) -> str:
        """Trade the code of the phone button for a number, if it is this user's."""
        request = Request("wxa/business/getuserphonenumber", json={"code": code, "openid": openid})
        answer = _for_a_person(lambda: self._line.ask(request), _bad_phone_code)
        info = answer.get("phone_info")
        mark = info.get("watermark") if isinstance(info, Mapping) else None
        if not isinstance(mark, Mapping) or mark.get("appid") != self._settings.appid:
            raise _bad_phone_code()
        if not isinstance(info, Mapping) or str(info.get("countryCode")) != "86":
            # without its code a foreign number may look like somebody's here
            raise Invalid("请用中国大陆的手机号。", code="foreign_phone")
        return _for_a_person(lambda: text_of(info, "purePhoneNumber"), _bad_phone_code)

    def send_subscribe(self, message: SubscribeMessage) -> Sent:
        """Send a message the user has allowed."""
        body = {
            "touser": message.openid,
            "template_id": message.template_id,
            "data": {name: {"value": value} for name, value in message.data.items()},
            "miniprogram_state": self._settings.state,
            "lang": "zh_CN",
        }
        if message.page:
            body["page"] = message.page
        answer = self._line.ask(Request("cgi-bin/message/subscribe/send", json=body))
        msgid = answer.get("msgid")
        return Sent(str(msgid) if msgid else None)

    def templates(self) -> list[Template]:
        """List the message templates of the mini-program."""
        answer = self._line.ask(Request("wxaapi/newtmpl/gettemplate"))
        return [_template(row) for row in _objects(answer.get("data"))]

    def add_template(self, tid: str, fields: Sequence[int], scene: str) -> str:
        """Take a template of the public library (2 to 5 field numbers) and name its id."""
        form = [("tid", tid)]
        form += [(f"kidList[{place}]", str(number)) for place, number in enumerate(fields)]
        form += [("sceneDesc", scene)]
        answer = self._line.ask(Request("wxaapi/newtmpl/addtemplate", form=form))
        return text_of(answer, "priTmplId")

    def delete_template(self, template_id: str) -> None:
        """Take a template away."""
        form = [("priTmplId", template_id)]
        self._line.ask(Request("wxaapi/newtmpl/deltemplate", form=form))

    def check_text(self, openid: str, content: str, scene: int) -> TextVerdict:
        """Ask whether a text may be shown (scene: 1 profile, 2 comment, 3 forum, 4 social)."""
        body = {"content": content, "version": 2, "scene": scene, "openid": openid}
        answer = self._line.ask(Request("wxa/msg_sec_check", json=body))
        result = answer.get("result")
        suggest = text_of(result if isinstance(result, Mapping) else {}, "suggest")
        label = str(result.get("label", "")) if isinstance(result, Mapping) else ""
        return TextVerdict(
            suggest=suggest,
            label=int(label) if label.isdecimal() else 0,
            trace_id=str(answer.get("trace_id") or ""),
        )

    def check_media(self, openid: str, url: str, kind: Kind) -> str:
        """Have a photo or voice checked; the verdict comes as a push that names this trace id."""
        body = {
            "media_url": url,
            "media_type": _MEDIA[kind],
            "version": 2,
            "scene": _IN_PUBLIC,
            "openid": openid,
        }
        return text_of(self._line.ask(Request("wxa/media_check_async", json=body)), "trace_id")

    def place_code(self, scene: str, page: str) -> bytes:
        """Draw the mini-program code that opens ``page`` with ``scene``; a picture."""
        body = {
            "scene": scene,
            "page": page,
            "check_path": self._version == "release",
            "env_version": self._version,
            # For print: the default of 430 pixels is coarse on a sheet of A4.
            "width": 1280,
        }
        request = Request("wxa/getwxacodeunlimit", json=body, image=True)
        answer: requests.Response = self._line.ask(request)
        if not answer.headers.get("Content-Type", "").startswith("image/"):
            raise Busy(maybe_done=True)
        return answer.content

    def url_link(self, path: str, query: str, days: int) -> str:
        """Make a link for SMS and mail that opens the mini-program, good for ``days``."""
        body = {
            "path": path,
            "query": query,
            "expire_type": 1,
            "expire_interval": days,
            "env_version": self._version,
        }
        return text_of(self._line.ask(Request("wxa/generate_urllink", json=body)), "url_link")

    def check_session(self, openid: str, session_key: str) -> bool:
        """Tell whether the client's session key is still good."""
        params = {
            "openid": openid,
            "signature": session_signature(session_key),
            "sig_method": "hmac_sha256",
        }
        try:
            self._line.ask(Request("wxa/checksession", params=params))
        except SessionStale:
            return False
        return True


def session_signature(session_key: str) -> str:
    """Sign nothing with a session key, which proves that one has it (the text is the key)."""
    return hmac.new(session_key.encode(), b"", hashlib.sha256).hexdigest()


def _template(row: Mapping[str, Any]) -> Template:
    choices = {
        str(one.get("keywordCode", "")).removesuffix(".DATA"): tuple(
            value for value in _listed(one.get("enumValueList")) if isinstance(value, str)
        )
        for one in _objects(row.get("keywordEnumValueList"))
    }
    return Template(
        id=text_of(row, "priTmplId"),
        title=str(row.get("title", "")),
        content=str(row.get("content", "")),
        example=str(row.get("example", "")),
        is_long_term=row.get("type") == 3,
        choices=choices,
    )


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in _listed(value) if isinstance(one, Mapping)]


def _for_a_person(ask: Callable[[], T], bad_code: Callable[[], SandanError]) -> T:
    """Ask on behalf of somebody who waits, and tell them in words what went wrong."""
    try:
        return ask()
    except WechatFault as fault:
        _explain(fault, bad_code)


def _explain(fault: WechatFault, bad_code: Callable[[], SandanError]) -> NoReturn:
    if isinstance(fault, BadCode):
        raise bad_code() from fault
    if isinstance(fault, RiskBlocked):
        raise Forbidden(
            "微信提示这个账号有风险，暂时不能登录。", code="wechat_risk_blocked"
        ) from fault
    if isinstance(fault, NotSetUp):
        raise not_configured() from fault
    if isinstance(fault, QuotaReached):
        wait = max(1, round((fault.until - clock.now()).total_seconds()))
        if fault.errcode == MINUTELY:
            raise TooMany(retry_after=wait) from fault
        raise busy(wait) from fault
    raise busy() from fault


def bad_login_code() -> Unauthenticated:
    """Say that a log-in code is not good."""
    return Unauthenticated("微信登录没有成功，请重新进入再试。", code="bad_code")


def not_configured() -> Unavailable:
    """Say that there is no WeChat here."""
    return Unavailable("这里还没有开通微信登录，请换一种方式登录。", code="wechat_not_configured")


def busy(retry_after: int = 5) -> Unavailable:
    """Say that WeChat does not answer just now."""
    return Unavailable(
        "微信暂时没有回应，请稍后再试。", code="wechat_busy", retry_after=retry_after
    )


def _bad_phone_code() -> SandanError:
    # The person is known; a 401 would send the client into another log-in.
    return Invalid("没有拿到手机号，请再点一次授权按钮。", code="bad_phone_code")
