"""``python -m bench``: measure, print a table, leave nothing behind.

The short form takes some minutes (a million tickets); ``--full`` adds five
million and longer rounds. Figures that are to be compared are taken in turns
within one run; absolute times say as much about the machine as about us.
"""

import argparse
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from app.kernel.db import db, session
from bench import floor, http, lifecycle, load, routing, servers, submit, sweep, worklist, world
from bench.report import Line, Report, verdict
from bench.rows import pool
from bench.servers import Server
from bench.submit import Measured
from bench.sweep import Swept
from bench.worklist import Asked
from bench.world import World

SMALL, MEDIUM, LARGE, HUGE = 10_000, 100_000, 1_000_000, 5_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int
    seconds: float
    times: int
    sizes: tuple[int, ...]
    sweeps: tuple[int, ...] = (SMALL, MEDIUM, LARGE)
    dues: tuple[int, ...] = (0, 50, 500)


SHORT = Plan(rounds=5, seconds=5, times=200, sizes=(SMALL, LARGE))
FULL = Plan(rounds=9, seconds=10, times=500, sizes=(SMALL, LARGE, HUGE))
QUICK = Plan(
    rounds=2, seconds=2, times=40, sizes=(1_000, 5_000), sweeps=(1_000, 5_000), dues=(0, 5, 50)
)


@dataclass(slots=True)
class Bench:
    """What one run measures with."""

    plan: Plan
    server: Server
    folder: Path
    world: World
    now: datetime


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    sizes = asked.add_mutually_exclusive_group()
    sizes.add_argument("--short", action="store_true", help="10 k and 1 M tickets (default)")
    sizes.add_argument("--full", action="store_true", help="and 5 M tickets, longer rounds")
    sizes.add_argument("--quick", action="store_true", help="seconds only: does the bench work?")
    asked.add_argument(
        "--own-server", action="store_true", help="a PostgreSQL from the wheel, not the local one"
    )
    asked.add_argument("--only-sweep", action="store_true", help="only the watcher (e)")
    given = asked.parse_args()
    plan = FULL if given.full else QUICK if given.quick else SHORT
    # Ours to report are figures; of the rest only what goes wrong.
    logging.basicConfig(level=logging.WARNING)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sandan-bench-") as name:
        folder = Path(name)
        with servers.postgresql(folder, own=given.own_server) as server:
            report = run(plan, server, folder, only_sweep=given.only_sweep)
    print(report)
    print(f"\nTaken in {(time.monotonic() - began) / 60:.0f} minutes.")


def run(plan: Plan, server: Server, folder: Path, *, only_sweep: bool) -> Report:
    """Measure everything in turn, or the watcher only."""
    report = Report()
    now = datetime.now(UTC)
    machine = [
        *servers.shape(server),
        ("commit", servers.commit()),
        ("taken", f"{now:%Y-%m-%d %H:%M} UTC"),
    ]
    report.table("The machine", ("what", "is"), machine)
    with _told("a district of 240 buildings, through the services"):
        made = world.build(server.create("world"), folder, now)
    bench = Bench(plan, server, folder, made, now)
    swept: dict[int, Swept] = {}
    if not only_sweep:
        _submits(bench, report)
        _routing(bench, report)
        _sized(bench, report, swept)
    _sweeps(bench, report, swept)
    return report


def _sized(bench: Bench, report: Report, swept: dict[int, Swept]) -> None:
    """Measure what should not grow with history at every size."""
    plan, server = bench.plan, bench.server
    lives = {0: _life(bench, server.create("lives", like="world"), "no tickets")}
    found: dict[int, list[Asked]] = {}
    over: dict[int, dict[tuple[str, str], float]] = {}
    for size in plan.sizes:
        _size(bench, size, found, over)
        if size == plan.sizes[-1] or size == LARGE:
            lives[size] = _life(bench, server.url(_name(size)), f"{size:,} tickets")
        if size == LARGE and size in plan.sweeps:  # as loaded it has enough of what is open
            swept[size] = _sweep(bench, server.url(_name(size)), size)
        server.drop(_name(size))
    _worklists(report, found, over)
    _lives(report, lives)


def _submits(bench: Bench, report: Report) -> None:
    plan, server = bench.plan, bench.server
    pressed = floor.prepare(server.create("floor"), bench.folder, servers.find_pgbench())
    lines = []
    for drains, what in ((True, "outbox drained in the web processes"), (False, "no drain")):
        url = server.create("submit", like="world")
        with _told(f"full submit against the floor, {what}"):
            one = submit.measure(
                bench.world, url, bench.folder, pressed,
                rounds=plan.rounds, seconds=plan.seconds, drains=drains,
            )  # fmt: skip
        lines += _submit_lines(one, what, pressed.how)
        server.drop("submit")
    report.figures("(a) Full submit over HTTP on PostgreSQL", lines)


def _submit_lines(one: Measured, what: str, how: str) -> list[Line]:
    ratio = one.ratio
    rounds = f"median of {len(one.floor)} rounds in turns"
    return [
        Line(f"floor beside ({what})", f"{floor.middle(one.floor):,.0f} tx/s", "", how),
        Line(f"submit, {what}", f"{floor.middle(one.product):,.0f}/s", "", rounds),
        Line(
            f"submit ÷ floor, {what}",
            f"{ratio:.3f}",
            f"≥ 0.05, aim 0.10: {verdict(ratio, goal=0.05, aim=0.10)}",
            "; ".join(f"{p / f:.3f}" for p, f in zip(one.product, one.floor, strict=True)),
        ),
        Line(f"time of a submit, {what}", f"p50 {one.p50:.0f} ms, p95 {one.p95:.0f} ms", "", "c=8"),
        *(Line("FAILED", f"{count} ×", "", name) for name, count in one.failures.items()),
    ]


