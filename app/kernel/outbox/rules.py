"""Who listens, and how long a failed delivery waits: no database, no clock."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.kernel.outbox.events import Event
from app.kernel.outbox.models import Lane

LONGEST_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One consumer of a topic.

    ``handle`` takes the event and is idempotent by its ``event_id``. With
    ``work`` it runs inside a unit of work that also finishes the delivery, so
    its effect happens exactly once; it must not touch the network. Without, no
    transaction is open: it may send, opens units itself and may run twice when
    its worker dies between sending and settling. ``wants`` tells, from the event
    alone, whether there is anything to do; if not, no delivery is ever made.
    """

    name: str
    handle: Callable[[Any], None]
    wants: Callable[[Any], bool] | None = None
    work: bool = True
    queue: Lane = Lane.SHORT
    timeout_s: int = 30
    max_attempts: int = 8
    first_wait_s: float = 5.0


Listeners = Mapping[str, tuple[Listener, ...]]
"""Topic → those who listen."""

Subscription = tuple[type[Event], Listener]


def listen(subscriptions: Iterable[Subscription]) -> Listeners:
    """Gather listeners by topic.

    Raises:
        ValueError: two listeners of one topic share a name (deliveries are
            unique by event and name).

    """
    heard: dict[str, tuple[Listener, ...]] = {}
    for event, listener in subscriptions:
        others = heard.get(event.topic, ())
        if any(other.name == listener.name for other in others):
            raise ValueError(f"{event.topic} has two listeners called {listener.name}")
        heard[event.topic] = (*others, listener)
    return heard


def wait(attempts: int, first_wait_s: float, luck: float) -> timedelta:
    """Tell how long to wait after the ``attempts``-th failure: ×4 each, ±25 %.

    ``luck`` in [0, 1) spreads the retries, so that what failed together does
    not come back together. Never more than an hour.
    """
    steady = min(first_wait_s * 4 ** (attempts - 1), LONGEST_WAIT.total_seconds())
    spread = timedelta(seconds=steady * (0.75 + luck / 2))
    return min(spread, LONGEST_WAIT)
