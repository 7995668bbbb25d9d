"""The decoding child seen from outside: bounded, killed, frozen, bombed."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from app.kernel.errors import Unavailable
from app.media import child, decoding
from app.media.child import Refused
from tests.make import media as make

MEBIBYTE = 1024 * 1024
BOMB = make.bomb()


def repaint(data: bytes, file_format: str = "png") -> child.Repainted:
    return decoding.repaint(decoding.PHOTOS, file_format, data)


@pytest.fixture
def waiting() -> Iterator[psutil.Process]:
    """A photo child that was started ahead and waits for the next file."""
    while decoding._spare:
        decoding._killed(decoding._spare.pop())
    repaint(make.palette())
    yield psutil.Process(decoding._spare[0].pid)
    repaint(make.palette())


def until_taken(pid: int) -> None:
    """Wait until the child is in use: the next one is started after it was looked at."""
    deadline = time.monotonic() + 10
    while [spare.pid for spare in decoding._spare] in ([], [pid]):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_the_bomb_is_small_on_the_wire():
    assert len(BOMB) < 25_000


def test_a_pixel_bomb_is_refused_at_once():
    took = [10.0]

    for _ in range(20):
        if min(took) < 0.1:
            break
        repaint(make.palette())
        time.sleep(0.15)  # the next child warms up, as between two uploads
        began = time.perf_counter()
        with pytest.raises(Refused, match="too_big"):
            repaint(BOMB)
        took.append(time.perf_counter() - began)

    assert min(took) < 0.1


def test_twenty_bombs_at_once_leave_memory_flat():
    repaint(make.palette())
    ourselves = psutil.Process()
    before = ourselves.memory_info().rss
    peak_parent = peak_children = most = 0

    with ThreadPoolExecutor(20) as pool:
        bombs = [pool.submit(repaint, BOMB) for _ in range(20)]
        while not all(bomb.done() for bomb in bombs):
            sizes = memory_of_children(ourselves)
            most = max(most, len(sizes))
            peak_children = max(peak_children, sum(sizes))
            peak_parent = max(peak_parent, ourselves.memory_info().rss)

    assert all(isinstance(bomb.exception(), Refused) for bomb in bombs)
    assert peak_parent - before < 50 * MEBIBYTE
    assert peak_children < 300 * MEBIBYTE
    assert most <= decoding.CHILDREN + 3, "two at work, one or two spare, one just ending"


def memory_of_children(process: psutil.Process) -> list[int]:
    sizes = []
    for one in process.children():
        try:
            # Until its exec a new child shows its parent's memory as its own.
            if "-I" in one.cmdline():
                sizes.append(one.memory_info().rss)
        except psutil.Error:
            continue
    return sizes


def run_inside(code: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        capture_output=True,
        cwd=decoding.ROOT,
        check=False,
        timeout=60,
    )


def test_control_without_the_caps_the_bomb_eats_memory():
    code = """
import resource, sys
from app.media import photos
photos.MAX_SIDE = photos.MAX_PIXELS = 10**9
photos.prepare()
photos.repaint("png", sys.stdin.buffer.read())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""

    told = run_inside(code, BOMB)

    assert int(told.stdout) > 150


@pytest.mark.parametrize(
    ("act", "sign"),
    [
        ("kept = bytearray(600 * 1024 * 1024)", b"MemoryError"),
        ("kept = [open('/dev/null') for _ in range(40)]", b"Too many open files"),
        ("kept = open('PLACE', 'wb', buffering=0).write(b'x')", b"File too large"),
    ],
)
def test_the_limits_of_a_child_bite(act, sign, tmp_path):
    act = act.replace("PLACE", str(tmp_path / "file"))

    bound = run_inside(f"from app.media.child import limit\nlimit()\n{act}")
    free = run_inside(f"import app.media.child\n{act}")

    assert sign in bound.stderr
    assert free.returncode == 0, "control: without limits the same act succeeds"


def test_a_child_that_only_computes_is_ended_by_its_cpu_limit():
    code = "from app.media import child\nchild.CPU_SECONDS = 1\nchild.limit()\nwhile True: pass"

    ended = run_inside(code)

    assert ended.returncode in {-signal.SIGXCPU, -signal.SIGKILL}


def test_a_child_knows_no_secret_and_loads_nothing_of_the_house(waiting, monkeypatch):
    monkeypatch.setenv("SANDAN_SECRET_KEY", "secret" * 10)

    assert waiting.environ() == {}
    assert waiting.cwd() == "/"
    told = run_inside("import sys\nimport app.media.photos\nprint(*sys.modules)")
    loaded = told.stdout.decode().split()
    assert "app.media.photos" in loaded
    assert not [name for name in loaded if name.startswith(("app.kernel", "sqlalchemy", "flask"))]


