"""Look categories up, cached in the process until their stamp changes."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.catalog import limits as numbers
from app.catalog.catalogue import Catalogue
from app.catalog.limits import Limits, Setting
from app.catalog.models import (
    Category,
    CategoryGroup,
    CategoryHistory,
    CategoryOverride,
    DistrictSetting,
)
from app.catalog.rules import (
    OVERRIDABLE,
    PARTY_NAMES,
    Accused,
    CategoryView,
    GroupView,
    Kind,
    Override,
    Party,
    Urgency,
    WorkCalendar,
)
from app.kernel import clock, stamps
from app.kernel.db import session
from app.kernel.errors import Invalid

STAMP = "catalog"
SETTINGS = "settings"


def category(
    code: str,
    *,
    district_id: UUID | None = None,
    contract_grade: str | None = None,
    at: datetime,
) -> CategoryView:
    """Look a category up as it holds there and then, retired or not.

    Tickets outlive categories, so a retired one is still found here; what a
    resident may choose is :func:`offered`.

    Raises:
        Invalid: no such code (``unknown_category``).

    """
    found = _catalogue.get().category(code, district_id, contract_grade, at)
    if found is None:
        raise Invalid("没有这个类别，请重新选择。", code="unknown_category")
    return found


def offered(
    code: str,
    *,
    district_id: UUID | None = None,
    contract_grade: str | None = None,
    at: datetime,
) -> CategoryView:
    """Look a category up for a new report or a new choice.

    Raises:
        Invalid: no such code, or retired by then (``unknown_category``).

    """
    found = category(code, district_id=district_id, contract_grade=contract_grade, at=at)
    if found.retired:
        raise Invalid("这个类别已停用，请重新选择。", code="unknown_category")
    return found


def tree(
    *,
    district_id: UUID | None = None,
    contract_grade: str | None = None,
    at: datetime | None = None,
) -> tuple[GroupView, ...]:
    """List the groups with what is offered in them, in the order of the file."""
    return _catalogue.get().tree(district_id, contract_grade, at or clock.now())


def etag(
    *,
    district_id: UUID | None = None,
    contract_grade: str | None = None,
    at: datetime | None = None,
) -> str:
    """Name the content of :func:`tree`: the same text as long as it would say the same."""
    groups = tree(district_id=district_id, contract_grade=contract_grade, at=at)
    kept = _etags.get(id(groups))
    if kept is None or kept[0] is not groups:
        if len(_etags) > _ETAGS_KEPT:
            _etags.clear()
        kept = (groups, hashlib.sha256(repr(groups).encode()).hexdigest()[:32])
        _etags[id(groups)] = kept
    return kept[1]


def parties() -> Mapping[Party, str]:
    """Name every party in Chinese."""
    return PARTY_NAMES


def rows() -> list[Category]:
    """List the categories with the provenance of their numbers, for admins."""
    return list(session.scalars(select(Category).order_by(Category.position)))


def history_of(code: str) -> list[CategoryHistory]:
    """List what a category has said, newest first."""
    return list(
        session.scalars(
            select(CategoryHistory)
            .where(CategoryHistory.category_code == code)
            .order_by(CategoryHistory.policy_version.desc())
        )
    )


def overrides_of(code: str) -> list[CategoryOverride]:
    """List every override a category ever had, newest first."""
    return list(
        session.scalars(
            select(CategoryOverride)
            .where(CategoryOverride.category_code == code)
            .order_by(CategoryOverride.policy_version.desc())
        )
    )


_ETAGS_KEPT = 64
_etags: dict[int, tuple[tuple[GroupView, ...], str]] = {}


def read() -> Catalogue:
    """Read the whole catalogue from the rows; lookups use the cached one."""
    groups = list(session.scalars(select(CategoryGroup).order_by(CategoryGroup.position)))
    now_rows = rows()
    names = {group.code: group.name for group in groups}
    versions: dict[str, list[tuple[datetime, CategoryView]]] = defaultdict(list)
    told = session.execute(
        select(
            CategoryHistory.category_code,
            CategoryHistory.policy_version,
            CategoryHistory.valid_from,
            CategoryHistory.said,
        ).order_by(CategoryHistory.policy_version)
    )
    for code, version, since, said in told:
        versions[code].append((since, _view(said, version, names)))
    overrides: dict[str, list[Override]] = defaultdict(list)
    for laid in session.scalars(select(CategoryOverride)):
        overrides[laid.category_code].append(_override(laid))
    codes: dict[str, list[str]] = defaultdict(list)
    for row in now_rows:
        codes[row.group_code].append(row.code)
    return Catalogue(
        versions=dict(versions),
        overrides=dict(overrides),
        retired={row.code: row.retired_at for row in now_rows if row.retired_at},
        groups=tuple((group.code, group.name, tuple(codes[group.code])) for group in groups),
    )


def _view(said: Mapping[str, Any], version: int, names: Mapping[str, str]) -> CategoryView:
    values = {name: value for name, value in said.items() if name in CategoryView.__slots__}
    values |= {
        "kind": Kind(said["kind"]),
        "accuses": Accused(said["accuses"]),
        "default_party": Party(said["default_party"]),
        "co_parties": tuple(Party(party) for party in said["co_parties"]),
        "urgency": Urgency(said["urgency"]),
        "calendar": WorkCalendar(said["calendar"]),
    }
    return CategoryView(**values, group_name=names[said["group_code"]], policy_version=version)


def _override(row: CategoryOverride) -> Override:
    given = {name: getattr(row, name) for name in OVERRIDABLE}
    return Override(
        category_code=row.category_code,
        district_id=row.district_id,
        contract_grade=row.contract_grade,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        policy_version=row.policy_version,
        changes={name: value for name, value in given.items() if value is not None},
    )


_catalogue = stamps.Cached(STAMP, read)


def limits(district_id: UUID | None, at: datetime) -> Limits:
    """Tell which numbers hold in a district at a time."""
    set_there = _settings.get()
    return numbers.in_force(set_there, district_id, at) if set_there else numbers.USUAL


def settings() -> tuple[Setting, ...]:
    """List every number that was ever set, in the order it was set."""
    return _read_settings()


def setting_rows() -> list[DistrictSetting]:
    """List what was set with who and why, in order."""
    order = (DistrictSetting.set_at, DistrictSetting.id)
    return list(session.scalars(select(DistrictSetting).order_by(*order)))


def _read_settings() -> tuple[Setting, ...]:
    return tuple(
        Setting(
            key=row.key,
            value=row.value["is"],
            district_id=row.district_id,
            valid_from=row.valid_from,
        )
        for row in setting_rows()
    )


_settings = stamps.Cached(SETTINGS, _read_settings)
