"""Special days as a file: ``date,kind,name``, every wrong line told by its number.

Apart from ``rules`` because it knows columns and lines, which nothing else does.
"""

import csv
import io
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.sla.calendars import DayKind

COLUMNS = ("date", "kind", "name")
FIRST_YEAR, LAST_YEAR = 2004, 2100
FEWEST_HOLIDAYS = 10
"""A national year with fewer days off is not whole: the law has given ten or more since 1999."""

_KINDS: Mapping[str, DayKind] = {
    "holiday": DayKind.HOLIDAY,
    "workday": DayKind.WORKDAY,
    "放假": DayKind.HOLIDAY,
    "上班": DayKind.WORKDAY,
}

SourceLine = tuple[int, Mapping[str, str]]
"""A line number (the header is line 1) and the cells by column."""


@dataclass(frozen=True, slots=True)
class DayRow:
    """One special day."""

    date: date
    kind: DayKind
    name: str


@dataclass(frozen=True, slots=True)
class CheckedDays:
    """The good days of a file, and what is wrong as (line, Chinese sentence)."""

    rows: tuple[DayRow, ...]
    problems: tuple[tuple[int, str], ...]


def read_csv(text: str) -> list[SourceLine]:
    """Split a CSV with a header into lines; what is beyond the header is dropped."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    return [
        (reader.line_num, {k: v.strip() for k, v in cells.items() if isinstance(v, str)})
        for cells in reader
    ]


def check(lines: Sequence[SourceLine], whole_years_known: Collection[int] | None) -> CheckedDays:
    """Check every line.

    With ``whole_years_known`` (national days) a year not among them must come
    whole, or its warning would vanish after one line; None asks for no such thing.
    """
    if not lines or any(column not in lines[0][1] for column in COLUMNS):
        return CheckedDays((), ((1, "文件应有表头：" + ",".join(COLUMNS)),))
    rows: list[DayRow] = []
    problems: list[tuple[int, str]] = []
    seen: dict[date, int] = {}
    first_lines: dict[int, int] = {}
    for line, cells in lines:
        wrong, row = _read(cells)
        if row is not None and row.date in seen:
            wrong.append(f"日期与第{seen[row.date]}行重复")
        problems += [(line, words) for words in wrong]
        if row is not None:
            seen.setdefault(row.date, line)
            first_lines.setdefault(row.date.year, line)
            rows.append(row)
    if whole_years_known is not None:
        off = Counter(row.date.year for row in rows if row.kind is DayKind.HOLIDAY)
        problems += [
            (line, f"{year}年只有{off[year]}天放假，像是没有录全，请整年一起导入")
            for year, line in first_lines.items()
            if year not in whole_years_known and off[year] < FEWEST_HOLIDAYS
        ]
    return CheckedDays(tuple(rows), tuple(sorted(problems)))


def _read(cells: Mapping[str, str]) -> tuple[list[str], DayRow | None]:
    wrong: list[str] = []
    text, kind = cells["date"], _KINDS.get(cells["kind"])
    day = None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        wrong.append(f"日期“{text}”不对，应像 2027-01-01")
    if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
        wrong.append(f"年份应在 {FIRST_YEAR} 到 {LAST_YEAR} 之间")
    if kind is None:
        wrong.append(f"不认识“{cells['kind']}”，应填 holiday（放假）或 workday（上班）")
    if not cells["name"]:
        wrong.append("名称不能为空")
    if wrong or day is None or kind is None:
        return wrong, None
    return wrong, DayRow(day, kind, cells["name"])