def _routing(bench: Bench, report: Report) -> None:
    with _told("routing"):
        took = routing.measure(
            bench.world, bench.server.url("world"), bench.folder, times=bench.plan.times * 5
        )
    report.figures("(d) Routing", [Line(one.what, f"{one.us:,.0f} µs") for one in took])


def _life(bench: Bench, url: str, what: str) -> http.Round:
    with _told(f"life-cycles, {what}"):
        seconds = bench.plan.seconds * 2
        return lifecycle.measure(bench.world, url, bench.folder, seconds=seconds, drains=True)


def _lives(report: Report, lives: dict[int, http.Round]) -> None:
    lines = []
    for size, one in lives.items():
        lines.append(
            Line(
                f"life-cycles at {size:,} tickets",
                f"{one.rate:,.1f}/s",
                "",
                f"{lifecycle.CALLS} calls each, c=8; p50 {one.percentile(50):.0f} ms,"
                f" p95 {one.percentile(95):.0f} ms",
            )
        )
        lines += [Line("FAILED", f"{count} ×", "", name) for name, count in one.failures.items()]
    report.figures("(b) Life-cycle: create → accept → start → resolve → search", lines)


def _size(
    bench: Bench,
    size: int,
    found: dict[int, list[Asked]],
    over: dict[int, dict[tuple[str, str], float]],
) -> None:
    url = _filled(bench, _name(size), size, load.OPEN_SHARE)
    with _told(f"worklists at {size:,}"):
        found[size] = worklist.measure(bench.world, url, bench.folder, times=bench.plan.times)
        over[size] = worklist.over_http(bench.world, url, bench.folder, times=bench.plan.times // 2)


def _filled(bench: Bench, name: str, size: int, share: float) -> str:
    """Make a database with so many tickets and name its address."""
    url = bench.server.create(name, like="world")
    app = world.app_on(url, bench.folder)
    with app.app_context():
        values = pool(bench.world, bench.now)
        session.remove()
        db.engine.dispose()
    with _told(f"{size:,} tickets by COPY"):
        took = load.fill(url, bench.world, values, size, bench.now, share=share)
    counts = ", ".join(f"{table} {count:,}" for table, count in load.rows_in(url).items())
    _say(f"{took:.0f} s; {counts}; {load.open_tickets(url):,} open")
    return url


def _sweep(bench: Bench, url: str, size: int) -> Swept:
    bench.server.settle()
    with _told(f"the watcher at {size:,}"):
        return sweep.measure(
            url, bench.folder, bench.now, size=size, dues=bench.plan.dues, times=bench.plan.times
        )


def _sweeps(bench: Bench, report: Report, swept: dict[int, Swept]) -> None:
    """Let the watcher look where it has not yet, and report all sizes."""
    for size in bench.plan.sweeps:
        if size not in swept:
            url = _filled(bench, "sweep", size, sweep.share_open(size, bench.plan.dues))
            swept[size] = _sweep(bench, url, size)
            bench.server.drop("sweep")
    report.figures("(e) The watcher", sweep.lines([swept[size] for size in sorted(swept)]))


def _worklists(
    report: Report,
    found: dict[int, list[Asked]],
    over: dict[int, dict[tuple[str, str], float]],
) -> None:
    sizes = list(found)
    first, last = sizes[0], sizes[-1]
    rows = []
    for small, large in zip(found[first], found[last], strict=True):
        timed = [next(one for one in found[size] if one.key == small.key) for size in sizes]
        rows.append(
            (
                f"{small.queue} · {small.who}",
                " / ".join(f"{one.sql_p50:.2f}" for one in timed),
                f"{large.sql_p50 / small.sql_p50:.2f}",
                " / ".join(f"{one.p50:.2f}" for one in timed),
                " / ".join(f"{over[size][small.key]:.1f}" for size in sizes),
                " / ".join(str(one.rows) for one in timed),
                large.plan,
            )
        )
    at = " / ".join(f"{size:,}" for size in sizes)
    heads = (
        "list · who",
        f"SQL p50 ms at {at}",
        "last ÷ first",
        "with objects ms",
        "HTTP ms",
        "rows",
        "plan at the last",
    )
    report.table("(c) Worklists, first page of 20", heads, rows)
    report.figures(
        "(c) Worklists, all together", [_in_all(found, over, first, last, kind) for kind in KINDS]
    )


KINDS = ("in SQL", "with objects", "over HTTP")


def _in_all(
    found: dict[int, list[Asked]],
    over: dict[int, dict[tuple[str, str], float]],
    first: int,
    last: int,
    kind: str,
) -> Line:
    def times(size: int) -> list[float]:
        if kind == "over HTTP":
            return list(over[size].values())
        return [one.sql_p50 if kind == "in SQL" else one.p50 for one in found[size]]

    before, after = times(first), times(last)
    ratio = statistics.median(after) / statistics.median(before)
    worst = max(b / a for a, b in zip(before, after, strict=True))
    return Line(
        f"worklist p50 {kind}, {last:,} ÷ {first:,}",
        f"{ratio:.2f}",
        f"≤ 3, aim 1.5: {verdict(ratio, goal=3, aim=1.5, more_is_better=False)}",
        f"medians {statistics.median(before):.2f} → {statistics.median(after):.2f} ms;"
        f" worst list {worst:.2f}",
    )


def _name(size: int) -> str:
    return f"at_{size}"


@contextmanager
def _told(what: str) -> Iterator[None]:
    _say(f"→ {what} …")
    began = time.monotonic()
    yield
    _say(f"  {time.monotonic() - began:.0f} s")


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
