"""How often: rate limits on routes, counted in Redis or in this process.

Without Redis each process counts for itself, so that N processes allow up to N
times as much; the embedded server is one process. When Redis is lost, each
process goes on counting for itself until it is back: a submit is never refused
for want of Redis, and log-in is never without a limit.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from time import monotonic, time
from typing import Any

import structlog
from flask import Flask, current_app, request
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.kernel.crypto import blind_index
from app.kernel.errors import TooMany
from app.kernel.http.seat import current_or_none
from config import Settings

PERSON = "person"
ADDRESS = "address"
RETRY_REDIS_AFTER = 5.0

_EXTENSION = "sandan-limits"
_log = structlog.get_logger("sandan.http")


@dataclass(frozen=True, slots=True)
class Limit:
    """So many in so long, for each person, address or key of one's own.

    ``rate`` reads like ``"20 per minute; 200 per day"``. ``per`` is ``"person"``
    (the address, when nobody is logged in), ``"address"`` (keep it wide: a whole
    mobile network may share one), or a function that names the key of this
    request (a phone, an account) or answers None for no limit. Limits of one
    ``scope`` are counted together; default: the route.
    """

    rate: str
    per: str | Callable[[], str | None] = PERSON
    scope: str = ""

    def __post_init__(self) -> None:
        """Refuse a rate that cannot be read, at import."""
        parse_many(self.rate)
        if isinstance(self.per, str) and self.per not in (PERSON, ADDRESS):
            raise ValueError(f"a limit is per person, address or function, not {self.per!r}")


class Counter:
    """Counts hits in Redis, or in this process while there is none."""

    def __init__(self, redis_url: str | None) -> None:
        self._here = FixedWindowRateLimiter(MemoryStorage())
        self._shared = FixedWindowRateLimiter(_redis(redis_url)) if redis_url else None
        self._lock = threading.Lock()
        self._away_until = 0.0

    def hit(self, item: RateLimitItem, *key: str) -> int | None:
        """Count one; seconds to wait if that was too many, else None."""
        if self._shared is not None and monotonic() >= self._away_until:
            try:
                return _hit(self._shared, item, key)
            except (RedisError, OSError) as error:
                with self._lock:
                    self._away_until = monotonic() + RETRY_REDIS_AFTER
                _log.warning("limits_without_redis", kind=type(error).__name__)
        return _hit(self._here, item, key)


def _redis(url: str) -> Storage:
    options: dict[str, Any] = {
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "retry": Retry(NoBackoff(), 0),
        "key_prefix": "sandan-limits",
    }
    return RedisStorage(url, **options)


def _hit(strategy: FixedWindowRateLimiter, item: RateLimitItem, key: Sequence[str]) -> int | None:
    if strategy.hit(item, *key):
        return None
    return max(1, int(strategy.get_window_stats(item, *key).reset_time - time()) + 1)


def install(app: Flask, settings: Settings) -> None:
    """Give ``app`` its counter, or none when limits are switched off."""
    app.extensions[_EXTENSION] = Counter(settings.redis_url) if settings.rate_limits else None


def before_work(limits: Sequence[Limit]) -> None:
    """Count what needs nobody's name: limits by address.

    Raises:
        TooMany: with the seconds to wait.

    """
    _count([limit for limit in limits if limit.per == ADDRESS])


def once_known(limits: Sequence[Limit]) -> None:
    """Count the limits by person and by a key of one's own.

    Raises:
        TooMany: with the seconds to wait.

    """
    _count([limit for limit in limits if limit.per != ADDRESS])


def _count(limits: Sequence[Limit]) -> None:
    counter: Counter | None = current_app.extensions.get(_EXTENSION)
    if counter is None:
        return
    for limit in limits:
        key = _key(limit)
        if key is None:
            continue
        for item in _items(limit.rate):
            wait = counter.hit(item, limit.scope or request.endpoint or "", key)
            if wait is not None:
                raise TooMany(retry_after=wait)


@lru_cache
def _items(rate: str) -> tuple[RateLimitItem, ...]:
    return tuple(parse_many(rate))


def _key(limit: Limit) -> str | None:
    """Name the counter; addresses and phones are never kept in clear."""
    if callable(limit.per):
        own = limit.per()
        return None if own is None else blind_index("limit", own)
    actor = current_or_none() if limit.per == PERSON else None
    if actor is not None and actor.person_id is not None:
        return actor.person_id.hex
    return blind_index("limit", _network())


def _network() -> str:
    """Name the client's address; of IPv6 the network, which one client owns whole."""
    text = request.remote_addr or ""
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        return str(int(address) >> 64)
    return str(address)
