"""A process works on few requests at once and listens to many."""

import io
import threading

import pytest
from flask import Flask, request
from werkzeug.test import TestResponse, create_environ, run_wsgi_app
from werkzeug.wrappers import Request

from app.kernel.http import gate

PATIENCE_S = 10


@pytest.fixture
def bare():
    """An app that says how long a body is."""
    made = Flask("gated")
    made.config["MAX_CONTENT_LENGTH"] = 1_000_000
    made.add_url_rule("/", "say", lambda: str(len(request.get_data())), methods=["GET", "POST"])
    return made


def send(app, body=b"", **environ):
    asked = create_environ(method="POST") | {"wsgi.input": io.BytesIO(body)} | environ
    return TestResponse(*run_wsgi_app(app.wsgi_app, asked), Request(asked))


@pytest.mark.parametrize("length", [0, 1, gate.PIECE, gate.IN_MEMORY + 1])
def test_a_body_arrives_whole(bare, length):
    gate.install(bare, at_once=1, max_body=1_000_000)

    assert send(bare, b"x" * length, CONTENT_LENGTH=str(length)).text == str(length)


def test_a_body_that_is_too_long_is_refused_unread(bare):
    gate.install(bare, at_once=1, max_body=1_000_000)

    assert send(bare, b"x" * 10, CONTENT_LENGTH="1000001").status_code == 413


@pytest.mark.parametrize("told", ["", "-1", "many"])
def test_a_length_that_is_none_is_not_waited_for(bare, told):
    gate.install(bare, at_once=1, max_body=1_000_000)

    assert send(bare, b"x", CONTENT_LENGTH=told).text in ("0", "1")


class Trickle:
    """A body that only comes when it is let."""

    def __init__(self):
        self.asked, self.comes = threading.Event(), threading.Event()

    def read(self, size=-1):
        self.asked.set()
        assert self.comes.wait(PATIENCE_S)
        return b"x" * size


def post_slowly(app, trickle, said):
    environ = create_environ(method="POST") | {"wsgi.input": trickle, "CONTENT_LENGTH": "5"}
    said.extend(app.wsgi_app(environ, lambda *_: None))


def served_meanwhile(app):
    """Tell whether somebody is answered while another's body trickles in."""
    trickle, slow, other = Trickle(), [], []
    waiting = threading.Thread(target=post_slowly, args=(app, trickle, slow))
    waiting.start()
    assert trickle.asked.wait(PATIENCE_S)
    quick = threading.Thread(target=lambda: other.append(send(app).text))
    quick.start()
    quick.join(1)
    meanwhile = bool(other)
    trickle.comes.set()
    waiting.join(PATIENCE_S)
    quick.join(PATIENCE_S)
    assert (slow, other) == ([b"5"], ["0"])
    return meanwhile


def test_a_slow_body_keeps_nobody_waiting(bare):
    gate.install(bare, at_once=1, max_body=1_000_000)

    assert served_meanwhile(bare)


def test_a_body_read_at_work_would_keep_all_waiting(bare):
    gate.install(bare, at_once=1, max_body=0)

    assert not served_meanwhile(bare)


def test_no_more_work_at_once_than_let(bare):
    inside, most, both = [], [], threading.Barrier(3)

    @bare.post("/work")
    def work():
        inside.append(1)
        most.append(len(inside))
        threading.Event().wait(0.02)
        inside.pop()
        return ""

    gate.install(bare, at_once=2, max_body=1_000_000)

    def press():
        both.wait(PATIENCE_S)
        for _ in range(5):
            bare.test_client().post("/work")

    threads = [threading.Thread(target=press) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert max(most) == 2


def test_an_error_gives_the_place_back(bare):
    bare.config["PROPAGATE_EXCEPTIONS"] = True
    bare.add_url_rule("/bad", "bad", lambda: 1 / 0)
    gate.install(bare, at_once=1, max_body=1_000_000)

    with pytest.raises(ZeroDivisionError):
        bare.test_client().get("/bad")

    assert send(bare).text == "0"
