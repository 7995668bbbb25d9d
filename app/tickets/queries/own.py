"""Everything tickets keep about one person, for that person."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, or_, select

from app.kernel.db import session
from app.tickets import history
from app.tickets.models import Follower, Step, Ticket, Verdict
from app.tickets.states import Action, Relation

AS_RESIDENT = (
    Relation.REPORTER.value,
    Relation.FILER.value,
    Relation.FOLLOWER.value,
    Relation.NEIGHBOUR.value,
)


def has_alive(person_id: UUID) -> bool:
    """Tell whether a report of this person, or filed by them, is not over yet."""
    theirs = or_(Ticket.reporter_id == person_id, Ticket.filed_by_id == person_id)
    return bool(session.scalar(select(exists().where(theirs, Ticket.closed_at.is_(None)))))


def reported_by(person_id: UUID) -> Sequence[Ticket]:
    """List every ticket a person reported for themselves, the oldest first."""
    query = select(Ticket).where(Ticket.reporter_id == person_id)
    return session.scalars(query.order_by(Ticket.submitted_at, Ticket.id)).all()


def own_steps(person_id: UUID) -> Sequence[Step]:
    """List the steps a person took as a resident, and their voice as staff wrote it down."""
    own = and_(Step.person_id == person_id, Step.relation.in_(AS_RESIDENT))
    mine = select(Ticket.id).where(Ticket.reporter_id == person_id)
    written_down = and_(Step.action == Action.TRANSCRIPT, Step.ticket_id.in_(mine))
    query = select(Step).where(or_(own, written_down))
    return session.scalars(query.order_by(Step.at, Step.id)).all()


def personal(person_id: UUID) -> dict[str, Any]:
    """Gather a person's reports, words, joined tickets and verdicts as plain values."""
    joined = session.scalars(select(Follower).where(Follower.person_id == person_id))
    verdicts = session.scalars(select(Verdict).where(Verdict.person_id == person_id))
    return {
        "reported": [_report(one) for one in reported_by(person_id)],
        "words": [
            {
                "ticket_id": step.ticket_id,
                "at": step.at,
                "action": step.action.value,
                "text": history.words_of(step),
            }
            for step in own_steps(person_id)
        ],
        "joined": [{"ticket_id": one.ticket_id, "at": one.joined_at} for one in joined],
        "verdicts": [
            {"ticket_id": one.ticket_id, "solved": one.solved, "channel": one.channel, "at": one.at}
            for one in verdicts
        ],
    }


def _report(ticket: Ticket) -> dict[str, Any]:
    columns = (
        "number",
        "category_code",
        "state",
        "text",
        "contact_name",
        "contact_phone",
        "place_label",
        "anonymous",
        "channel",
        "submitted_at",
        "closed_at",
        "close_reason",
    )
    return {name: getattr(ticket, name) for name in columns}
