"""The engine with a Redis: a doorbell that may be lost, workers that believe nothing."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.kernel import outbox, work
from app.kernel.db import session
from app.kernel.outbox import Lane
from app.kernel.work import unit_of_work
from config import Settings
from tests import servers
from tests.faults import ledger
from tests.faults.crew import ROOT, Crew, open_crew, wait_for
from tests.make.outbox import Unheard, listener, marks, record, wiring
from workers import bell, rqueue
from workers.rqueue import Bell, Post

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def crew(nest, sink, redis_url, prefix):
    with open_crew(nest, sink, redis_url=redis_url, prefix=prefix) as opened:
        yield opened


@pytest.fixture
def doorbell(redis_url, prefix, monkeypatch) -> Bell:
    """A bell that is rung after each commit of this test."""
    made = Bell(redis_url, prefix)
    monkeypatch.setattr(work, "after_commit", [made.ring])
    return made


def waiting(doorbell: Bell, lane: Lane = Lane.SHORT) -> int:
    return len(doorbell._queues[lane])


def everything_ran(owed: list, sink: Path) -> bool:
    return (
        ledger.is_settled()
        and ledger.inside_counts() == dict.fromkeys(owed, 1)
        and ledger.outside_counts(sink) == dict.fromkeys(owed, 1)
    )


class TestTheBell:
    def test_what_is_recorded_is_run_by_a_worker_that_was_rung(self, crew, sink, doorbell):
        crew.hatch("short")

        owed = ledger.owe(5)

        assert wait_for(lambda: everything_ran(owed, sink))

    def test_many_rings_are_one_job(self, doorbell):
        for _ in range(5):
            assert doorbell.ring()

        assert waiting(doorbell) == 1
        assert waiting(doorbell, Lane.LONG) == 0

    def test_it_can_be_rung_again_before_the_first_row_is_claimed(self, app, doorbell):
        seen = []

        def look(event):
            seen.append(doorbell.connection.exists(doorbell._flag(Lane.SHORT)))

        post = Post(app, wiring(listener(look)), doorbell)
        record()

        post.take_turn(Lane.SHORT)

        assert seen == [0]

    def test_control_a_flag_taken_down_afterwards_swallows_a_ring(self, app, doorbell, monkeypatch):
        """What is recorded while the turn ends finds the flag still up: nobody is woken."""
        monkeypatch.setattr(doorbell, "answer", lambda lane: None)
        post = Post(app, wiring(), doorbell)
        record()
        doorbell.connection.delete(*[queue.key for queue in doorbell._queues.values()])

        post.take_turn(Lane.SHORT)
        record()

        assert waiting(doorbell) == 0

    def test_a_turn_that_ran_out_of_time_rings_again(self, app, doorbell):
        post = Post(app, wiring(listener(lambda _: time.sleep(0.1)), budget_s=0.05), doorbell)
        record(3)
        doorbell.connection.delete(doorbell._queues[Lane.SHORT].key)

        post.take_turn(Lane.SHORT)

        assert waiting(doorbell) == 1

    def test_the_settings_choose_the_bell(self, settings, redis_url):
        assert bell(settings)() is None

    def test_nothing_is_pickled(self, doorbell):
        doorbell.ring()

        [job_id] = doorbell._queues[Lane.SHORT].job_ids
        data = doorbell._queues[Lane.SHORT].fetch_job(job_id).data
        assert json.loads(data) == ["turn", None, ["short"], {}]


class TestWithoutRedis:
    def test_a_record_succeeds_at_once_and_a_keeper_sees_to_it_later(self, nest, sink, tmp_path):
        with servers.own_redis(tmp_path) as (url, server):
            prefix, port = servers.new_prefix(), server.port
            server.terminate()
            doorbell = Bell(url, prefix)
            began = time.monotonic()

            with rung_by(doorbell):
                owed = [each for number in range(10) for each in ledger.owe(1, first=number)]

            assert time.monotonic() - began < 2
            server._desired_port = port
            server.start()
            with open_crew(nest, sink, redis_url=url, prefix=prefix) as crew:
                crew.hatch("keeper")
                crew.hatch("short")
                assert wait_for(lambda: everything_ran(owed, sink))

    def test_a_redis_that_hangs_costs_one_second_once(self, tmp_path):
        with servers.own_redis(tmp_path) as (url, server):
            doorbell = Bell(url, servers.new_prefix())
            os.kill(server._process.pid, signal.SIGSTOP)
            spent = []

            with rung_by(doorbell):
                for number in range(5):
                    began = time.monotonic()
                    record(first=number)
                    spent.append(time.monotonic() - began)
            os.kill(server._process.pid, signal.SIGCONT)

        assert max(spent) < 1.5
        assert sum(spent) < 2.5

    def test_rings_lost_with_everything_in_redis_are_made_up_for(
        self, crew, sink, redis_url, prefix, doorbell
    ):
        owed = ledger.owe(100)
        assert waiting(doorbell) == 1
        servers.forget(redis_url, prefix)
        assert waiting(doorbell) == 0

        crew.hatch("short")
        crew.hatch("keeper")

        assert wait_for(lambda: everything_ran(owed, sink))

    def test_workers_outlive_a_restart_of_redis(self, nest, sink, tmp_path):
        with servers.own_redis(tmp_path) as (url, server):
            port, prefix = server.port, servers.new_prefix()
            with open_crew(nest, sink, redis_url=url, prefix=prefix) as crew:
                crew.hatch("keeper")
                worker = crew.hatch("short")
                owed = ledger.owe(5)
                assert wait_for(lambda: everything_ran(owed, sink))
                server.terminate()
                owed += ledger.owe(5)
                time.sleep(0.5)
                server._desired_port = port
                server.start()

                assert wait_for(lambda: revived(crew, worker) and everything_ran(owed, sink), 30)


def revived(crew: Crew, worker: int) -> bool:
    """Do what the supervisor does: RQ gives up when Redis goes away in the middle of a turn."""
    if worker not in crew.members() and not crew.hatched_since(worker):
        crew.hatch("short")
    return True


class rung_by:  # noqa: N801
    """Ring ``doorbell`` after each commit inside the block."""

    def __init__(self, doorbell: Bell) -> None:
        self._doorbell = doorbell

    def __enter__(self) -> None:
        work.after_commit.append(self._doorbell.ring)

    def __exit__(self, *_: object) -> None:
        work.after_commit.remove(self._doorbell.ring)


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return os.system, (f"touch {self._path}",)


class TestHostileJobs:
    """Whoever can write to Redis can wake us and no more."""

    def put(self, doorbell: Bell, **fields) -> None:
        queue = doorbell._queues[Lane.SHORT]
        doorbell.ring()
        job_id = queue.job_ids[-1]
        doorbell.connection.hset(f"rq:job:{job_id}", mapping=fields)
        doorbell.answer(Lane.SHORT)

    @pytest.mark.parametrize("field", ["data", "meta", "result"])
    def test_a_pickle_is_not_opened(self, crew, sink, doorbell, tmp_path, field):
        canary = tmp_path / "canary"
        self.put(doorbell, **{field: pickle.dumps(Touch(canary))})

        self.refused(crew, sink, canary)

    @pytest.mark.parametrize(
        "fields",
        [
            {"data": lambda path: json.dumps(["os.system", None, [f"touch {path}"], {}])},
            {"success_callback_name": lambda path: "os.system"},
            {"data": lambda path: b"\xff\xfe", "failure_callback_name": lambda path: "os.abort"},
        ],
    )
    def test_no_function_but_ours_is_called(self, crew, sink, doorbell, tmp_path, fields):
        canary = tmp_path / "canary"
        self.put(doorbell, **{name: make(canary) for name, make in fields.items()})

        self.refused(crew, sink, canary)

    def refused(self, crew: Crew, sink: Path, canary: Path) -> None:
        worker = crew.hatch("short")
        owed = ledger.owe(2)

        assert wait_for(lambda: everything_ran(owed, sink))
        assert worker in crew.members()
        assert not canary.exists()

    def test_control_the_pickle_is_real(self, tmp_path):
        canary = tmp_path / "canary"

        pickle.loads(pickle.dumps(Touch(canary)))  # noqa: S301

        assert canary.exists()


class TestOneWorker:
    def test_poison_that_kills_or_hangs_dies_and_the_good_pass(self, crew, sink):
        with unit_of_work():
            outbox.record(ledger.Poison(kind="exit"))
            outbox.record(ledger.Poison(kind="hang"))
        owed = ledger.owe(100)
        crew.hatch("keeper")
        crew.hatch("short")

        assert wait_for(ledger.is_settled, seconds=60)
        assert ledger.inside_counts() == dict.fromkeys(owed, 1)
        assert set(ledger.outside_counts(sink)) == set(owed)
        errors = sorted(row.error.partition(":")[0] for row in outbox.dead_letters().items)
        assert errors == ["TimeUp", "WorkerDied"]

    def test_sigterm_in_a_turn_ends_soon_and_leaves_no_lease(self, crew, sink, doorbell):
        owed = ledger.owe(300)
        worker = crew.hatch("short")
        assert wait_for(lambda: ledger.done() > 5)
        began = time.monotonic()

        crew.tell(worker, signal.SIGTERM)

        assert wait_for(lambda: worker not in crew.members())
        assert time.monotonic() - began < 5
        session.rollback()
        assert outbox.backlog().claimed == 0
        assert ledger.done() < 2 * len(owed)

    def test_an_idle_worker_ends_on_sigterm(self, crew, sink):
        worker, keeper = crew.hatch("short"), crew.hatch("keeper")
        time.sleep(0.5)

        crew.tell(worker, signal.SIGTERM)

        assert wait_for(lambda: worker not in crew.members())
        assert keeper in crew.members()


def test_the_keeper_rings_for_due_rows_and_nothing_else(app, redis_url, prefix):
    stopping = threading.Event()
    wired = wiring(listener(), listener(name="slow", queue=Lane.LONG))
    doorbell = Bell(redis_url, prefix)
    thread = threading.Thread(
        target=rqueue.keep,
        args=(app, redis_url, stopping),
        kwargs={"wiring": wired, "prefix": prefix, "look_s": 0.05},
    )
    thread.start()
    try:
        time.sleep(0.3)
        idle = waiting(doorbell)
        record()
        outbox.fan_out(wired.listeners)
        rung = wait_for(lambda: waiting(doorbell) == waiting(doorbell, Lane.LONG) == 1)
    finally:
        stopping.set()
        thread.join(10)

    assert idle == 0
    assert rung
    assert marks() == {}


def run_workers(settings: Settings, *roles: str, redis_url: str = "") -> subprocess.Popen[bytes]:
    environ = os.environ | {
        "SANDAN_ENV": "test",
        "SANDAN_DATA": str(settings.data_dir),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "workers", *roles],
        cwd=ROOT,
        env=environ,
        stderr=subprocess.DEVNULL,
    )


def is_handed_on() -> bool:
    session.rollback()
    counted = outbox.backlog()
    session.rollback()
    return counted.unfanned == 0


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["redis", "embedded"])
def test_the_command_runs_the_product_in_the_foreground(settings, tmp_path, engine):
    with servers.own_redis(tmp_path) as (url, _):
        process = run_workers(settings, redis_url=url if engine == "redis" else "")
        try:
            with unit_of_work():
                outbox.record(Unheard())
            handed_on = wait_for(is_handed_on, seconds=90)
            children = psutil.Process(process.pid).children()
        finally:
            process.terminate()
            status = process.wait(20)

    assert handed_on
    assert status == 0
    assert len(children) == (3 if engine == "redis" else 0)
    assert not any(child.is_running() for child in children)


def test_a_role_without_a_redis_is_refused(settings):
    process = run_workers(settings, "short")

    assert process.wait(30) == 2


def test_the_request_path_is_impatient(redis_url):
    connection = rqueue.impatient("redis://127.0.0.1:1/0")
    began = time.monotonic()

    with pytest.raises(RedisError):
        connection.ping()

    assert time.monotonic() - began < 0.5
    assert Redis.from_url(redis_url).ping()
