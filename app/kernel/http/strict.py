"""Bounds that every field of a Command gets when it is bound to its schema."""

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

MAX_TEXT = 1000
MAX_ITEMS = 200
MAX_WHOLE_NUMBER = 2**53
YEARS = range(1900, 2200)

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,2})?")


def bound(field: fields.Field[Any], *, from_text: bool) -> None:
    """Make ``field`` take its type literally and no more than a fair amount."""
    field.validators = list(field.validators)
    if isinstance(field, fields.Integer):
        _read_with(field, whole_from_text if from_text else whole)
        _unless(field, validate.Range, validate.Range(min=-MAX_WHOLE_NUMBER, max=MAX_WHOLE_NUMBER))
    elif isinstance(field, fields.Number):
        _read_with(field, number_from_text if from_text else number)
    elif isinstance(field, fields.Boolean):
        field.truthy, field.falsy = _TEXT_BOOLEANS if from_text else _BOOLEANS
    elif isinstance(field, fields.DateTime | fields.Date):
        _first(field, sensible_time)
    elif isinstance(field, fields.List):
        _unless(field, validate.Length, validate.Length(max=MAX_ITEMS))
    elif isinstance(field, fields.Mapping | fields.Raw):
        _first(field, clean_tree)
    elif isinstance(field, fields.String) and not isinstance(field, fields.UUID):
        _unless(field, validate.Length | validate.OneOf, validate.Length(max=MAX_TEXT))
        _first(field, clean_text)


class _Exactly:
    """A set of one that tells ``True`` from ``1``."""

    def __init__(self, only: bool) -> None:
        self._only = only

    def __contains__(self, value: object) -> bool:
        return value is self._only


_BOOLEANS: tuple[Any, Any] = (_Exactly(True), _Exactly(False))
_TEXT_BOOLEANS: tuple[Any, Any] = ({"true", "1"}, {"false", "0"})


def whole(value: Any) -> int:
    """Take a whole number and nothing that merely looks like one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("not a whole number")


def whole_from_text(value: Any) -> int:
    """Read a whole number in plain digits."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return whole(value)


def number(value: Any) -> float:
    """Take a finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        made = float(value)
        if math.isfinite(made):
            return made
    raise ValueError("not a number")


def number_from_text(value: Any) -> float:
    """Read a number in plain digits."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return number(float(value))
    return number(value)


def is_clean(text: str) -> bool:
    """Tell whether ``text`` is free of NUL, control characters and lone surrogates."""
    return not _CONTROL.search(text)


def clean_text(value: Any) -> None:
    """Refuse NUL, control characters and lone surrogates.

    Raises:
        ValidationError: ``value`` holds one.

    """
    if isinstance(value, str) and not is_clean(value):
        raise ma.ValidationError("含有无法识别的字符。")


def clean_tree(value: Any) -> None:
    """As :func:`clean_text`, for everything inside ``value``."""
    if isinstance(value, dict):
        for name, inner in value.items():
            clean_text(name)
            clean_tree(inner)
    elif isinstance(value, list):
        for inner in value:
            clean_tree(inner)
    else:
        clean_text(value)


def sensible_time(value: Any) -> None:
    """Refuse moments without a zone and years nobody means.

    Raises:
        ValidationError: naive, or far from our days.

    """
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ma.ValidationError("时间要带时区。")
    if isinstance(value, date) and value.year not in YEARS:
        raise ma.ValidationError("年份不对。")


def _read_with(field: Any, read: Callable[[Any], float]) -> None:
    field.num_type = read


def _first(field: fields.Field[Any], check: Any) -> None:
    if check not in field.validators:
        field.validators.insert(0, check)


def _unless(field: fields.Field[Any], kind: Any, check: Any) -> None:
    if not any(isinstance(one, kind) for one in field.validators):
        field.validators.append(check)
