"""When a promise falls due: pure working-time arithmetic in Asia/Shanghai.

What the units mean, to the boundary:

- ``m h d`` run on the wall clock; a ``d`` is 24 hours.
- ``sh`` counts the service hours of every day, ``wh`` the office hours of working
  days. Outside opening hours nothing runs: a start there begins at the next opening.
  A result exactly at a closing time belongs to that day, not to the next opening.
- ``wd`` ends at the closing time of the n-th working day after the day of the start
  (domain.md G6: the day after receipt is day 1), whatever the hour of the start and
  whether or not that day was a working day.
- A promise is kept when the act comes at the due moment or before it.

Which days work and what a missing year means stands in ``calendars``; a due time that
leans on such a year is a guess, and :func:`warnings` says so in words that are shown.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from app.catalog.rules import WALL_CLOCK, CategoryView, Token, Unit
from app.sla.calendars import (
    MICROSECOND,
    Calendars,
    DayKind,
    HoursKind,
    Span,
    aware,
    local_day,
    microseconds_of,
    moment_at,
)

__all__ = [
    "PROMISES",
    "Calendars",
    "ClockKind",
    "DayKind",
    "HoursKind",
    "PromiseTerms",
    "Promised",
    "Span",
    "Token",
    "Unit",
    "advance",
    "due",
    "in_time",
    "is_guess",
    "promise",
    "put_off",
    "share_of",
    "time_used",
    "warn_at",
    "warnings",
]

WARN_PERCENT = 80
"""Share of a clock after which it is due soon, unless a district sets another (domain.md D2)."""

LOOK_AHEAD = timedelta(days=120)
"""How far promises reach: 60 working days and a long holiday."""

_FURTHEST_YEARS = 60


class ClockKind(StrEnum):
    """The three promises (signed for, first contact or arrival, result reported) and two more.

    ``tier`` is how long a desk has that a late ticket climbed to, ``answer`` how long
    the handler has to answer a supervision.
    """

    ACCEPT = "accept"
    RESPOND = "respond"
    RESOLVE = "resolve"
    TIER = "tier"
    ANSWER = "answer"


PROMISES = (ClockKind.ACCEPT, ClockKind.RESPOND, ClockKind.RESOLVE)
"""What every ticket promises from its first moment."""


@dataclass(frozen=True, slots=True)
class PromiseTerms:
    """What the catalogue promises for one ticket; ``*_by`` are tokens."""

    accept_by: str
    respond_by: str
    resolve_by: str
    calendar: str
    policy_version: int

    @classmethod
    def of(cls, category: CategoryView) -> "PromiseTerms":
        """Take the terms of a category."""
        return cls(
            accept_by=category.accept_by,
            respond_by=category.respond_by,
            resolve_by=category.resolve_by,
            calendar=category.calendar,
            policy_version=category.policy_version,
        )

    def token(self, kind: ClockKind) -> Token:
        """Read the token of one promise.

        Raises:
            ValueError: not a duration token.

        """
        texts = {
            ClockKind.ACCEPT: self.accept_by,
            ClockKind.RESPOND: self.respond_by,
            ClockKind.RESOLVE: self.resolve_by,
        }
        return Token.parse(texts[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """A promise just made: three due times, aware UTC, and all that their clocks remember.

    ``warnings`` are told in Chinese; ``guessed`` lean on a year without holiday data.
    """

    accept: datetime
    respond: datetime
    resolve: datetime
    warnings: tuple[str, ...] = ()
    terms: PromiseTerms
    start: datetime
    guessed: frozenset[ClockKind]
    warned_from: Mapping[ClockKind, datetime] = field(default_factory=dict)
    """When each becomes due soon."""
    edition: int = 0
    """Of the calendar it was computed by."""
    resolve_start: datetime | None = None
    """Of a part: when the whole was submitted (splitting wins no time)."""
    warn_percent: int = WARN_PERCENT

    def start_of(self, kind: ClockKind) -> datetime:
        """Tell from when one clock counts."""
        return (self.resolve_start or self.start) if kind is ClockKind.RESOLVE else self.start

    def due_at(self, kind: ClockKind) -> datetime:
        """Name the due time of one clock."""
        due_times: dict[ClockKind, datetime] = {
            ClockKind.ACCEPT: self.accept,
            ClockKind.RESPOND: self.respond,
            ClockKind.RESOLVE: self.resolve,
        }
        return due_times[kind]


def due(start: datetime, token: Token, calendars: Calendars) -> datetime:
    """Tell until when ``token`` runs from ``start``; aware UTC.

    Raises:
        ValueError: ``start`` is naive, or the calendar has no working time for decades.

    """
    if token.unit is Unit.WORKING_DAYS:
        return _end_of_workday(start, token.amount, calendars)
    length = timedelta(**{_WORD[token.unit]: token.amount})
    return advance(start, length, token.unit, calendars)


def advance(start: datetime, length: timedelta, unit: Unit, calendars: Calendars) -> datetime:
    """Run ``length`` of the time that ``unit`` counts from ``start``; aware UTC.

    Raises:
        ValueError: as :func:`due`.

    """
    if unit in WALL_CLOCK:
        return aware(start) + length
    left = length // MICROSECOND
    if left <= 0:
        return aware(start)
    moment = microseconds_of(start)
    kind = _hours_of(unit)
    first = local_day(moment).year
    left += calendars.year(kind, first).elapsed(moment)
    for number in range(first, first + _FURTHEST_YEARS):
        year = calendars.year(kind, number)
        if left <= year.total:
            return moment_at(year.reached(left))
        left -= year.total
    raise ValueError("the calendar has no working time")


def time_used(start: datetime, end: datetime, unit: Unit, calendars: Calendars) -> timedelta:
    """Measure the time that ``unit`` counts between two moments; ``wd`` counts office time.

    Zero if ``end`` is not after ``start``.
    """
    if end <= start:
        return timedelta(0)
    if unit in WALL_CLOCK:
        return end - start
    kind = _hours_of(unit)
    began, ended = microseconds_of(start), microseconds_of(end)
    first, last = local_day(began).year, local_day(ended).year
    whole = sum(calendars.year(kind, number).total for number in range(first, last))
    used = whole + calendars.year(kind, last).elapsed(ended)
    return timedelta(microseconds=used - calendars.year(kind, first).elapsed(began))


def share_of(
    start: datetime, due_at: datetime, percent: int, unit: Unit, calendars: Calendars
) -> datetime:
    """Tell when ``percent`` of a clock's own running time has run."""
    used = time_used(start, due_at, unit, calendars)
    return advance(start, used * percent // 100, unit, calendars)


def put_off(
    due_at: datetime, begin: datetime, end: datetime, unit: Unit, calendars: Calendars
) -> datetime:
    """Move a due time by what of its time a break took: what was left then is left after it.

    A break that begins when the time is up already, or outside of what ``unit``
    counts, moves nothing.
    """
    if end <= begin or begin >= due_at:
        return due_at
    taken = time_used(begin, end, unit, calendars)
    if not taken:
        return due_at
    return advance(due_at, taken, unit, calendars)


def warn_at(
    start: datetime,
    due_at: datetime,
    unit: Unit,
    calendars: Calendars,
    percent: int = WARN_PERCENT,
) -> datetime:
    """Tell when a clock becomes due soon: at 80 % of its running time, or as set."""
    return share_of(start, due_at, percent, unit, calendars)


def in_time(at: datetime, due_at: datetime) -> bool:
    """Tell whether an act at ``at`` keeps the promise: at the due moment still does."""
    return at <= due_at


def is_guess(start: datetime, due_at: datetime, token: Token, calendars: Calendars) -> bool:
    """Tell whether a due time leans on a year whose holidays nobody has entered."""
    return _needs_workdays(token.unit) and bool(calendars.missing_years(start, due_at))


def promise(
    terms: PromiseTerms,
    start: datetime,
    calendars: Calendars,
    *,
    resolve_start: datetime | None = None,
    warn_percent: int = WARN_PERCENT,
) -> Promised:
    """Compute the three due times of a ticket submitted at ``start``.

    The resolve time of a part counts from ``resolve_start``, the whole's submit time.

    Raises:
        ValueError: as :func:`due`, or a term is no duration token.

    """
    tokens = {kind: terms.token(kind) for kind in PROMISES}
    since = dict.fromkeys(PROMISES, start) | (
        {ClockKind.RESOLVE: resolve_start} if resolve_start else {}
    )
    due_at = {kind: due(since[kind], token, calendars) for kind, token in tokens.items()}
    guessed = {
        kind
        for kind, token in tokens.items()
        if is_guess(since[kind], due_at[kind], token, calendars)
    }
    years = {y for kind in guessed for y in calendars.missing_years(since[kind], due_at[kind])}
    return Promised(
        accept=due_at[ClockKind.ACCEPT],
        respond=due_at[ClockKind.RESPOND],
        resolve=due_at[ClockKind.RESOLVE],
        warnings=warnings(sorted(years)),
        terms=terms,
        start=start,
        guessed=frozenset(guessed),
        warned_from={
            kind: warn_at(since[kind], due_at[kind], token.unit, calendars, warn_percent)
            for kind, token in tokens.items()
        },
        edition=calendars.edition,
        resolve_start=resolve_start,
        warn_percent=warn_percent,
    )


def warnings(years: Sequence[int]) -> tuple[str, ...]:
    """Say in Chinese that the holidays of ``years`` are not known."""
    return tuple(
        f"{year}年的放假和调休安排还没有录入，期限暂按周一至周五为工作日计算。" for year in years
    )


_WORD = {
    Unit.MINUTES: "minutes",
    Unit.HOURS: "hours",
    Unit.DAYS: "days",
    Unit.SERVICE_HOURS: "hours",
    Unit.WORKING_HOURS: "hours",
}


def _needs_workdays(unit: Unit) -> bool:
    return unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS)


def _hours_of(unit: Unit) -> HoursKind:
    return HoursKind.DAILY if unit is Unit.SERVICE_HOURS else HoursKind.WORKDAY


def _end_of_workday(start: datetime, count: int, calendars: Calendars) -> datetime:
    day = local_day(microseconds_of(start))
    ordinal = day.toordinal()
    left = count
    for number in range(day.year, day.year + _FURTHEST_YEARS):
        year = calendars.year(HoursKind.WORKDAY, number)
        after = bisect_right(year.days, ordinal)
        if after + left <= len(year.days):
            return moment_at(year.closings[after + left - 1])
        left -= len(year.days) - after
    raise ValueError("the calendar has no working days")
