"""Put facts into words, within what WeChat lets each kind of field hold (wechat.md 2.4)."""

import re
import string
from collections.abc import Mapping
from datetime import datetime

from app.kernel.clock import SHANGHAI

PLACEHOLDERS = frozenset(
    {"category", "place", "number", "state", "time", "open", "due_soon", "overdue", "supervised"}
)
"""All that a template may name: no person, no phone, nobody's own words."""

FIELD = re.compile(
    r"(thing|number|letter|symbol|character_string|time|date|amount|phone_number"
    r"|car_number|name|phrase)\d{1,2}"
)
_SPACE = re.compile(r"\s+")
_CHINESE = re.compile(r"[^\u4e00-\u9fff]")
_LENGTH = {
    "thing": 20,
    "number": 32,
    "letter": 32,
    "symbol": 5,
    "character_string": 32,
    "amount": 10,
    "phone_number": 17,
    "car_number": 8,
    "name": 10,
    "phrase": 5,
    "time": 32,
    "date": 32,
}
_DROPPED = {
    "number": re.compile(r"[^0-9.]"),
    "letter": re.compile(r"[^A-Za-z]"),
    "symbol": re.compile(r"[\w\s]"),
    "character_string": re.compile(r"[^\x21-\x7e]"),
    "phone_number": re.compile(r"[^0-9+-]"),
    "phrase": _CHINESE,
}
_NOTHING = {"thing": "无", "number": "0", "phrase": "已更新", "name": "无", "letter": "N"}


def unknown(words: str) -> list[str]:
    """Name the placeholders that no message can fill.

    Raises:
        ValueError: the braces do not match.

    """
    named = (name for _, name, _, _ in string.Formatter().parse(words) if name is not None)
    return sorted({name for name in named if name not in PLACEHOLDERS})


def fill(words: str, facts: Mapping[str, str]) -> str:
    """Put the facts in; what is not known leaves nothing behind."""
    known = {name: facts.get(name, "") for name in PLACEHOLDERS}
    return _SPACE.sub(" ", words.format(**known)).strip()


def moment(at: datetime) -> str:
    """Write a time as WeChat takes it and people read it: 2026年11月16日 10:00."""
    local = at.astimezone(SHANGHAI)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def fields_of(mapping: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    """Write every field of a WeChat template so that it is taken."""
    return {name: fit(name, fill(words, facts)) for name, words in mapping.items()}


def fit(name: str, words: str) -> str:
    """Make words fit a field: what it refuses goes, the rest is cut, nothing stays empty.

    Raises:
        ValueError: no kind of field is called so.

    """
    if not FIELD.fullmatch(name):
        raise ValueError(f"no field is called {name}")
    kind = name.rstrip("0123456789")
    kept = _SPACE.sub(" ", words).strip()
    if kind in _DROPPED:
        kept = _DROPPED[kind].sub("", kept)
    return cut(kept, _LENGTH[kind], dots=kind in ("thing", "name")) or _NOTHING.get(kind, "-")


def cut(words: str, length: int, *, dots: bool) -> str:
    """Cut to so many characters, an emoji counted as two; ``dots`` say that more was there."""
    if _size(words) <= length:
        return words
    room = length - 1 if dots else length
    kept = ""
    for sign in words:
        if _size(kept + sign) > room:
            break
        kept += sign
    return kept + "…" if dots else kept


def _size(words: str) -> int:
    return len(words.encode("utf-16-le", "surrogatepass")) // 2
