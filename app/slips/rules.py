"""How often a slip may be tried, and how long it stays open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DIGITS = 6
OPEN_FOR = timedelta(minutes=30)
"""So long a slip that was opened stays open; the code opens it again."""
TRIES_IN_A_ROW = 5
LOCK = timedelta(minutes=15)
TRIES_IN_ALL = 20
"""After so many wrong tries the code is void: who filed the ticket writes a new slip."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A slip after a wrong try."""

    tries: int
    locked_until: datetime | None
    is_void: bool


def is_locked(locked_until: datetime | None, at: datetime) -> bool:
    """Tell whether a further try is refused unseen."""
    return locked_until is not None and at < locked_until


def after_wrong(tries: int, at: datetime) -> Tried:
    """Count one wrong try: every fifth shuts the slip for a while, the twentieth for good."""
    count = tries + 1
    shut = at + LOCK if count % TRIES_IN_A_ROW == 0 else None
    return Tried(count, shut, is_void=count >= TRIES_IN_ALL)
