"""The wire to WeChat: wechatpy for framing, everything dangerous about it switched off.

wechatpy repeats without end, fetches tokens without a time-out and puts keys
into the text of what it raises. Here it neither repeats nor fetches a token by
itself, each call has a total time, and only our own faults come out, with
nothing of wechatpy's chained to them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import requests
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from app.kernel import clock, outward
from app.kernel.work import in_unit
from app.wechat import pauses, tokens
from app.wechat.errors import Busy, Misconfigured, TokenRefused, WechatFault, fault_of
from app.wechat.tokens import Fetched, Token
from config import Wechat

STABLE_TOKEN = "cgi-bin/stable_token"  # noqa: S105 - an address
OF_ONE_USER = ("sns/jscode2session", "wxa/business/getuserphonenumber", "wxa/checksession")
_BY_THE_MINUTE = ("wxa/getwxacodeunlimit",)
_RID = re.compile(r"rid: ?([0-9A-Za-z-]{1,64})")


class _Client(WeChatClient):  # type: ignore[misc]
    """wechatpy with explicit tokens only: what it would fetch by itself it must be given."""

    def __init__(self, settings: Wechat, total_s: float) -> None:
        super().__init__(
            settings.appid,
            settings.secret,
            timeout=(min(outward.CONNECT_S, total_s), total_s),
            auto_retry=False,
        )
        self._http = outward.Outside(total_s)
        self._base = settings.api_url.rstrip("/") + "/"
        self.API_BASE_URL = self._base + "cgi-bin/"

    @property
    def access_token(self) -> str:
        """Refuse to fetch a token behind our back (wechatpy looks at every attribute once)."""
        raise AttributeError("the token is given with each call")

    def fetch_access_token(self) -> Any:
        """Ask for the stable token."""
        body = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self.ask(Request(STABLE_TOKEN, json=body), None)

    def ask(self, request: "Request", token: str | None) -> Any:
        """Send one request; None as token sends none and fetches none."""
        return self._request(
            "post" if request.json is not None or request.form is not None else "get",
            self._base + request.api,
            params={**request.params, "access_token": token},
            data=dict(request.json) if request.json is not None else request.form,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One call: where to and what with. ``image``: success is a picture."""

    api: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    form: Sequence[tuple[str, str]] | None = field(default=None, repr=False)
    image: bool = False


class Line:
    """Calls of one mini-program: pauses respected, the token shared, one repeat at most."""

    def __init__(self, settings: Wechat, *, total_s: float = outward.TIMEOUT_S) -> None:
        self.settings = settings
        self._client = _Client(settings, total_s)

    def ask_bare(self, request: Request) -> Any:
        """Ask without an access token (log-in codes carry the secret instead).

        Raises:
            WechatFault: as :meth:`ask`.

        """
        _no_unit()
        pauses.check(request.api)
        return self._sent(request, None)

    def ask(self, request: Request) -> Any:
        """Ask with the access token; a refused one is renewed once.

        Raises:
            WechatFault: the class says what is to be done.
            RuntimeError: a transaction is open.

        """
        _no_unit()
        pauses.check(request.api, STABLE_TOKEN)
        token = self._token()
        try:
            return self._sent(request, token)
        except TokenRefused:
            renewed = self._token(refused=token.generation)
        try:
            return self._sent(request, renewed)
        except TokenRefused as fault:
            pauses.note(STABLE_TOKEN, fault)
            raise

    def _token(self, refused: int | None = None) -> Token:
        return tokens.current(self.settings.appid, self._fetch, refused=refused)

    def _fetch(self) -> Fetched:
        pauses.check(STABLE_TOKEN)
        try:
            answer = self._told(STABLE_TOKEN, lambda client: client.fetch_access_token())
        except TokenRefused as refused:
            # Here the same number says that the secret is wrong.
            fault = Misconfigured(refused.errcode, refused.rid)
            pauses.note(STABLE_TOKEN, fault)
            raise fault from None
        except WechatFault as fault:
            pauses.note(STABLE_TOKEN, fault)
            raise
        value, lives = _field(answer, "access_token"), answer.get("expires_in")
        return Fetched(value, lives if isinstance(lives, int) and lives > 0 else 300)

    def _sent(self, request: Request, token: Token | None) -> Any:
        value = token.value if token else None
        try:
            answer = self._told(request.api, lambda client: client.ask(request, value))
        except TokenRefused:
            raise
        except WechatFault as fault:
            pauses.note(request.api, fault, only_this_user=_is_of_one(request, fault))
            raise
        if request.image and isinstance(answer, requests.Response):
            return answer
        if request.image or not isinstance(answer, dict):
            raise Busy(maybe_done=True)
        return answer

    def _told(self, api: str, call: Any) -> Any:
        """Make one call; what goes wrong is raised outside of what caught it, with no context."""
        fault: WechatFault
        try:
            return call(self._client)
        except outward.NoAnswer as silent:
            fault = Busy(maybe_done=silent.maybe_arrived)
        except WeChatClientException as refusal:
            fault = _fault(api, refusal)
        except (ValueError, TypeError, RecursionError):  # an answer of a shape nobody knows
            fault = Busy(maybe_done=True)
        raise fault


def text_of(answer: Mapping[str, Any], name: str) -> str:
    """Read a text that a good answer has; one without it is no answer.

    Raises:
        Busy: it is not there.

    """
    return _field(answer, name)


def _field(answer: Any, name: str) -> str:
    value = answer.get(name) if isinstance(answer, Mapping) else None
    if not isinstance(value, str) or not value:
        raise Busy(maybe_done=True)
    return value


def _fault(api: str, refusal: WeChatClientException) -> WechatFault:
    if not isinstance(refusal.errcode, int):
        return Busy(maybe_done=True)  # an HTTP error: nobody knows who answered
    rid = _RID.search(str(refusal.errmsg))
    return fault_of(
        refusal.errcode,
        rid[1] if rid else "",
        now=clock.now(),
        minutely=api in _BY_THE_MINUTE,
    )


def _is_of_one(request: Request, fault: WechatFault) -> bool:
    return request.api in OF_ONE_USER and fault.errcode == 45011


def _no_unit() -> None:
    if in_unit():
        raise RuntimeError("nothing is asked of WeChat inside a unit of work")
