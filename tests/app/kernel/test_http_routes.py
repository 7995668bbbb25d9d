"""Routes: access is declared, work is one unit, reading writes nothing but its audit."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select

from app.kernel import audit
from app.kernel.actor import Permission
from app.kernel.db import session
from app.kernel.http import PUBLIC, SIGNED_IN, Blueprint, Command, PageQuery
from tests.make.door import AUDITOR, NEIGHBOUR, RESIDENT, bearer, effects

pytestmark = pytest.mark.usefixtures("app")


def entries():
    session.rollback()
    return session.scalars(select(audit.AuditEntry)).all()


def blueprint(authenticate=lambda token: None):
    return Blueprint("x", __name__, authenticate=authenticate)


def test_a_route_without_access_fails_the_build():
    with pytest.raises(TypeError, match="access"):
        blueprint().route("/x")


def test_a_view_that_bypasses_route_fails_the_build():
    with pytest.raises(TypeError, match="declares no access"):
        blueprint().add_url_rule("/x", "x", lambda: "")


@pytest.mark.parametrize(
    "declaration",
    [
        {"access": None},
        {"access": ()},
        {"access": "public"},
        {"access": (Permission.AUDIT_READ, "admin")},
        {"access": PUBLIC, "methods": ["GET", "POST"]},
        {"access": PUBLIC, "methods": []},
        {"access": PUBLIC, "methods": ["POST"], "audit": "x.viewed"},
        {"access": PUBLIC, "methods": ["POST"], "idempotent": "perhaps"},
        {"access": PUBLIC, "methods": ["POST"], "idempotent": "id"},
    ],
)
def test_a_declaration_without_sense_fails_the_build(declaration):
    with pytest.raises(TypeError):
        blueprint().route("/x", **declaration)


def test_a_closed_route_needs_somebody_who_knows_the_callers():
    with pytest.raises(TypeError, match="authenticate"):
        blueprint(authenticate=None).route("/x", access=SIGNED_IN)


def test_query_strings_need_a_query_and_bodies_a_command():
    with pytest.raises(TypeError, match="Query"):
        blueprint().arguments(Command, location="query")
    assert blueprint().arguments(PageQuery, location="query")


def test_nobody_is_refused_politely(client):
    answer = client.get("/mp/v1/me")

    assert answer.status_code == 401
    assert answer.json["code"] == "unauthenticated"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["Bearer unknown", "Bearer ", "Basic resident-token", "Bearer a b", "Bearer é" * 200]
)
def test_a_token_nobody_knows_is_nobody(client, header):
    assert client.get("/mp/v1/me", headers={"Authorization": header}).status_code == 401


def test_a_public_route_knows_who_asks_and_lets_everybody_in(client):
    known = client.get("/mp/v1/whoami", headers=bearer())
    unknown = client.get("/mp/v1/whoami")

    assert known.json["id"] == str(RESIDENT)
    assert unknown.json["id"] is None


def test_the_actor_of_one_request_is_gone_in_the_next(client):
    client.get("/mp/v1/whoami", headers=bearer())

    assert client.get("/mp/v1/whoami").json["id"] is None


def test_one_of_the_named_permissions_is_enough(client):
    assert client.get("/mp/v1/audit", headers=bearer("auditor")).status_code == 200


def test_without_the_permission_the_refusal_is_written_down(client):
    answer = client.get("/mp/v1/audit", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    (entry,) = entries()
    assert (entry.action, entry.person_id, entry.subject_kind) == (
        "refused",
        RESIDENT,
        "t.audit_page",
    )


def test_work_is_committed_with_its_answer(client):
    answer = client.post("/mp/v1/things", json={"text": "灯坏了"}, headers=bearer())

    assert (answer.status_code, answer.json["text"]) == (201, "灯坏了")
    assert effects() == 1


@pytest.mark.parametrize("kind", ["conflict", "bug", "stale"])
def test_work_that_fails_leaves_nothing(client, kind):
    client.post(f"/mp/v1/fails/{kind}", headers=bearer())

    assert effects() == 0


def test_an_answer_that_cannot_be_written_undoes_the_work(client):
    assert client.post("/mp/v1/unserialisable", headers=bearer()).status_code == 500
    assert effects() == 0


def test_what_a_get_writes_is_thrown_away(client):
    assert client.get("/mp/v1/writes", headers=bearer()).status_code == 200
    assert effects() == 0


def test_looking_at_personal_data_is_written_down(client):
    thing = UUID(int=5)

    client.get(f"/mp/v1/seen/{thing}", headers=bearer("auditor"))

    (entry,) = entries()
    assert (entry.person_id, entry.action, entry.subject_kind, entry.subject_id) == (
        AUDITOR,
        "thing.viewed",
        "thing",
        thing,
    )


def test_a_route_may_say_whom_it_showed(client):
    client.get(f"/mp/v1/seen/{UUID(int=7)}", headers=bearer())

    (entry,) = entries()
    assert (entry.subject_id, entry.facts) == (NEIGHBOUR, {"fields": 2})


def test_what_was_not_shown_is_not_written_down(client):
    client.get(f"/mp/v1/seen/{UUID(int=404)}", headers=bearer())

    assert entries() == []


def test_the_clock_stands_still_within_a_request(client, monday):
    said = client.get("/mp/v1/me", headers=bearer()).json["text"]

    assert datetime.fromisoformat(said) == monday.astimezone(UTC)


def test_control_characters_in_the_address_are_not_found(client):
    assert client.get("/mp/v1/named/a%00b", headers=bearer()).status_code == 404
    assert client.get("/mp/v1/named/王", headers=bearer()).json["text"] == "王"


def test_every_route_of_the_door_says_who_may(web):
    own = ("telemetry.", "mp_v1_papers.")
    silent = [
        rule.endpoint
        for rule in web.url_map.iter_rules()
        if not rule.endpoint.startswith(own)
        and not hasattr(web.view_functions[rule.endpoint], "declared")
    ]

    assert silent == []
