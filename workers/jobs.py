"""What the timetable runs: one short unit of work per ticket, one bad row never holds the rest."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import structlog

from app.escalation import queries as escalation_queries
from app.escalation import service as escalation
from app.escalation.rules import GIVEN_UP_AFTER
from app.identity import service as identity
from app.kernel import idempotency, outbox
from app.kernel.db import session
from app.kernel.errors import SandanError
from app.kernel.work import unit_of_work
from app.media import service as media
from app.media import store
from app.moderation import queries as moderation_queries
from app.moderation import service as moderation
from app.notifications import queries as news_queries
from app.notifications import service as news
from app.signs import service as signs
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.wechat import service as wechat

_log = structlog.get_logger("sandan.jobs")

BATCH = 200
RETRY_AFTER = timedelta(minutes=10)
HALF_WRITTEN = timedelta(hours=1)
"""No file takes so long to write: what is older was given up."""

GROUP_HEARS = timedelta(hours=20)
"""So long a group that was told how the work stands is not told again."""

PUSHES_COME_AGAIN = timedelta(days=7)
"""WeChat repeats a push within seconds, and one older than five minutes is refused anyway."""


def close_silent(now: datetime) -> None:
    """Close what was resolved and never answered."""
    _each("tickets.close_silent", ticket_queries.silent(now, BATCH), tickets.auto_close)


def climb_reviews(now: datetime) -> None:
    """Bring late questions to a second person to the desk above."""
    _each("tickets.climb_reviews", tickets.climb_late(now, BATCH), tickets.climb)


def watch(now: datetime) -> None:
    """Look at every ticket whose clock has something to say, the longest waiting first.

    After hours without a watcher all of them are looked at in order; one that cannot be
    looked at waits for the next run and holds nobody.
    """
    seen: set[UUID] = set()
    while fresh := [one for one in escalation_queries.due(now, BATCH) if one not in seen]:
        seen.update(fresh)
        _each("escalation.watch", fresh, escalation.look)


def call_duty(now: datetime) -> None:
    """Call the next on duty about emergencies that nobody took within five minutes."""
    _each("escalation.call_duty", escalation_queries.calls_due(now, BATCH), escalation.call_next)


def recount_open(_changed: object = None) -> None:
    """Count the clocks of open tickets anew after a calendar or a limit has changed.

    Begun again it finds the rest: what is counted already does not move again.
    """
    moving = dict.fromkeys(one.ticket_id for one in escalation.preview())
    _each("escalation.recount", moving, escalation.recount)


def retry_climbs(now: datetime) -> None:
    """Try again what could not go up because nobody was there."""
    waiting = escalation_queries.to_retry(now - RETRY_AFTER, BATCH)
    _each("escalation.retry", waiting, escalation.retry)


def send_waiting(now: datetime) -> None:
    """Let go out what waited for a platform to be set up, and see what nobody sends any more."""
    waiting = escalation_queries.waiting_packages(now - GIVEN_UP_AFTER, BATCH)
    _each("escalation.send_waiting", waiting, escalation.go_on)


def anchor_chains(now: datetime) -> None:
    """Write the heads of all histories outside the database."""
    tickets.anchor(store.current(), now)


def sweep_media(now: datetime) -> None:
    """Erase uploads nobody used, files nobody knows and what a crash left half-written."""
    media.sweep(now)
    store.current().sweep_drafts(older_than=now - HALF_WRITTEN)


def forget_sessions(now: datetime) -> None:
    """Forget sessions long over and tries to log in of yesterday."""
    with unit_of_work():
        identity.sweep(now)


def forget_answers(now: datetime) -> None:
    """Forget the answers kept for retries after seven days."""
    more = True
    while more:
        with unit_of_work():
            more = idempotency.purge(now - idempotency.KEPT) > 0


def forget_pushes(now: datetime) -> None:
    """Forget what WeChat pushed so long ago that it cannot come again."""
    with unit_of_work():
        wechat.forget_pushes(now - PUSHES_COME_AGAIN)


def forget_sheets(now: datetime) -> None:
    """Erase printed sheets that were made so long ago that nobody fetches them."""
    signs.forget_old(now)


def owe_messages(now: datetime) -> None:
    """Owe the messages again that were due and that nothing came of."""
    waiting = news_queries.forgotten(now - news.FORGOTTEN_AFTER, now, BATCH)
    _each("notifications.owe_messages", waiting, partial(news.owe_again, now=now))


def forget_messages(now: datetime) -> None:
    """Forget what people were told so long ago that nobody asks."""
    last: UUID | None = None
    while True:
        with unit_of_work():
            last = news.forget_messages(now, last)
        if last is None:
            return


def ask_again(now: datetime) -> None:
    """Ask WeChat again about what it never answered; after a few times a person looks."""
    waiting = moderation_queries.overdue(now, BATCH)
    _each("moderation.ask_again", waiting, partial(moderation.owe_again, now=now))


def tell_daily(now: datetime) -> None:
    """Tell staff how their work stands today."""
    _tell_digest(news.DAILY, now)
    with unit_of_work():
        news.tell_group(news.DAILY, now, now + GROUP_HEARS)


def tell_weekly(now: datetime) -> None:
    """Tell who holds a place how it stands this week."""
    _tell_digest(news.WEEKLY, now)


def _tell_digest(kind: str, now: datetime) -> None:
    people = list(news.readers(kind, now))
    _each(f"notifications.{kind}", people, lambda one: news.tell_digest(kind, one, now))


def _each(job: str, ids: Iterable[UUID], act: Callable[[UUID], object]) -> None:
    for one in ids:
        try:
            with unit_of_work():
                act(one)
        except SandanError as error:
            _log.warning("job_skipped_one", job=job, id=str(one), code=error.code)
        except Exception as error:
            # One bad row never holds the others; the next run tries it again.
            _log.error("job_failed_one", job=job, id=str(one), error=outbox.describe(error))
            session.rollback()
