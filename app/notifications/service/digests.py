"""What stands open, said once a day to staff and once a week to who holds a place."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from app.identity import queries as identity
from app.kernel.actor import Permission
from app.kernel.clock import SHANGHAI
from app.notifications import queries
from app.notifications.rules.telling import Audience
from app.notifications.service.telling import News, tell
from app.tickets import worklists

_NAMES = UUID("6b1a4f9e-9a53-4a6a-9d0e-3f5f1f0b7c11")
DAILY, WEEKLY = "daily", "weekly"
READERS: dict[str, Collection[Permission]] = {
    DAILY: (Permission.TICKET_HANDLE, Permission.TICKET_ASSIGN, Permission.TICKET_DISPATCH),
    WEEKLY: (Permission.TICKET_DISPATCH,),
}
WEEKLY_HOUR, DAILY_MINUTE = 9, 8 * 60 + 30
BATCH = 200


def readers(kind: str, now: datetime) -> Iterator[UUID]:
    """Walk over everybody who may get a digest."""
    last: UUID | None = None
    while found := queries.digest_readers(READERS[kind], now, last, BATCH):
        yield from found
        last = found[-1]


def tell_digest(kind: str, person_id: UUID, now: datetime) -> bool:
    """Tell one person how their work stands, once a period; nothing if there is none."""
    actor = identity.actor_of(person_id)
    if actor is None or not queries.wish_of(person_id).digest:
        return False
    tally = worklists.tally(actor, now)
    if not tally.open:
        return False
    facts = {
        "open": str(tally.open),
        "due_soon": str(tally.due_soon),
        "overdue": str(tally.overdue),
        "supervised": str(tally.supervised),
    }
    event_id = uuid5(_NAMES, f"{kind}:{_PERIOD[kind](now).isoformat()}")
    news = News(event_id=event_id, kind=kind, audience=Audience.STAFF, facts=facts)
    return tell(news, [person_id]) > 0


def _day(now: datetime) -> datetime:
    local = now.astimezone(SHANGHAI) - timedelta(minutes=DAILY_MINUTE)
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


def _week(now: datetime) -> datetime:
    local = now.astimezone(SHANGHAI) - timedelta(hours=WEEKLY_HOUR)
    monday = local - timedelta(days=local.weekday())
    return monday.replace(hour=0, minute=0, second=0, microsecond=0)


_PERIOD: dict[str, Callable[[datetime], datetime]] = {DAILY: _day, WEEKLY: _week}
