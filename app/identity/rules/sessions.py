"""How a person comes in, how long a log-in lives, how often one may try."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class LoginMethod(StrEnum):
    """How a session was opened."""

    WECHAT = "wechat"
    PASSWORD = "password"  # noqa: S105
    SMS = "sms"


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """How long a session lives: without use, at most, and how often use is noted."""

    idle: timedelta
    longest: timedelta
    note_every: timedelta


SESSION_TERMS: Mapping[LoginMethod, SessionTerms] = {
    LoginMethod.WECHAT: SessionTerms(timedelta(days=30), timedelta(days=180), timedelta(days=1)),
    LoginMethod.PASSWORD: SessionTerms(timedelta(hours=12), timedelta(days=7), timedelta(hours=1)),
    LoginMethod.SMS: SessionTerms(timedelta(days=30), timedelta(days=180), timedelta(days=1)),
}


def session_end(method: LoginMethod, opened_at: datetime, used_at: datetime) -> datetime:
    """Say until when a session opened and last used then is good."""
    terms = SESSION_TERMS[method]
    return min(used_at + terms.idle, opened_at + terms.longest)


def session_is_due(method: LoginMethod, noted_at: datetime, at: datetime) -> bool:
    """Tell whether the use of a session should be written down again."""
    return at - noted_at >= SESSION_TERMS[method].note_every


# Tries at a password

TRIES = 5
LOCK = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a log-in name was tried without success, and until when it is shut."""

    count: int = 0
    locked_until: datetime | None = None


def is_locked(tries: Tries, at: datetime) -> bool:
    """Tell whether a further try is refused unseen."""
    return tries.locked_until is not None and at < tries.locked_until


def count_try(tries: Tries, at: datetime) -> Tries:
    """Count one more try, before it is judged, so that tries at once count too.

    The last one allowed shuts the name for 15 minutes; success forgets it all.
    """
    count = 1 if tries.locked_until is not None else tries.count + 1
    return Tries(count, at + LOCK if count >= TRIES else None)


# A lost answer

REPLAY_FOR = timedelta(seconds=60)
"""So long the device that sent a WeChat code may hear the answer once more (wechat.md §5)."""


# Codes by text message


class CodePurpose(StrEnum):
    """What a code by text message opens; one for log-in binds no phone."""

    LOGIN = "login"
    BIND = "bind"


CODE_LIFE = timedelta(minutes=5)
CODE_TRIES = 5
CODE_RATES = (
    (timedelta(minutes=1), 1),
    (timedelta(hours=1), 5),
    (timedelta(days=1), 10),
)
"""So many texts in so long to one phone: they cost money and annoy whoever owns it."""


def code_wait(asked: Sequence[datetime], at: datetime) -> timedelta | None:
    """Say how long a phone must wait for its next code, or None if it may have one now."""
    waits = [
        sorted(recent)[-most] + span - at
        for span, most in CODE_RATES
        if len(recent := [one for one in asked if at - span < one]) >= most
    ]
    return max(waits, default=None)


PROOF_LASTS = timedelta(days=90)
"""A phone proven longer ago opens no account: by then the number may be somebody else's."""


# Invites

INVITE_LIFE = timedelta(days=7)
