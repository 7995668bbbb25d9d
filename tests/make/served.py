"""A phone that speaks to a served product over real HTTP."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from tests.make.phone import PREFIX

WAIT_S = 30


@dataclass
class Handset:
    """One phone, logged in once it has a token; every answer must be the expected one."""

    url: str
    token: str = ""

    def get(self, path: str, **query: Any) -> Any:
        answer = requests.get(self._at(path), params=query, headers=self._headers(), timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        return self._send("POST", path, expect, json=body if body is not None else {})

    def put(self, path: str, body: Any) -> Any:
        return self._send("PUT", path, 200, json=body)

    def upload(self, data: bytes) -> str:
        named = {"file": ("a.jpg", data)}
        return str(self._send("POST", "/media", 201, files=named)["id"])

    def _send(self, method: str, path: str, expect: int, **sent: Any) -> Any:
        headers = self._headers() | {"Idempotency-Key": uuid4().hex}
        answer = requests.request(method, self._at(path), headers=headers, timeout=30, **sent)
        assert answer.status_code == expect, answer.text
        return answer.json()

    def _at(self, path: str) -> str:
        return f"{self.url}{PREFIX}{path}"

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def soon(look: Callable[[], Any], enough: Callable[[Any], bool]) -> Any:
    """Look until there is enough, or hand back what there is when the time is over."""
    until = time.monotonic() + WAIT_S
    while not enough(found := look()) and time.monotonic() < until:
        time.sleep(0.1)
    return found
