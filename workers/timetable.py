"""What is done by the clock, and how often.

A job belongs to a lane and is done once per period, whoever keeps the time:
the tick's row in the database decides (``outbox.claim_tick``). ``rq cron`` is
not used: it knows no such row, starts every interval afresh at each start, and
writes its jobs with pickle.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.outbox import Lane, LeaseLost, TimeUp
from app.kernel.outbox.leases import Bound
from app.kernel.work import unit_of_work
from workers import jobs

_log = structlog.get_logger("sandan.timetable")

DAY_S = 24 * 60 * 60
MONDAY_S = 4 * DAY_S
"""From the beginning of time, a Thursday, to its first Monday."""
KEEP_DELIVERIES = timedelta(days=30)
KEEP_TICKS = timedelta(days=7)
MARGIN_S = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A job of the timetable.

    ``run`` takes the time. With ``work`` it runs in one unit of work together
    with its tick; without, it opens units itself and may run twice when its
    worker dies. ``offset_s`` shifts the beginning of a period from midnight UTC.
    """

    name: str
    every_s: int
    run: Callable[[datetime], object]
    offset_s: int = 0
    work: bool = False
    lane: Lane = Lane.SHORT
    timeout_s: int = 120

    def slot(self, now: datetime) -> int:
        """Give the number of the period that ``now`` lies in."""
        return (int(now.timestamp()) - self.offset_s) // self.every_s


def at_shanghai(hour: int, minute: int = 0) -> int:
    """Give the ``offset_s`` of a daily job that runs at this time of day."""
    return (hour * 3600 + minute * 60 - 8 * 3600) % DAY_S


def forget_finished(now: datetime) -> None:
    """Forget deliveries and ticks that are long done."""
    more = True
    while more:
        with unit_of_work():
            more = outbox.purge(now - KEEP_DELIVERIES) > 0
    with unit_of_work():
        outbox.purge_ticks(now - KEEP_TICKS)


TIMETABLE: tuple[Timed, ...] = (
    Timed(
        name="outbox.forget_finished",
        every_s=DAY_S,
        offset_s=at_shanghai(3, 30),
        run=forget_finished,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(name="tickets.close_silent", every_s=60, run=jobs.close_silent),
    Timed(name="escalation.watch", every_s=60, run=jobs.watch, timeout_s=600),
    Timed(name="escalation.call_duty", every_s=60, run=jobs.call_duty),
    Timed(name="escalation.retry", every_s=60, run=jobs.retry_climbs),
    Timed(name="escalation.send_waiting", every_s=300, run=jobs.send_waiting),
    Timed(name="tickets.climb_reviews", every_s=60, run=jobs.climb_reviews),
    Timed(
        name="tickets.anchor_chains",
        every_s=DAY_S,
        offset_s=at_shanghai(2),
        run=jobs.anchor_chains,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(name="notifications.owe_messages", every_s=60, run=jobs.owe_messages),
    Timed(name="moderation.ask_again", every_s=300, run=jobs.ask_again),
    Timed(
        name="notifications.forget_messages",
        every_s=DAY_S,
        offset_s=at_shanghai(4),
        run=jobs.forget_messages,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(
        name="notifications.daily",
        every_s=DAY_S,
        offset_s=at_shanghai(8, 30),
        run=jobs.tell_daily,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(
        name="notifications.weekly",
        every_s=7 * DAY_S,
        offset_s=MONDAY_S + at_shanghai(9),
        run=jobs.tell_weekly,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(name="media.sweep", every_s=3600, run=jobs.sweep_media, lane=Lane.LONG, timeout_s=1200),
    Timed(
        name="identity.forget_sessions",
        every_s=DAY_S,
        offset_s=at_shanghai(3, 15),
        run=jobs.forget_sessions,
        lane=Lane.LONG,
    ),
    Timed(
        name="http.forget_answers",
        every_s=DAY_S,
        offset_s=at_shanghai(3),
        run=jobs.forget_answers,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
    Timed(
        name="wechat.forget_pushes",
        every_s=DAY_S,
        offset_s=at_shanghai(3, 45),
        run=jobs.forget_pushes,
        lane=Lane.LONG,
    ),
    Timed(
        name="signs.forget_old",
        every_s=DAY_S,
        offset_s=at_shanghai(4),
        run=jobs.forget_sheets,
        lane=Lane.LONG,
        timeout_s=1200,
    ),
)


def due(jobs: Sequence[Timed], lane: Lane) -> Sequence[tuple[Timed, int]]:
    """List the jobs of ``lane`` whose present period is still to be served."""
    now = clock.now()
    ours = {job.name: (job, job.slot(now)) for job in jobs if job.lane == lane}
    waiting = outbox.open_slots({name: slot for name, (_, slot) in ours.items()})
    return [ours[name] for name in waiting]


def keep(
    jobs: Sequence[Timed],
    lane: Lane,
    *,
    bound: Bound = nullcontext,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Run what is due in ``lane``, each period once."""
    for job, slot in due(jobs, lane):
        if stopping():
            return
        claimed = outbox.claim_tick(job.name, slot, lease_s=job.timeout_s + MARGIN_S)
        if claimed is not None:
            _run(job, slot, claimed, bound)


def _run(job: Timed, slot: int, claimed: UUID, bound: Bound) -> None:
    try:
        with bound(job.timeout_s):
            _serve(job, slot, claimed)
    except LeaseLost:
        _log.warning("late_tick_refused", job=job.name)
    except (Exception, SystemExit, TimeUp) as error:
        _failed(job, slot, claimed, outbox.describe(error))
    finally:
        session.remove()


def _serve(job: Timed, slot: int, claimed: UUID) -> None:
    now = clock.now()
    if job.work:
        with unit_of_work():
            outbox.finish_tick(job.name, slot, claimed)
            job.run(now)
        return
    job.run(now)
    with unit_of_work():
        outbox.finish_tick(job.name, slot, claimed)


def _failed(job: Timed, slot: int, claimed: UUID, error: str) -> None:
    _log.error("timetable_job_failed", job=job.name, error=error)
    try:
        with unit_of_work():
            outbox.fail_tick(job.name, slot, claimed, error)
    except LeaseLost:
        _log.warning("late_tick_refused", job=job.name)
