"""What one request carries with it: who acts, and whom they looked at.

Kept in the request's own environ, so that nothing leaks into the next request
of a thread.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import request

from app.kernel.actor import Actor
from app.kernel.errors import Unauthenticated

Authenticate = Callable[[str], Actor | None]

_ACTOR = "sandan.actor"
_LOOKED_AT = "sandan.looked_at"
MAX_TOKEN = 512


def current() -> Actor:
    """Name who acts in this request.

    Raises:
        Unauthenticated: nobody is logged in (possible on PUBLIC routes only).

    """
    actor = current_or_none()
    if actor is None:
        raise Unauthenticated
    return actor


def current_or_none() -> Actor | None:
    """Name who acts in this request, or None on a PUBLIC route without log-in."""
    actor: Actor | None = request.environ.get(_ACTOR)
    return actor


def bearer_token() -> str | None:
    """Read the bearer token of this request, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN or not token.isascii():
        return None
    return token if token.isprintable() else None


def sit_down(authenticate: Authenticate | None) -> Actor | None:
    """Find out who is asking and keep it for :func:`current`."""
    token = bearer_token()
    actor = authenticate(token) if authenticate and token else None
    request.environ[_ACTOR] = actor
    return actor


def looked_at(subject_id: UUID | None, **facts: Any) -> None:
    """Say what an ``audit=`` route showed: the subject, and counts or codes only.

    Without it the audit entry names the first UUID of the address.
    """
    request.environ[_LOOKED_AT] = (subject_id, facts)


def what_was_looked_at() -> tuple[UUID | None, dict[str, Any]]:
    """Name the subject and facts of the audit entry of this request."""
    told: tuple[UUID | None, dict[str, Any]] | None = request.environ.get(_LOOKED_AT)
    if told is not None:
        return told
    values = (request.view_args or {}).values()
    return next((value for value in values if isinstance(value, UUID)), None), {}
