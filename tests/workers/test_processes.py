"""A crew of processes: what dies is started again, what is told to stop stops."""

import signal
import sys
import threading
import time

from workers import processes

NOTE = "open(sys.argv[1], 'a').write('x')"


def wait_for(condition, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def run(commands, stopping, grace_s: float = 5) -> threading.Thread:
    thread = threading.Thread(
        target=processes.supervise, args=(commands, stopping), kwargs={"grace_s": grace_s}
    )
    thread.start()
    return thread


def size(path) -> int:
    return path.stat().st_size if path.exists() else 0


def test_a_process_that_dies_is_started_again_and_the_others_live_on(tmp_path):
    steady, dying = tmp_path / "steady", tmp_path / "dying"
    stopping = threading.Event()
    crew = run(
        [
            [sys.executable, "-c", f"import sys, time; {NOTE}; time.sleep(60)", str(steady)],
            [sys.executable, "-c", f"import sys; {NOTE}; sys.exit(3)", str(dying)],
        ],
        stopping,
    )

    try:
        assert wait_for(lambda: size(dying) >= 2)
    finally:
        stopping.set()
        crew.join(15)

    assert not crew.is_alive()
    assert size(steady) == 1


def test_a_process_that_will_not_stop_is_ended_after_the_grace(tmp_path):
    started = tmp_path / "started"
    deaf = (
        f"import signal, sys, time; signal.signal({int(signal.SIGTERM)}, signal.SIG_IGN); "
        f"{NOTE}; time.sleep(60)"
    )
    stopping = threading.Event()
    crew = run([[sys.executable, "-c", deaf, str(started)]], stopping, grace_s=0.3)
    assert wait_for(lambda: size(started) == 1)
    began = time.monotonic()

    stopping.set()
    crew.join(10)

    assert not crew.is_alive()
    assert 0.3 <= time.monotonic() - began < 5
