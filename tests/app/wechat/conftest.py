"""A fake WeChat on a free port, a gateway that asks it, servers that answer what they are told."""

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from app.kernel import clock, marks
from app.kernel.work import unit_of_work
from app.wechat import pushes
from app.wechat.fake import make_fake
from app.wechat.real import Gateway
from config import DEMO, Wechat
from tests.conftest import MONDAY

SECRET = "canary-secret-31a7"
APPID = "wx0000000000000001"
# 43 signs, as an EncodingAESKey has.
PUSH_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@dataclass
class Fake:
    """The running fake: its switches over HTTP and its memory."""

    url: str
    app: Flask
    settings: Wechat
    clock: list[float]
    heard: "Door"

    @property
    def state(self):
        return self.app.extensions["fake"]

    def order(self, switch: str, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.url}fake/{switch}", json=body, timeout=5)
        return answer.json()

    def calls(self, path: str) -> int:
        return self.state.calls[path]

    def gateway(self, **more: Any) -> Gateway:
        return Gateway(self.settings, **more)


@dataclass
class Door:
    """Our push endpoint, as far as the fake can see."""

    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    arrived: threading.Event = field(default_factory=threading.Event)

    def next(self) -> tuple[dict[str, str], bytes]:
        assert self.arrived.wait(10), "nothing was pushed"
        return self.got[-1]


@contextmanager
def listening(handle) -> Iterator[str]:
    """Serve ``handle(handler)`` for every request on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            handle(self)

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def answering(body: Any, seen: list | None = None, kind: str = "application/json"):
    """Answer every call with ``body``, tokens apart; keep what was asked in ``seen``."""

    def handle(handler: BaseHTTPRequestHandler) -> None:
        is_token = "stable_token" in handler.path
        if seen is not None and not is_token:
            seen.append((handler.path, handler.body))
        said = {"access_token": "tok", "expires_in": 7200} if is_token else body
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.end_headers()
        handler.wfile.write(raw)

    return handle


@pytest.fixture
def door() -> Iterator[Door]:
    """A push endpoint that keeps what comes."""
    made = Door()

    def handle(handler: BaseHTTPRequestHandler) -> None:
        split = requests.utils.urlparse(handler.path)
        query = dict(part.split("=", 1) for part in split.query.split("&"))
        query = {name: requests.utils.unquote(value) for name, value in query.items()}
        made.got.append((query, handler.body))
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"success")
        made.arrived.set()

    with listening(handle) as url:
        made.url = url
        yield made


@pytest.fixture
def fake(app, settings, door) -> Iterator[Fake]:
    """A fake WeChat over real HTTP; its clock stands at ``MONDAY`` until moved."""
    wechat = Wechat(
        appid=APPID, secret=SECRET, push_token="token", push_key=PUSH_KEY, state="developer"
    )
    told = [MONDAY.timestamp()]
    demo = dataclasses.replace(settings, env=DEMO, wechat=wechat)
    made = make_fake(demo, push_url=door.url, now=lambda: told[0])
    server = make_server("127.0.0.1", 0, made, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}/"
    pushes.install(wechat)
    with clock.frozen(MONDAY):
        yield Fake(url, made, dataclasses.replace(wechat, api_url=url), told, door)
    pushes.install(None)
    server.shutdown()
    server.server_close()


@pytest.fixture
def gateway(fake: Fake) -> Gateway:
    """A gateway that asks the fake, and waits two seconds at most."""
    return fake.gateway(total_s=2.0)


@pytest.fixture
def scripted(app):
    """A gateway in front of a server that answers every call alike."""

    @contextmanager
    def make(body, seen=None, kind="application/json", **settings):
        with listening(answering(body, seen, kind)) as url:
            given = {"appid": APPID, "secret": SECRET, "api_url": url, **settings}
            yield Gateway(Wechat(**given), total_s=2.0)

    return make


@pytest.fixture
def mark_demo(app):
    """Mark the database as a demo's."""

    def mark() -> None:
        with unit_of_work():
            marks.mark_demo()

    return mark
