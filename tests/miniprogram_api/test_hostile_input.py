"""Whatever is sent in, the answer is a clear refusal in Chinese, never a failure of ours."""

import json
import socket
import threading
from uuid import uuid4

import pytest
from werkzeug.serving import make_server

from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.access import TICKET, UNKNOWN, routes_of
from tests.make import tickets as make
from tests.make.answers import clear, refused, taken
from tests.make.phone import PREFIX

MEBIBYTE = 1024 * 1024
WRONG = [None, True, 7, -1, 1.5, "", "x", [], {}, [[]], {"a": 1}, "\u0000", "é" * 5000]
DRAFT_FIELDS = (
    "category",
    "place",
    "text",
    "media",
    "contact",
    "anonymous",
    "accuse",
    "on_behalf",
    "happened_at",
)


@pytest.fixture
def phone(client_for):
    return client_for("resident")


@pytest.fixture
def draft(world):
    return {
        "category": "WPE-LIGHT",
        "place": {"scene": world.scenes["building"]},
        "text": "灯不亮",
        "media": [],
        "contact": "10020000000",
        "anonymous": False,
    }


def send(phone, path, raw, *, kind="application/json"):
    return phone.client.post(
        PREFIX + path,
        data=raw,
        content_type=kind,
        headers={"Authorization": f"Bearer {phone.token}", "Idempotency-Key": uuid4().hex},
    )


# --- bodies


@pytest.mark.parametrize("name", DRAFT_FIELDS)
def test_a_field_of_the_wrong_type_is_named(world, phone, draft, name):
    for value in WRONG:
        answer = phone.post("/tickets", {**draft, name: value})
        if answer.status_code == 201:
            assert value in (None, True, "", "x", [], {}), (name, value)
            continue
        clear(answer)


@pytest.mark.parametrize(
    ("raw", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"{", 422, "bad_json"),
        (b"[]", 422, "bad_json"),
        (b"null", 422, "bad_json"),
        (b'"text"', 422, "bad_json"),
        (b"\xff\xfe{}", 422, "bad_json"),
        (b"\xef\xbb\xbf{}", 422, "bad_json"),
        (b'{"text": NaN}', 422, "bad_json"),
        (b'{"text": Infinity}', 422, "bad_json"),
        (b'{"place": {"lat": 1e999, "lon": 1}}', 422, "bad_json"),
        (b'{"text": "a", "text": "b"}', 422, "bad_json"),
        (b'{"text": "\\ud800"}', 422, "bad_json"),
        (b'{"\\udfff": 1}', 422, "bad_json"),
        (b'{"a":' * 30 + b"1" + b"}" * 30, 422, "bad_json"),
        (b"[" * 100_000 + b"]" * 100_000, 422, "bad_json"),
        (b'{"n": ' + b"9" * 5000 + b"}", 422, "bad_json"),
        (b'{"text": "' + b"a" * (2 * MEBIBYTE) + b'"}', 413, "too_large"),
        (json.dumps({f"k{n}": n for n in range(50_000)}).encode(), 422, "invalid"),
    ],
    ids=lambda value: str(value)[:24] if isinstance(value, bytes) else None,
)
def test_a_body_that_is_no_plain_json_object_is_refused(phone, raw, status, code):
    refused(send(phone, "/tickets", raw), status, code)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "application/x-www-form-urlencoded", ""]
)
def test_another_kind_of_body_is_refused(phone, draft, kind):
    refused(send(phone, "/tickets", json.dumps(draft).encode(), kind=kind), 415, "json_expected")


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "nonsense"])
def test_a_charset_is_not_believed(phone, draft, charset):
    kind = f"application/json; charset={charset}"

    answer = send(phone, "/tickets", json.dumps(draft).encode(), kind=kind)

    assert answer.status_code in (201, 415, 422)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 5000,
        "灯" * 2001,
        "灯\u0000亮",
        "\u0007",
        "\ud83d",
        "a\u202eb\x9f",
        "\x1b[31m",
        "\ufffe",
    ],
    ids=["5000", "2001", "nul", "bell", "surrogate", "c1", "escape", "noncharacter"],
)
def test_texts_too_long_or_unreadable_are_refused_everywhere(world, client_for, draft, text):
    ticket_id = make.started(world, make.submitted(world))
    raw = json.dumps({"text": text}).encode()
    resident, repairer = client_for("resident"), client_for("repairer")
    clear(send(resident, "/tickets", json.dumps({**draft, "text": text}).encode()))
    for path in ("supplement", "nudge", "withdraw"):
        clear(send(resident, f"/tickets/{ticket_id}/{path}", raw))
    for path in ("progress", "resolve", "start"):
        clear(send(repairer, f"/work/{ticket_id}/{path}", raw))


def test_two_thousand_characters_are_fine(phone, draft):
    made = taken(phone.post("/tickets", {**draft, "text": "灯" * 2000}), 201)

    assert taken(phone.get(f"/tickets/{made['id']}"))["text"] == "灯" * 2000


def test_emoji_and_rare_characters_are_fine(phone, draft):
    text = "𠮷家的💡不亮，ﷺ，👨‍👩‍👧"

    made = taken(phone.post("/tickets", {**draft, "text": text}), 201)

    assert taken(phone.get(f"/tickets/{made['id']}"))["text"] == text


