"""Every failure has one shape, in Chinese, with a stable code."""

import io
import json

import pytest

from tests.make.door import bearer, effects

pytestmark = pytest.mark.usefixtures("app")

MEMBERS = {"type", "title", "status", "code", "detail", "errors", "request_id"}


def is_problem(answer):
    return (
        answer.mimetype == "application/problem+json"
        and answer.json.keys() >= MEMBERS
        and answer.json["status"] == answer.status_code
        and any("\u4e00" <= sign <= "\u9fff" for sign in answer.json["detail"])
        and answer.json["request_id"] == answer.headers["X-Request-Id"]
        and answer.headers["Cache-Control"] == "no-store"
    )


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("conflict", 409, "conflict"),
        ("broken", 422, "too_late"),
        ("busy", 503, "unavailable"),
        ("often", 429, "too_many"),
        ("stale", 409, "conflict"),
        ("pool", 503, "busy"),
        ("lost", 503, "database_unavailable"),
        ("bug", 500, "internal"),
    ],
)
def test_every_kind_of_failure_is_a_problem(client, kind, status, code):
    answer = client.post(f"/mp/v1/fails/{kind}", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert is_problem(answer)


@pytest.mark.parametrize(("kind", "seconds"), [("busy", "2"), ("often", "7"), ("lost", "2")])
def test_who_should_come_again_is_told_when(client, kind, seconds):
    assert client.post(f"/mp/v1/fails/{kind}", headers=bearer()).headers["Retry-After"] == seconds


def test_what_an_error_adds_stands_in_the_answer(client):
    assert client.post("/mp/v1/fails/conflict", headers=bearer()).json["state"] == "closed"


def test_a_bug_tells_nothing_of_itself(client):
    answer = client.post("/mp/v1/fails/bug", headers=bearer())

    assert "王小明" not in answer.text
    assert "ValueError" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/mp/v1/things", 405, "method_not_allowed"),
        ("GET", "/mp/v1/seen/not-a-uuid", 404, "not_found"),
        ("GET", "/mp/v1/me", 401, "unauthenticated"),
    ],
)
def test_the_framework_speaks_the_same_shape(client, method, path, status, code):
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert is_problem(answer)


def test_a_wrong_method_names_the_right_ones(client):
    assert "POST" in client.put("/mp/v1/things").headers["Allow"]


