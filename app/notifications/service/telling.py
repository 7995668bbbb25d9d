"""Write news down: one message for each person and way, and what is owed to the outbox."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock, outbox
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.notifications import channels, queries
from app.notifications.channels import Reach
from app.notifications.events import MessageDue
from app.notifications.models import Message
from app.notifications.rules import rendering, ways
from app.notifications.rules.settling import State
from app.notifications.rules.telling import OF_STAFF, Audience
from app.notifications.rules.ways import Way, Wish
from app.notifications.rules.wording import Wording

AT_ONCE = 500
"""Rows of one statement: PostgreSQL takes 65,535 values in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One kind of news to one audience.

    ``facts`` fill the words; ``not_before`` puts off all but the inbox; ``at_once`` sends
    a text beside the rest instead of after it.
    """

    event_id: UUID
    kind: str
    audience: Audience
    ticket_id: UUID | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    urgent: bool = False
    push: bool = True
    at_once: bool = False
    not_before: datetime | None = None


def tell(news: News, person_ids: Collection[UUID]) -> int:
    """Write the messages of one piece of news, in the caller's unit; count the new ones.

    Told again it adds nothing: a person hears of one event once by each way.
    """
    staff = person_ids if news.audience in OF_STAFF else ()
    reaches = queries.reaches(staff, person_ids)
    wishes = queries.wishes(person_ids)
    now = clock.now()
    rows = [
        row
        for person_id in sorted(reaches)
        for row in _rows(news, person_id, reaches[person_id], wishes.get(person_id, Wish()), now)
    ]
    return _write(rows)


def _rows(
    news: News, person_id: UUID, reach: Reach, wish: Wish, now: datetime
) -> list[dict[str, Any]]:
    found = [row_of(news, person_id, (Way.INBOX,), now, now)]
    if not news.push:
        return [row for row in found if row]
    reachable = {
        way
        for way in channels.usable(reach)
        if queries.wording_for(news.kind, news.audience, way, now)
    }
    asked = max(now, news.not_before) if news.not_before else now
    due = ways.tell_at(asked, wish.quiet, urgent=news.urgent)
    laid = ways.chains(wish.ways, reachable, urgent=news.urgent, at_once=news.at_once)
    found += [row_of(news, person_id, chain, now, due) for chain in laid]
    return [row for row in found if row]


def row_of(
    news: News, person_id: UUID, chain: tuple[Way, ...], now: datetime, due: datetime
) -> dict[str, Any] | None:
    """Write the message at the head of a chain; None if there are no words for it."""
    way, *rest = chain
    said = queries.wording_for(news.kind, news.audience, way, now)
    if said is None:
        return None
    is_done = way is Way.INBOX
    return {
        "id": new_id(),
        "event_id": news.event_id,
        "person_id": person_id,
        "ticket_id": news.ticket_id,
        "kind": news.kind,
        "audience": news.audience.value,
        "channel": way,
        "state": State.SENT if is_done else State.WAITING,
        "urgent": news.urgent,
        "title": rendering.fill(said.title, news.facts),
        "text": rendering.fill(said.text, news.facts),
        "facts": json.dumps(dict(news.facts), ensure_ascii=False),
        "page": _page(said, news.ticket_id),
        "template_id": said.template_id if way is Way.WECHAT else None,
        "then": [str(one) for one in rest],
        "created_at": now,
        "due_at": due,
        "owed_at": due,
        "settled_at": now if is_done else None,
    }


def fall_back(message: Message, now: datetime) -> int:
    """Begin the next way of a message that did not arrive by this one."""
    news = News(
        event_id=message.event_id,
        kind=message.kind,
        audience=Audience(message.audience),
        ticket_id=message.ticket_id,
        facts=json.loads(message.facts),
        urgent=message.urgent,
    )
    chain = tuple(Way(one) for one in message.then)
    row = row_of(news, message.person_id, chain, now, now)
    return _write([row] if row else [])


def _page(said: Wording, ticket_id: UUID | None) -> str:
    return f"{said.page}?id={ticket_id}" if ticket_id and said.page else said.page


def _write(rows: list[dict[str, Any]]) -> int:
    """Insert what is not there yet, and owe what is to be sent; so many in one statement."""
    return sum(_write_some(rows[at : at + AT_ONCE]) for at in range(0, len(rows), AT_ONCE))


def _write_some(rows: list[dict[str, Any]]) -> int:
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    statement = (
        maker.insert(Message)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["event_id", "person_id", "channel"])
        .returning(Message.id)
    )
    fresh = set(session.scalars(statement, execution_options={"populate_existing": False}))
    for row in rows:
        if row["id"] in fresh and row["settled_at"] is None:
            outbox.record(MessageDue(message_id=row["id"]), due=row["due_at"])
    return len(fresh)
