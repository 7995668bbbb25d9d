"""The bell that is rung after a commit: it wakes whoever drains."""

from collections.abc import Callable

from config import Settings
from workers import embedded, rqueue


def bell(settings: Settings) -> Callable[[], None]:
    """Give the function to put into ``work.after_commit``.

    It never raises and never waits longer than a second: a lost ring costs
    delay only, because the keepers look into the database themselves.
    """
    if settings.redis_url:
        doorbell = rqueue.Bell(settings.redis_url)

        def ring() -> None:
            doorbell.ring()

        return ring
    return embedded.ring
