"""The engine with a Redis: RQ workers, woken by a doorbell.

A job on the queue says only "have a look at the outbox, lane so-and-so", so
nothing is lost with Redis. What is taken from Redis is believed in nothing:
JSON only, one fixed function, no callbacks, no webhooks; whoever can write to
Redis can wake us and no more.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

import structlog
from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue, Worker
from rq.job import Job
from rq.serializers import JSONSerializer

from app.kernel import outbox
from app.kernel.db import db
from app.kernel.outbox import Lane
from workers import drain
from workers.drain import PRODUCT, Wiring
from workers.limits import alarm

_log = structlog.get_logger("sandan.worker")

PREFIX = "sandan"
FUNCTION = "turn"
FLAG_S = 10
"""A ring that was taken by a worker that died is rung again after this."""
REST_S = 5.0
"""After a failed ring nobody tries again for so long, or every request would wait a second."""
LOOK_S = 2.0
TURN_S = {Lane.SHORT: 600, Lane.LONG: 7200}
"""The outermost limit of one turn; each delivery has its own."""


class Refused(Exception):
    """A job on the queue that we did not put there."""


class TurnFailed(Exception):
    """A turn broke off; the words stay out of Redis, they may hold personal data."""


class TurnJob(Job):
    """The only job there is: a turn of one lane."""

    def restore(self, raw_data: Any) -> None:
        """Read the job, dropping everything that would call out or come back."""
        super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        self.retries_left = None
        self.repeats_left = None

    def perform(self) -> None:
        """Take the turn.

        Raises:
            Refused: the job says anything else.
            TurnFailed: the turn broke off; what is owed is still owed.

        """
        if self.func_name != FUNCTION or self.instance is not None or self.kwargs:
            raise Refused("not a job of ours")
        lane = Lane(*self.args)
        self.connection.persist(self.key)
        try:
            _post().take_turn(lane)
        except Exception as error:
            raise TurnFailed(outbox.describe(error)) from None


class TurnWorker(Worker):
    """An RQ worker that forks for each turn and can be told to stop inside one."""

    max_connection_wait_time = 5.0
    log_result_lifespan = False

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Begin life as a child: the parent's connections are not ours."""
        post = _post()
        with post.app.app_context():
            db.engine.dispose(close=False)
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Let SIGTERM end the turn after the delivery in hand."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _post().leave)

    def handle_warm_shutdown_request(self) -> None:
        """Pass the request on to the child."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)


class Bell:
    """Rings a lane: one waiting job per lane is enough, a flag sees to that."""

    def __init__(self, url: str, prefix: str = PREFIX) -> None:
        self.connection = impatient(url)
        self._prefix = prefix
        self._queues = {lane: open_queue(self.connection, lane, prefix) for lane in Lane}
        self._rest_until = 0.0

    def ring(self, lane: Lane = Lane.SHORT) -> bool:
        """Put a turn on the queue unless one waits; never raises, waits a second at most.

        Returns whether Redis answered.
        """
        if time.monotonic() < self._rest_until:
            return False
        try:
            if self.connection.set(self._flag(lane), "1", nx=True, ex=FLAG_S):
                self._enqueue(lane)
        except (RedisError, OSError) as error:
            self._rest_until = time.monotonic() + REST_S
            _log.warning("ring_failed", lane=lane, error=type(error).__name__)
            return False
        return True

    def answer(self, lane: Lane) -> None:
        """Take the flag down: whatever is recorded from here on rings again."""
        with suppress(RedisError, OSError):
            self.connection.delete(self._flag(lane))

    def _enqueue(self, lane: Lane) -> None:
        with self.connection.pipeline() as pipeline:
            self._queues[lane].enqueue_call(
                FUNCTION,
                args=(lane.value,),
                timeout=TURN_S[lane],
                result_ttl=0,
                ttl=300,
                failure_ttl=3600,
                job_id=uuid4().hex,
                description=f"turn of {lane}",
                pipeline=pipeline,
            )
            pipeline.execute()

    def _flag(self, lane: Lane) -> str:
        return f"{self._prefix}:rung:{lane}"


class Post:
    """What the worker of this process has at hand; children inherit it by fork."""

    def __init__(self, app: Flask, wiring: Wiring, bell: Bell) -> None:
        self.app = app
        self._wiring = wiring
        self._bell = bell
        self._leaving = threading.Event()

    def take_turn(self, lane: Lane) -> None:
        """Answer the bell and work; ring again if time ran out before the work did."""
        self._bell.answer(lane)
        with self.app.app_context():
            more = drain.turn(
                self._wiring,
                lane,
                ring=self._bell.ring,
                bound=alarm,
                stopping=self._leaving.is_set,
            )
        if more:
            self._bell.ring(lane)

    def leave(self, *_: object) -> None:
        """End the turn after the delivery in hand."""
        self._leaving.set()


_on_post: list[Post] = []


def _post() -> Post:
    return _on_post[0]


def impatient(url: str) -> Redis:
    """Open a client for the request path: one second, no second try."""
    return Redis.from_url(
        url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )


def open_queue(connection: Redis, lane: Lane, prefix: str = PREFIX) -> Queue:
    """Open the queue of ``lane``."""
    return Queue(
        f"{prefix}-{lane}", connection=connection, job_class=TurnJob, serializer=JSONSerializer
    )


def work(
    app: Flask, lane: Lane, url: str, *, wiring: Wiring = PRODUCT, prefix: str = PREFIX
) -> None:
    """Be the RQ worker of one lane until told to stop.

    One queue per worker: RQ pops crash-safely only then. The short ``worker_ttl``
    makes an idle worker look after its registries every 45 s.
    """
    _on_post[:] = [Post(app, wiring, Bell(url, prefix))]
    connection = Redis.from_url(url, socket_connect_timeout=5)
    worker = TurnWorker(
        [open_queue(connection, lane, prefix)],
        connection=connection,
        worker_ttl=60,
        job_class=TurnJob,
        serializer=JSONSerializer,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


def keep(
    app: Flask,
    url: str,
    stopping: threading.Event,
    *,
    wiring: Wiring = PRODUCT,
    prefix: str = PREFIX,
    look_s: float = LOOK_S,
) -> None:
    """Look into the database and ring for whatever is due, until told to stop.

    This is the sweeper (rows nobody rang for, leases that ran out) and the
    clock of the timetable in one; it runs nothing itself.
    """
    bell = Bell(url, prefix)
    while not stopping.wait(look_s):
        try:
            with app.app_context():
                for lane in Lane:
                    if drain.is_due(wiring, lane):
                        bell.ring(lane)
        except Exception as error:
            _log.error("look_failed", error=outbox.describe(error))
