"""(e) The watcher: what it costs to look, by what is due and by what there is.

The clock is put to the moment at which so many tickets are due, and the minute's job
runs as the timetable runs it: warnings, breaches and climbs as they come, every one
a unit of work of its own. Moments only go forward, so nothing is due that the rows
did not promise. Of the open tickets equally many have something to say soon at every
size; the rest are put off by a year, or a large town would reach its five hundred
within minutes and a small one within days, with other work to do. Deliveries of what
it tells are not measured: other jobs make them.
"""

import random
import statistics
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select, text

from app.escalation import queries
from app.kernel import clock
from app.kernel.db import db, session
from app.sla.models import SlaBreach
from app.tickets.models import Step, Ticket
from app.tickets.states import Action
from bench.lives import FAR
from bench.load import OPEN_SHARE
from bench.report import Line, verdict
from bench.worklist import explain, timed
from bench.world import app_on
from workers import jobs

ROUNDS = 3
SOON = 5
"""How many tickets with something to say there are for each that one round looks at."""
INDEX = "open_look"
GOAL_MS, AIM_MS = 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Tick:
    """One run of the minute's job: how many were due, how long it took, what it did."""

    due: int
    ms: float
    broken: int
    climbed: int
    left: int


@dataclass(frozen=True, slots=True)
class Swept:
    """The watcher at one size."""

    size: int
    open: int
    found: int
    sql_p50: float
    plan: str
    ticks: tuple[Tick, ...]

    def at(self, due: int) -> list[Tick]:
        """Pick the runs with so many due."""
        return [one for one in self.ticks if one.due == due]

    def ms(self, due: int) -> float:
        """Name the middle of what a run with so many due took."""
        return statistics.median(one.ms for one in self.at(due))


def share_open(size: int, dues: tuple[int, ...]) -> float:
    """Tell how many must be open for every round to find so many due, each once or so."""
    return max(OPEN_SHARE, min(0.45, 1.1 * SOON * sum(dues) / size))


def measure(
    url: str, folder: Path, now: datetime, *, size: int, dues: tuple[int, ...], times: int
) -> Swept:
    """Ask what is due, then run the job with each number due in turn."""
    app = app_on(url, folder)
    with app.app_context():
        is_open = select(func.count()).select_from(Ticket).where(Ticket.closed_at.is_(None))
        count = session.scalar(is_open) or 0
        _put_off(SOON * sum(dues))
        _tick(dues[1] // 5 or 1, now)  # not counted: caches fill
        found, sql_p50, plan = _ask(dues[-1], times)
        ticks = [_tick(due, now) for _ in range(ROUNDS) for due in dues]
        session.remove()
        db.engine.dispose()
    return Swept(size, count, found, sql_p50, plan, tuple(ticks))


def _ask(due: int, times: int) -> tuple[int, float, str]:
    """Time the watcher's question when so many are due; rows, ms and the plan."""
    moment, rows, taken = _moment(due), 0, list[float]()
    with timed(taken) as last:
        for _ in range(times + 10):
            rows = len(queries.due(moment, due))
        statement, parameters = last[-1]
    plan = explain(statement, parameters)
    session.rollback()
    return rows, statistics.median(taken[10:]) * 1000, plan


def _put_off(soon: int) -> None:
    """Let only so many of the open tickets have something to say soon."""
    looks = select(Ticket.id).where(Ticket.closed_at.is_(None), Ticket.look_at < FAR)
    ids = list(session.scalars(looks.order_by(Ticket.id)))
    random.Random(7).shuffle(ids)
    _later(ids[soon:])
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE) ticket"))


def _later(ids: list[UUID]) -> None:
    order = text("UPDATE ticket SET look_at = look_at + interval '365 days' WHERE id = ANY(:ids)")
    session.execute(order, {"ids": ids})
    session.commit()


def _moment(due: int) -> datetime:
    """Find the moment at which so many are due; what is due at the same one waits."""
    looks = select(Ticket.look_at).where(Ticket.closed_at.is_(None))
    last = session.scalars(looks.order_by(Ticket.look_at).offset(due - 1).limit(1)).one()
    moment = last + timedelta(milliseconds=1)
    _later(queries.due(moment, due * 10)[due:])
    return moment


def _tick(due: int, now: datetime) -> Tick:
    moment = _moment(due) if due else now
    before = _done()
    with clock.frozen(moment):
        began = time.perf_counter()
        jobs.watch(moment)
        ms = (time.perf_counter() - began) * 1000
    broken, climbed = (b - a for a, b in zip(before, _done(), strict=True))
    left = len(queries.due(moment, due + 1))
    session.rollback()
    return Tick(due, ms, broken, climbed, left)


def _done() -> tuple[int, int]:
    breaches = session.scalar(select(func.count()).select_from(SlaBreach)) or 0
    climbs = select(func.count()).where(Step.action == Action.ESCALATE)
    told = breaches, session.scalar(climbs) or 0
    session.rollback()
    return told


def lines(swept: list[Swept]) -> list[Line]:
    """Say what came out, and how it grew from the smallest size to the largest."""
    told = [line for one in swept for line in _of_size(one)]
    first, last = swept[0], swept[-1]
    for due in sorted({one.due for one in last.ticks}):
        told.append(
            Line(
                f"tick with {due} due, {last.size:,} ÷ {first.size:,}",
                f"{last.ms(due) / first.ms(due):.2f}",
                "about 1",
                f"{first.open:,} → {last.open:,} open",
            )
        )
    return told


def _of_size(one: Swept) -> list[Line]:
    judged = verdict(one.sql_p50, goal=GOAL_MS, aim=AIM_MS, more_is_better=False)
    told = [
        Line(
            f"what is due, SQL p50 at {one.size:,}",
            f"{one.sql_p50:.2f} ms",
            f"≤ {GOAL_MS:.0f}, aim {AIM_MS:.0f}: {judged}",
            f"{one.found} rows; plan: {one.plan}"
            + ("" if one.plan == INDEX else f" (NOT only {INDEX})"),
        )
    ]
    for due in sorted({tick.due for tick in one.ticks}):
        runs = one.at(due)
        each = f", {one.ms(due) / due:.1f} ms each" if due else ""
        told.append(
            Line(
                f"tick with {due} due at {one.size:,} ({one.open:,} open)",
                f"{one.ms(due):,.1f} ms{each}",
                "",
                f"{'; '.join(f'{run.ms:,.1f}' for run in runs)};"
                f" {sum(run.broken for run in runs)} broken,"
                f" {sum(run.climbed for run in runs)} climbed,"
                f" {sum(run.left for run in runs)} left over",
            )
        )
    return told
