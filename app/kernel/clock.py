"""The only clock in the house.

``now()`` is aware UTC. Within :func:`frozen` it stands still, which is how a
request reads it once and how demo and tests tell another time. A demo may also
run ahead (:func:`follow`), so that deadlines can be watched passing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_held: ContextVar[datetime | None] = ContextVar("held_clock", default=None)


_ahead_of: list[Path] = []
"""The file a demo's clock follows; empty everywhere else."""


def now() -> datetime:
    """Tell the time, aware and in UTC."""
    return _held.get() or datetime.now(UTC) + _ahead()


def follow(path: Path) -> None:
    """Run ahead of the real time by the seconds a file says (a demo only; none: not at all)."""
    _ahead_of[:] = [path]


def move_on(path: Path, by: timedelta) -> datetime:
    """Move the clock of everybody who follows ``path``, forward only; tell the new time.

    Raises:
        ValueError: backwards.
    """
    if by < timedelta():
        raise ValueError("time goes forward only")
    follow(path)
    ahead = _ahead() + by
    draft = path.with_suffix(".new")
    draft.write_text(str(round(ahead.total_seconds())), encoding="ascii")
    draft.replace(path)
    return now()


def _ahead() -> timedelta:
    for path in _ahead_of:
        try:
            return timedelta(seconds=int(path.read_text(encoding="ascii")))
        except FileNotFoundError:
            return timedelta()
    return timedelta()


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
