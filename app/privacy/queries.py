"""Reading the notice, one's consents, and everything that is kept about oneself."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.identity import queries as identity
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import NotFound, Unauthenticated
from app.media import queries as media
from app.notifications import queries as news
from app.privacy.models import Consent, PrivacyNotice
from app.ratings import queries as ratings
from app.tickets import queries as tickets


@dataclass(frozen=True, slots=True)
class NoticeView:
    """The notice in force."""

    version: int
    text: str
    published_at: datetime


def notice() -> NoticeView:
    """Read the notice in force.

    Raises:
        NotFound: none was published yet (code ``no_notice``).

    """
    found = newest()
    if found is None:
        raise NotFound("还没有发布隐私说明。", code="no_notice")
    return NoticeView(found.version, found.text, found.published_at)


def newest() -> PrivacyNotice | None:
    """Find the version published last."""
    return session.scalar(select(PrivacyNotice).order_by(PrivacyNotice.version.desc()).limit(1))


def consents_of(person_id: UUID) -> list[Consent]:
    """List a person's answers, the newest first."""
    mine = select(Consent).where(Consent.person_id == person_id)
    return list(session.scalars(mine.order_by(Consent.at.desc(), Consent.id.desc())))


def everything_about(reader: Actor) -> dict[str, Any]:
    """Gather what is kept about a person (article 45): plain JSON values, room by room.

    Words of others stand in it only where the person reads them anyway.
    """
    person_id = reader.person_id
    if person_id is None:
        raise Unauthenticated
    consents = [
        {"version": one.version, "agreed": one.agreed, "device": one.device, "at": one.at}
        for one in consents_of(person_id)
    ]
    rooms = {
        "account": identity.personal(person_id),
        "consents": consents,
        "tickets": tickets.personal(person_id),
        "ratings": ratings.personal(person_id),
        "media": media.personal(person_id),
        "news": news.personal(reader),
    }
    return {name: _plain(kept) for name, kept in rooms.items()}


def _plain(value: Any) -> Any:
    """Write times, ids and words of the house as JSON can say them."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value
