"""What acts do to clocks, written as plain JSON into the steps of a history.

Apart from ``clocks`` because who acts writes these, and only the fold reads them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.sla import rules
from app.sla.rules import ClockKind, Promised

Op = Mapping[str, Any]
"""``do`` and what it needs; moments as ISO text."""


def start(
    kind: ClockKind,
    token: str,
    *,
    calendar: str,
    policy_version: int,
    edition: int,
    since: datetime,
    percent: int = 100,
    tier: int = 0,
    warn: int = rules.WARN_PERCENT,
) -> Op:
    """Begin a round of a promise; one still running of this kind stops."""
    op: dict[str, Any] = {
        "do": "start",
        "kind": kind.value,
        "token": token,
        "calendar": calendar,
        "policy": policy_version,
        "edition": edition,
        "from": text_of(since),
    }
    op |= {"percent": percent} if percent != 100 else {}
    op |= {"tier": tier} if tier else {}
    return warned_at(op, warn)


def warned_at(op: Op, percent: int) -> Op:
    """Write into the start of a clock after which share of it it is due soon."""
    if op["do"] != "start" or "warn" in op or percent == rules.WARN_PERCENT:
        return op
    return {**op, "warn": percent}


def starts(made: Promised) -> list[Op]:
    """Begin the three promises of a new ticket."""
    return [
        start(
            kind,
            str(made.terms.token(kind)),
            calendar=made.terms.calendar,
            policy_version=made.terms.policy_version,
            edition=made.edition,
            since=made.start_of(kind),
            warn=made.warn_percent,
        )
        for kind in rules.PROMISES
    ]


def meet(*kinds: ClockKind) -> Op:
    """Say that what these clocks wait for was done; with the last late one the tier's ends."""
    return {"do": "meet", "kinds": [kind.value for kind in kinds]}


def stop(*kinds: ClockKind) -> Op:
    """End clocks without the act; all if none is named."""
    return {"do": "stop", "kinds": [kind.value for kind in kinds or tuple(ClockKind)]}


def pause(until: datetime) -> Op:
    """Let the clocks of the work stand still until a planned day."""
    return {"do": "pause", "until": text_of(until)}


def resume() -> Op:
    """Let them go on: from now, or from the planned day if that is past."""
    return {"do": "resume"}


def extend(kind: ClockKind, token: str) -> Op:
    """Put the due time of a running clock off by a token."""
    return {"do": "extend", "kind": kind.value, "token": token}


def recount(edition: int, terms: Mapping[ClockKind, str] | None = None, policy: int = 0) -> Op:
    """Count running clocks anew under another calendar edition or other terms.

    What was due before stands: a broken promise is not made whole by a new calendar.
    """
    told = {kind.value: token for kind, token in (terms or {}).items()}
    return {
        "do": "recount",
        "edition": edition,
        **({"terms": told, "policy": policy} if told else {}),
    }


def text_of(moment: datetime) -> str:
    """Write a moment as steps keep it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
