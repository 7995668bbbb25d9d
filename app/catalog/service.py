"""Change the catalogue: load a file, retire a code, let a district or a grade differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.catalog import access, queries
from app.catalog.events import PolicyChanged
from app.catalog.models import Category, CategoryGroup, CategoryHistory, CategoryOverride
from app.catalog.rows import CategoryRow, Checked, Problem, SourceLine, check, read_csv
from app.catalog.rules import (
    OVERRIDABLE,
    Override,
    Party,
    Token,
    Urgency,
    WorkCalendar,
    contradictions,
)
from app.kernel import audit, clock, outbox, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound

SHIPPED = Path(__file__).parent / "data" / "categories.csv"

_TOKENS = frozenset({"accept_by", "respond_by", "resolve_by", "confirm_within"})
_ENUMS = {"urgency": Urgency, "calendar": WorkCalendar, "default_party": Party}
_TIERS = frozenset({"start_tier", "ceiling_tier"})


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load did; ``left_alone`` are live codes the file does not name."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    left_alone: tuple[str, ...]
    notices: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class OverrideDraft:
    """What somebody wants to differ; ``changes`` maps field names to values."""

    category_code: str
    changes: Mapping[str, Any]
    why: str
    district_id: UUID | None = None
    contract_grade: str | None = None
    valid_from: datetime | None = None


def load(actor: Actor, lines: Sequence[SourceLine], *, why: str = "导入类别表") -> LoadReport:
    """Bring the catalogue to what the file says; loading it again changes nothing.

    Codes the file leaves out stay as they are: only :func:`retire` ends one.

    Raises:
        Forbidden: not an editor of the whole product.
        Invalid: some line is wrong (``bad_catalog``); ``errors`` lists all of them by line.

    """
    access.require_edit(actor)
    existing = {row.code: row for row in session.scalars(select(Category))}
    checked = check(lines, [code for code, row in existing.items() if row.retired_at])
    _refuse(checked)
    groups_changed = _load_groups(checked.rows)
    added, changed = [], []
    for row in checked.rows:
        kept = existing.get(row.code)
        if kept is None:
            session.add(Category(**row.columns(), policy_version=1))
            added.append(row.code)
        elif _change(kept, row):
            changed.append(row.code)
    moved = bool(session.dirty)
    session.flush()
    _remember(actor, [row for row in checked.rows if row.code in {*added, *changed}], why)
    if added or changed or groups_changed or moved:
        audit.record(actor, "catalog.load", "category", added=len(added), changed=len(changed))
        session.flush()
        stamps.bump(queries.STAMP)
    named = {row.code for row in checked.rows}
    return LoadReport(
        added=tuple(added),
        changed=tuple(changed),
        unchanged=len(checked.rows) - len(added) - len(changed),
        left_alone=tuple(c for c, r in existing.items() if c not in named and not r.retired_at),
        notices=checked.notices,
    )


def load_shipped(actor: Actor) -> LoadReport:
    """Load the categories that come with the product."""
    return load(actor, read_csv(SHIPPED.read_text(encoding="utf-8-sig")), why="随产品提供")


def retire(actor: Actor, code: str) -> None:
    """Stop offering a category; its code is never used again.

    Raises:
        Forbidden: not an editor of the whole product.
        NotFound: no such category.
        Conflict: retired before.

    """
    access.require_edit(actor)
    row = _held(code)
    if row.retired_at is not None:
        raise Conflict("这个类别已经停用。", code="category_retired")
    row.retired_at = clock.now()
    audit.record(actor, "catalog.retire", "category", code=code)
    session.flush()
    stamps.bump(queries.STAMP)


def override(actor: Actor, draft: OverrideDraft) -> CategoryOverride:
    """Let a category differ in a district, for a contract grade, or both, from a time on.

    The override now open for the same scope ends when this one begins.

    Raises:
        Forbidden: not an editor there; a grade everywhere needs the whole product.
        NotFound: no such category or district.
        Invalid: unknown field or value, no scope, a past start, or a result that
            contradicts itself in some place where overrides meet.
        Conflict: one for the same scope begins at the same time or later.

    """
    access.require_edit(actor, draft.district_id)
    access.require_district(draft.district_id)
    row = _held(draft.category_code)
    at = clock.now()
    since = draft.valid_from or at
    values = _checked_values(draft, since, at)
    _close_previous(draft, since)
    row.policy_version += 1
    made = CategoryOverride(
        category_code=row.code,
        district_id=draft.district_id,
        contract_grade=draft.contract_grade,
        scope=_scope(draft),
        policy_version=row.policy_version,
        valid_from=since,
        person_id=actor.person_id,
        why=draft.why,
        **values,
    )
    session.add(made)
    audit.record(actor, "catalog.override", "category", made.id, code=row.code)
    outbox.record(PolicyChanged(code=row.code))
    session.flush()
    _refuse_contradictions(row.code)
    stamps.bump(queries.STAMP)
    return made


def end_override(actor: Actor, override_id: UUID, *, at: datetime | None = None) -> None:
    """End an override now or at a later time; one not yet begun never holds.

    Raises:
        Forbidden: not an editor there.
        NotFound: no such override.
        Conflict: it has an end already.
        Invalid: the end lies in the past, or what remains contradicts itself.

    """
    row = session.get(CategoryOverride, override_id, with_for_update=True)
    if row is None:
        raise NotFound
    access.require_edit(actor, row.district_id)
    now = clock.now()
    if row.valid_to is not None:
        raise Conflict("这条规则已有结束时间。", code="override_ended")
    if at is not None and at < now:
        raise Invalid("结束时间不能早于现在。", code="override_in_past")
    row.valid_to = max(at or now, row.valid_from)
    audit.record(actor, "catalog.end_override", "category", row.id, code=row.category_code)
    session.flush()
    _refuse_contradictions(row.category_code)
    stamps.bump(queries.STAMP)


def _refuse(checked: Checked) -> None:
    if not checked.problems:
        return
    by_line: dict[str, list[str]] = {}
    for problem in checked.problems:
        by_line.setdefault(str(problem.line), []).append(f"{problem.column}：{problem.words}")
    raise Invalid(
        f"类别表有{len(checked.problems)}处不对，没有导入任何内容。",
        code="bad_catalog",
        errors=by_line,
    )


def _load_groups(rows: Sequence[CategoryRow]) -> bool:
    kept = {group.code: group for group in session.scalars(select(CategoryGroup))}
    changed = False
    names = {row.group_code: row.group_name for row in rows}
    for position, (code, name) in enumerate(names.items()):
        group = kept.get(code)
        if group is None:
            session.add(CategoryGroup(code=code, name=name, position=position))
            changed = True
        elif (group.name, group.position) != (name, position):
            group.name, group.position = name, position
            changed = True
    session.flush()
    return changed


def _change(kept: Category, row: CategoryRow) -> bool:
    """Write what differs; a moved line alone is not a new policy."""
    values = row.columns()
    differing = {name for name, value in values.items() if getattr(kept, name) != value}
    for name in differing:
        setattr(kept, name, values[name])
    if not differing - {"position"}:
        return False
    kept.policy_version += 1
    return True


def _remember(actor: Actor, rows: Sequence[CategoryRow], why: str) -> None:
    """Write down what the flushed rows say from now on."""
    codes = [row.code for row in rows]
    drawn = select(Category.code, Category.policy_version).where(Category.code.in_(codes))
    versions = dict(session.execute(drawn).all())
    session.add_all(
        CategoryHistory(
            category_code=row.code,
            policy_version=versions[row.code],
            valid_from=clock.now(),
            person_id=actor.person_id,
            why=why,
            said=row.columns(),
        )
        for row in rows
    )


def _held(code: str) -> Category:
    row = session.get(Category, code, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("没有这个类别。")
    return row


def _scope(draft: OverrideDraft) -> str:
    return f"{draft.district_id or '*'}/{draft.contract_grade or '*'}"


def _checked_values(draft: OverrideDraft, since: datetime, now: datetime) -> dict[str, Any]:
    errors: dict[str, str] = {}
    if draft.district_id is None and draft.contract_grade is None:
        errors["district_id"] = "请写明区或合同等级"
    if draft.contract_grade is not None and not draft.contract_grade.strip():
        errors["contract_grade"] = "合同等级不能是空的"
    if since < now:
        errors["valid_from"] = "开始时间不能早于现在"
    if not draft.why.strip():
        errors["why"] = "请写明理由"
    if not draft.changes:
        errors["changes"] = "没有要改的内容"
    values: dict[str, Any] = {}
    for name, value in draft.changes.items():
        try:
            values[name] = _value(name, value)
        except (ValueError, TypeError):
            errors[name] = "不能改这一项，或填写不对"
    if errors:
        raise Invalid(code="bad_override", errors=errors)
    return values


def _value(name: str, value: Any) -> Any:
    if name not in OVERRIDABLE:
        raise ValueError(name)
    if name in _TOKENS:
        return str(Token.parse(value))
    if name in _ENUMS:
        return _ENUMS[name](value)
    wanted = int if name in _TIERS else bool
    if type(value) is not wanted:
        raise TypeError(name)
    return value


def _close_previous(draft: OverrideDraft, since: datetime) -> None:
    previous = session.scalars(
        select(CategoryOverride)
        .where(
            CategoryOverride.category_code == draft.category_code,
            CategoryOverride.scope == _scope(draft),
        )
        .order_by(CategoryOverride.policy_version.desc())
    ).first()
    if previous is None:
        return
    if previous.valid_to is None and since > previous.valid_from:
        previous.valid_to = since
        session.flush()
        return
    if previous.valid_to is None or since < previous.valid_to:
        raise Conflict("同一范围已有更晚生效的规则，请先结束它。", code="later_override")


def _refuse_contradictions(code: str) -> None:
    """Look at every place and moment where overrides of ``code`` meet.

    Reads past the cache: what this unit wrote may yet be rolled back.
    """
    catalogue = queries.read()
    overrides: Sequence[Override] = catalogue.overrides.get(code, ())
    places = {None, *(o.district_id for o in overrides)}
    grades = {None, *(o.contract_grade for o in overrides)}
    now = clock.now()
    moments = {now, *(t for o in overrides for t in (o.valid_from, o.valid_to) if t and t > now)}
    for moment in moments:
        for place, grade in product(places, grades):
            view = catalogue.category(code, place, grade, moment)
            wrong = dict(contradictions(view)) if view else {}
            if wrong:
                raise Invalid("改后的规则自相矛盾。", code="bad_override", errors=wrong)
