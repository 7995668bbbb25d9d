"""The API's papers: whole, and served from our own host alone."""

import re

import pytest

from app.kernel.http.page import STATIC
from tests.make.door import bearer

pytestmark = pytest.mark.usefixtures("app")


def test_the_spec_names_every_status_that_a_route_may_answer(client):
    spec = client.get("/mp/v1/openapi.json").json

    refusals = {"400", "401", "403", "404", "422", "429", "503"}
    for path, item in spec["paths"].items():
        for method, said in item.items():
            if method == "parameters":
                continue
            wanted = refusals if method == "get" else refusals | {"409", "413", "415"}
            assert wanted <= said["responses"].keys(), (method, path)
    content = spec["components"]["responses"]["UNAUTHORIZED"]["content"]
    assert list(content) == ["application/problem+json"]


def test_the_spec_tells_who_needs_a_token_and_a_key(client):
    paths = client.get("/mp/v1/openapi.json").json["paths"]

    assert paths["/mp/v1/whoami"]["get"]["security"] == []
    assert "security" not in paths["/mp/v1/me"]["get"]
    (key,) = paths["/mp/v1/required"]["post"]["parameters"]
    assert (key["name"], key["required"]) == ("Idempotency-Key", True)
    assert "parameters" not in paths["/mp/v1/log-in"]["post"]


def test_the_spec_shows_what_is_taken(client):
    draft = client.get("/mp/v1/openapi.json").json["components"]["schemas"]["Draft"]

    assert draft["additionalProperties"] is False
    assert draft["required"] == ["text"]
    assert draft["properties"]["plain"]["maxLength"] == 1000


@pytest.mark.parametrize(
    ("path", "kind"),
    [("docs", "text/html"), ("docs/docs.js", "text/javascript"), ("docs/docs.css", "text/css")],
)
def test_the_page_and_its_files_are_served(client, path, kind):
    assert client.get(f"/mp/v1/{path}").mimetype == kind


def test_no_other_file_is_served(client):
    for path in ("docs/docs.html", "docs/../api.py", "docs/%2e%2e/api.py"):
        assert client.get(f"/mp/v1/{path}").status_code == 404


def test_the_page_asks_no_other_host_and_runs_nothing_inline():
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"(https?:)?//[a-z]", text), file
        assert not re.search(r"<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=|innerHTML", text), file


def test_what_is_answered_keeps_to_the_spec(client):
    answer = client.get("/mp/v1/me", headers=bearer())

    schema = client.get("/mp/v1/openapi.json").json["components"]["schemas"]["Answer"]
    assert answer.json.keys() <= schema["properties"].keys()
