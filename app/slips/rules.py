"""How often a slip may be tried, and how long it stays open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DIGITS = 6
OPEN_FOR = timedelta(minutes=30)
"""So long a slip that was opened stays open; the code opens it again."""
TRIES_IN_A_ROW = 5
LOCK = timedelta(minutes=15)
MANY_TRIES = 20
LONG_LOCK = timedelta(days=1)
"""After so many wrong tries each further five shut it for a day; it is never void, or
whoever knows a number could take the paper of an old person away."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A slip after a wrong try."""

    tries: int
    locked_until: datetime | None


def is_locked(locked_until: datetime | None, at: datetime) -> bool:
    """Tell whether a further try is refused unseen."""
    return locked_until is not None and at < locked_until


def after_wrong(tries: int, at: datetime) -> Tried:
    """Count one wrong try: every fifth shuts the slip for a while, later for a day."""
    count = tries + 1
    span = LONG_LOCK if count >= MANY_TRIES else LOCK
    return Tried(count, at + span if count % TRIES_IN_A_ROW == 0 else None)
