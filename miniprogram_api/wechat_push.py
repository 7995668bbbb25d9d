"""What WeChat pushes: proven by its signature, noted once, and acted on later.

No log-in opens this door and none is asked for; whoever cannot prove to be WeChat is
refused in one way, whatever was wrong, and nothing is written.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from flask import Response, request
from prometheus_client import Counter

from app.kernel import clock
from app.kernel.errors import Forbidden, NotFound
from app.kernel.http import PUBLIC, Blueprint, raw_body
from app.kernel.metrics import REGISTRY
from app.kernel.work import unit_of_work
from app.wechat import pushes
from app.wechat import service as wechat
from app.wechat.pushes import PushRefused

T = TypeVar("T")
bp = Blueprint("wechat_push", __name__, url_prefix="/wechat")

_log = structlog.get_logger("sandan.wechat")
_refusals = Counter(
    "sandan_wechat_pushes_refused_total",
    "Pushes that are not WeChat's",
    ("why",),
    registry=REGISTRY,
)

PLAIN: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
ECHO = {"200": {"description": "the echostr, as it came", "content": PLAIN}}
TAKEN = {"200": {"description": "`success`, also for what came before", "content": PLAIN}}
PROOF = [
    {"in": "query", "name": name, "required": False, "schema": {"type": "string"}}
    for name in ("signature", "timestamp", "nonce")
]
ASKED = {"in": "query", "name": "echostr", "required": False, "schema": {"type": "string"}}
SEALED = {"in": "query", "name": "msg_signature", "required": False, "schema": {"type": "string"}}
BODY = {
    "description": "as the platform sends it, JSON or XML; with a push key sealed in `Encrypt`",
    "required": True,
    "content": {"application/json": {"schema": {"type": "object"}}},
}


@bp.route("/push", access=PUBLIC)
@bp.response(200)
@bp.doc(responses=ECHO, parameters=[*PROOF, ASKED])
def verify() -> Response:
    """Answer WeChat's question whether this address is ours."""
    return _plain(_proven(lambda: pushes.verify_url(request.args)))


@bp.route("/push", methods=["POST"], access=PUBLIC, work=False, idempotent=False)
@bp.response(200)
@bp.doc(responses=TAKEN, parameters=[*PROOF, SEALED], requestBody=BODY)
def take() -> Response:
    """Take what WeChat tells us by itself; what it means is worked out later."""
    body, kind = raw_body(), request.content_type or ""
    push = _proven(lambda: pushes.read(request.args, body, kind, clock.now()))
    with unit_of_work():
        wechat.take(push)
    return _plain("success")


def _proven(step: Callable[[], T]) -> T:
    """Run a proof.

    Raises:
        NotFound: this installation takes no pushes.
        Forbidden: not WeChat's (code ``push_refused``); the log alone says why.

    """
    if not pushes.are_taken():
        raise NotFound
    try:
        return step()
    except PushRefused as refusal:
        _refusals.labels(refusal.why).inc()
        _log.warning("wechat_push_refused", why=refusal.why)
    raise Forbidden("不是微信发来的消息。", code="push_refused")


def _plain(text: str) -> Response:
    return Response(text, content_type="text/plain; charset=utf-8")
