"""Reading a ladder from a file, and finding what is wrong with it: pure.

A line is one rung: district (division code), category, urgency, tier, hold, share_percent,
at_once, effects, withdrawn. Empty means any, or none.
"""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import UUID

from app.catalog.rules import URGENT, CategoryView, Token, Urgency
from app.escalation.rules import COMMUNITY, DISTRICT, HOLDER_LEVEL, STREET, Effect, Rung

COLUMNS = (
    *("district", "category", "urgency", "tier", "hold"),
    *("share_percent", "at_once", "effects", "withdrawn"),
)
_YES, _NO = frozenset({"1", "yes", "true", "是"}), frozenset({"", "0", "no", "false", "否"})
_COMES_IN = frozenset({Effect.NOTIFY, Effect.SUPERVISE})
MAX_SHARE = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What a line may name: districts by code, and a look at a category."""

    districts: Mapping[str, UUID]
    category: Callable[[str, UUID | None], CategoryView | None]


@dataclass(frozen=True, slots=True)
class Checked:
    """Rungs that may be set, and everything that is wrong, by line."""

    rungs: tuple[Rung, ...]
    problems: Mapping[int, Sequence[str]]


class _Wrong(Exception):
    """One cell cannot be read."""


def read(text: str, *, as_json: bool) -> list[dict[str, str]]:
    """Read the lines of a file as they stand, every cell a text.

    Raises:
        ValueError: not a list of rungs, or with columns nobody knows.
    """
    if as_json:
        found = json.loads(text)
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise ValueError("a JSON ladder is a list of objects")
        lines = [{str(k): _cell(v) for k, v in one.items()} for one in found]
    else:
        lines = [
            {(k or "").strip(): (v or "").strip() for k, v in one.items() if isinstance(v, str)}
            for one in csv.DictReader(StringIO(text))
        ]
    unknown = {name for line in lines for name in line} - set(COLUMNS)
    if unknown:
        raise ValueError(f"unknown columns: {', '.join(sorted(unknown))}")
    return lines


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def check(lines: Sequence[Mapping[str, str]], known: Known) -> Checked:
    """Turn lines into rungs; each wrong line says everything that is wrong with it."""
    rungs: list[Rung] = []
    problems: dict[int, list[str]] = {}
    seen: dict[Any, int] = {}
    for number, line in enumerate(lines, start=2):
        try:
            rung = _rung(line, known)
        except _Wrong as wrong:
            problems[number] = [str(wrong)]
            continue
        found = flaws(rung, known)
        if rung.scope in seen:
            found.append(f"与第{seen[rung.scope]}行说的是同一级")
        seen.setdefault(rung.scope, number)
        if found:
            problems[number] = found
        rungs.append(rung)
    return Checked(tuple(rungs), problems)


def _rung(line: Mapping[str, str], known: Known) -> Rung:
    code, urgency = line.get("district", ""), line.get("urgency", "")
    if code and code not in known.districts:
        raise _Wrong(f"没有这个区：{code}")
    if urgency and urgency not in list(map(str, Urgency)):
        raise _Wrong(f"没有这个紧急程度：{urgency}")
    return Rung(
        tier=_number(line, "tier"),
        hold=_token(line.get("hold", "")),
        share_percent=_number(line, "share_percent", 0),
        at_once=_flag(line, "at_once"),
        effects=_effects(line.get("effects", "")),
        district_id=known.districts[code] if code else None,
        category_code=line.get("category") or None,
        urgency=urgency or None,
        withdrawn=_flag(line, "withdrawn"),
    )


def _number(line: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = line.get(name, "")
    if not text and default is not None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise _Wrong(f"{name} 应是整数：{text}")
    return int(text)


def _token(text: str) -> str | None:
    try:
        return str(Token.parse(text)) if text else None
    except ValueError as error:
        raise _Wrong(f"看不懂时长：{text}") from error


def _flag(line: Mapping[str, str], name: str) -> bool:
    text = line.get(name, "").lower()
    if text not in _YES | _NO:
        raise _Wrong(f"{name} 应是“是”或“否”：{text}")
    return text in _YES


def _effects(text: str) -> tuple[Effect, ...]:
    try:
        return tuple(dict.fromkeys(Effect(one) for one in text.split()))
    except ValueError as error:
        raise _Wrong(f"没有这个动作：{text}") from error


def flaws(rung: Rung, known: Known) -> list[str]:
    """List what is wrong with one rung by itself."""
    if rung.tier not in HOLDER_LEVEL:
        return ["层级只能是2（社区）、3（街道）、4（区）"]
    found = _category_flaws(rung, known)
    if rung.withdrawn:
        return found
    return [*found, *_time_flaws(rung), *_effect_flaws(rung)]


def _category_flaws(rung: Rung, known: Known) -> list[str]:
    if rung.category_code is None:
        return []
    category = known.category(rung.category_code, rung.district_id)
    if category is None:
        return [f"没有这个类别：{rung.category_code}"]
    if rung.urgency is not None and rung.urgency != category.urgency:
        return [f"这个类别的紧急程度是{category.urgency}"]
    if rung.tier <= category.start_tier:
        return [f"这个类别从第{category.start_tier}级开始，这一级用不到"]
    return []


def _time_flaws(rung: Rung) -> list[str]:
    found = []
    if rung.hold is None and rung.tier < DISTRICT:
        found.append("社区和街道要写明最长停留时间，否则到不了上一级")
    if rung.hold is not None and rung.tier == DISTRICT:
        found.append("区一级上面没有层级，不写停留时间")
    if rung.share_percent > MAX_SHARE:
        found.append(f"占办理时限的比例最多{MAX_SHARE}%")
    if rung.at_once and (rung.tier != COMMUNITY or rung.urgency not in URGENT):
        found.append("只有P0、P1可以让社区一开始就介入")
    return found


def _effect_flaws(rung: Rung) -> list[str]:
    found = []
    if not set(rung.effects) >= _COMES_IN:
        found.append("每一级都要有 notify 和 supervise")
    if Effect.AGENDA in rung.effects and rung.tier < STREET:
        found.append("上联席会议从街道开始")
    if Effect.PACKAGE in rung.effects and rung.tier < DISTRICT:
        found.append("报送区平台从区一级开始")
    return found
