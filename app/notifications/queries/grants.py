"""Read how many messages people still allow."""

from uuid import UUID

from sqlalchemy import select

from app.kernel.db import session
from app.notifications.models import SubscriptionGrant


def balances(person_id: UUID) -> dict[str, SubscriptionGrant]:
    """Map each WeChat template a person ever answered for to how it stands."""
    rows = session.scalars(
        select(SubscriptionGrant).where(SubscriptionGrant.person_id == person_id)
    )
    return {row.template_id: row for row in rows}
