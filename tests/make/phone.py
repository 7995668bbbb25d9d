"""A phone: speaks JSON over the door, with a token and keys of its own."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

PREFIX = "/mp/v1"


@dataclass
class Phone:
    """One logged-in client."""

    client: FlaskClient
    token: str

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(PREFIX + path, query_string=query, headers=self._headers())

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> TestResponse:
        return self.client.post(
            PREFIX + path,
            json={} if body is None else body,
            headers={**self._headers(), "Idempotency-Key": key or uuid4().hex},
        )

    def put(self, path: str, body: Any = None) -> TestResponse:
        return self.client.put(
            PREFIX + path,
            json={} if body is None else body,
            headers={**self._headers(), "Idempotency-Key": uuid4().hex},
        )

    def upload(self, data: bytes, name: str = "a.jpg") -> TestResponse:
        return self.client.post(
            PREFIX + "/media",
            data={"file": (BytesIO(data), name)},
            headers={**self._headers(), "Idempotency-Key": uuid4().hex},
        )

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(PREFIX + path, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}
