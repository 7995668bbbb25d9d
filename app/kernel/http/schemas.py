"""Schemas of the doors: unknown fields refused, complaints in plain Chinese.

``Command`` is for what comes in, ``View`` for what goes out. Any marshmallow
field may be used: binding to one of these schemas gives it Chinese words, and
every text of a Command refuses control characters and has a length limit.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from app.kernel.http import strict

__all__ = [
    "ChineseText",
    "Command",
    "Moment",
    "OneLine",
    "PageQuery",
    "Query",
    "Schema",
    "Upload",
    "View",
]

_WORDS = {
    "required": "这一项必填。",
    "null": "这一项不能为空。",
    "validator_failed": "内容不对。",
    "invalid": "格式不对。",
    "invalid_utf8": "含有无法识别的字符。",
    "invalid_uuid": "编号格式不对。",
    "invalid_awareness": "时间要带时区。",
    "too_large": "数字太大。",
    "special": "请填写正常的数字。",
    "format": "格式不对。",
    "type": "格式不对。",
    "unknown": "没有这个选项。",
}
_WORDS_BY_FIELD: dict[type[fields.Field[Any]], dict[str, str]] = {
    fields.String: {"invalid": "请填写文字。"},
    fields.UUID: {"invalid": "编号格式不对。"},
    fields.Email: {"invalid": "邮箱格式不对。"},
    fields.Url: {"invalid": "网址格式不对。"},
    fields.Number: {"invalid": "请填写数字。"},
    fields.Integer: {"invalid": "请填写整数。"},
    fields.Boolean: {"invalid": "请填“是”或“否”。"},
    fields.DateTime: {"invalid": "时间格式不对。"},
    fields.Date: {"invalid": "日期格式不对。"},
    fields.List: {"invalid": "这里应是一个列表。"},
    fields.Nested: {"type": "这里应是一个对象。"},
    fields.Mapping: {"invalid": "这里应是一个对象。"},
}
_LINES = re.compile(r"[\t\r\n\u2028\u2029]")
_INVISIBLE = re.compile(r"[\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069]")


class Schema(ma.Schema):
    """Base of every schema: known fields only, Chinese words, order kept."""

    class Meta:
        """Refuse what we do not know."""

        unknown = ma.RAISE

    error_messages = {
        "unknown": "没有这一项，请去掉。",
        "type": "格式不对，这里应是一个对象。",
    }

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Give the field, and whatever it holds, the words of the house."""
        for field in _with_inner(field_obj):
            _speak_chinese(field)


class Command(Schema):
    """What a client sends as JSON: types are taken literally, sizes are bounded."""

    from_text = False

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Make the field, and whatever it holds, strict."""
        super().on_bind_field(field_name, field_obj)
        for field in _with_inner(field_obj):
            if not field.dump_only:
                strict.bound(field, from_text=self.from_text)
                _speak_chinese(field)


class Query(Command):
    """A query string or a form: everything arrives as text."""

    from_text = True


class View(Schema):
    """What we answer."""


class PageQuery(Query):
    """The query string of a paged list."""

    cursor = fields.String(load_default=None, validate=validate.Length(min=1, max=500))
    limit = fields.Integer(load_default=20, validate=validate.Range(min=1, max=100))


class ChineseText(fields.String):
    """Words a person typed: line ends made one kind, invisible signs and edges dropped.

    ``max_length`` and ``min_length`` count characters after that; ``lines=False``
    turns line breaks into spaces.
    """

    def __init__(
        self, *, max_length: int, min_length: int = 0, lines: bool = True, **kwargs: Any
    ) -> None:
        length = validate.Length(min=min_length or None, max=max_length)
        given = kwargs.pop("validate", None) or []
        more = list(given) if isinstance(given, list | tuple) else [given]
        super().__init__(validate=[length, *more], **kwargs)
        self._lines = lines

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if not self._lines:
            text = _LINES.sub(" ", text)
        return unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).strip()


class OneLine(ChineseText):
    """A short text on one line: a name, a door number."""

    def __init__(self, *, max_length: int = 50, min_length: int = 0, **kwargs: Any) -> None:
        super().__init__(max_length=max_length, min_length=min_length, lines=False, **kwargs)


class Moment(fields.AwareDateTime):
    """A moment with its time zone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)


def _with_inner(field: fields.Field[Any]) -> list[fields.Field[Any]]:
    found = [field]
    for name in ("inner", "key_field", "value_field"):
        inner = getattr(field, name, None)
        if isinstance(inner, fields.Field):
            found += _with_inner(inner)
    if isinstance(field, fields.Tuple):
        for inner in field.tuple_fields:
            found += _with_inner(inner)
    return found


def _speak_chinese(field: fields.Field[Any]) -> None:
    field.error_messages = dict(field.error_messages)
    for name in field.error_messages:
        if name in _WORDS:
            field.error_messages[name] = _WORDS[name]
    for kind, words in _WORDS_BY_FIELD.items():
        if isinstance(field, kind):
            field.error_messages.update(words)
    for check in field.validators:
        _teach(check)


def _teach(check: Any) -> None:
    if isinstance(check, validate.Length):
        check.message_min = "至少 {min} 个。"
        check.message_max = "最多 {max} 个。"
        check.message_all = "应在 {min} 到 {max} 个之间。"
        check.message_equal = "应正好 {equal} 个。"
    elif isinstance(check, validate.Range):
        check.message_min = "不能小于 {min}。"
        check.message_max = "不能大于 {max}。"
        check.message_all = "应在 {min} 到 {max} 之间。"
    elif isinstance(check, validate.OneOf | validate.ContainsOnly | validate.NoneOf):
        if check.error is None or check.error == check.default_message:
            check.error = "没有这个选项。"
    elif isinstance(check, validate.Regexp | validate.Email | validate.URL):
        if check.error == check.default_message:
            check.error = "格式不对。"
    elif isinstance(check, validate.And):
        for inner in check.validators:
            _teach(inner)
