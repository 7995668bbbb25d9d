"""Forget how a person was told things."""

from uuid import UUID

from sqlalchemy import delete

from app.kernel.db import session
from app.notifications.models import Message, Preference, SubscriptionGrant


def forget(person_id: UUID) -> None:
    """Drop a person's messages, wishes and grants; what was still to be sent goes nowhere."""
    for table in (Message, Preference, SubscriptionGrant):
        session.execute(
            delete(table).where(table.person_id == person_id),
            execution_options={"synchronize_session": False},
        )
