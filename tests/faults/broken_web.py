"""Webs with a seeded bug, served like the real one: granian targets for the controls.

Nothing here is imported by the product. ``python -m granian tests.faults.broken_web:NAME``
serves the whole product with the bug NAME planted; ``every`` plants another one
in each report, by its key. Each bug pauses where a kill would show it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from flask import Flask, Response, has_request_context, request
from sqlalchemy import event

import wsgi
from app.kernel import appending, ids
from app.kernel.db import session
from app.kernel.http import run
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.tickets.models import Step
from app.tickets.service import intake

PAUSE_S = 0.3
WRITE_AFTER_S = 0.6
KEY = run.KEY_HEADER

ACKNOWLEDGE_FIRST = "acknowledge_first"
NO_KEY = "no_key"
HISTORY_LATE = "history_late"
NEWS_LATE = "news_late"
BUGS = (ACKNOWLEDGE_FIRST, NO_KEY, HISTORY_LATE, NEWS_LATE)


class _Undo(Exception):
    """Ends a unit that was only for show."""


class _Here(threading.local):
    """What this thread is doing."""

    bug: str | None = None
    again = False
    held_back: list[Any]


_here = _Here()
_planted: list[str] = []
_writers = ThreadPoolExecutor(32)
_honest_work = run._work
_honest_key = run._key


def acknowledge_first() -> Flask:
    """Answer, then write."""
    return _broken(ACKNOWLEDGE_FIRST)


def no_key() -> Flask:
    """Take no notice of the Idempotency-Key."""
    return _broken(NO_KEY)


def history_late() -> Flask:
    """Commit the ticket, and its steps with their outbox rows a little later."""
    return _broken(HISTORY_LATE)


def news_late() -> Flask:
    """Commit the ticket with its steps, and their outbox rows a little later."""
    return _broken(NEWS_LATE)


def every() -> Flask:
    """Plant all of them, one in each report."""
    return _broken(*BUGS)


def _broken(*bugs: str) -> Flask:
    _planted[:] = bugs
    run._work = _work
    run._key = _key
    run.unit_of_work = _unit
    intake.new_id = _pinned_id
    event.listen(session, "before_flush", _hold_back)
    return wsgi.serving()


def _work(declared: run.Declared, answer: Callable[[], Response]) -> Response:
    """Do one report with its bug."""
    key = request.headers.get(KEY)
    _here.bug = None if key is None or _here.again else _planted[int(key, 16) % len(_planted)]
    _here.held_back = []
    try:
        response = _honest_work(declared, answer)
        if _here.bug == ACKNOWLEDGE_FIRST and not response.headers.get(run.REPLAYED_HEADER):
            _writers.submit(_write, _copy())
        elif _here.bug is not None:
            time.sleep(PAUSE_S)
            _bring_forth(_here.held_back)
        return response
    finally:
        _here.bug = None


@contextmanager
def _unit() -> Iterator[None]:
    if _here.bug != ACKNOWLEDGE_FIRST:
        with unit_of_work():
            yield
        return
    with suppress(_Undo), unit_of_work():
        yield
        raise _Undo


def _copy() -> dict[str, Any]:
    """Keep what is needed to do this request once more."""
    names = "Authorization", "Content-Type", KEY
    return {
        "path": request.path,
        "data": request.get_data(),
        "headers": {name: request.headers[name] for name in names},
    }


def _write(asked: dict[str, Any]) -> None:
    time.sleep(WRITE_AFTER_S)
    _here.again = True
    wsgi.app.test_client().post(**asked)


def _pinned_id() -> UUID:
    """Give a ticket the same id in the show and in the writing."""
    key = request.headers.get(KEY) if has_request_context() else None
    pinned = key is not None and (_here.again or _here.bug == ACKNOWLEDGE_FIRST)
    return uuid5(NAMESPACE_OID, str(key)) if pinned else ids.new_id()


def _key(declared: run.Declared) -> Any:
    return None if _here.bug == NO_KEY else _honest_key(declared)


def _hold_back(flushing: Any, *_: object) -> None:
    late = {HISTORY_LATE: (Step, OutboxEvent), NEWS_LATE: (OutboxEvent,)}.get(_here.bug or "")
    if not late:
        return
    waiting = flushing.info.get(appending.WAITING, [])
    _here.held_back += [row for row in waiting if isinstance(row, late)]
    waiting[:] = [row for row in waiting if not isinstance(row, late)]


def _bring_forth(rows: Sequence[Any]) -> None:
    if not rows:
        return
    bug, _here.bug = _here.bug, None
    with unit_of_work():
        for row in rows:
            appending.append(row)
    _here.bug = bug
