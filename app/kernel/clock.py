"""The only clock in the house.

``now()`` is aware UTC. Within :func:`frozen` it stands still, which is how a
request reads it once and how demo and tests tell another time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_held: ContextVar[datetime | None] = ContextVar("held_clock", default=None)


def now() -> datetime:
    """Tell the time, aware and in UTC."""
    return _held.get() or datetime.now(UTC)


@contextmanager
def frozen(at: datetime | None = None) -> Iterator[datetime]:
    """Hold the clock at ``at`` (default: this moment) until the block ends.

    Raises:
        ValueError: ``at`` is naive.

    """
    moment = at or now()
    if moment.tzinfo is None:
        raise ValueError("the clock takes aware times only")
    token = _held.set(moment.astimezone(UTC))
    try:
        yield moment
    finally:
        _held.reset(token)
