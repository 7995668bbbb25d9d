"""Who comes in: the bearer token becomes an actor, the same way on every route."""

from app.identity import service as identity
from app.kernel.actor import Actor


def authenticate(token: str) -> Actor | None:
    """Find the actor of a session token; None if it opens nothing (any more)."""
    return identity.authenticate(token)
