"""Reading media rows. Who may see them is for the ticket they belong to to say."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import session
from app.kernel.errors import NotFound
from app.media.models import Media, MediaState
from app.media.rules import MediaKind

DAY = timedelta(days=1)


def of_ticket(ticket_id: UUID) -> list[Media]:
    """List what hangs on a ticket, in the order it was handed in."""
    return list(
        session.scalars(
            select(Media)
            .where(Media.ticket_id == ticket_id, Media.state == MediaState.ATTACHED)
            .order_by(Media.attached_at, Media.step_id, Media.position)
        )
    )


def sent_by(owner_id: UUID) -> list[Media]:
    """List what a person uploaded and is still there, in order."""
    mine = select(Media).where(Media.owner_id == owner_id, Media.gone_at.is_(None))
    return list(session.scalars(mine.order_by(Media.created_at, Media.id)))


def personal(owner_id: UUID) -> list[dict[str, object]]:
    """Gather what a person uploaded as plain values; the files come by their own links."""
    return [
        {
            "id": one.id,
            "kind": one.kind.value,
            "ticket_id": one.ticket_id,
            "size": one.size,
            "created_at": one.created_at,
        }
        for one in sent_by(owner_id)
    ]


def of_steps(step_ids: Collection[UUID]) -> dict[UUID, list[Media]]:
    """Map each step that carries something to what it carries, in order."""
    found: dict[UUID, list[Media]] = {}
    if not step_ids:
        return found
    rows = session.scalars(
        select(Media)
        .where(Media.step_id.in_(step_ids), Media.state == MediaState.ATTACHED)
        .order_by(Media.position)
    )
    for media in rows:
        if media.step_id is not None:
            found.setdefault(media.step_id, []).append(media)
    return found


def voices_of(ticket_ids: Collection[UUID]) -> list[UUID]:
    """List the voice notes of tickets, for when their time to be kept is over."""
    if not ticket_ids:
        return []
    return list(
        session.scalars(
            select(Media.id)
            .where(
                Media.ticket_id.in_(ticket_ids),
                Media.kind == MediaKind.VOICE,
                Media.state == MediaState.ATTACHED,
            )
            .order_by(Media.id)
        )
    )


def own(owner_id: UUID, media_id: UUID) -> Media:
    """Find one's own upload, attached or not.

    Raises:
        NotFound: not there, taken away, or somebody else's.

    """
    media = live(media_id)
    if media is None or media.owner_id != owner_id:
        raise NotFound
    return media


def live(media_id: UUID) -> Media | None:
    """Find a media row whose files may be shown, or None."""
    return session.scalar(select(Media).where(Media.id == media_id, Media.gone_at.is_(None)))


@dataclass(frozen=True, slots=True)
class Tally:
    """How much one person has uploaded in the last 24 hours."""

    unattached: int
    all: int


def tally(owner_id: UUID, now: datetime) -> Tally:
    """Count a person's uploads of the last 24 hours; what is unattached longer is swept."""
    waiting = func.count().filter(Media.attached_at.is_(None), Media.gone_at.is_(None))
    row = session.execute(
        select(waiting, func.count()).where(
            Media.owner_id == owner_id, Media.created_at > now - DAY
        )
    ).one()
    return Tally(*row)


@dataclass(frozen=True, slots=True)
class ToErase:
    """A row whose files are still to be deleted."""

    id: UUID
    kind: MediaKind
    stem: str


def to_erase(*, after: UUID, limit: int) -> list[ToErase]:
    """List rows that are gone while their files are not, by id."""
    rows = session.execute(
        select(Media.id, Media.kind, Media.stem)
        .where(Media.gone_at.is_not(None), Media.erased_at.is_(None), Media.id > after)
        .order_by(Media.id)
        .limit(limit)
    )
    return [ToErase(*row) for row in rows]


def known_stems(stems: Collection[str]) -> set[str]:
    """Tell which stems belong to a row whose files are not erased yet."""
    if not stems:
        return set()
    return set(
        session.scalars(select(Media.stem).where(Media.stem.in_(stems), Media.erased_at.is_(None)))
    )
