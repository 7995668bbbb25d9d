"""The calls of WeChat that the gateway makes, answered as WeChat answers them."""

import json
import secrets
import struct
import threading
import zlib
from typing import Any

from flask import Blueprint, Response, current_app, jsonify, request

from app.kernel import outward
from app.wechat.answers import schema_of
from app.wechat.fake.callbacks import Callbacks
from app.wechat.fake.state import Refused, State
from app.wechat.fields import wrong_field
from app.wechat.real import session_signature

bp = Blueprint("wechat", __name__)

ACTIVE_S = 2 * 60 * 60
VERDICTS = {
    "赌博": ("risky", 20006),
    "色情": ("risky", 20002),
    "诈骗": ("risky", 20008),
    "广告": ("review", 10001),
    "腐败": ("review", 20001),
    "混蛋": ("review", 20003),
}
RID = "rid: fake0000-00000000-00000000"


def _state() -> State:
    state: State = current_app.extensions["fake"]
    return state


def _body() -> dict[str, Any]:
    try:
        body = json.loads(request.get_data().decode("utf-8"))
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(47001, "data format error")
    return body


def _ok(**fields: Any) -> Response:
    return jsonify(errcode=0, errmsg="ok", **fields)


@bp.app_errorhandler(Refused)
def _refused(refusal: Refused) -> Response:
    return jsonify(errcode=refusal.errcode, errmsg=f"{refusal.errmsg} {RID}")


@bp.before_request
def _check_token() -> None:
    if request.path in ("/cgi-bin/stable_token", "/sns/jscode2session"):
        return
    _state().check_token(request.args.get("access_token", ""))


def _check_app(appid: object, secret: object) -> None:
    settings = _state().settings
    if appid != settings.appid:
        raise Refused(40013, "invalid appid")
    if secret != settings.secret:
        raise Refused(40125, "invalid appsecret")


@bp.post("/cgi-bin/stable_token")
def stable_token() -> Response:
    """Hand out the stable token."""
    body = _body()
    _check_app(body.get("appid"), body.get("secret"))
    token, left = _state().stable_token(force=body.get("force_refresh") is True)
    return jsonify(access_token=token, expires_in=left)


@bp.get("/sns/jscode2session")
def code_to_session() -> Response:
    """Trade a log-in code."""
    state = _state()
    _check_app(request.args.get("appid"), request.args.get("secret"))
    code = state.use_code(state.codes, request.args.get("js_code", ""))
    with state.locked():
        key = state.sessions.setdefault(code.about, secrets.token_urlsafe(16))
        state.last_seen[code.about] = state.now()
    return jsonify(openid=code.about, session_key=key)


@bp.post("/wxa/business/getuserphonenumber")
def phone_number() -> Response:
    """Trade a phone code; another user's code is no code."""
    state, body = _state(), _body()
    known = state.phone_codes.get(str(body.get("code", "")))
    if known is not None and body.get("openid") not in (None, known.openid):
        raise Refused(40029, "invalid code")
    code = state.use_code(state.phone_codes, str(body.get("code", "")))
    info = {
        "phoneNumber": code.about,
        "purePhoneNumber": code.about,
        "countryCode": 86,
        "watermark": {"timestamp": int(state.now()), "appid": state.settings.appid},
    }
    return _ok(phone_info=info)


@bp.post("/cgi-bin/message/subscribe/send")
def subscribe_send() -> Response:
    """Deliver a message for one grant."""
    state, body = _state(), _body()
    openid, template_id = str(body.get("touser", "")), str(body.get("template_id", ""))
    if not openid:
        raise Refused(40003, "invalid openid")
    with state.locked():
        template = state.templates.get(template_id)
        if template is None:
            raise Refused(40037, "invalid template_id")
        schema, data = schema_of(template["content"]), body.get("data")
        data = data if isinstance(data, dict) else {}
        wrong = wrong_field(schema, data)
        if wrong:
            raise Refused(47003, wrong)
        if state.grants[openid, template_id] < 1:
            raise Refused(43101, "user refuse to accept the msg")
        state.grants[openid, template_id] -= 1
        number = 1_000_000 + len(state.outbox)
        state.outbox.append(
            {
                "msgid": str(number),
                "at": int(state.now()),
                "openid": openid,
                "template_id": template_id,
                "title": template["title"],
                "fields": {schema[name]: data[name]["value"] for name in schema},
                "data": {name: data[name]["value"] for name in schema},
                "page": body.get("page", ""),
                "state": body.get("miniprogram_state"),
                "lang": body.get("lang"),
            }
        )
    return _ok(msgid=number)


