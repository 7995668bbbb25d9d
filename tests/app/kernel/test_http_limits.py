"""Rate limits: counted, answered with 429 and Retry-After, kept up without Redis."""

import socket
from dataclasses import replace

import pytest
from limits import parse

from app.kernel.http import limits
from app.kernel.http.limits import Counter, Limit
from tests.make.door import bearer

pytestmark = pytest.mark.usefixtures("app")

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def web_settings(settings):
    return replace(settings, rate_limits=True)


def test_too_often_is_answered_with_when_to_come_again(client):
    answers = [client.post("/mp/v1/limited", headers=bearer()) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [204, 204, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 61
    assert answers[2].mimetype == "application/problem+json"
    assert answers[2].json["code"] == "too_many"


def test_a_repeat_that_gets_its_stored_answer_is_not_too_often(client):
    repeated = {**bearer(), "Idempotency-Key": "one"}
    for _ in range(4):
        assert client.post("/mp/v1/limited", headers=repeated).status_code == 204

    fresh = [
        client.post("/mp/v1/limited", headers={**bearer(), "Idempotency-Key": key}).status_code
        for key in ("two", "three", "three")
    ]

    assert fresh == [204, 429, 429]


def test_one_person_does_not_use_up_another(client):
    for _ in range(3):
        client.post("/mp/v1/limited", headers=bearer())

    assert client.post("/mp/v1/limited", headers=bearer("neighbour")).status_code == 204


def test_a_key_of_ones_own_counts_by_itself(client):
    def log_in(account):
        return client.post("/mp/v1/log-in", headers={"X-Account": account}).status_code

    assert [log_in("a"), log_in("a"), log_in("a"), log_in("b")] == [200, 200, 429, 200]


def test_without_a_key_nothing_is_counted(client):
    assert {client.post("/mp/v1/log-in").status_code for _ in range(4)} == {200}


def test_an_address_is_counted_and_what_it_claims_to_be_is_not_believed(client):
    def send(claimed):
        return client.post("/mp/v1/by-address", headers={"X-Forwarded-For": claimed}).status_code

    assert [send("1.1.1.1"), send("2.2.2.2"), send("3.3.3.3")] == [204, 204, 429]


def test_an_ipv6_network_is_one_client(client):
    def send(address):
        return client.post("/mp/v1/by-address", environ_base={"REMOTE_ADDR": address}).status_code

    sent = [send("2001:db8::1"), send("2001:db8::2"), send("2001:db8::3"), send("2001:db8:1::1")]

    assert sent == [204, 204, 429, 204]


def test_limits_can_be_switched_off(settings):
    assert not replace(settings, rate_limits=False).rate_limits


@pytest.mark.parametrize("wrong", [("often", "person"), ("2/minute", "planet")])
def test_a_limit_that_cannot_be_read_fails_the_build(wrong):
    with pytest.raises(ValueError, match=r"rate|planet|parse"):
        Limit(*wrong)


def test_two_processes_share_a_count_in_redis(request):
    try:
        socket.create_connection(("127.0.0.1", 6379), timeout=1).close()
    except OSError:
        pytest.skip("no Redis on this machine")
    first, second = (Counter("redis://127.0.0.1:6379/9") for _ in range(2))
    item, key = parse("1/minute"), f"{request.node.name}-{id(first)}"

    assert first.hit(item, key) is None
    assert 1 <= second.hit(item, key) <= 61


def test_without_redis_each_process_counts_for_itself(monkeypatch):
    counter, item = Counter(NOWHERE), parse("1/minute")

    assert counter.hit(item, "x") is None
    assert counter.hit(item, "x") is not None


def test_a_lost_redis_is_asked_again_after_a_while(monkeypatch):
    counter, item = Counter(NOWHERE), parse("5/minute")
    asked = []
    monkeypatch.setattr(limits, "monotonic", lambda: 100.0 + 4 * len(asked))
    shared_hit = counter._shared.hit

    def count(*arguments):
        asked.append(arguments)
        return shared_hit(*arguments)

    monkeypatch.setattr(counter._shared, "hit", count)
    for _ in range(3):
        counter.hit(item, "x")

    assert len(asked) == 1
