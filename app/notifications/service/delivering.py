"""Send what is due: claim (one unit), send with no transaction open, settle (another).

A worker that dies in between leaves a message in hand; when its lease is over the next
one takes it up, knowing that it may have arrived. Such a message is tried once more,
marked, and never a third time.
"""

import json
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock, outbox
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.notifications import channels, queries
from app.notifications.channels import Channel, Parcel
from app.notifications.events import MessageDue
from app.notifications.models import ChannelPause, Message
from app.notifications.rules import rendering, settling
from app.notifications.rules.settling import Attempt, Outcome, Result, State
from app.notifications.rules.telling import OF_STAFF
from app.notifications.rules.ways import Way
from app.notifications.service import granting
from app.notifications.service.telling import fall_back

_log = structlog.get_logger("sandan.notifications")

TIMEOUT_S = 30
"""What a listener may take; no channel waits longer in all."""
LEASE = timedelta(seconds=TIMEOUT_S + 8)
"""Over before the outbox hands the delivery to another, which then may take it up."""
FORGOTTEN_AFTER = timedelta(minutes=10)


class InHand(Exception):
    """Another worker has the message; the outbox asks again later."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message in our hands: what to send by which channel, and the fence of its end."""

    message_id: UUID
    claimed_by: UUID
    channel: Channel
    parcel: Parcel = field(repr=False)


def deliver(event: MessageDue) -> None:
    """Try a message that is due; nothing happens if it is settled or not due yet.

    Raises:
        InHand: another worker has it.

    """
    taken = claim(event.message_id)
    if taken is not None:
        settle(taken, taken.channel.send(taken.parcel))


def claim(message_id: UUID) -> Taken | None:
    """Take a message for one attempt, in a unit of its own."""
    with unit_of_work():
        row = _held(message_id)
        now = clock.now()
        if row is None or row.settled_at is not None or row.due_at > now:
            return None
        if row.state is State.SENDING and not _take_over(row, now):
            return None
        until = queries.paused(row.channel, now)
        if until is not None:
            _apply(row, Outcome(Result.LATER, "paused", until=until), now)
            return None
        return _taken(row, now)


def _take_over(row: Message, now: datetime) -> bool:
    """Take up what a dead worker had in hand, unless that was the repetition already."""
    if row.claimed_until is not None and row.claimed_until >= now:
        raise InHand
    if row.maybe_repeated:
        _apply(row, Outcome(Result.AGAIN, "WorkerDied", maybe_sent=True), now)
        return False
    row.uncertain = True
    return True


def _taken(row: Message, now: datetime) -> Taken | None:
    staff = (row.person_id,) if row.audience in OF_STAFF else ()
    reach = queries.reaches(staff, (row.person_id,)).get(row.person_id)
    channel = channels.current().ways.get(row.channel)
    said = queries.wording_for(row.kind, row.audience, row.channel, row.created_at)
    row.attempts += 1
    if reach is None or channel is None or said is None or not channel.reaches(reach):
        _apply(row, Outcome(Result.REFUSED, "Unreachable"), now)
        return None
    if not queries.may_still_hear(row.audience, row.person_id, row.ticket_id):
        row.then = []  # nor by any other way
        _apply(row, Outcome(Result.REFUSED, "Accused"), now)
        return None
    if row.channel is Way.WECHAT and not _has_grant(row):
        _apply(row, Outcome(Result.REFUSED, "NoGrant"), now)
        return None
    row.maybe_repeated = row.maybe_repeated or row.uncertain
    row.state, row.claimed_by, row.claimed_until = State.SENDING, new_id(), now + LEASE
    session.flush()
    parcel = Parcel(
        key=row.id.hex,
        reach=reach,
        title=row.title,
        text=row.text,
        page=row.page,
        template_id=row.template_id or "",
        data=rendering.fields_of(said.fields, json.loads(row.facts)),
    )
    return Taken(row.id, row.claimed_by, channel, parcel)


def _has_grant(row: Message) -> bool:
    """Spend a grant; a repetition rests on the one that was spent the first time."""
    if not row.reserved and row.template_id:
        row.reserved = granting.reserve(row.person_id, row.template_id)
    return row.reserved


def settle(taken: Taken, outcome: Outcome) -> bool:
    """Write down how an attempt ended, in a unit of its own; False if it is no longer ours."""
    with unit_of_work():
        row = _held(taken.message_id)
        if row is None or row.claimed_by != taken.claimed_by:
            _log.warning("late_settle_refused", message=str(taken.message_id))
            return False
        _apply(row, outcome, clock.now())
        return True


def owe_again(message_id: UUID, now: datetime) -> None:
    """Tell the outbox once more of a message that nothing came of, in the caller's unit."""
    row = _held(message_id)
    if row is None or row.settled_at is not None or row.owed_at >= now - FORGOTTEN_AFTER:
        return
    row.owed_at = now
    outbox.record(MessageDue(message_id=row.id))


def _held(message_id: UUID) -> Message | None:
    query = select(Message).where(Message.id == message_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _apply(row: Message, outcome: Outcome, now: datetime) -> None:
    """Let the outcome of an attempt become the state of the message."""
    attempt = Attempt(
        attempts=row.attempts,
        created_at=row.created_at,
        urgent=row.urgent,
        repeated=row.maybe_repeated,
        has_next=bool(row.then),
    )
    verdict = settling.judge(attempt, outcome, now, random.random())  # noqa: S311
    row.state, row.error, row.msgid = verdict.state, outcome.error or None, outcome.msgid
    row.claimed_by = row.claimed_until = None
    row.uncertain = row.uncertain or verdict.uncertain
    _settle_grant(row, outcome, refund=verdict.refund)
    if outcome.until is not None and outcome.error != "paused":
        _pause(row.channel, outcome.until, outcome.error)
    if outcome.result is Result.BROKEN:
        _log.error("channel_broken", channel=row.channel.value, error=outcome.error, kind=row.kind)
    if verdict.due_at is not None:
        row.due_at = row.owed_at = verdict.due_at
        outbox.record(MessageDue(message_id=row.id), due=verdict.due_at)
        return
    row.settled_at = now
    if verdict.fall_back:
        fall_back(row, now)


def _settle_grant(row: Message, outcome: Outcome, *, refund: bool) -> None:
    """Give a spent grant back if nothing can have used it; forget all if WeChat knows of none."""
    if row.template_id is None:
        return
    if outcome.no_grant:
        granting.zero(row.person_id, row.template_id)
    elif refund and row.reserved and not row.uncertain:
        granting.refund(row.person_id, row.template_id)
        row.reserved = False


def _pause(way: Way, until: datetime, why: str) -> None:
    """Close a channel for everybody until a time, and say so."""
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    said = {"until": until, "why": why}
    session.execute(
        maker.insert(ChannelPause)
        .values(channel=way.value, **said)
        .on_conflict_do_update(index_elements=["channel"], set_=said)
    )
    _log.error("channel_paused", channel=way.value, until=until.isoformat(), why=why)