@bp.get("/wxaapi/newtmpl/gettemplate")
def list_templates() -> Response:
    """List the templates."""
    with _state().locked():
        return _ok(data=list(_state().templates.values()))


@bp.post("/wxaapi/newtmpl/addtemplate")
def add_template() -> Response:
    """Take a template of the library; it wants a form, as WeChat does."""
    fields = [request.form[name] for name in sorted(request.form) if name.startswith("kidList[")]
    if not request.form.get("tid") or not 2 <= len(fields) <= 5:
        raise Refused(47001, "data format error")
    made = f"fake-{secrets.token_hex(8)}"
    content = "".join(f"字段{number}:{{{{thing{number}.DATA}}}}\n" for number in fields)
    row = {"priTmplId": made, "title": f"模板{request.form['tid']}", "content": content}
    with _state().locked():
        _state().templates[made] = {**row, "example": "", "type": 2}
    return _ok(priTmplId=made)


@bp.post("/wxaapi/newtmpl/deltemplate")
def delete_template() -> Response:
    """Take a template away."""
    with _state().locked():
        if _state().templates.pop(request.form.get("priTmplId", ""), None) is None:
            raise Refused(40037, "invalid template_id")
    return _ok()


@bp.post("/wxa/msg_sec_check")
def check_text() -> Response:
    """Judge a text by the words in it."""
    body = _body()
    _check_active(str(body.get("openid", "")))
    content = str(body.get("content", ""))
    found = [verdict for word, verdict in VERDICTS.items() if word in content]
    suggest, label = min(found, key=lambda one: one[0] != "risky", default=("pass", 100))
    result = {"suggest": suggest, "label": label}
    return _ok(trace_id=secrets.token_hex(12), result=result, detail=[])


@bp.post("/wxa/media_check_async")
def check_media() -> Response:
    """Fetch the file and push the verdict later."""
    body = _body()
    openid, url, trace_id = (
        str(body.get("openid")),
        str(body.get("media_url")),
        secrets.token_hex(12),
    )
    _check_active(openid)
    callbacks: Callbacks = current_app.extensions["callbacks"]
    args = (callbacks, openid, url, trace_id, _state().media_suggest, _state().settings.appid)
    threading.Thread(target=_look_at, args=args, daemon=True).start()
    return _ok(trace_id=trace_id)


def _look_at(
    callbacks: Callbacks, openid: str, url: str, trace_id: str, suggest: str, appid: str
) -> None:
    told: dict[str, Any] = {"appid": appid, "trace_id": trace_id, "version": 2}
    try:
        has_come = outward.ask("GET", url).status == 200
    except outward.NoAnswer:
        has_come = False
    if has_come:
        label = "100" if suggest == "pass" else "21000"
        told["result"] = {"suggest": suggest, "label": label}
    else:
        told |= {"errcode": -1008, "errmsg": "download failed", "result": {}}
    callbacks.event(openid, "wxa_media_check", **told)


def _check_active(openid: str) -> None:
    """Refuse somebody who has not logged in within two hours; the never seen count as here."""
    seen = _state().last_seen.get(openid)
    if seen is not None and _state().now() - seen > ACTIVE_S:
        raise Refused(61010, "code is expired")


@bp.post("/wxa/getwxacodeunlimit")
def place_code() -> Response:
    """Draw a code: a true picture, though no phone would read it."""
    scene = str(_body().get("scene", ""))
    if not 0 < len(scene) <= 32:
        raise Refused(40129, "invalid scene")
    return Response(_picture(scene), content_type="image/png")


@bp.post("/wxa/generate_urllink")
def url_link() -> Response:
    """Make a link that leads nowhere."""
    days = _body().get("expire_interval")
    if not isinstance(days, int) or not 1 <= days <= 30:
        raise Refused(40212, "invalid expire_interval")
    return _ok(url_link=f"https://wxaurl.cn/fake{secrets.token_hex(4)}")


@bp.get("/wxa/checksession")
def check_session() -> Response:
    """Compare the signature with the session key last given out."""
    key = _state().sessions.get(request.args.get("openid", ""))
    if key is None or request.args.get("signature") != session_signature(key):
        raise Refused(87009, "invalid signature")
    return _ok()


def _picture(scene: str, side: int = 29, scale: int = 8) -> bytes:
    """Paint squares that follow from ``scene``, as a PNG in grey."""
    bits = zlib.crc32(scene.encode())
    rows = bytearray()
    for y in range(side * scale):
        rows.append(0)
        for x in range(side * scale):
            cell = zlib.crc32(struct.pack(">IHH", bits, x // scale, y // scale))
            rows.append(0 if cell & 1 else 255)
    size = struct.pack(">IIBBBBB", side * scale, side * scale, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )
