"""Words as a file: read its lines, and tell everything that is wrong with each (pure)."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.kernel.clock import SHANGHAI
from app.notifications.rules.ways import Way
from app.notifications.rules.wording import ANY, KINDS, SHIPPED, Wording

COLUMNS = (
    "kind",
    "audience",
    "channel",
    "title",
    "text",
    "template_id",
    "fields",
    "page",
    "long_term",
    "valid_from",
)
NEEDED = COLUMNS[:4]
CHANNELS = (ANY, *(way.value for way in Way))
BEYOND = "beyond"
"""Stands for the cells of a line that has more of them than the header."""

_YES = {"y": True, "n": False, "": False}
_PAGES = {(one.kind, one.audience): one.page for one in SHIPPED}
_TEXTS = {(one.kind, one.audience): one.text for one in SHIPPED}

SourceLine = tuple[int, Mapping[str, Any]]
"""A number (the header of a CSV is line 1; in JSON the first entry is 1) and its cells."""


class UnreadableFile(ValueError):
    """The file as a whole is none that can be read; says why in Chinese."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read: the words by line, and what is wrong by line."""

    wordings: Mapping[int, Wording] = field(default_factory=dict)
    problems: Mapping[int, Sequence[str]] = field(default_factory=dict)


def read_lines(text: str) -> list[SourceLine]:
    """Read a CSV with a header, or a JSON list of objects, whichever it is.

    Raises:
        UnreadableFile: it is neither, or has columns nobody knows.

    """
    lines = _read_json(text) if text.lstrip().startswith(("[", "{")) else _read_csv(text)
    if not lines:
        raise UnreadableFile("文件里没有内容。")
    return lines


def check(lines: Iterable[SourceLine], now: datetime) -> Checked:
    """Turn lines into words that hold from ``now`` or a later day on."""
    wordings: dict[int, Wording] = {}
    problems: dict[int, list[str]] = {}
    seen: dict[tuple[object, ...], int] = {}
    for number, cells in lines:
        found: list[str] = []
        one = _wording(cells, now, found)
        key = (one.kind, one.audience, one.channel, one.valid_from)
        if key in seen:
            found.append(f"和第{seen[key]}行重复")
        seen.setdefault(key, number)
        wordings[number] = one
        if found:
            problems[number] = found
    return Checked(wordings, problems)


def _wording(cells: Mapping[str, Any], now: datetime, found: list[str]) -> Wording:
    """Read one line; what is wrong with it goes to ``found``."""
    unknown = sorted(set(cells) - set(COLUMNS))
    if unknown:
        found.append("多出的内容：" + "、".join("多余的格" if o == BEYOND else o for o in unknown))
    said = {name: _cell(cells, name, found) for name in COLUMNS if name != "fields"}
    missing = [name for name in NEEDED if not said[name]]
    if missing:
        found.append("没有填写：" + "、".join(missing))
    pair = said["kind"], said["audience"]
    if all(pair) and pair not in KINDS:
        found.append(f"没有这种通知：{pair[0]}（{pair[1]}）")
    if said["channel"] and said["channel"] not in CHANNELS:
        found.append(f"channel 只能是 {'、'.join(CHANNELS)}")
    fields = _fields(cells.get("fields"), found)
    if said["channel"] == Way.WECHAT:
        found += [] if said["template_id"] else ["微信通知要填 template_id"]
        found += [] if fields else ["微信通知要填 fields"]
    elif said["template_id"] or fields:
        found.append("只有微信通知才有 template_id 和 fields")
    elif not said["text"]:
        found.append("没有填写：text")
    return Wording(
        kind=said["kind"],
        audience=said["audience"],
        title=said["title"],
        text=said["text"] or _TEXTS.get(pair, ""),
        page=said["page"] or _PAGES.get(pair, ""),
        channel=said["channel"],
        template_id=said["template_id"] or None,
        fields=fields,
        long_term=_is_long_term(said["long_term"], found),
        valid_from=_moment(said["valid_from"], now, found),
    )


def _cell(cells: Mapping[str, Any], name: str, found: list[str]) -> str:
    value = cells.get(name)
    if isinstance(value, bool):
        return "Y" if value else "N"
    if value is not None and not isinstance(value, str):
        found.append(f"{name} 应是文字")
        return ""
    return (value or "").strip()


def _is_long_term(cell: str, found: list[str]) -> bool:
    if cell.lower() not in _YES:
        found.append("long_term 只能是 Y 或 N")
    return _YES.get(cell.lower(), False)


def _moment(cell: str, now: datetime, found: list[str]) -> datetime | None:
    """Read a day or a time of Shanghai; None holds at once."""
    if not cell:
        return None
    try:
        at = datetime.fromisoformat(cell)
    except ValueError:
        found.append("valid_from 写成 2026-12-01 或 2026-12-01 08:00")
        return None
    return (at if at.tzinfo else at.replace(tzinfo=SHANGHAI)).astimezone(now.tzinfo)


def _fields(value: Any, found: list[str]) -> dict[str, str]:
    """Read ``thing1={category};phrase2={state}``, or an object of texts."""
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        parts = [part for part in value.replace("；", ";").split(";") if part.strip()]
        pairs = [(name.strip(), words.strip()) for name, _, words in _split(parts)]
        repeated = len(dict(pairs)) != len(pairs)
    elif isinstance(value, Mapping) and all(isinstance(one, str) for one in value.values()):
        pairs, repeated = list(value.items()), False
    else:
        found.append("fields 应写成 thing1={category};phrase2={state}")
        return {}
    if repeated or not all(name and words for name, words in pairs):
        found.append("fields 里有空的或重复的字段")
    return dict(pairs)


def _split(parts: Sequence[str]) -> list[tuple[str, str, str]]:
    return [part.partition("=") for part in parts]


def _read_csv(text: str) -> list[SourceLine]:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey=BEYOND, strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        lines = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UnreadableFile(f"第{reader.line_num}行读不懂，请检查引号。") from error
    wrong = sorted({one for one in header if one not in COLUMNS})
    missing = [one for one in NEEDED if one not in header]
    if wrong or missing or len(set(header)) != len(header):
        said = [f"不认识 {one or '空列名'}" for one in wrong] + [f"缺少 {one}" for one in missing]
        words = "、".join(said) or "有重复的列"
        raise UnreadableFile(f"表头不对：{words}。可用的列：{'、'.join(COLUMNS)}。")
    return [(number, row) for number, row in lines if any(_has(one) for one in row.values())]


def _has(cell: object) -> bool:
    return bool(cell.strip()) if isinstance(cell, str) else bool(cell)


def _read_json(text: str) -> list[SourceLine]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UnreadableFile("文件不是正确的 JSON。") from error
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise UnreadableFile("JSON 应是一个列表，每一项是一种通知。")
    return list(enumerate(found, 1))
