"""Reading ratings."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import session
from app.ratings.models import Rating


def of_ticket(ticket_id: UUID) -> Sequence[Rating]:
    """Read every rating of a ticket, the oldest first."""
    query = select(Rating).where(Rating.ticket_id == ticket_id).order_by(Rating.at, Rating.id)
    return session.scalars(query).all()


def personal(person_id: UUID) -> list[dict[str, object]]:
    """Gather a person's ratings as plain values."""
    rows = session.scalars(select(Rating).where(Rating.person_id == person_id).order_by(Rating.at))
    return [
        {
            "ticket_id": one.ticket_id,
            "satisfaction": one.satisfaction.value,
            "words": one.words,
            "at": one.at,
        }
        for one in rows
    ]
