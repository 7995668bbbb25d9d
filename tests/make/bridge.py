"""Both ends of the bridge over real HTTP: our door on a port, and the fake WeChat on another."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests
from flask import Flask
from werkzeug.serving import make_server

from app.kernel import clock
from app.kernel.db import session
from app.moderation import service as moderation
from app.notifications import channels
from app.notifications.channels import Outfit
from app.notifications.channels.wechat import WechatChannel
from app.notifications.rules.ways import Way
from app.rooms import MEDIA_CHECK_PATH
from app.wechat import gateway, pushes
from app.wechat.fake import PUSH_PATH, make_fake
from app.wechat.gateway import DEV_APPID
from app.wechat.real import Gateway
from config import DEMO, Settings, Wechat
from tests.make import news

SECRET = "canary-secret-31a7"
PUSH_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"


@dataclass
class Bridge:
    """The fake's switches and memory, and where our own door stands."""

    fake: Flask
    fake_url: str
    url: str
    settings: Wechat

    @property
    def state(self) -> Any:
        return self.fake.extensions["fake"]

    @property
    def told(self) -> list[dict[str, Any]]:
        """What the fake pushed, and what our door said."""
        return self.fake.extensions["callbacks"].told

    def order(self, switch: str, **body: Any) -> dict[str, Any]:
        return requests.post(f"{self.fake_url}fake/{switch}", json=body, timeout=5).json()

    def calls(self, path: str) -> int:
        return self.state.calls[path]

    def wait(self, so: Callable[[], bool], seconds: float = 10) -> bool:
        """Wait until something is so that happens in another thread."""
        ends = time.monotonic() + seconds
        while not so() and time.monotonic() < ends:
            time.sleep(0.02)
        return so()


@contextmanager
def bridge(app: Flask, settings: Settings, *, total_s: float = 2.0) -> Iterator[Bridge]:
    """Open both ends; the world's people are known to the fake by their own codes."""
    wechat = Wechat(
        appid=DEV_APPID, secret=SECRET, push_token="token", push_key=PUSH_KEY, state="developer"
    )
    with _serving(app) as url:
        demo = dataclasses.replace(settings, env=DEMO, wechat=wechat)
        # our door's threads live in real time, so the fake does too
        made = make_fake(demo, push_url=url + PUSH_PATH[1:], now=time.time)
        with _serving(made) as fake_url:
            ours = dataclasses.replace(wechat, api_url=fake_url)
            before = channels.current()
            gateway.install(Gateway(ours, total_s=total_s))
            pushes.install(ours)
            moderation.install(url.rstrip("/") + MEDIA_CHECK_PATH)
            channels.install(
                Outfit(ways={Way.WECHAT: WechatChannel()}, appid=DEV_APPID, pushed=True)
            )
            try:
                yield Bridge(made, fake_url, url, ours)
            finally:
                channels.install(before)
                moderation.install("")
                pushes.install(None)
                gateway.install(gateway.NotConfigured())


@contextmanager
def _serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def drained(**later: float) -> None:
    """Run what is owed by now, or by some time later, where the real clock stands behind us."""
    with clock.frozen(max(clock.now(), datetime.now(clock.SHANGHAI)) + timedelta(**later)):
        session.rollback()  # another thread has written meanwhile
        news.drained()
