"""Hand a stranger's file to a decoding child and take back what it painted.

Each file gets a process of its own, so that a decoder taken over by one
person's file never sees another's. One photo child is started ahead and waits
with its imports done. The parent itself never loads a decoder.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

from app.kernel.errors import Unavailable
from app.media.child import BROKEN, Refused, Repainted

PHOTOS = "photos"
VOICES = "voices"
CODES = "codes"

WALL_SECONDS = 10.0
MAX_ANSWER_BYTES = 12 * 1024 * 1024
CHILDREN = 2
QUEUE_SECONDS = 15.0

NOT_THE_FILES_FAULT = (1, -signal.SIGKILL)
"""Ends without an answer that no file causes: a failed start, a kill from outside."""

ROOT = Path(__file__).resolve().parents[2]

_places = threading.BoundedSemaphore(CHILDREN)
_spare: deque["subprocess.Popen[bytes]"] = deque()


def repaint(module: str, file_format: str, data: bytes) -> Repainted:
    """Have ``data`` repainted by a child running ``module``.

    Takes at most ``QUEUE_SECONDS`` of waiting for a place and ``WALL_SECONDS`` of work.

    Raises:
        Refused: the child refused the file, or the file made it crash or hang.
        Unavailable: no place became free, or no child could be kept alive.

    """
    places = _places
    if not places.acquire(timeout=QUEUE_SECONDS):
        raise Unavailable(
            "现在上传的人较多，请稍等几秒再传一次。", code="media_busy", retry_after=5
        )
    try:
        child = _taken(module)
        if module == PHOTOS and not _spare:
            with suppress(OSError):
                _spare.append(_started(module))
        return _read(_asked(child, file_format.encode() + b"\n" + data))
    except OSError as error:
        raise _out_of_order() from error
    finally:
        places.release()


def _taken(module: str) -> "subprocess.Popen[bytes]":
    """Take the child that waits, if it still lives, or start one."""
    with suppress(IndexError):
        while module == PHOTOS:
            child = _spare.pop()
            if child.poll() is None:
                return child
            _closed(child)
    return _started(module)


def _started(module: str) -> "subprocess.Popen[bytes]":
    start = (
        f"import sys; sys.path.insert(0, sys.argv[1]); from app.media.{module} import main; main()"
    )
    # Isolated and with an empty environment: our secrets are not its business.
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-I", "-c", start, str(ROOT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,
    )


def _asked(child: "subprocess.Popen[bytes]", question: bytes) -> bytes:
    """Put the question, read the answer, leave no process behind."""
    stdin, stdout = cast(IO[bytes], child.stdin), cast(IO[bytes], child.stdout)
    late = threading.Event()

    def stop() -> None:
        late.set()
        _killed(child)

    alarm = threading.Timer(WALL_SECONDS, stop)
    alarm.daemon = True
    alarm.start()
    try:
        with suppress(BrokenPipeError):
            stdin.write(question)
            stdin.close()
        answer = stdout.read(MAX_ANSWER_BYTES + 1)
    finally:
        alarm.cancel()
        alarm.join()
        _killed(child)
        code = child.wait()
        _closed(child)
    if answer and len(answer) <= MAX_ANSWER_BYTES:
        return answer
    if not answer and not late.is_set() and code in NOT_THE_FILES_FAULT:
        raise _out_of_order()
    raise Refused(BROKEN)


def _read(answer: bytes) -> Repainted:
    """Read what a child wrote, believing nothing: it may have been taken over."""
    head, _, body = answer.partition(b"\n")
    try:
        told: dict[str, Any] = json.loads(head)
        if "refused" in told:
            raise Refused(str(told["refused"]))
        facts = {str(name): float(value) for name, value in told["facts"].items()}
        variants: dict[str, bytes] = {}
        for name, size in told["variants"]:
            variants[str(name)], body = body[:size], body[size:]
            if size <= 0 or len(variants[str(name)]) != size:
                raise ValueError(name)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(BROKEN) from error
    return Repainted(variants=variants, facts=facts)


def _killed(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child and whatever it may have started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _closed(child: "subprocess.Popen[bytes]") -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


def _out_of_order() -> Unavailable:
    return Unavailable("照片和录音暂时处理不了，请稍后再传。", code="media_busy", retry_after=5)


def _afresh() -> None:
    """Start over in a forked process: the parent's children and locks are not ours."""
    global _places  # noqa: PLW0603
    _places = threading.BoundedSemaphore(CHILDREN)
    _spare.clear()


os.register_at_fork(after_in_child=_afresh)
