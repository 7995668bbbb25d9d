"""Read what is said: rows of this installation before what is shipped."""

from datetime import datetime

from sqlalchemy import select

from app.kernel import stamps
from app.kernel.db import session
from app.notifications.models import MessageTemplate
from app.notifications.rules import wording
from app.notifications.rules.telling import ASKED_AT, ASKED_AT_WORK, MOST_ASKED, OF_STAFF
from app.notifications.rules.ways import Way
from app.notifications.rules.wording import Wording

STAMP = "message_templates"


def _build() -> tuple[Wording, ...]:
    own = (
        Wording(
            kind=row.kind,
            audience=row.audience,
            title=row.title,
            text=row.text,
            page=row.page,
            channel=row.channel,
            template_id=row.template_id,
            fields=dict(row.fields),
            long_term=row.long_term,
            valid_from=row.valid_from,
        )
        for row in session.scalars(select(MessageTemplate).order_by(MessageTemplate.id))
    )
    return (*wording.SHIPPED, *own)


_wordings = stamps.Cached(STAMP, _build)


def wording_for(kind: str, audience: str, way: Way, at: datetime) -> Wording | None:
    """Find the words that hold for one kind of news, audience and way at a time."""
    return wording.best(_wordings.get(), kind, audience, way, at)


def row_for(kind: str, audience: str, channel: str, at: datetime) -> Wording | None:
    """Find the row that holds at a time for exactly this channel; None if what is shipped does."""
    return next(
        (
            one
            for one in in_force(at)
            if (one.kind, one.audience, one.channel) == (kind, audience, channel)
        ),
        None,
    )


def in_force(at: datetime) -> list[Wording]:
    """List the rows that hold at a time, by kind, audience and channel."""
    held: dict[tuple[str, str, str], Wording] = {}
    for one in _wordings.get():
        key = (one.kind, one.audience, one.channel)
        if one.valid_from is None or one.valid_from > at:
            continue
        before = held.get(key)
        if before is None or before.valid_from is None or before.valid_from < one.valid_from:
            held[key] = one
    return [held[key] for key in sorted(held)]


def known_template(template_id: str, at: datetime) -> Wording | None:
    """Find what a WeChat template is used for now; None if we never ask for it."""
    return next((one for one in _in_use(at) if one.template_id == template_id), None)


def asks(moment: str, at: datetime) -> list[str]:
    """List the WeChat templates to ask for at a moment; kinds of subscription never mix.

    A call with both one-time and long-term templates fails as a whole (wechat.md 5).
    """
    wanted = ASKED_AT.get(moment, ())
    at_work = moment in ASKED_AT_WORK
    found = sorted(
        (
            one
            for one in _in_use(at)
            if one.kind in wanted and (one.audience in OF_STAFF) is at_work
        ),
        key=lambda one: wanted.index(one.kind),
    )
    alike = [one for one in found if one.long_term == found[0].long_term]
    return list(dict.fromkeys(one.template_id for one in alike if one.template_id))[:MOST_ASKED]


def _in_use(at: datetime) -> list[Wording]:
    pairs = {(one.kind, one.audience): None for one in _wordings.get() if one.channel == Way.WECHAT}
    found = (wording_for(kind, audience, Way.WECHAT, at) for kind, audience in pairs)
    return [one for one in found if one]
