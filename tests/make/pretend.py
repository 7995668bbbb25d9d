"""The fake WeChat for tests, over real HTTP on a port of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import requests
from werkzeug.serving import make_server

from app.wechat.fake import make_fake
from config import DEMO, DEMO_APPID, Settings, Wechat


@dataclass(frozen=True)
class Pretended:
    """A running fake: its address, and how the product must be set up to ask it."""

    url: str
    wechat: Wechat
    aim: Callable[[str], None]
    """Say where its pushes go from now on."""

    def turn(self, switch: str, **asked: Any) -> Any:
        """Turn one of the switches under ``/fake/``."""
        answer = requests.post(f"{self.url}fake/{switch}", json=asked, timeout=10)
        assert answer.status_code == 200
        return answer.json()

    def delivered(self) -> list[dict[str, Any]]:
        """Read what people were sent, the oldest first."""
        answer = requests.get(
            f"{self.url}fake/outbox", headers={"Accept": "application/json"}, timeout=10
        )
        return list(reversed(answer.json()["messages"]))

    def calls(self) -> dict[str, int]:
        """Count what was asked, by path."""
        counted: dict[str, int] = requests.get(f"{self.url}fake/calls", timeout=10).json()["calls"]
        return counted

    def page(self) -> str:
        """Read the page that a browser gets."""
        asked = {"Accept": "text/html"}
        return requests.get(f"{self.url}fake/outbox", headers=asked, timeout=10).text


@contextmanager
def pretended(settings: Settings, *, push_url: str, push_key: str = "") -> Iterator[Pretended]:
    """Serve a fake that pushes to ``push_url``; without a key nothing it pushes is taken."""
    wechat = Wechat(
        appid=DEMO_APPID,
        secret="s" * 32,
        push_token="t" * 32 if push_key else "",
        push_key=push_key,
        state="developer",
    )
    made = make_fake(replace(settings, env=DEMO, wechat=wechat), push_url=push_url)
    server = make_server("127.0.0.1", 0, made, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.port}/"

    def aim(to: str) -> None:
        made.extensions["callbacks"].url = to

    try:
        yield Pretended(url, replace(wechat, api_url=url), aim)
    finally:
        server.shutdown()
        server.server_close()
