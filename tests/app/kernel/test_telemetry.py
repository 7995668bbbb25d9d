"""Request ids, logs without personal data, health, metrics, headers."""

import json
import logging
from dataclasses import replace

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.kernel import telemetry
from app.kernel.db import db, session
from tests.make.door import bearer

pytestmark = pytest.mark.usefixtures("app")

CANARIES = ("10012345678", "王小明", "canary-token-4711", "桂花苑")


@pytest.fixture
def logged(capsys):
    """What stands on standard error, one JSON object a line."""

    def read():
        return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line]

    return read


def test_an_answer_carries_the_id_that_was_asked_with(client):
    answer = client.get("/mp/v1/whoami", headers={"X-Request-Id": "abc-12345"})

    assert answer.headers["X-Request-Id"] == "abc-12345"


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "abc 12345", "<script>alert", "王小明王小明"]
)
def test_an_unfit_request_id_is_replaced(client, given):
    answer = client.get("/mp/v1/whoami", headers={"X-Request-Id": given.encode().decode("latin-1")})

    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 32


def test_logs_say_what_happened_and_nothing_personal(open_web, settings, logged):
    client = open_web(settings).test_client()
    headers = {
        "Authorization": "Bearer canary-token-4711",
        "User-Agent": "王小明".encode().decode("latin-1"),
        "Idempotency-Key": "10012345678",
    }
    client.get("/mp/v1/search?q=10012345678&token=canary-token-4711", headers=headers)
    client.get("/mp/v1/named/10012345678", headers=headers)
    client.get("/no/10012345678/canary-token-4711", headers=headers)
    client.post("/mp/v1/things", json={"text": "桂花苑 10012345678"}, headers=bearer())
    client.post("/mp/v1/things", json={"10012345678": "王小明"}, headers=bearer())
    client.post("/mp/v1/fails/bug", headers=bearer())
    logging.getLogger("urllib3").warning("token=%s of 王小明", "canary-token-4711-canary-token")

    lines = logged()

    said = json.dumps(lines, ensure_ascii=False)
    assert not [canary for canary in CANARIES if canary in said]
    assert {"request", "failed"} <= {line["event"] for line in lines}
    (search,) = [line for line in lines if line.get("route") == "/mp/v1/search"]
    assert (search["method"], search["status"]) == ("GET", 401)
    assert search["request_id"]


def test_an_unscrubbed_log_would_be_noticed(open_web, settings, logged):
    open_web(settings)
    structlog.get_logger("control").warning("said", words="10012345678")

    assert "10012345678" in json.dumps(logged())


def test_a_failed_statement_is_logged_without_its_values(open_web, settings, logged):
    client = open_web(settings).test_client()
    with pytest.raises(SQLAlchemyError) as failure:
        session.connection().exec_driver_sql("SELECT nothing FROM nowhere WHERE x = '10012345678'")
    session.rollback()

    structlog.get_logger("sandan.http").error("failed", exc_info=failure.value)

    assert client
    said = json.dumps(logged())
    assert "10012345678" not in said
    assert "Error" in said


def test_alive_means_that_the_process_answers(client):
    assert client.get("/healthz").json == {"status": "ok"}


def stand_at(head):
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :head"), {"head": head})


def test_ready_means_database_and_migrations(client):
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")
    assert answer.json["outbox"] == "ok"


def test_a_database_behind_the_code_is_not_ready(client):
    stand_at("0000")

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json["migrations"]) == (503, "behind")
    assert answer.headers["Retry-After"]


def test_without_a_database_nothing_is_ready(open_web, settings, tmp_path):
    nowhere = replace(settings, database_url=f"sqlite:///{tmp_path}/no/such/folder/x.db")

    answer = open_web(nowhere).test_client().get("/readyz")

    assert (answer.status_code, answer.json["database"]) == (503, "down")


def test_metrics_count_requests_by_route_and_never_by_value(client):
    client.get("/mp/v1/named/10012345678", headers=bearer())

    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert 'route="/mp/v1/named/<name>"' in answer.text
    assert "sandan_outbox_rows" in answer.text
    assert "10012345678" not in answer.text


def test_metrics_are_for_machines_of_our_own_network(client):
    assert client.get("/metrics", environ_base={"REMOTE_ADDR": "8.8.8.8"}).status_code == 404


def test_every_answer_is_guarded(client):
    for path in ("/healthz", "/mp/v1/whoami", "/nowhere", "/mp/v1/docs"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]
    assert client.get("/mp/v1/whoami").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("proxies", "seen"), [(0, "9.9.9.9"), (1, "3.3.3.3"), (2, "2.2.2.2")])
def test_exactly_the_proxies_we_know_are_believed(open_web, settings, proxies, seen):
    built = open_web(replace(settings, trusted_proxies=proxies))
    addresses = []

    @built.before_request
    def look():
        addresses.append(telemetry.request.remote_addr)

    built.test_client().get(
        "/healthz",
        headers={"X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3", "X-Forwarded-Host": "evil"},
        environ_base={"REMOTE_ADDR": "9.9.9.9"},
    )

    assert addresses == [seen]


def test_https_is_insisted_on_where_it_is_served(open_web, settings):
    real = replace(settings, env="production", public_url="https://sandan.example")

    headers = open_web(real).test_client().get("/healthz").headers

    assert headers["Strict-Transport-Security"].startswith("max-age=")