def test_markup_comes_back_as_it_went_in_and_as_json_only(phone, draft):
    text = "<script>alert(1)</script>'; DROP TABLE ticket; --"

    made = taken(phone.post("/tickets", {**draft, "text": text}), 201)
    answer = phone.get(f"/tickets/{made['id']}")

    assert answer.get_json()["text"] == text
    assert answer.content_type == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "body",
    [
        {"pay": "paid", "amount_fen": 2**63, "text": "x"},
        {"pay": "paid", "amount_fen": 10**400, "text": "x"},
        {"pay": "paid", "amount_fen": -(2**70), "text": "x"},
        {"pay": "paid", "amount_fen": "100", "text": "x"},
        {"pay": "paid", "amount_fen": True, "text": "x"},
    ],
    ids=["63 bits", "400 digits", "below", "text", "true"],
)
def test_numbers_nobody_means_are_refused(world, client_for, body):
    ticket_id = make.started(world, make.submitted(world))

    refused(client_for("repairer").post(f"/work/{ticket_id}/quote", body), 422, "invalid")


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "now",
        "2026-13-01T00:00:00Z",
        "2026-11-16",
        "2026-11-16T10:00:00",
        0,
        -1e308,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1800-01-01T00:00:00Z",
    ],
)
def test_times_nobody_means_are_refused(world, phone, client_for, draft, moment):
    ticket_id = make.accepted(world, make.submitted(world))
    window = {"from": moment, "to": "2026-11-16T05:00:00Z"}

    clear(phone.post("/tickets", {**draft, "happened_at": moment}))
    clear(client_for("repairer").post(f"/work/{ticket_id}/appoint", window))


# --- addresses, headers, foreign ids


@pytest.mark.parametrize(
    "path",
    [
        "/tickets/1",
        "/tickets/not-a-uuid",
        "/tickets/00000000-0000-0000-0000-00000000000g",
        "/tickets/%00",
        "/tickets/%ff%fe",
        "/tickets/../work",
        "/work/" + "9" * 5000,
        "/nothing",
        "/tickets/{0}/resolve",
    ],
)
def test_addresses_that_are_none_are_not_found(phone, path):
    refused(phone.get(path.format(UNKNOWN)), 404)


def test_another_method_is_refused_in_words(phone):
    for method in ("PUT", "PATCH", "DELETE"):
        answer = phone.client.open(
            PREFIX + "/tickets", method=method, headers={"Authorization": f"Bearer {phone.token}"}
        )
        assert "POST" in answer.headers["Allow"]
        refused(answer, 405, "method_not_allowed")


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "钥匙", "a b", "\x7f"])
def test_a_key_that_cannot_be_one_is_refused(phone, draft, key):
    headers = {"Authorization": f"Bearer {phone.token}", "Idempotency-Key": key}

    clear(phone.client.post(PREFIX + "/tickets", json=draft, headers=headers))


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "é", "a b", "null", "' OR 1=1 --"])
def test_a_token_that_is_none_is_nobody(bare_app, world, token):
    client = bare_app.test_client()

    answer = client.get(PREFIX + "/me", headers={"Authorization": f"Bearer {token}".strip()})

    refused(answer, 401, "unauthenticated")


def test_foreign_ids_in_bodies_open_nothing(world, client_for):
    own = make.submitted(world)
    others = [
        world.people["rival"],
        world.places["rivals"],
        world.organisations["rival_firm"],
        make.submitted(world, scene="old_building", by="old_resident"),
    ]
    desk, manager = client_for("community"), client_for("manager")

    for foreign in map(str, others):
        clear(desk.post(f"/work/{own}/merge", {"master": foreign, "text": "合"}))
        clear(manager.post(f"/work/{own}/assign", {"person": foreign}))
        clear(client_for("resident").post(f"/tickets/{own}/supplement", {"media": [foreign]}))
    assert queries.get(own).assignee_id is None


def test_every_act_on_a_ticket_that_is_over_is_a_conflict_or_a_rule(world, client_for, bare_app):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.withdraw(world.actor("resident"), ticket_id, Words())
    before = queries.get(ticket_id).chain_length
    people = {"work": ("repairer", "manager", "community", "grid"), "tickets": ("resident",)}

    for route in sorted(routes_of(bare_app)):
        method, _, rule = route.partition(" ")
        if method != "POST" or TICKET not in rule or rule.endswith("/follow_up"):
            continue
        for name in people[rule.split("/")[3]]:
            path = rule.removeprefix(PREFIX).replace(TICKET, str(ticket_id))
            answer = client_for(name).post(path, {"text": "再来"})
            if not path.endswith("/join"):
                assert answer.status_code in (403, 404, 409, 422), (route, name)
                clear(answer)

    assert queries.get(ticket_id).chain_length == before


# --- below HTTP: a length that lies


@pytest.fixture
def port(bare_app, world):
    """The door on a real socket."""
    server = make_server("127.0.0.1", 0, bare_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()


def exchange(port, raw):
    """Send raw bytes, say no more, and read what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b"")).decode()


@pytest.mark.parametrize("length", ["99999", "-5", "abc", "999999999999999999999"])
def test_a_length_that_lies_is_a_bad_request(port, phone, length):
    answer = exchange(
        port,
        f"POST {PREFIX}/tickets HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {phone.token}\r\n"
        f"Idempotency-Key: {uuid4().hex}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n{{}}".encode(),
    )

    assert answer.split()[1].startswith("4"), answer[:200]
    assert "500" not in answer.partition("\r\n")[0]