BAD_JSON = [
    b'{"text": "a", "text": "b"}',
    b'{"any_count": NaN}',
    b'{"share": Infinity}',
    b'{"share": 1e999}',
    b'{"text": "\\ud800"}',
    b'{"\\udfff": 1}',
    b'{"text": "\xff"}',
    b"[" * 20 + b"]" * 20,
    b'{"more": ' + b'{"a":' * 60 + b"1" + b"}" * 60 + b"}",
    b'{"more": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    b'{"any_count": ' + b"9" * 5000 + b"}",
    b"[]",
    b"null",
    b'"text"',
    b"{",
    b"\x00",
    '{"text": "a"}'.encode("utf-16"),
]


@pytest.mark.parametrize("body", BAD_JSON, ids=range(len(BAD_JSON)))
def test_what_two_readers_may_read_differently_is_refused(client, body):
    answer = client.post(
        "/mp/v1/things", data=body, content_type="application/json", headers=bearer()
    )

    assert (answer.status_code, answer.json["code"]) == (422, "bad_json")
    assert is_problem(answer)


def test_a_body_that_is_not_json_is_unsupported(client):
    answer = client.post(
        "/mp/v1/things", data="text=a", headers=bearer(), content_type="text/plain"
    )

    assert (answer.status_code, answer.json["code"]) == (415, "json_expected")


def test_a_body_too_large_is_refused(client):
    body = json.dumps({"text": "字" * 1_000_000})

    answer = client.post(
        "/mp/v1/things", data=body, content_type="application/json", headers=bearer()
    )

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")
    assert is_problem(answer)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": "字"}, "text"),
        ({"text": "字" * 21}, "text"),
        ({"text": "  \u200b  "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "a\x1bb"}, "text"),
        ({"plain": "字" * 1001}, "plain"),
        ({"plain": "\x07"}, "plain"),
        ({"code": "c"}, "code"),
        ({"count": 0}, "count"),
        ({"count": 1.5}, "count"),
        ({"count": "3"}, "count"),
        ({"count": True}, "count"),
        ({"any_count": 10**30}, "any_count"),
        ({"share": "1"}, "share"),
        ({"sure": 1}, "sure"),
        ({"sure": "yes"}, "sure"),
        ({"ids": "x"}, "ids"),
        ({"ids": ["x"]}, "ids.0"),
        ({"ids": [None] * 3}, "ids.0"),
        ({"at": "2026-11-16T10:00:00"}, "at"),
        ({"loose_at": "2026-11-16T10:00:00"}, "loose_at"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at"),
        ({"day": "9999-12-31"}, "day"),
        ({"day": "昨天"}, "day"),
        ({"part": []}, "part"),
        ({"part": {}}, "part.name"),
        ({"part": {"name": "a", "who": 1}}, "part.who"),
        ({"more": {"a": ["\x00"]}}, "more"),
        ({"unheard_of": 1}, "unheard_of"),
        ({"\u202e" * 100: 1}, "\u202e" * 64),
    ],
)
def test_a_wrong_field_is_named_in_chinese(client, given, path):
    answer = client.post("/mp/v1/things", json={"text": "灯坏了"} | given, headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")
    assert path in answer.json["errors"]
    words = "".join(word for said in answer.json["errors"].values() for word in said)
    assert not any(sign.isascii() and sign.isalpha() for sign in words)
    assert effects() == 0


def test_a_body_of_unsaid_length_is_refused_all_the_same(client):
    body = io.BytesIO(json.dumps({"text": "字" * 1_000_000}).encode())

    answer = client.post(
        "/mp/v1/things",
        input_stream=body,
        content_type="application/json",
        headers=bearer(),
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert (answer.status_code, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_missing_field_is_named(client, body):
    answer = client.post(
        "/mp/v1/things", data=body, content_type="application/json", headers=bearer()
    )

    assert answer.status_code == 422
    assert answer.json["errors"] == {"text": ["这一项必填。"]}


def test_what_is_right_passes(client):
    given = {
        "text": " 灯\r\n坏了\u202d \n",
        "code": "a",
        "count": 9,
        "share": 1,
        "sure": False,
        "ids": ["00000000-0000-0000-0000-000000000001"],
        "at": "2026-11-16T10:00:00+08:00",
        "day": "2026-11-16",
        "part": {"name": "王\n明"},
        "more": {"a": [1, "x"]},
        "plain": "一\n二\t三",
    }

    answer = client.post("/mp/v1/things", json=given, headers=bearer())

    assert (answer.status_code, answer.json["text"]) == (201, "灯\n坏了")


@pytest.mark.parametrize(
    "query", ["", "q=a&who=b", "q=%00", "q=" + "a" * 11, "q=a&near=perhaps", "q=%FF%00"]
)
def test_a_wrong_query_string_is_refused(client, query):
    answer = client.get(f"/mp/v1/search?{query}", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_numbers_and_truths_of_a_query_string_are_read_from_text(client):
    assert client.get("/mp/v1/search?q=灯&near=true", headers=bearer()).json["text"] == "灯"
    assert client.get("/mp/v1/list?limit=7", headers=bearer()).json == [{"done": 7}]


@pytest.mark.parametrize("limit", ["0", "101", "１", "1_0", "1.0", "x", ""])
def test_a_page_has_a_fair_length(client, limit):
    assert client.get(f"/mp/v1/list?limit={limit}", headers=bearer()).status_code == 422
