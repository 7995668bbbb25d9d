"""What the house gives WeChat and gets from it, in our own words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["image", "audio"]


@dataclass(frozen=True, slots=True)
class WechatLogin:
    """Who WeChat says the holder of a log-in code is."""

    appid: str
    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SubscribeMessage:
    """A message to one who allowed it; ``data`` maps the template's fields to texts."""

    openid: str = field(repr=False)
    template_id: str
    data: Mapping[str, str] = field(repr=False)
    page: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message WeChat has taken; it does not always say under which number."""

    msgid: str | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """A message template of the mini-program; ``choices`` by field that allows only those."""

    id: str
    title: str
    content: str
    example: str = ""
    is_long_term: bool = False
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextVerdict:
    """What WeChat thinks of a text: ``pass``, ``review`` or ``risky``, and why by number."""

    suggest: str
    label: int
    trace_id: str


_MARKER = re.compile(r"\{\{\s*(\w+)\.DATA\s*\}\}")


def schema_of(content: str) -> dict[str, str]:
    """Derive a template's fields with their labels from its content, in order.

    >>> schema_of("事项:{{thing1.DATA}}")
    {'thing1': '事项'}
    """
    schema: dict[str, str] = {}
    end = 0
    for marker in _MARKER.finditer(content):
        before = content[end : marker.start()].strip().rpartition("\n")[2]
        schema[marker[1]] = before.strip().rstrip(":：").strip()
        end = marker.end()
    return schema
