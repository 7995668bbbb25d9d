"""The whole catalogue in memory: base versions and overrides, looked up in microseconds.

Apart from ``rules`` because only the cache behind ``queries`` holds one.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalog.rules import CategoryView, GroupView, Override, layered


@dataclass(frozen=True)
class Catalogue:
    """Everything the lookups need, made once per change of the rows.

    ``versions`` holds per code the bases by the time they began, oldest first; the
    first also answers for earlier times. ``_memo`` is bounded by the data: places
    without overrides of their own share the answers of "no place".
    """

    versions: Mapping[str, Sequence[tuple[datetime, CategoryView]]]
    overrides: Mapping[str, Sequence[Override]]
    retired: Mapping[str, datetime]
    groups: Sequence[tuple[str, str, Sequence[str]]]
    _memo: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    _changes: tuple[datetime, ...] = field(init=False, compare=False, repr=False)
    _places: frozenset[UUID] = field(init=False, compare=False, repr=False)
    _grades: frozenset[str] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        laid = [override for many in self.overrides.values() for override in many]
        moments = {since for many in self.versions.values() for since, _ in many}
        moments |= {o.valid_from for o in laid} | {o.valid_to for o in laid if o.valid_to}
        moments |= set(self.retired.values())
        object.__setattr__(self, "_changes", tuple(sorted(moments)))
        object.__setattr__(self, "_places", frozenset(o.district_id for o in laid if o.district_id))
        grades = frozenset(o.contract_grade for o in laid if o.contract_grade)
        object.__setattr__(self, "_grades", grades)

    def category(
        self, code: str, district_id: UUID | None, contract_grade: str | None, at: datetime
    ) -> CategoryView | None:
        """Look a category up as it holds there and then; None if the code is unknown."""
        if code not in self.versions:
            return None
        key = (code, *self._scope(district_id, contract_grade, at))
        if key not in self._memo:
            self._memo[key] = self._at(code, district_id, contract_grade, at)
        found: CategoryView = self._memo[key]
        return found

    def tree(
        self, district_id: UUID | None, contract_grade: str | None, at: datetime
    ) -> tuple[GroupView, ...]:
        """List the groups with what is offered in them there and then."""
        key = self._scope(district_id, contract_grade, at)
        if key not in self._memo:
            self._memo[key] = tuple(self._groups_at(district_id, contract_grade, at))
        found: tuple[GroupView, ...] = self._memo[key]
        return found

    def _scope(
        self, district_id: UUID | None, contract_grade: str | None, at: datetime
    ) -> tuple[int, UUID | None, str | None]:
        place = district_id if district_id in self._places else None
        grade = contract_grade if contract_grade in self._grades else None
        return bisect_right(self._changes, at), place, grade

    def _at(
        self, code: str, district_id: UUID | None, contract_grade: str | None, at: datetime
    ) -> CategoryView:
        versions = self.versions[code]
        index = bisect_right(versions, at, key=lambda version: version[0]) - 1
        base = versions[max(index, 0)][1]
        if code in self.retired and self.retired[code] <= at:
            base = replace(base, retired=True)
        return layered(base, self.overrides.get(code, ()), district_id, contract_grade, at)

    def _groups_at(
        self, district_id: UUID | None, contract_grade: str | None, at: datetime
    ) -> Iterator[GroupView]:
        for group_code, name, codes in self.groups:
            found = (self._at(code, district_id, contract_grade, at) for code in codes)
            offered = tuple(view for view in found if not view.retired)
            if offered:
                yield GroupView(group_code, name, offered)
