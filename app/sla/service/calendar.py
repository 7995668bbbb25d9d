"""Enter holidays, make-up workdays and opening hours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import chinese_calendar
from sqlalchemy import select

from app.catalog import access
from app.kernel import audit, clock, stamps
from app.kernel.actor import Actor
from app.kernel.clock import SHANGHAI
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.sla import queries
from app.sla.calendars import DEFAULT_SPANS, DayKind, HoursKind, Span, span_errors
from app.sla.models import WorkdayCalendar, WorkHours
from app.sla.rows import DayRow, SourceLine, check

FIRST_DAY = date(2004, 1, 1)
"""From when the hours that come with the product hold."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or on a dry run would do."""

    added: int
    changed: int
    unchanged: int
    years: tuple[int, ...]
    dry_run: bool


@dataclass(frozen=True, slots=True)
class HoursDraft:
    """Opening hours that somebody wants from a day on; all intervals of the week."""

    kind: HoursKind
    spans: tuple[Span, ...]
    valid_from: date
    district_id: UUID | None = None


def seed_calendar(actor: Actor) -> tuple[int, ...]:
    """Enter the holidays the ``chinesecalendar`` package knows, for years nobody entered.

    Years with rows of their own stay as they are, so seeding again is harmless, and
    a newer package brings only its new years. Tells the years entered.

    Raises:
        Forbidden: not an editor of the whole product.

    """
    access.require_edit(actor)
    days = [
        DayRow(day, kind, chinese_calendar.Holiday(name).chinese)
        for kind, told in (
            (DayKind.HOLIDAY, chinese_calendar.holidays),
            (DayKind.WORKDAY, chinese_calendar.workdays),
        )
        for day, name in told.items()
    ]
    national = select(WorkdayCalendar.date).where(WorkdayCalendar.district_id.is_(None))
    known = {day.year for day in session.scalars(national)}
    fresh = [row for row in days if row.date.year not in known]
    years = tuple(sorted({row.date.year for row in fresh}))
    source = f"chinesecalendar {chinese_calendar.__version__}"
    seeded_hours = _seed_hours()
    if not fresh and not seeded_hours:
        return ()
    _insert_days(fresh, None, source)
    audit.record(actor, "calendar.seed", "calendar", days=len(fresh), years=len(years))
    session.flush()
    stamps.bump(queries.STAMP)
    return years


def import_days(
    actor: Actor,
    lines: Sequence[SourceLine],
    *,
    source: str,
    district_id: UUID | None = None,
    dry_run: bool = False,
) -> ImportReport:
    """Enter special days from a file, all or nothing; a day already there is replaced.

    Due times already promised stay as they are.

    Raises:
        Forbidden: not an editor there; national days need the whole product.
        NotFound: no such district.
        Invalid: some line is wrong (``bad_calendar``); ``errors`` lists all by line.

    """
    access.require_edit(actor, district_id)
    access.require_district(district_id)
    kept = {
        row.date: row
        for row in session.scalars(
            select(WorkdayCalendar).where(WorkdayCalendar.district_id == district_id)
        )
    }
    checked = check(lines, {day.year for day in kept} if district_id is None else None)
    _refuse(checked.problems)
    added = [row for row in checked.rows if row.date not in kept]
    changed = [row for row in checked.rows if row.date in kept and _differs(kept[row.date], row)]
    report = ImportReport(
        added=len(added),
        changed=len(changed),
        unchanged=len(checked.rows) - len(added) - len(changed),
        years=tuple(sorted({row.date.year for row in checked.rows})),
        dry_run=dry_run,
    )
    if dry_run or not (added or changed):
        return report
    for row in changed:
        there = kept[row.date]
        there.kind, there.name, there.source = row.kind, row.name, source
    _insert_days(added, district_id, source)
    audit.record(
        actor, "calendar.import", "calendar", district_id, added=len(added), changed=len(changed)
    )
    session.flush()
    stamps.bump(queries.STAMP)
    return report


def set_hours(actor: Actor, draft: HoursDraft) -> None:
    """Let other opening hours hold from a day on, in a district or everywhere.

    Raises:
        Forbidden: not an editor there.
        NotFound: no such district.
        Invalid: intervals that overlap or leave a weekday out, or a day gone by (``bad_hours``).
        Conflict: hours beginning that day are entered already.

    """
    access.require_edit(actor, draft.district_id)
    access.require_district(draft.district_id)
    errors = {"spans": list(dict.fromkeys(span_errors(draft.spans)))} if draft.spans else {}
    if not draft.spans:
        errors["spans"] = ["至少要有一个时段"]
    if draft.valid_from < clock.now().astimezone(SHANGHAI).date():
        errors["valid_from"] = ["开始日期不能早于今天"]
    if any(errors.values()):
        raise Invalid("时段填写不对。", code="bad_hours", errors=errors)
    same = select(WorkHours.id).where(
        WorkHours.kind == draft.kind,
        WorkHours.district_id == draft.district_id,
        WorkHours.valid_from == draft.valid_from,
    )
    if session.scalars(same.limit(1)).first() is not None:
        raise Conflict("这一天开始的时段已经录入。", code="hours_exist")
    _add_hours(draft)
    audit.record(actor, "calendar.hours", "calendar", draft.district_id, kind=str(draft.kind))
    session.flush()
    stamps.bump(queries.STAMP)


def _refuse(problems: Iterable[tuple[int, str]]) -> None:
    by_line: dict[str, list[str]] = {}
    for line, words in problems:
        by_line.setdefault(str(line), []).append(words)
    if by_line:
        raise Invalid(
            f"日历有{len(by_line)}行不对，没有导入任何内容。", code="bad_calendar", errors=by_line
        )


def _differs(kept: WorkdayCalendar, row: DayRow) -> bool:
    return (kept.kind, kept.name) != (row.kind, row.name)


def _insert_days(rows: Sequence[DayRow], district_id: UUID | None, source: str) -> None:
    session.add_all(
        WorkdayCalendar(
            date=row.date, district_id=district_id, kind=row.kind, name=row.name, source=source
        )
        for row in rows
    )


def _seed_hours() -> bool:
    """Enter the hours that come with the product, unless there are national ones."""
    national = select(WorkHours.kind).where(WorkHours.district_id.is_(None))
    there = set(session.scalars(national))
    missing = [kind for kind in HoursKind if kind not in there]
    for kind in missing:
        _add_hours(HoursDraft(kind, DEFAULT_SPANS[kind], FIRST_DAY))
    return bool(missing)


def _add_hours(draft: HoursDraft) -> None:
    session.add_all(
        WorkHours(
            kind=draft.kind,
            district_id=draft.district_id,
            weekday=span.weekday,
            opens=span.opens,
            closes=span.closes,
            valid_from=draft.valid_from,
        )
        for span in draft.spans
    )
