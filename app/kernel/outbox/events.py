"""Events: frozen dataclasses with a topic, and their way into JSON and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from app.kernel import clock
from app.kernel.ids import new_id

_BASE_FIELDS = frozenset({"event_id", "occurred_at"})
_registered: dict[str, type["Event"]] = {}


@dataclass(frozen=True)
class Event:
    """Something that happened, told upward.

    A subclass is a frozen dataclass with its own ``topic`` and fields of UUID,
    str, int, bool, datetime, StrEnum, None, or lists and tuples of them: ids
    and facts, never names, phones or free text. Listeners are idempotent by
    ``event_id``.
    """

    topic: ClassVar[str]

    event_id: UUID = field(default_factory=new_id, kw_only=True, compare=False)
    occurred_at: datetime = field(default_factory=clock.now, kw_only=True, compare=False)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the topic; ``slots=True`` makes the class twice, which is fine."""
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("topic")
        if topic is None:
            return
        known = _registered.get(topic)
        if known and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"topic {topic!r} is taken by {known.__module__}.{known.__qualname__}")
        _registered[topic] = cls


def topics() -> Mapping[str, type[Event]]:
    """List every known topic with its event class."""
    return dict(_registered)


def encode(event: Event) -> dict[str, Any]:
    """Write an event's own fields as JSON values.

    Raises:
        TypeError: a field holds something that does not belong into an event.
        ValueError: a time is naive.

    """
    own = (each.name for each in fields(event) if each.name not in _BASE_FIELDS)
    return {name: _plain(getattr(event, name)) for name in own}


def decode(
    topic: str, payload: Mapping[str, Any], *, event_id: UUID, occurred_at: datetime
) -> Event:
    """Read back what :func:`encode` wrote; fields it does not know are left out.

    Raises:
        LookupError: nobody knows the topic.
        TypeError: a field is missing or of another type than its class says.
        ValueError: a value does not read as its type.

    """
    cls = _registered.get(topic)
    if cls is None:
        raise LookupError(f"unknown topic {topic!r}")
    known: dict[str, Any] = _hints(cls)  # type: ignore[arg-type]
    values = {name: _read(known[name], payload[name]) for name in known if name in payload}
    return cls(**values, event_id=event_id, occurred_at=occurred_at)


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("naive time refused: every time in the house is aware")
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    raise TypeError(f"an event carries no {type(value).__name__}")


@cache
def _hints(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {each.name: hints[each.name] for each in fields(cls) if each.name not in _BASE_FIELDS}


_FROM_TEXT: dict[type, Callable[[str], Any]] = {UUID: UUID, datetime: datetime.fromisoformat}


def _read(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        return _read_union(get_args(kind), value)
    if origin in (list, tuple):
        inner = get_args(kind)[0]
        return origin(_read(inner, each) for each in _checked(list, value))
    if kind in _FROM_TEXT:
        return _FROM_TEXT[kind](_checked(str, value))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(value)
    return _checked(kind, value)


def _read_union(kinds: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return _checked(NoneType, value)
    (only,) = (kind for kind in kinds if kind is not NoneType)
    return _read(only, value)


def _checked(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"expected {kind.__name__}, found {type(value).__name__}")
    return value
