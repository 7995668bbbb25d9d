"""``/fake/…``: make codes, allow messages, order failures, read what was delivered."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template_string, request

from app.wechat.fake import failing
from app.wechat.fake.callbacks import Callbacks
from app.wechat.fake.state import Failure, Refused, State

bp = Blueprint("fake", __name__, url_prefix="/fake")

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<title>假微信：已送达的消息</title>
<style>body{font:16px/1.6 sans-serif;max-width:44em;margin:2em auto;padding:0 1em}
article{border:1px solid #ccc;border-radius:8px;padding:.6em 1em;margin:1em 0}
dt{color:#666;float:left;clear:left;width:7em}</style>
<h1>假微信：已送达的消息</h1><p>只在演示和测试里存在。新的在上面。</p>
{% for one in messages %}<article><strong>{{ one.title }}</strong> → {{ one.openid }}
<dl>{% for name, value in one.fields.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}
</dl><small>{{ one.page }}</small></article>{% else %}<p>还没有消息。</p>{% endfor %}</html>"""


def _state() -> State:
    state: State = current_app.extensions["fake"]
    return state


def _callbacks() -> Callbacks:
    callbacks: Callbacks = current_app.extensions["callbacks"]
    return callbacks


def _asked(*names: str) -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict) or any(not isinstance(body.get(name), str) for name in names):
        raise Refused(47001, f"give {', '.join(names)} as JSON")
    return body


@bp.post("/codes")
def make_code() -> Response:
    """Make a log-in code of an openid."""
    openid = _asked("openid")["openid"]
    with _state().locked():
        _state().last_seen[openid] = _state().now()
    return jsonify(code=_state().new_code(openid))


@bp.post("/phone_codes")
def make_phone_code() -> Response:
    """Make a phone code of an openid and its number."""
    asked = _asked("openid", "phone")
    return jsonify(code=_state().new_code(asked["phone"], asked["openid"]))


@bp.post("/allow")
def allow() -> Response:
    """Answer the question for messages as somebody would: accept or reject."""
    asked = _asked("openid", "template_id")
    openid, template_id = asked["openid"], asked["template_id"]
    status = "reject" if asked.get("status") == "reject" else "accept"
    with _state().locked():
        if template_id not in _state().templates:
            raise Refused(40037, "invalid template_id")
        if status == "accept":
            _state().grants[openid, template_id] += 1
        left = _state().grants[openid, template_id]
    item = {"TemplateId": template_id, "SubscribeStatusString": status, "PopupScene": "0"}
    _callbacks().event(openid, "subscribe_msg_popup_event", List=item)
    return jsonify(left=left)


@bp.post("/say")
def say() -> Response:
    """Write to the service window as somebody would."""
    asked = _asked("openid", "text")
    number = int(_state().now() * 1000)
    body = {
        "ToUserName": "gh_fake",
        "FromUserName": asked["openid"],
        "CreateTime": int(_state().now()),
        "MsgType": "text",
        "Content": asked["text"],
        "MsgId": number,
    }
    _callbacks().push(body)
    return jsonify(msgid=str(number))


@bp.post("/deauthorise")
def deauthorise() -> Response:
    """Take back what somebody allowed the mini-program to know."""
    openid = _asked("openid")["openid"]
    _callbacks().event(openid, "user_authorization_revoke", OpenID=openid, RevokeInfo="1")
    return jsonify(ok=True)


@bp.post("/fail")
def fail() -> Response:
    """Let the next calls of a path fail."""
    asked = _asked("path")
    kind = str(asked.get("kind", ""))
    if not failing.is_kind(kind):
        raise Refused(47001, f"kind is an error number or one of {', '.join(failing.WORDS)}")
    failure = Failure(kind, int(asked.get("times", 1)), float(asked.get("seconds", 30)))
    with _state().locked():
        _state().failures[asked["path"].lstrip("/")] = failure
    return jsonify(ok=True)


@bp.post("/expire")
def expire() -> Response:
    """Let every access token end now."""
    _state().expire_tokens()
    return jsonify(ok=True)


@bp.post("/media")
def media() -> Response:
    """Say what the next checks of photos and voice come to: pass, review or risky."""
    suggest = _asked("suggest")["suggest"]
    if suggest not in ("pass", "review", "risky"):
        raise Refused(47001, "suggest is pass, review or risky")
    with _state().locked():
        _state().media_suggest = suggest
    return jsonify(ok=True)


@bp.get("/calls")
def calls() -> Response:
    """Count the calls by path, and list what was pushed."""
    with _state().locked():
        return jsonify(calls=dict(_state().calls), pushes=list(_callbacks().told))


@bp.get("/outbox")
def outbox() -> Response | str:
    """Show the messages delivered, newest first; JSON unless a browser asks."""
    with _state().locked():
        messages = list(reversed(_state().outbox))
    if request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        return render_template_string(PAGE, messages=messages)
    return jsonify(messages=messages)
