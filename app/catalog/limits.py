"""The numbers a district may set for itself: what each means, its bounds, what is usual. Pure.

Category, urgency and tier times stand in the catalogue and the ladder; here is what holds
for all of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from app.catalog.rules import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds in one place at one time; the defaults are what is usual (rules.md)."""

    pause_days: int = 60
    extensions: int = 2
    nudges: int = 5
    nudge_hours: int = 24
    review_due: str = "4wh"
    review_due_p0: str = "10m"
    review_due_p1: str = "30m"
    call_minutes: int = 5
    due_soon_percent: int = 80
    answer_due: str = "1wd"
    contest_days: int = 5

    @property
    def nudge_every(self) -> timedelta:
        """Tell how long a resident waits between two nudges."""
        return timedelta(hours=self.nudge_hours)

    def review_token(self, urgency: str) -> str:
        """Tell how long a second person has."""
        return {"P0": self.review_due_p0, "P1": self.review_due_p1}.get(urgency, self.review_due)


USUAL = Limits()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one number is, in which unit, and how far it may go (tokens: at the most)."""

    words: str
    unit: str
    least: int | str
    most: int | str


BOUNDS: Mapping[str, Bounds] = MappingProxyType(
    {
        "pause_days": Bounds("一张单暂停的时间合计最多", "天", 1, 180),
        "extensions": Bounds("一张单最多延期", "次", 0, 5),
        "nudges": Bounds("居民一张单最多催办", "次", 1, 20),
        "nudge_hours": Bounds("两次催办至少间隔", "小时", 1, 72),
        "review_due": Bounds("第二个人审核时限", "时长", "1m", "3wd"),
        "review_due_p0": Bounds("紧急险情（P0）审核时限", "时长", "1m", "1h"),
        "review_due_p1": Bounds("P1审核时限", "时长", "1m", "4h"),
        "call_minutes": Bounds("紧急险情值班呼叫间隔", "分钟", 1, 30),
        "due_soon_percent": Bounds("用掉时限的多少算快到期", "%", 50, 95),
        "answer_due": Bounds("督办答复时限", "时长", "1h", "5wd"),
        "contest_days": Bounds("物业交接后可以提出异议", "天", 1, 30),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One number as it was set; value None takes it back."""

    key: str
    value: int | str | None
    district_id: UUID | None
    valid_from: datetime


def read_value(key: str, text: str) -> int | str:
    """Read a value for a key.

    Raises:
        LookupError: no such key.
        ValueError: not of its kind, or out of bounds; in Chinese.
    """
    bounds = BOUNDS[key]
    if isinstance(bounds.least, int):
        if not (text.isascii() and text.isdigit() and len(text) < 6):
            raise ValueError("要填整数")
        number = int(text)
        if not bounds.least <= number <= int(bounds.most):
            raise ValueError(f"要在{bounds.least}到{bounds.most}{bounds.unit}之间")
        return number
    try:
        token = Token.parse(text)
    except ValueError as error:
        raise ValueError("看不懂时长，应像 4wh、30m、1wd") from error
    low, high = Token.parse(bounds.least), Token.parse(str(bounds.most))
    if not low.rough_minutes <= token.rough_minutes <= high.rough_minutes:
        raise ValueError(f"要在{bounds.least}到{bounds.most}之间")
    return str(token)


def in_force(settings: Iterable[Setting], district_id: UUID | None, at: datetime) -> Limits:
    """Gather what holds in a district at a time: its own word before that for everywhere.

    ``settings`` come in the order they were set; of one key and place the last begun holds.
    """
    standing: dict[tuple[bool, str], Setting] = {}
    for one in settings:
        if one.valid_from > at or one.district_id not in (None, district_id):
            continue
        place = one.district_id is not None, one.key
        kept = standing.get(place)
        if kept is None or one.valid_from >= kept.valid_from:
            standing[place] = one
    told: dict[str, Any] = {}
    for (_, key), one in sorted(standing.items()):
        if one.value is not None:
            told[key] = one.value
    known = {each.name for each in fields(Limits)}
    return replace(USUAL, **{key: value for key, value in told.items() if key in known})
