"""A time limit that really interrupts: SIGALRM, in the main thread of a process."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.kernel.outbox import TimeUp


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise TimeUp inside the block after ``seconds``; an alarm already set goes on after it."""

    def ring(*_: object) -> None:
        raise TimeUp(f"took longer than {seconds:g} s")

    began = time.monotonic()
    before = signal.signal(signal.SIGALRM, ring)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            rest = left - (time.monotonic() - began)
            signal.setitimer(signal.ITIMER_REAL, max(rest, 0.001))
