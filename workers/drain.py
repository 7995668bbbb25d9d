"""One turn of a lane: keep the timetable, fan out, run what is owed."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from app.kernel import outbox
from app.kernel.outbox import Lane, Listeners
from app.kernel.outbox.leases import Bound
from workers import timetable
from workers.subscriptions import LISTENERS
from workers.timetable import TIMETABLE, Timed

Ring = Callable[[Lane], object]
Stopping = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What a worker knows; by default the whole product."""

    listeners: Listeners
    timetable: tuple[Timed, ...]
    batch: int = 50
    lease_s: float = 60
    budget_s: float = 20
    """A turn ends after so long, to let others in and a stop go through."""


PRODUCT = Wiring(listeners=LISTENERS, timetable=TIMETABLE)


def is_due(wiring: Wiring, lane: Lane) -> bool:
    """Tell whether a turn of ``lane`` would find something to do."""
    return outbox.is_owed(lane) or bool(timetable.due(wiring.timetable, lane))


def turn(
    wiring: Wiring,
    lane: Lane,
    *,
    ring: Ring,
    bound: Bound = nullcontext,
    stopping: Stopping = lambda: False,
) -> bool:
    """Work until nothing is owed in ``lane``; True if time ran out before that.

    ``ring`` wakes the other lane when the fan-out made work for it.
    """
    until = time.monotonic() + wiring.budget_s

    def enough() -> bool:
        return stopping() or time.monotonic() >= until

    timetable.keep(wiring.timetable, lane, bound=bound, stopping=enough)
    while not enough():
        fanned = outbox.fan_out(wiring.listeners)
        for other in fanned.lanes - {lane}:
            ring(other)
        ran = _run_batch(wiring, lane, bound, enough) if outbox.is_ready(lane) else 0
        if not fanned.more and not ran:
            return False  # what came since then has rung again
    return True


def _run_batch(wiring: Wiring, lane: Lane, bound: Bound, enough: Stopping) -> int:
    """Run a batch of fresh rows and one that was tried before; count them."""
    ran = 0
    for tried, limit in ((False, wiring.batch), (True, 1)):
        leases = outbox.claim(lane, limit=limit, lease_s=wiring.lease_s, tried=tried)
        for index, lease in enumerate(leases):
            if enough():
                outbox.release(leases[index:])
                return ran
            outbox.deliver(lease, wiring.listeners, bound=bound)
            ran += 1
    return ran
