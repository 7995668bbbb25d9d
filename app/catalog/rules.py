"""What a category is, which of its numbers hold where and when, and what may not be.

An override gives some fields of a category another value in one district, for
one contract grade, or for a grade in a district. For every field the narrowest
value wins: district and grade > grade > district > the category itself.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any
from uuid import UUID


class Kind(StrEnum):
    """What the resident wants."""

    HELP = "help"
    REPAIR = "repair"
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"


class Accused(StrEnum):
    """Whom a category complains of by its nature."""

    NONE = "none"
    PROPERTY = "property"
    COMMITTEE = "committee"
    COMMUNITY = "community"
    STREET = "street"


class Party(StrEnum):
    """Who may answer for a result or join in it."""

    PROPERTY = "property"
    COMMUNITY = "community"
    STREET = "street"
    DISTRICT = "district"
    OWNERS_COMMITTEE = "owners_committee"
    JOINT_ENFORCEMENT = "joint_enforcement"
    UTILITY = "utility"
    FIRE = "fire"
    POLICE = "police"
    ELEVATOR_MAINTENANCE = "elevator_maintenance"
    DEVELOPER = "developer"
    VOLUNTEER = "volunteer"
    BUILDING_HEAD = "building_head"


class Urgency(StrEnum):
    """How soon somebody must move; P0 is danger to life or limb."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


URGENT = frozenset({Urgency.P0, Urgency.P1})
"""What is dispatched round the clock and tells people at any hour."""


class WorkCalendar(StrEnum):
    """Which hours count by default, and what staff see; the token decides the arithmetic."""

    ALWAYS = "24x7"
    DAILY = "daily"
    WORKDAY = "workday"


class Provenance(StrEnum):
    """Where a time limit comes from: sourced, adapted from a source, or our proposal."""

    SOURCED = "S"
    ADAPTED = "A"
    PROPOSED = "P"


PARTY_NAMES: Mapping[Party, str] = {
    Party.PROPERTY: "物业公司",
    Party.COMMUNITY: "社区",
    Party.STREET: "街道",
    Party.DISTRICT: "区",
    Party.OWNERS_COMMITTEE: "业委会",
    Party.JOINT_ENFORCEMENT: "联合执法",
    Party.UTILITY: "水电气热等专营单位",
    Party.FIRE: "消防",
    Party.POLICE: "公安",
    Party.ELEVATOR_MAINTENANCE: "电梯维保单位",
    Party.DEVELOPER: "开发建设单位",
    Party.VOLUNTEER: "志愿者",
    Party.BUILDING_HEAD: "楼栋长",
}

ACCUSED_PARTY: Mapping[Accused, Party] = {
    Accused.PROPERTY: Party.PROPERTY,
    Accused.COMMITTEE: Party.OWNERS_COMMITTEE,
    Accused.COMMUNITY: Party.COMMUNITY,
    Accused.STREET: Party.STREET,
}

LOWEST_TIER_AGAINST: Mapping[Accused, int] = {
    Accused.PROPERTY: 2,
    Accused.COMMITTEE: 2,
    Accused.COMMUNITY: 3,
    Accused.STREET: 4,
}
"""The first tier that stands above the accused (1 compound … 4 district)."""

TOP_TIER = 4

HOTLINE_NAMES: Mapping[str, str] = {"110": "报警", "119": "火警和救援", "120": "急救"}

_HOTLINE_OF_PARTY = {Party.POLICE: "110", Party.FIRE: "119"}
_HOTLINES_OF_CODE = {
    "EMG-LIFT": ("119",),
    "SEC-THEFT": ("110",),
    "SEC-THROW": ("110",),
}


class Unit(StrEnum):
    """What a token counts: wall clock (m h d), service hours (sh), working hours and days."""

    MINUTES = "m"
    HOURS = "h"
    DAYS = "d"
    SERVICE_HOURS = "sh"
    WORKING_HOURS = "wh"
    WORKING_DAYS = "wd"


WALL_CLOCK = frozenset({Unit.MINUTES, Unit.HOURS, Unit.DAYS})

_TOKEN = re.compile(r"([1-9][0-9]{0,3})(m|h|d|sh|wh|wd)")
_ROUGH_MINUTES = {
    Unit.MINUTES: 1,
    Unit.HOURS: 60,
    Unit.DAYS: 1440,
    Unit.SERVICE_HOURS: 60,
    Unit.WORKING_HOURS: 60,
    Unit.WORKING_DAYS: 1440,
}
_LONGEST_MINUTES = 366 * 1440


