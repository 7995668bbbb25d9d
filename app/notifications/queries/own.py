"""Everything that is kept about how one person was told things, for that person."""

from typing import Any

from sqlalchemy import select

from app.kernel.actor import Actor
from app.kernel.db import session
from app.notifications.models import Message, Preference, SubscriptionGrant
from app.notifications.queries.messages import may_read


def personal(reader: Actor) -> dict[str, Any]:
    """Gather a person's messages, wishes and grants as plain values.

    News about a ticket that accuses their organisation stays shut here as in the inbox.
    """
    person_id = reader.person_id
    told = session.scalars(
        select(Message)
        .where(Message.person_id == person_id, may_read(reader))
        .order_by(Message.created_at, Message.id)
    )
    grants = session.scalars(
        select(SubscriptionGrant)
        .where(SubscriptionGrant.person_id == person_id)
        .order_by(SubscriptionGrant.template_id)
    )
    wish = session.get(Preference, person_id) if person_id else None
    return {
        "messages": [
            {
                "at": one.created_at,
                "channel": one.channel,
                "state": one.state,
                "title": one.title,
                "text": one.text,
                "read_at": one.read_at,
            }
            for one in told
        ],
        "grants": [
            {"template_id": one.template_id, "granted": one.granted, "used": one.used}
            for one in grants
        ],
        "wishes": wish and {"ways": wish.ways, "quiet": [wish.quiet_from, wish.quiet_to]},
    }
