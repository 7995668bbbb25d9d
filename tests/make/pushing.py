"""Pushes over HTTP as WeChat sends them, good ones and others."""

import json
from datetime import datetime
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.kernel import clock
from app.wechat.fake.callbacks import seal
from app.wechat.pushes import sign
from config import Wechat

PATH = "/mp/v1/wechat/push"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OURS = Wechat(appid="wx1", secret="s", push_token="token", push_key=KEY)
OTHERS = Wechat(appid="wx2", secret="s", push_token="token", push_key=KEY)
OPENID = "dev-resident"


def event(name: str, openid: str = OPENID, **more: Any) -> dict[str, Any]:
    """Make the body of an event."""
    at = int(clock.now().timestamp())
    return {
        "ToUserName": "gh_x",
        "FromUserName": openid,
        "CreateTime": at,
        "MsgType": "event",
        "Event": name,
        **more,
    }


def answered(
    template_id: str, status: str = "accept", name: str = "popup", openid: str = OPENID
) -> dict[str, Any]:
    """Make the body of an answer to the question for messages."""
    item = {"TemplateId": template_id, "SubscribeStatusString": status, "PopupScene": "0"}
    return event(f"subscribe_msg_{name}_event", openid, List=item)


def sealed(
    body: dict[str, Any] | str, settings: Wechat = OURS, at: datetime | None = None
) -> tuple[dict[str, str], bytes]:
    """Seal a body as WeChat does, at a moment (default: now)."""
    told = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return seal(settings, told, int((at or clock.now()).timestamp()))


def send(client: FlaskClient, query: dict[str, str], body: bytes, **headers: str) -> TestResponse:
    """Push over HTTP."""
    kind = headers.pop("content_type", "application/json")
    return client.post(PATH, query_string=query, data=body, content_type=kind, headers=headers)


def push(client: FlaskClient, body: dict[str, Any] | str, **how: Any) -> TestResponse:
    """Seal and push."""
    return send(client, *sealed(body, **how))


def question(settings: Wechat = OURS, at: datetime | None = None) -> dict[str, str]:
    """Ask, as WeChat does once, whether the address is ours."""
    timestamp = str(int((at or clock.now()).timestamp()))
    signature = sign(settings.push_token, timestamp, "n")
    return {"signature": signature, "timestamp": timestamp, "nonce": "n", "echostr": "4711abc"}
