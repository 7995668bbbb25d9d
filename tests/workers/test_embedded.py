"""The engine without a Redis: threads that drain, are woken, and are joined."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.kernel import clock, outbox, work
from app.kernel.db import session
from app.kernel.outbox import Lane, TimetableTick
from tests.make.outbox import (
    leave_a_mark,
    leave_a_mark_outside,
    listener,
    marks,
    record,
    wiring,
)
from workers import bell, embedded, start
from workers.embedded import EmbeddedWorker
from workers.timetable import Timed

pytestmark = pytest.mark.usefixtures("app")


def wait_for(condition, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        session.rollback()
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def run(app):
    """Start workers that are stopped after the test."""
    started = []

    def begin(wired, **facts):
        worker = EmbeddedWorker(app, wired, **facts)
        worker.begin()
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        assert worker.stop()


def test_what_was_recorded_before_and_after_the_start_is_drained(run):
    before = record(3)

    run(wiring(listener(), listener(leave_a_mark_outside, name="out", work=False)), look_s=0.05)
    after = record(3)

    expected = {event.event_id: 2 for event in (*before, *after)}
    assert wait_for(lambda: marks() == expected)


def test_the_bell_wakes_it_at_once(run, settings, monkeypatch):
    monkeypatch.setattr(work, "after_commit", [bell(settings)])
    run(wiring(listener()), look_s=60)
    time.sleep(0.2)
    began = time.monotonic()

    record()

    assert wait_for(lambda: len(marks()) == 1)
    assert time.monotonic() - began < 5


def test_without_a_bell_it_looks_by_itself(run):
    run(wiring(listener()), look_s=0.05)
    time.sleep(0.2)

    record()
    record(first=9, due=clock.now() + timedelta(seconds=0.3))

    assert wait_for(lambda: len(marks()) == 2)


def test_the_long_lane_does_not_hold_up_the_short_one(run):
    gate = threading.Event()

    def wait_at_gate(event):
        gate.wait(10)

    slow = listener(wait_at_gate, name="slow", work=False, queue=Lane.LONG)
    run(wiring(listener(), slow), look_s=0.05)

    record(3)

    assert wait_for(lambda: len(marks()) == 3)
    assert outbox.backlog().claimed > 0
    gate.set()
    assert wait_for(lambda: outbox.backlog().claimed + outbox.backlog().ready == 0)


def test_the_timetable_is_kept(run):
    served = []
    job = Timed(name="test.tick", every_s=1, run=served.append)

    workers = [run(wiring(timetable=(job,)), look_s=0.05) for _ in range(2)]

    assert wait_for(lambda: len(served) >= 3)
    for worker in workers:
        assert worker.stop()
    ticks = session.scalars(select(TimetableTick)).all()
    assert [tick.attempts for tick in ticks] == [1] * len(served)


def test_two_workers_run_each_row_once(run):
    wired = wiring(listener(), batch=3)
    events = record(150)

    run(wired, look_s=0.02)
    run(wired, look_s=0.02)

    assert wait_for(lambda: len(marks()) == 150)
    assert marks() == {event.event_id: 1 for event in events}


def test_a_stop_waits_for_the_delivery_in_hand_and_gives_back_the_rest(run):
    entered = threading.Event()

    def slowly(event):
        entered.set()
        time.sleep(0.3)
        leave_a_mark(event)

    worker = run(wiring(listener(slowly)))
    record(10)
    worker.ring()
    assert entered.wait(5)

    stopped = worker.stop()

    assert stopped
    assert 1 <= len(marks()) <= 2
    counted = outbox.backlog()
    assert counted.claimed == 0
    assert counted.ready + len(marks()) == 10


def test_an_error_outside_the_listeners_is_outlived(run, monkeypatch):
    monkeypatch.setattr(embedded, "PAUSE_AFTER_ERROR_S", 0.05)
    failing = [True, True]
    whole = wiring(listener())

    class Fragile(dict):
        def get(self, key, default=None):
            if failing:
                failing.pop()
                raise OSError("no database")
            return super().get(key, default)

    run(replace(whole, listeners=Fragile(whole.listeners)), look_s=0.05)
    record()

    assert wait_for(lambda: len(marks()) == 1)
    assert not failing


@pytest.mark.parametrize(
    ("asked", "redis_url", "runs"), [(True, None, True), (False, None, False), (True, "x", False)]
)
def test_it_starts_only_when_the_settings_say_so(
    app, settings, monkeypatch, asked, redis_url, runs
):
    told = replace(settings, embedded_worker=asked, redis_url=redis_url)
    monkeypatch.setitem(app.extensions, "settings", told)
    monkeypatch.setattr(embedded, "_stop_on_sigterm", lambda worker: None)

    worker = embedded.start(app, wiring(listener()))

    assert worker.is_running is runs
    assert worker.stop()
    assert not worker.is_running


def test_importing_the_door_starts_nothing():
    assert embedded.start is start
    assert not [one for one in threading.enumerate() if one.name.startswith("worker-")]


SERVED = textwrap.dedent(
    """
    import sys, time
    from app import rooms
    from app.factory import create_app
    from config import Settings
    from tests.make.outbox import leave_a_mark, listener, wiring
    from workers import start

    def slowly(event):
        print("entered", flush=True)
        time.sleep(0.5)
        leave_a_mark(event)

    def serve():
        app = create_app(Settings.from_env())
        start(app, wiring(listener(slowly), batch=5))
        return app

    if __name__ == "__main__":
        serve()
        time.sleep(float(sys.argv[1]))
    """
)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


GRANIAN = "--interface wsgi --factory --workers 1 --blocking-threads 2 --log-level warning"
ENDINGS = {
    "exit": ([sys.executable, "served.py", "1.2"], False, 0),
    "sigterm": ([sys.executable, "served.py", "60"], True, -signal.SIGTERM),
    "granian": (
        [str(Path(sys.executable).with_name("granian")), "served:serve", *GRANIAN.split()],
        True,
        0,
    ),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_process_that_ends_joins_its_worker_first(settings, tmp_path, ending):
    command, told, expected = ENDINGS[ending]
    port = ["--port", str(free_port())] if ending == "granian" else []
    record(4)
    (tmp_path / "served.py").write_text(SERVED)
    process = subprocess.Popen(
        [*command, *port],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": f"{os.getcwd()}:{tmp_path}",
            "SANDAN_ENV": "test",
            "SANDAN_DATA": str(settings.data_dir),
            "SANDAN_EMBEDDED_WORKER": "1",
            "DATABASE_URL": settings.database_url,
        },
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"entered\n"
    if told:
        process.send_signal(signal.SIGTERM)
    process.stdout.read()
    status = process.wait(15)
    process.stdout.close()

    assert status == expected
    assert len(marks()) >= 1
    assert outbox.backlog().claimed == 0
    assert outbox.backlog().ready == 4 - len(marks())