def test_the_parent_never_loads_a_decoder():
    told = run_inside("import sys\nimport app.media.service\nprint(*sys.modules)")

    loaded = told.stdout.decode().split()
    assert "app.media.service" in loaded
    assert not {"PIL", "av", "pillow_heif"} & set(loaded)


def test_a_child_killed_from_outside_is_no_fault_of_the_photo(waiting):
    waiting.suspend()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(repaint, make.palette())
        until_taken(waiting.pid)
        waiting.kill()

    refusal = asked.exception()
    assert isinstance(refusal, Unavailable)
    assert refusal.code == "media_busy"
    assert repaint(make.palette()).variants, "the next photo goes through"


def test_a_child_that_crashes_over_a_photo_refuses_the_photo(waiting):
    waiting.suspend()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(repaint, make.palette())
        until_taken(waiting.pid)
        waiting.send_signal(signal.SIGSEGV)
        waiting.resume()

    assert isinstance(asked.exception(), Refused)
    assert repaint(make.palette()).variants


def test_a_child_that_hangs_is_ended_in_time(waiting, monkeypatch):
    monkeypatch.setattr(decoding, "WALL_SECONDS", 0.5)
    waiting.suspend()
    began = time.monotonic()

    with pytest.raises(Refused, match="broken"):
        repaint(make.palette())

    assert time.monotonic() - began < 5
    assert not psutil.pid_exists(waiting.pid)


def test_a_waiting_child_that_died_is_replaced(waiting):
    waiting.kill()
    waiting.wait(5)

    made = repaint(make.palette())

    assert set(made.variants) == {"large", "thumb"}


def test_a_waiting_child_ends_when_its_parent_is_killed():
    code = """
import os, signal
from app.media import decoding
decoding._spare.append(decoding._started("photos"))
print(decoding._spare[0].pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    pid = int(run_inside(code).stdout)

    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_too_many_at_once_are_told_to_come_back(waiting, monkeypatch):
    monkeypatch.setattr(decoding, "QUEUE_SECONDS", 0.05)
    held = [decoding._places.acquire() for _ in range(decoding.CHILDREN)]

    try:
        with pytest.raises(Unavailable) as refusal:
            repaint(make.palette())
    finally:
        for _ in held:
            decoding._places.release()

    assert refusal.value.retry_after == 5


def test_a_forked_process_takes_no_child_of_its_parent(waiting):
    reader, writer = os.pipe()

    forked = os.fork()
    if not forked:
        os.write(writer, b"%d" % len(decoding._spare))
        os._exit(0)
    os.waitpid(forked, 0)

    assert os.read(reader, 8) == b"0"
    assert len(decoding._spare) == 1
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no json\nxx",
        b'{"facts": {}}\n',
        b'{"facts": {}, "variants": [["large", 10]]}\nshort',
        b'{"facts": {}, "variants": [["large", -1]]}\nshort',
        b'{"facts": {"width": "wide"}, "variants": []}\n',
        b"[]\n",
        b'{"facts": {}, "variants": [["large"]]}\nx',
    ],
)
def test_an_answer_that_makes_no_sense_is_not_believed(answer):
    with pytest.raises(Refused, match="broken"):
        decoding._read(answer)


def test_no_process_is_left_behind():
    others = {one.pid for one in psutil.Process().children()}
    for data in (make.palette(), BOMB, make.truncated()):
        try:
            repaint(data)
        except Refused:
            continue

    left = {one.pid for one in psutil.Process().children()} - others

    assert left <= {spare.pid for spare in decoding._spare}
    assert threading.active_count() < 20


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(10))
def test_mutilated_files_are_refused_or_repainted_and_nothing_else(seed):
    dice = random.Random(seed)  # noqa: S311
    samples = [(decoding.PHOTOS, name, sample()) for name, sample in make.PHOTOS.items()]
    samples += [(decoding.VOICES, name, make.voice(name, 1.0)) for name in make.VOICES]
    ends = set()

    for _ in range(50):
        module, file_format, data = dice.choice(samples)
        broken = bytearray(data)
        for _ in range(dice.choice([1, 3, 10, 60])):
            broken[dice.randrange(12, len(broken))] = dice.randrange(256)
        try:
            decoding.repaint(module, file_format, bytes(broken))
            ends.add("repainted")
        except Refused as refusal:
            ends.add(str(refusal))

    assert ends <= {"repainted", "broken", "too_big", "too_long", "video"}
