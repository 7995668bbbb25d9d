"""Identifiers: UUIDv7 for rows, random tokens for what opens something."""

import random
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from uuid import UUID

from uuid_utils import compat

from app.kernel import clock

_maker: ContextVar[Callable[[], UUID]] = ContextVar("id_maker", default=compat.uuid7)


def new_id() -> UUID:
    """Make a time-ordered row id (UUIDv7), before the row exists."""
    return _maker.get()()


@contextmanager
def drawn(seed: int) -> Iterator[None]:
    """Draw the ids of this block from ``seed`` and the clock, so that it can be told again.

    For invented data only: what an id decides (who is sampled) is then decided
    alike each time. Tokens and numbers stay random.
    """
    dice, serial = random.Random(seed), count()  # noqa: S311 - an id keeps no secret

    def draw() -> UUID:
        # RFC 9562, 5.7: 48 bits of milliseconds, version, 12 bits, variant, 62 bits;
        # the first 32 of the free bits count, so that one moment's ids keep their order.
        number = next(serial)
        moment = int(clock.now().timestamp() * 1000)
        high = moment << 16 | 7 << 12 | number >> 20 & 0xFFF
        low = 0b10 << 62 | (number & 0xFFFFF) << 42 | dice.getrandbits(42)
        return UUID(int=high << 64 | low)

    token = _maker.set(draw)
    try:
        yield
    finally:
        _maker.reset(token)


def new_token(octets: int = 32) -> str:
    """Make an unguessable URL-safe secret."""
    return secrets.token_urlsafe(octets)


def new_digits(count: int) -> str:
    """Make ``count`` random digits, none of them leading zero."""
    return str(secrets.randbelow(9 * 10 ** (count - 1)) + 10 ** (count - 1))
