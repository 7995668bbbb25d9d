"""The same key twice: one effect, one answer; a failure frees the key."""

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from app.kernel import clock, errors, idempotency
from app.kernel.db import session
from app.kernel.idempotency import IdempotentAnswer
from app.kernel.work import unit_of_work
from tests.make.door import bearer, effects

pytestmark = pytest.mark.usefixtures("app")

KEY = {"Idempotency-Key": "form-1"}
THING = {"text": "楼道灯坏了"}


def kept():
    session.rollback()
    return session.scalar(select(func.count()).select_from(IdempotentAnswer))


def post(client, path="/mp/v1/things", *, who="resident", body=THING, **headers):
    return client.post(path, json=body, headers=bearer(who) | KEY | headers)


def test_a_repeat_replays_the_first_answer(client):
    first = post(client)
    second = post(client)

    assert (second.status_code, second.json) == (first.status_code, first.json)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert second.content_type == first.content_type
    assert effects() == 1


def test_the_key_with_another_body_is_refused(client):
    post(client)

    answer = post(client, body={"text": "电梯坏了"})

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert effects() == 1


def test_the_key_at_another_address_is_refused(client):
    post(client)

    assert post(client, "/mp/v1/required").json["code"] == "idempotency_key_reused"


def test_keys_of_two_people_are_two_keys(client):
    post(client)
    post(client, who="neighbour")

    assert effects() == 2


def test_without_a_key_each_sending_counts(client):
    client.post("/mp/v1/things", json=THING, headers=bearer())
    client.post("/mp/v1/things", json=THING, headers=bearer())

    assert (effects(), kept()) == (2, 0)


def test_a_route_may_insist_on_a_key(client):
    answer = client.post("/mp/v1/required", headers=bearer())

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_missing")
    assert effects() == 0


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_a_key_is_short_and_visible(client, key):
    answer = client.post("/mp/v1/things", json=THING, headers=bearer() | {"Idempotency-Key": key})

    assert (answer.status_code, answer.json["code"]) == (422, "bad_idempotency_key")


def test_a_failure_leaves_the_key_free(client):
    failed = post(client, "/mp/v1/fails/conflict")
    assert (failed.status_code, kept()) == (409, 0)

    mended = post(client, "/mp/v1/fails/conflict", **{"X-Mend": "1"})

    assert (mended.status_code, effects()) == (204, 1)


def test_an_empty_answer_replays_empty(client):
    post(client, "/mp/v1/fails/none")

    second = post(client, "/mp/v1/fails/none")

    assert (second.status_code, second.data, effects()) == (204, b"", 1)


def test_a_stored_answer_is_for_those_still_let_in(client):
    post(client)

    answer = client.post("/mp/v1/things", json=THING, headers=KEY)

    assert answer.status_code == 401


def test_stored_answers_are_unreadable_in_the_database(client):
    post(client)
    session.rollback()

    body = session.scalars(select(IdempotentAnswer.sealed_body)).one()

    assert "楼道灯" not in body
    assert "text" not in body


def test_one_form_sent_twice_has_two_boundaries_and_one_hash(client):
    def send(content):
        return client.post(
            "/mp/v1/files",
            data={"file": (io.BytesIO(content), "a.jpg"), "note": "x"},
            headers=bearer() | KEY,
        )

    first, again, other = send(b"abc"), send(b"abc"), send(b"abd")

    assert (first.json["done"], again.json, effects()) == (3, first.json, 1)
    assert other.json["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("path", ["/mp/v1/things", "/mp/v1/own"])
def test_one_key_from_32_at_once_has_one_effect(web, path):
    def send(_):
        return post(web.test_client(), path)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(send, range(32)))

    assert effects() == 1
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.json["id"] for answer in done}) == 1
    others = {answer.json["code"] for answer in answers if answer.status_code != 201}
    assert others <= {"still_working", "busy"}
    if path == "/mp/v1/things":
        assert len(done) == 32


def test_32_keys_at_once_have_32_effects(web):
    def send(turn):
        return post(web.test_client(), **{"Idempotency-Key": f"form-{turn}"})

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(send, range(32)))

    assert [answer.status_code for answer in answers] == [201] * 32
    assert effects() == 32


def test_work_of_its_own_units_replays_the_id_alone(client):
    first = post(client, "/mp/v1/own")

    second = post(client, "/mp/v1/own")

    assert second.json == {"id": first.json["id"]}
    assert effects() == 1


def test_own_work_that_fails_frees_the_key(client):
    broken = post(client, "/mp/v1/own", **{"X-Break": "1"})
    assert (broken.status_code, kept()) == (503, 0)

    assert post(client, "/mp/v1/own").status_code == 201


REQUEST = idempotency.Request("person:1", "k", "hash")


def test_while_the_first_is_at_work_the_second_is_asked_to_wait():
    def second():
        with pytest.raises(errors.Conflict, match="still_working"):
            idempotency.around_units(REQUEST, lambda: None)
        return idempotency.Answer(201, "{}")

    assert idempotency.around_units(REQUEST, second) is None


def test_a_claim_left_by_a_crash_lapses(monday):
    with unit_of_work():
        idempotency._claim(REQUEST, idempotency.new_id(), until=monday + idempotency.LEASE)

    with clock.frozen(monday + idempotency.LEASE + timedelta(seconds=1)):
        idempotency.around_units(REQUEST, lambda: idempotency.Answer(201, '{"id": 2}'))
        replayed = idempotency.around_units(REQUEST, lambda: None)

    assert replayed == idempotency.Answer(201, '{"id": 2}')


def test_who_comes_back_after_its_claim_lapsed_does_not_overwrite(monday):
    def late():
        with clock.frozen(monday + idempotency.LEASE * 2):
            idempotency.around_units(REQUEST, lambda: idempotency.Answer(201, "second"))
        return idempotency.Answer(201, "first")

    idempotency.around_units(REQUEST, late)

    assert idempotency.around_units(REQUEST, lambda: None) == idempotency.Answer(201, "second")


def test_an_idempotent_request_needs_a_unit():
    with pytest.raises(RuntimeError, match="unit of work"):
        idempotency.within_unit(REQUEST, lambda: None)


def test_answers_are_dropped_after_seven_days(monday):
    old = idempotency.Request("person:1", "old", "hash")
    for request in (old, REQUEST):
        idempotency.around_units(request, lambda: idempotency.Answer(204, ""))
    with unit_of_work():
        session.execute(
            update(IdempotentAnswer)
            .where(IdempotentAnswer.key == "old")
            .values(made_at=monday - idempotency.KEPT - timedelta(seconds=1))
        )

    with unit_of_work():
        gone = idempotency.purge(monday - idempotency.KEPT)

    assert (gone, kept()) == (1, 1)
