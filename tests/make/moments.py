"""Moments, breaks and whole lives of clocks, drawn for the laws of time."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from app.kernel.clock import SHANGHAI
from app.sla import ops, rules
from app.sla.ops import Op
from app.sla.rules import ClockKind, Token, Unit
from tests.make.sla import published

TICK = timedelta(microseconds=1)
EDGES = (0, 8 * 60, 9 * 60, 12 * 60, 14 * 60, 18 * 60, 20 * 60)
"""Minutes after midnight at which a day, a service or an office begins or ends."""


class Run(NamedTuple):
    """A clock that was started, and when its time is up."""

    start: datetime
    token: Token
    due: datetime


class Break(NamedTuple):
    """From when to when somebody waited."""

    begin: datetime
    end: datetime


class Act(NamedTuple):
    """What happened to the clocks of a ticket at a moment."""

    at: datetime
    ops: list[Op]


def on(day: date, minute: int, ticks: int = 0) -> datetime:
    """Name a moment of a day in Shanghai."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return midnight + timedelta(minutes=minute) + ticks * TICK


def moments_between(first: date, last: date) -> st.SearchStrategy[datetime]:
    """Draw moments of these days: any at all, and often those beside an edge."""
    anywhere = st.datetimes(
        datetime(first.year, first.month, first.day),  # noqa: DTZ001
        datetime(last.year, last.month, last.day, 23, 59, 59, 999999),  # noqa: DTZ001
        timezones=st.just(SHANGHAI),
    )
    edges = st.builds(on, st.dates(first, last), st.sampled_from(EDGES), st.integers(-1, 1))
    return anywhere | edges


moments = moments_between(date(2024, 1, 1), date(2027, 12, 31))
tokens = st.builds(Token, st.integers(1, 60), st.sampled_from(Unit))
lengths = st.timedeltas(timedelta(0), timedelta(days=20)) | st.integers(0, 60).map(
    lambda hours: timedelta(hours=hours)
)


@st.composite
def runs(draw: st.DrawFn, units: tuple[Unit, ...] = tuple(Unit)) -> Run:
    """Draw a clock on the published calendar."""
    start = draw(moments)
    token = Token(draw(st.integers(1, 60)), draw(st.sampled_from(units)))
    return Run(start, token, rules.due(start, token, published()))


def moments_of(run: Run, *, until: int = 100) -> st.SearchStrategy[datetime]:
    """Draw a moment of a clock's life, by the percent of the wall clock that went by."""
    return st.integers(0, until).map(lambda share: run.start + (run.due - run.start) * share / 100)


@st.composite
def runs_with_a_break(draw: st.DrawFn, units: tuple[Unit, ...] = tuple(Unit)) -> tuple[Run, Break]:
    """Draw a clock and a break that mostly begins before its time is up."""
    run = draw(runs(units))
    begin = draw(moments_of(run, until=120))
    return run, Break(begin, begin + draw(lengths))


@st.composite
def runs_with_breaks(draw: st.DrawFn) -> tuple[Run, list[Break]]:
    """Draw a clock and up to four breaks, one after another; some adjoin."""
    run = draw(runs())
    breaks, moment = [], draw(moments_of(run, until=120))
    for _ in range(draw(st.integers(1, 4))):
        breaks.append(Break(moment, moment + draw(lengths)))
        moment = breaks[-1].end + draw(lengths | st.just(timedelta(0)))
    return run, breaks


def ops_at(at: datetime, editions: tuple[int, ...]) -> st.SearchStrategy[Op]:
    """Draw anything an act of this moment may do to clocks."""
    kinds = st.sampled_from(ClockKind)
    some = st.lists(kinds, min_size=1, max_size=3, unique=True)
    text = tokens.map(str)
    edition = st.sampled_from(editions)
    begun = st.builds(
        ops.start,
        kinds,
        text,
        calendar=st.just("workday"),
        policy_version=st.integers(0, 9),
        edition=edition,
        since=lengths.map(lambda ago: at - ago) | st.just(at),
        percent=st.sampled_from([100, 50]),
        tier=st.integers(0, 4),
    )
    return st.one_of(
        begun,
        some.map(lambda told: ops.meet(*told)),
        some.map(lambda told: ops.stop(*told)),
        lengths.map(lambda more: ops.pause(at + more)),
        st.just(ops.resume()),
        st.builds(ops.extend, kinds, text),
        st.builds(ops.recount, edition),
        st.builds(ops.recount, edition, st.dictionaries(kinds, text), st.integers(1, 9)),
    )


@st.composite
def histories(draw: st.DrawFn, editions: tuple[int, ...] = (1, 2)) -> list[Act]:
    """Draw the acts of a ticket, each later than the one before; the first starts clocks."""
    at = draw(moments)
    first = [
        ops.start(
            kind,
            str(draw(tokens)),
            calendar="workday",
            policy_version=1,
            edition=draw(st.sampled_from(editions)),
            since=at,
        )
        for kind in draw(st.sets(st.sampled_from(ClockKind), min_size=2).map(sorted))
    ]
    acts = [Act(at, first)]
    for gap in draw(st.lists(lengths, max_size=8)):
        at += gap + TICK
        acts.append(Act(at, draw(st.lists(ops_at(at, editions), min_size=1, max_size=2))))
    return acts
