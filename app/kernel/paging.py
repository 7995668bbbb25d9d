"""Keyset paging: every list pages, and a page costs the same wherever it is.

A cursor is the sort key of the last row, in URL-safe base64; it opens nothing,
so it is not signed, but a broken one is refused.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, true, union
from sqlalchemy.sql import ColumnElement

from app.kernel.db import session
from app.kernel.errors import Invalid

MAX_PAGE = 100
DEFAULT_PAGE = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows and, if there are more, the cursor of the next page."""

    items: Sequence[T]
    next_cursor: str | None = None


def fetch(
    query: Select[T],
    *,
    keys: Sequence[Any],
    key_of: Callable[[T], Sequence[Any]],
    cursor: str | None = None,
    limit: int = DEFAULT_PAGE,
    descending: bool = False,
) -> Page[T]:
    """Fetch one page of entities ordered by ``keys``, the last one unique.

    ``key_of`` reads the same keys from an entity. Keys must not be null.

    Raises:
        Invalid: ``cursor`` was not made by this list (code ``bad_cursor``).

    """
    limit = max(1, min(limit, MAX_PAGE))
    if cursor:
        query = query.where(_after(keys, _decode(cursor, len(keys)), descending))
    order = [key.desc() if descending else key.asc() for key in keys]
    rows = list(session.scalars(query.order_by(*order).limit(limit + 1)).all())
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(rows, _encode(key_of(rows[-1])) if more else None)


def fetch_any(
    arms: Sequence[Select[T]],
    *,
    keys: Sequence[Any],
    key_of: Callable[[T], Sequence[Any]],
    cursor: str | None = None,
    limit: int = DEFAULT_PAGE,
    descending: bool = False,
) -> Page[T]:
    """As :func:`fetch`, of the entities that any of several queries finds.

    Written as one query with OR, the database would gather and sort all that
    match; apart, each arm walks an index of its own and stops after a page.

    Raises:
        Invalid: ``cursor`` was not made by this list (code ``bad_cursor``).

    """
    beyond = _after(keys, _decode(cursor, len(keys)), descending) if cursor else true()
    if not arms:
        return Page(())
    if len(arms) == 1:
        return fetch(
            arms[0], keys=keys, key_of=key_of, cursor=cursor, limit=limit, descending=descending
        )
    order = [key.desc() if descending else key.asc() for key in keys]
    most = max(1, min(limit, MAX_PAGE)) + 1
    tops = (
        arm.with_only_columns(*keys).where(beyond).order_by(*order).limit(most).subquery()
        for arm in arms
    )
    found = union(*(select(top) for top in tops)).subquery()
    unique = keys[-1]
    whole: Select[T] = select(unique.class_).join(found, unique == found.c[unique.key])
    return fetch(whole, keys=keys, key_of=key_of, cursor=None, limit=limit, descending=descending)


def _after(keys: Sequence[Any], values: Sequence[Any], descending: bool) -> ColumnElement[bool]:
    steps = []
    for index, key in enumerate(keys):
        beyond = key < values[index] if descending else key > values[index]
        steps.append(and_(*(keys[i] == values[i] for i in range(index)), beyond))
    return or_(*steps)


def _encode(values: Sequence[Any]) -> str:
    packed = json.dumps([_pack(value) for value in values], separators=(",", ":"))
    return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> list[Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        values = [_unpack(kind, value) for kind, value in parts]
    except (ValueError, TypeError, UnicodeError) as error:
        raise Invalid("翻页位置不对，请从第一页重新看。", code="bad_cursor") from error
    if len(values) != length:
        raise Invalid("翻页位置不对，请从第一页重新看。", code="bad_cursor")
    return values


def _pack(value: Any) -> tuple[str, Any]:
    if isinstance(value, datetime):
        return "t", value.isoformat()
    if isinstance(value, UUID):
        return "u", value.hex
    return "v", value


def _unpack(kind: str, value: Any) -> Any:
    if kind == "t":
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("naive time in cursor")
        return moment
    if kind == "u":
        return UUID(value)
    if kind == "v" and isinstance(value, str | int):
        return value
    raise ValueError("unknown kind in cursor")
