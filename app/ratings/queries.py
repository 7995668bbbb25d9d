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
