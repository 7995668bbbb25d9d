"""How long it is kept what people were told."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete

from app.kernel.db import session
from app.notifications import queries
from app.notifications.models import Message

KEPT = timedelta(days=180)
"""Longer than any ticket is asked about; what became of the ticket stands in its history."""
BATCH = 500


def forget_messages(now: datetime, after: UUID | None = None) -> UUID | None:
    """Drop one batch of messages that ended long ago, in the caller's unit.

    Ids are in the order of time, so the walk from the oldest ends at the first batch that
    holds a young one: it costs the same however many are kept. Hands back where to go on.
    """
    rows = queries.oldest(after, BATCH)
    before = now - KEPT
    old = [row.id for row in rows if row.created_at < before and row.settled_at is not None]
    session.execute(
        delete(Message).where(Message.id.in_(old)),
        execution_options={"synchronize_session": False},
    )
    is_over = len(rows) < BATCH or any(row.created_at >= before for row in rows)
    return None if is_over else rows[-1].id
