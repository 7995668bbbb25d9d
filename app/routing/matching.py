"""What a rule says, what a case is, and when the one holds for the other: pure.

Apart from ``rules`` because both choosing and finding conflicts stand on it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from app.catalog.rules import ACCUSED_PARTY, URGENT, CategoryView
from app.kernel.clock import SHANGHAI
from app.territory.rules import Spot

DAY = 24 * 60
WEEK = 7 * DAY
PARTY_OF: Mapping[str, str] = {word.value: party.value for word, party in ACCUSED_PARTY.items()}


class Mode(StrEnum):
    """How a ticket comes to somebody's hands."""

    MANUAL = "manual"
    AUTO = "auto"
    CLAIM = "claim"
    ROTATE = "rotate"


class Target(StrEnum):
    """Whom a rule names; ``organisation`` comes with an id."""

    PROPERTY = "property"
    COMMUNITY = "community"
    STREET = "street"
    DISTRICT = "district"
    OWNERS_COMMITTEE = "owners_committee"
    ORGANISATION = "organisation"


class Busy(NamedTuple):
    """How much a person has in hand, and when they last got something."""

    open: int
    last: datetime | None = None


Load = Mapping[UUID, "Busy | int"]
LoadOf = Callable[[Sequence[UUID]], Load]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What routing is asked about; nothing in it is a ticket.

    ``accuse`` is what the resident ticked (an ``Accused`` of the catalogue).
    ``load`` maps people to their open tickets, or answers for the people it is
    given, in one go. ``exclude`` are organisations that gave the case back.
    ``tier`` and ``urgency`` override the category's.
    """

    spot: Spot
    category: CategoryView
    at: datetime
    accuse: str | None = None
    load: Load | LoadOf = field(default_factory=dict)
    exclude: frozenset[UUID] = frozenset()
    tier: int | None = None
    urgency: str | None = None

    @property
    def level_of_need(self) -> str:
        """Name the urgency that counts: P0 to P3."""
        return self.urgency or self.category.urgency

    @property
    def urgent(self) -> bool:
        """Tell whether this goes out by itself at any hour (P0, P1)."""
        return self.level_of_need in URGENT

    @property
    def accused(self) -> tuple[str, ...]:
        """Name the accused parties, by category and by the resident's tick."""
        by_category = PARTY_OF.get(self.category.accuses)
        ticked = PARTY_OF.get(self.accuse) if self.accuse else None
        return tuple(dict.fromkeys(party for party in (by_category, ticked) if party))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the ordered list; a condition left empty holds for all.

    ``weekdays`` are ISO (Monday 1); a window that passes midnight belongs to
    the day on which it begins. Times are local.
    """

    id: UUID
    district_id: UUID
    position: int
    name: str
    target: Target
    mode: Mode
    organisation_id: UUID | None = None
    assignee_id: UUID | None = None
    cap: int | None = None
    node_id: UUID | None = None
    node_level: str | None = None
    facility_kind: str | None = None
    category_code: str | None = None
    group_code: str | None = None
    kind: str | None = None
    urgency: str | None = None
    weekdays: frozenset[int] = frozenset()
    from_time: time | None = None
    to_time: time | None = None
    serving_id: UUID | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    spans: tuple[tuple[int, int], ...] = field(init=False)

    def __post_init__(self) -> None:
        spans = week_spans(self.weekdays, self.from_time, self.to_time)
        object.__setattr__(self, "spans", spans)

    def stands(self, at: datetime) -> bool:
        """Tell whether the rule is in force at ``at``."""
        return (self.valid_from is None or self.valid_from <= at) and (
            self.valid_to is None or at < self.valid_to
        )


def week_spans(
    weekdays: frozenset[int], start: time | None, end: time | None
) -> tuple[tuple[int, int], ...]:
    """Turn weekdays and a window into minutes of the week; empty means always."""
    if not weekdays and start is None:
        return ()
    first = start.hour * 60 + start.minute if start else 0
    last = end.hour * 60 + end.minute if end else DAY
    length = last - first if last > first else last - first + DAY
    cut: list[tuple[int, int]] = []
    for day in weekdays or range(1, 8):
        begin = (day - 1) * DAY + first
        stop = begin + length
        cut.append((begin, min(stop, WEEK)))
        if stop > WEEK:
            cut.append((0, stop - WEEK))
    return _merged(cut)


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for begin, stop in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((begin, stop))
    return tuple(joined)


def minute_of_week(at: datetime) -> int:
    """Count local minutes since Monday 00:00."""
    local = at.astimezone(SHANGHAI)
    return local.weekday() * DAY + local.hour * 60 + local.minute


def matching(case: Case, rules: Sequence[Rule], serving: frozenset[UUID]) -> list[Rule]:
    """List the rules that hold for ``case``, in their order.

    ``serving`` are the firms that serve the place. The cheapest and most
    telling conditions are asked first; fifty rules take microseconds.
    """
    spot, category = case.spot, case.category
    code, group, kind, urgency = category.code, category.group_code, category.kind, None
    nodes: frozenset[UUID] | None = None
    minute = -1
    found = []
    for rule in rules:
        if rule.category_code is not None and rule.category_code != code:
            continue
        if rule.group_code is not None and rule.group_code != group:
            continue
        if rule.kind is not None and rule.kind != kind:
            continue
        if rule.urgency is not None and rule.urgency != (urgency := urgency or case.level_of_need):
            continue
        if rule.facility_kind is not None and rule.facility_kind != spot.facility_kind:
            continue
        if rule.node_id is not None:
            nodes = spot.nodes if nodes is None else nodes
            if rule.node_id not in nodes:
                continue
        if rule.spans:
            minute = minute_of_week(case.at) if minute < 0 else minute
            if not any(begin <= minute < stop for begin, stop in rule.spans):
                continue
        if rule.serving_id is not None and rule.serving_id not in serving:
            continue
        if rule.district_id == spot.district_id and rule.stands(case.at):
            found.append(rule)
    return found