@dataclass(frozen=True, slots=True)
class Token:
    """A length of time as the catalogue writes it: ``30m 2h 7d 2sh 4wh 5wd``."""

    amount: int
    unit: Unit

    @staticmethod
    @lru_cache(maxsize=512)
    def parse(text: str) -> "Token":
        """Read a token.

        Raises:
            ValueError: not a whole number from 1 with a known unit, or longer than a year.

        """
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise ValueError(f"not a duration token: {text!r}")
        token = Token(int(match[1]), Unit(match[2]))
        if token.rough_minutes > _LONGEST_MINUTES:
            raise ValueError(f"longer than a year: {text!r}")
        return token

    @property
    def rough_minutes(self) -> int:
        """Tell about how long it is, enough to put promises in order."""
        return self.amount * _ROUGH_MINUTES[self.unit]

    def __str__(self) -> str:
        return f"{self.amount}{self.unit}"


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category as it holds at one place and time; ``*_by`` are tokens."""

    code: str
    group_code: str
    group_name: str
    name: str
    name_en: str
    kind: Kind
    accuses: Accused
    default_party: Party
    co_parties: tuple[Party, ...]
    urgency: Urgency
    calendar: WorkCalendar
    accept_by: str
    respond_by: str
    resolve_by: str
    confirm_within: str
    start_tier: int
    ceiling_tier: int
    anonymous_ok: bool
    callback_phone_required: bool
    publishable: bool
    sensitive: bool
    in_home: bool
    photo_on_resolve: bool
    policy_version: int
    retired: bool = False

    @property
    def accused_party(self) -> Party | None:
        """Name the party this category complains of, or None."""
        return ACCUSED_PARTY.get(self.accuses)

    @property
    def hotlines(self) -> tuple[str, ...]:
        """List the emergency numbers to show before the form, the fitting one first.

        Emergencies go straight to 110, 119 or 120 (Beijing 12345 ordinance, art. 11):
        every P0 shows all three, a few others the one they need.
        """
        fitting = _HOTLINES_OF_CODE.get(self.code, ())
        if self.urgency is not Urgency.P0:
            return fitting
        parties = (_HOTLINE_OF_PARTY[p] for p in self.co_parties if p in _HOTLINE_OF_PARTY)
        return tuple(dict.fromkeys((*fitting, *parties, "119", "110", "120")))


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of the tree with the categories offered in it."""

    code: str
    name: str
    categories: tuple[CategoryView, ...]


OVERRIDABLE = frozenset(
    {
        "urgency",
        "calendar",
        "accept_by",
        "respond_by",
        "resolve_by",
        "confirm_within",
        "default_party",
        "start_tier",
        "ceiling_tier",
        "anonymous_ok",
        "publishable",
        "photo_on_resolve",
    }
)
"""What a district or a contract may set otherwise; whom a category accuses is not among it."""


@dataclass(frozen=True, slots=True)
class Override:
    """Other values of one category for a district, a contract grade, or both."""

    category_code: str
    district_id: UUID | None
    contract_grade: str | None
    valid_from: datetime
    valid_to: datetime | None
    policy_version: int
    changes: Mapping[str, Any]

    @property
    def weight(self) -> int:
        """Tell how narrow it is: a district 1, a grade 2, a grade in a district 3."""
        return (self.district_id is not None) + 2 * (self.contract_grade is not None)

    def covers(self, district_id: UUID | None, contract_grade: str | None, at: datetime) -> bool:
        """Tell whether it holds there and then; ``valid_to`` is no longer part of it."""
        return (
            self.district_id in (None, district_id)
            and self.contract_grade in (None, contract_grade)
            and self.valid_from <= at
            and (self.valid_to is None or at < self.valid_to)
        )


def layered(
    base: CategoryView,
    overrides: Sequence[Override],
    district_id: UUID | None,
    contract_grade: str | None,
    at: datetime,
) -> CategoryView:
    """Lay the overrides that hold there and then over ``base``, the narrowest on top."""
    holding = [o for o in overrides if o.covers(district_id, contract_grade, at)]
    if not holding:
        return base
    changes: dict[str, Any] = {}
    for override in sorted(holding, key=lambda o: o.weight):
        changes.update(override.changes)
    version = max(base.policy_version, *(o.policy_version for o in holding))
    return replace(base, **changes, policy_version=version)


def contradictions(view: CategoryView) -> Iterator[tuple[str, str]]:
    """Name (field, Chinese sentence) for each thing that cannot be true together."""
    promises = [Token.parse(t) for t in (view.accept_by, view.respond_by, view.resolve_by)]
    if view.urgency is Urgency.P0 and view.calendar is not WorkCalendar.ALWAYS:
        yield "calendar", "P0 必须全天计时（24x7）"
    if view.calendar is WorkCalendar.ALWAYS and any(t.unit not in WALL_CLOCK for t in promises):
        yield "accept_by", "全天计时的类别，时限只能用 m、h、d"
    rough = [token.rough_minutes for token in promises]
    if rough != sorted(rough):
        yield "resolve_by", "时限应当依次不短于前一个：接单、响应、办结"
    if Token.parse(view.confirm_within).unit not in WALL_CLOCK:
        yield "confirm_within", "居民确认期只能用 m、h、d"
    if view.urgency is Urgency.P0 and not view.callback_phone_required:
        yield "callback_phone", "P0 必须留回拨电话"
    if view.sensitive and view.publishable:
        yield "publishable", "敏感类别不能公开"
    yield from _tier_contradictions(view)
    yield from _accused_contradictions(view)


def _tier_contradictions(view: CategoryView) -> Iterator[tuple[str, str]]:
    if not 1 <= view.start_tier <= TOP_TIER or not 1 <= view.ceiling_tier <= TOP_TIER:
        yield "start_tier", f"层级只能是 1 到 {TOP_TIER}"
    elif view.start_tier > view.ceiling_tier:
        yield "ceiling_tier", "最高层级不能低于起始层级"
    elif view.start_tier == view.ceiling_tier < TOP_TIER:
        yield "ceiling_tier", "最高层级至少比起始层级高一级"


def _accused_contradictions(view: CategoryView) -> Iterator[tuple[str, str]]:
    accused = view.accused_party
    if accused is None:
        return
    if view.default_party is accused:
        yield "default_party", "被投诉的一方不能主办"
    if accused in view.co_parties:
        yield "co_parties", "被投诉的一方不能协办"
    if view.start_tier < LOWEST_TIER_AGAINST[view.accuses]:
        yield "start_tier", "起始层级必须高于被投诉的一方"
