"""Judging answers of a door: what was taken, what was refused and how it was said."""

import re
from typing import Any

from werkzeug.test import TestResponse

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CODE = re.compile(r"[a-z][a-z0-9_]*")


def taken(answer: TestResponse, status: int = 200) -> Any:
    """Hand out the body of an answer that had to be good."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def refused(answer: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """Hand out a refusal: a problem document with a stable code, in plain Chinese."""
    assert answer.status_code == status, answer.get_data(as_text=True)
    assert answer.content_type == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert CODE.fullmatch(body["code"]), body
    assert CHINESE.search(body["detail"]), body
    assert "！" not in body["detail"]
    assert body["request_id"]
    if code is not None:
        assert body["code"] == code, body
    return body


def clear(answer: TestResponse) -> dict[str, Any]:
    """Hand out a refusal of the caller's fault, whichever it is."""
    assert 400 <= answer.status_code < 500, answer.get_data(as_text=True)
    return refused(answer, answer.status_code)


def walked(phone: Any, path: str, *, limit: int = 2, **query: Any) -> list[list[dict[str, Any]]]:
    """Walk through a paged list to its end; each page's items."""
    pages, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        body = taken(phone.get(path, limit=limit, **query, **more))
        pages.append(body["items"])
        cursor = body["next_cursor"]
        if cursor is None:
            return pages
