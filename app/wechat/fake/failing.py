"""Failures on order: the next calls of a path go wrong in the way that was asked for."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Flask, Response, g, jsonify, request

from app.wechat.fake.state import Failure, State

WORDS = ("timeout", "html", "drip", "drop_after_delivery")
HTML = "<html><body>502 Bad Gateway</body></html>"


def is_kind(kind: str) -> bool:
    """Tell whether ``kind`` names a failure: an error number or one of the words."""
    return kind in WORDS or kind.removeprefix("-").isdigit()


def install(app: Flask, state: State) -> None:
    """Let calls fail that are ordered to, and count all of them."""

    @app.before_request
    def _begin() -> Response | None:
        if request.path.startswith("/fake/"):
            return None
        with state.locked():
            path = request.path.lstrip("/")
            state.calls[path] += 1
            failure = state.failures.get(path)
            if failure is None or failure.times < 1:
                return None
            failure.times -= 1
        return _fail(failure)

    @app.after_request
    def _end(response: Response) -> Response:
        if g.get("drop", False):
            _hang_up()
        return response


def _fail(failure: Failure) -> Response | None:
    if failure.kind == "drop_after_delivery":
        g.drop = True
        return None
    if failure.kind == "html":
        return Response(HTML, content_type="text/html")
    if failure.kind == "timeout":
        time.sleep(failure.seconds)
        return Response(HTML, status=504, content_type="text/html")
    if failure.kind == "drip":
        return Response(_drip(failure.seconds), content_type="application/json")
    errcode = int(failure.kind)
    return jsonify(errcode=errcode, errmsg="ordered failure rid: fake0000-00000000-00000000")


def _drip(seconds: float) -> Iterator[bytes]:
    """Answer a byte now and then, never silent long enough for a time-out between bytes."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        yield b" "
        time.sleep(0.05)


def _hang_up() -> None:
    """Close the line: what was asked is done, and nobody hears of it."""
    line = request.environ.get("werkzeug.socket")
    if isinstance(line, socket.socket):
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
