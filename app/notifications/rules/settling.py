"""What becomes of a message after one attempt: pure, time and luck are given."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """How far a message has come; everything but the first two is an end."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    FELL_BACK = "fell_back"
    DEAD = "dead"


class Result(StrEnum):
    """How one attempt ended."""

    SENT = "sent"
    REFUSED = "refused"  # this person cannot be told this way
    BROKEN = "broken"  # we did it wrong: an operator must look
    AGAIN = "again"  # busy or down
    LATER = "later"  # not before ``until``, for anybody


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a channel says of one attempt; ``error`` names a class and never holds words.

    ``maybe_sent``: it may arrive all the same. ``no_grant``: the person allows no more.
    ``until`` closes the channel for everybody.
    """

    result: Result
    error: str = ""
    msgid: str | None = None
    maybe_sent: bool = False
    no_grant: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the rules must know of the message; ``urgent`` ones do not wait for long."""

    attempts: int
    created_at: datetime
    urgent: bool
    repeated: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that follows; ``due_at`` only if it is to be tried again.

    ``refund`` gives a reserved grant back, ``fall_back`` begins the next way.
    """

    state: State
    due_at: datetime | None = None
    refund: bool = False
    fall_back: bool = False
    uncertain: bool = False


MOST_ATTEMPTS = 6
MOST_URGENT = 2
STALE = timedelta(days=3)
"""After so long news is none: the inbox has it."""
_FIRST_WAIT = timedelta(seconds=20)
_LONGEST_WAIT = timedelta(hours=1)


def judge(attempt: Attempt, outcome: Outcome, now: datetime, luck: float) -> Verdict:
    """Decide what follows from an outcome; every way out of here ends or has a time."""
    if outcome.result is Result.SENT:
        return Verdict(State.SENT)
    if outcome.result is Result.REFUSED:
        return _over(attempt, State.REFUSED, refund=not outcome.no_grant)
    if outcome.result is Result.BROKEN:
        return _over(attempt, State.DEAD, refund=True)
    uncertain = outcome.maybe_sent
    if uncertain and attempt.repeated:
        # Twice is as often as anything may arrive.
        return _over(attempt, State.DEAD, refund=False, uncertain=True)
    again_at = now + wait(attempt.attempts, luck)
    if outcome.until is not None:
        again_at = max(again_at, outcome.until)
    most = MOST_URGENT if attempt.urgent and attempt.has_next else MOST_ATTEMPTS
    counted = outcome.result is Result.AGAIN and attempt.attempts >= most
    too_late = again_at > attempt.created_at + STALE
    waits_long = attempt.urgent and attempt.has_next and outcome.result is Result.LATER
    if counted or too_late or waits_long:
        return _over(attempt, State.DEAD, refund=not uncertain, uncertain=uncertain)
    return Verdict(State.WAITING, due_at=again_at, refund=not uncertain, uncertain=uncertain)


def wait(attempts: int, luck: float) -> timedelta:
    """Tell how long to wait after the ``attempts``-th failure: ×4 each, ±25 %, an hour at most."""
    steady = min(_FIRST_WAIT * int(4 ** min(max(attempts, 1) - 1, 8)), _LONGEST_WAIT)
    spread = timedelta(seconds=steady.total_seconds() * (0.75 + luck / 2))
    return min(spread, _LONGEST_WAIT)


def _over(attempt: Attempt, state: State, *, refund: bool, uncertain: bool = False) -> Verdict:
    ended = State.FELL_BACK if attempt.has_next else state
    return Verdict(ended, refund=refund, fall_back=attempt.has_next, uncertain=uncertain)
