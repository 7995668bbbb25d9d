"""Which hours are open: special days, opening hours, and each year laid out for bisection.

A day is a working day if its row says so (a make-up Sunday, a holiday on a Thursday);
a district's row goes before the national one. Without a row Monday to Friday work. A
year without any national row is *missing*: there the weekly rule is only a guess.

Apart from ``rules`` because it knows days and hours, and nothing of promises.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import accumulate, pairwise

MINUTES_A_DAY = 1440

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000
_DAY = MINUTES_A_DAY * _MINUTE
# China has kept UTC+8 without summer time since 1991; every moment here is later.
_AHEAD = 8 * 60 * _MINUTE
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class HoursKind(StrEnum):
    """Which opening hours: of service (every day) or of the office (working days)."""

    DAILY = "daily"
    WORKDAY = "workday"


class DayKind(StrEnum):
    """What a calendar row makes of its date."""

    HOLIDAY = "holiday"
    WORKDAY = "workday"


@dataclass(frozen=True, slots=True)
class Span:
    """An opening interval, minutes after midnight; on one weekday (Monday 0) or on all."""

    opens: int
    closes: int
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class Regime:
    """Opening hours from a date on; spans of a weekday replace the general ones there."""

    valid_from: date
    spans: tuple[Span, ...]

    def on(self, weekday: int) -> tuple[Span, ...]:
        """List the intervals of a weekday, in order."""
        own = [span for span in self.spans if span.weekday == weekday]
        spans = own or [span for span in self.spans if span.weekday is None]
        return tuple(sorted(spans, key=lambda span: span.opens))


DEFAULT_SPANS: Mapping[HoursKind, tuple[Span, ...]] = {
    HoursKind.DAILY: (Span(8 * 60, 20 * 60),),
    HoursKind.WORKDAY: (Span(9 * 60, 12 * 60), Span(14 * 60, 18 * 60)),
}
"""08:00–20:00 every day (rules.md), 09:00–12:00 and 14:00–18:00 (domain.md G6)."""


@dataclass(frozen=True, slots=True)
class YearTable:
    """The opening intervals of one year; microseconds since 1970 on the Shanghai wall.

    ``before[i]`` is the open time of the year before interval i, ``upto[i]`` with it.
    ``days`` are the ordinals of its open days, ``closings`` when each closes.
    """

    opens: Sequence[int]
    closes: Sequence[int]
    before: Sequence[int]
    upto: Sequence[int]
    days: Sequence[int]
    closings: Sequence[int]

    @property
    def total(self) -> int:
        """Tell how long the year is open."""
        return self.upto[-1] if self.upto else 0

    def elapsed(self, moment: int) -> int:
        """Measure the open time from new year to ``moment``."""
        index = bisect_right(self.opens, moment) - 1
        if index < 0:
            return 0
        return self.before[index] + min(moment, self.closes[index]) - self.opens[index]

    def reached(self, elapsed: int) -> int:
        """Find the first moment by which ``elapsed`` > 0 of open time has run."""
        index = bisect_left(self.upto, elapsed)
        return self.opens[index] + elapsed - self.before[index]


@dataclass(frozen=True)
class Calendars:
    """The days and hours of one place; years are laid out when first asked for.

    ``days`` are the exceptions to the week, ``known_years`` those with national rows,
    ``daily`` and ``office`` the hours, oldest first, ``edition`` the state they show.
    """

    days: Mapping[date, DayKind] = field(default_factory=dict)
    known_years: frozenset[int] = frozenset()
    daily: tuple[Regime, ...] = ()
    office: tuple[Regime, ...] = ()
    edition: int = field(default=0, compare=False)
    laid_out: dict[tuple[HoursKind, int], YearTable] = field(
        default_factory=dict, compare=False, repr=False
    )

    def is_workday(self, day: date) -> bool:
        """Tell whether the office works that day."""
        kind = self.days.get(day)
        return day.weekday() < 5 if kind is None else kind is DayKind.WORKDAY

    def spans(self, kind: HoursKind, day: date) -> tuple[Span, ...]:
        """List the opening intervals of a day; none on an office holiday."""
        if kind is HoursKind.WORKDAY and not self.is_workday(day):
            return ()
        regimes = self.daily if kind is HoursKind.DAILY else self.office
        index = bisect_right(regimes, day, key=lambda regime: regime.valid_from) - 1
        return regimes[index].on(day.weekday()) if index >= 0 else DEFAULT_SPANS[kind]

    def missing_years(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """List the years between two moments whose holidays nobody has entered."""
        first, last = (local_day(microseconds_of(moment)).year for moment in (start, end))
        return tuple(y for y in range(first, last + 1) if y not in self.known_years)

    def year(self, kind: HoursKind, year: int) -> YearTable:
        """Hand out a year's intervals, laid out once."""
        found = self.laid_out.get((kind, year))
        if found is None:
            found = self.laid_out[kind, year] = self._lay_out(kind, year)
        return found

    def _lay_out(self, kind: HoursKind, year: int) -> YearTable:
        opens: list[int] = []
        closes: list[int] = []
        days: list[int] = []
        closings: list[int] = []
        for ordinal in range(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal() + 1):
            spans = self.spans(kind, date.fromordinal(ordinal))
            midnight = (ordinal - _EPOCH_ORDINAL) * _DAY
            opens += [midnight + span.opens * _MINUTE for span in spans]
            closes += [midnight + span.closes * _MINUTE for span in spans]
            if spans:
                days.append(ordinal)
                closings.append(closes[-1])
        upto = list(accumulate(b - a for a, b in zip(opens, closes, strict=True)))
        return YearTable(opens, closes, [0, *upto[:-1]], upto, days, closings)


def span_errors(spans: Sequence[Span]) -> Iterator[str]:
    """Name in Chinese what is wrong with a set of opening intervals."""
    for span in spans:
        if not 0 <= span.opens < span.closes <= MINUTES_A_DAY:
            yield "开始时间应早于结束时间，且都在同一天内"
        if span.weekday is not None and not 0 <= span.weekday <= 6:
            yield "星期应为 0（周一）到 6（周日）"
    regime = Regime(date.min, tuple(spans))
    for weekday in range(7):
        day = regime.on(weekday)
        if not day:
            yield f"星期{'一二三四五六日'[weekday]}没有时段"
        if any(later.opens < earlier.closes for earlier, later in pairwise(day)):
            yield f"星期{'一二三四五六日'[weekday]}的时段有重叠"


def aware(moment: datetime) -> datetime:
    """Give a moment in UTC.

    Raises:
        ValueError: it is naive.

    """
    if moment.tzinfo is None:
        raise ValueError("naive time refused: every time in the house is aware")
    return moment.astimezone(UTC)


def microseconds_of(moment: datetime) -> int:
    """Count microseconds since 1970 as the Shanghai wall clock shows them."""
    return (aware(moment) - _EPOCH) // MICROSECOND + _AHEAD


def local_day(microseconds: int) -> date:
    """Name the day in Shanghai."""
    return date.fromordinal(microseconds // _DAY + _EPOCH_ORDINAL)


def moment_at(microseconds: int) -> datetime:
    """Give the aware UTC time of what the Shanghai wall clock shows."""
    return _EPOCH + timedelta(microseconds=microseconds - _AHEAD)
