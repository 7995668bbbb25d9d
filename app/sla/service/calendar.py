"""Enter holidays, make-up workdays and opening hours.

Nothing entered is ever changed: each act opens an edition and adds its rows under that
number, and the newest edition of a day counts. So a due time can be computed again as
the calendar stood when it was promised.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import chinese_calendar
from sqlalchemy import func, select

from app.catalog import access
from app.kernel import audit, clock, outbox, stamps
from app.kernel.actor import Actor
from app.kernel.clock import SHANGHAI
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.sla import queries
from app.sla.calendars import DEFAULT_SPANS, DayKind, HoursKind, Span, span_errors
from app.sla.events import CalendarChanged
from app.sla.models import CalendarEdition, WorkdayCalendar, WorkHours
from app.sla.rows import DayRow, SourceLine, check

FIRST_DAY = date(2004, 1, 1)
"""From when the hours that come with the product hold."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, or on a dry run would do; ``edition`` if it opened one."""

    added: int
    changed: int
    unchanged: int
    years: tuple[int, ...]
    dry_run: bool
    edition: int | None


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
    hours = _missing_hours()
    if not fresh and not hours:
        return ()
    edition = _open_edition("seed", source)
    _insert_days(fresh, None, source, edition)
    for kind in hours:
        _add_hours(HoursDraft(kind, DEFAULT_SPANS[kind], FIRST_DAY), edition)
    audit.record(
        actor, "calendar.seed", "calendar", days=len(fresh), years=len(years), edition=edition
    )
    session.flush()
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
    kept = _days_of(district_id)
    checked = check(lines, {day.year for day in kept} if district_id is None else None)
    _refuse(checked.problems)
    added = [row for row in checked.rows if row.date not in kept]
    changed = [row for row in checked.rows if kept.get(row.date, row) != row]
    writes = not dry_run and bool(added or changed)
    edition = _open_edition("import", source, district_id) if writes else None
    report = ImportReport(
        added=len(added),
        changed=len(changed),
        unchanged=len(checked.rows) - len(added) - len(changed),
        years=tuple(sorted({row.date.year for row in checked.rows})),
        dry_run=dry_run,
        edition=edition,
    )
    if edition is not None:
        _insert_days([*added, *changed], district_id, source, edition)
        told = {"added": len(added), "changed": len(changed), "edition": edition}
        audit.record(actor, "calendar.import", "calendar", district_id, **told)
        session.flush()
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
    # Opened before the look: a second hand waits here and then sees what the first entered.
    edition = _open_edition("hours", "手工录入", draft.district_id)
    same = select(WorkHours.id).where(
        WorkHours.kind == draft.kind,
        WorkHours.district_id == draft.district_id,
        WorkHours.valid_from == draft.valid_from,
    )
    if session.scalars(same.limit(1)).first() is not None:
        raise Conflict("这一天开始的时段已经录入。", code="hours_exist")
    _add_hours(draft, edition)
    told = {"kind": str(draft.kind), "edition": edition}
    audit.record(actor, "calendar.hours", "calendar", draft.district_id, **told)
    session.flush()


def _refuse(problems: Iterable[tuple[int, str]]) -> None:
    by_line: dict[str, list[str]] = {}
    for line, words in problems:
        by_line.setdefault(str(line), []).append(words)
    if by_line:
        raise Invalid(
            f"日历有{len(by_line)}行不对，没有导入任何内容。", code="bad_calendar", errors=by_line
        )


def _open_edition(what: str, source: str, district_id: UUID | None = None) -> int:
    """Begin the next edition and tell its number.

    The stamp is bumped first: its row makes a second editor wait until the number of
    the first is known, so numbers leave no gap and become visible in order.
    """
    stamps.bump(queries.STAMP)
    number = (session.scalar(select(func.max(CalendarEdition.number))) or 0) + 1
    session.add(
        CalendarEdition(
            number=number, at=clock.now(), what=what, source=source, district_id=district_id
        )
    )
    outbox.record(CalendarChanged(edition=number))
    session.flush()
    return number


def _days_of(district_id: UUID | None) -> dict[date, DayRow]:
    """Read the special days of a district as they stand, or those of the nation."""
    told = session.execute(
        select(WorkdayCalendar.date, WorkdayCalendar.kind, WorkdayCalendar.name)
        .where(WorkdayCalendar.district_id == district_id)
        .order_by(WorkdayCalendar.edition)
    )
    return {row.date: DayRow(*row) for row in told}


def _insert_days(
    rows: Sequence[DayRow], district_id: UUID | None, source: str, edition: int
) -> None:
    session.add_all(
        WorkdayCalendar(
            date=row.date,
            district_id=district_id,
            kind=row.kind,
            name=row.name,
            source=source,
            edition=edition,
        )
        for row in rows
    )


def _missing_hours() -> list[HoursKind]:
    """Name the kinds of hours that nobody has entered for the nation."""
    national = select(WorkHours.kind).where(WorkHours.district_id.is_(None))
    there = set(session.scalars(national))
    return [kind for kind in HoursKind if kind not in there]


def _add_hours(draft: HoursDraft, edition: int) -> None:
    session.add_all(
        WorkHours(
            kind=draft.kind,
            district_id=draft.district_id,
            weekday=span.weekday,
            opens=span.opens,
            closes=span.closes,
            valid_from=draft.valid_from,
            edition=edition,
        )
        for span in draft.spans
    )
