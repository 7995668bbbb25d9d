"""Take a person out of their tickets; what happened, where and how long stays."""

from uuid import UUID

from sqlalchemy import update

from app.kernel.db import session
from app.media import queries as media
from app.tickets import queries
from app.tickets.models import Step


def forget(person_id: UUID) -> list[UUID]:
    """Erase contact, words and door of a person's tickets; name the media they sent.

    A step keeps its commitment, so the chain of the history still holds.
    """
    for ticket in queries.hold_all([one.id for one in queries.reported_by(person_id)]):
        ticket.text = ticket.contact_name = ticket.contact_phone = None
        ticket.place_label = ticket.public_label
    session.flush()
    said = [step.id for step in queries.own_steps(person_id)]
    sent = [one.id for one in media.sent_by(person_id)]
    if said:
        session.execute(
            update(Step).where(Step.id.in_(said)).values(personal=None),
            execution_options={"synchronize_session": "fetch"},
        )
    return sent
