"""How many requests a process works on at once, and how many it listens to.

A thread that computes beside others of its process only takes turns with them, and
every turn costs; a thread that waits for a phone on a weak network costs nothing. So
a process has many threads, which first take in the whole body, and few that work.
"""

from collections.abc import Callable, Iterable
from queue import SimpleQueue
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    Slots = SimpleQueue[None]
    """As many entries as may go in; of all ways to count to two the cheapest."""

IN_MEMORY = 256 * 1024
"""Bytes of a body that are kept in memory; more goes to a file until the request ends."""
PIECE = 64 * 1024


def install(app: Flask, *, at_once: int, max_body: int) -> None:
    """Let ``at_once`` requests of this process work at the same time.

    A body up to ``max_body`` bytes is taken in before; a longer one, or one of
    unknown length, is left to the app, which refuses it.
    """
    slots: Slots = SimpleQueue()
    for _ in range(at_once):
        slots.put(None)
    app.wsgi_app = _gated(app.wsgi_app, slots, max_body)  # type: ignore[assignment, method-assign]


def _gated(
    inner: "WSGIApplication", slots: "Slots", max_body: int
) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    def work(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        slots.get()
        try:
            return inner(environ, start_response)
        finally:
            slots.put(None)

    def gated(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        length = _length(environ)
        if not 0 < length <= max_body:
            return work(environ, start_response)
        with SpooledTemporaryFile(IN_MEMORY) as body:
            _take_in(environ["wsgi.input"], body, length)
            environ["wsgi.input"] = body
            return work(environ, start_response)

    return gated


def _length(environ: "WSGIEnvironment") -> int:
    told = environ.get("CONTENT_LENGTH") or ""
    return int(told) if told.isdigit() else 0


def _take_in(given: Any, body: IO[bytes], length: int) -> None:
    left = length
    while left and (piece := given.read(min(left, PIECE))):
        body.write(piece)
        left -= len(piece)
    body.seek(0)
