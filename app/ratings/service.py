"""Take a resident's verdict whole: solved or not (tickets), satisfied or not (here)."""

from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import update

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Invalid
from app.ratings.models import Rating, Satisfaction
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import State

if TYPE_CHECKING:
    from app.tickets.models import Ticket


def rate(
    actor: Actor,
    ticket_id: UUID,
    solved: str,
    satisfaction: str | None,
    words: Words,
    *,
    channel: str = "mini_program",
) -> "Ticket":
    """Give one's verdict; the reporter's closes the ticket, a follower's is kept beside it.

    Raises:
        Invalid: satisfaction is none of the three words (code ``bad_satisfaction``).
        NotFound, Conflict, Forbidden: see ``tickets.service.verdict``.
    """
    said = _satisfaction(satisfaction)
    ticket = tickets.verdict(actor, ticket_id, solved, words, channel=channel)
    if said is not None:
        _keep(actor, ticket, said, words, person_id=actor.person_id, channel=channel)
    return ticket


def follow_up(
    actor: Actor, ticket_id: UUID, solved: str | None, satisfaction: str | None, words: Words
) -> "Ticket":
    """Enter what the resident answered on the phone; never entered by the handler.

    Only the answer that ends the ticket is rated: what is said later is kept as a
    note, and moves no rate.

    Raises:
        as :func:`rate`
    """
    said = _satisfaction(satisfaction)
    decides = queries.get(ticket_id).state is State.RESOLVED
    ticket = tickets.follow_up(actor, ticket_id, solved, words)
    if said is not None and decides:
        _keep(actor, ticket, said, words, person_id=ticket.reporter_id, channel="phone")
    return ticket


def forget(person_id: UUID) -> None:
    """Take a person's words out of their ratings; the ratings stay counted."""
    words = update(Rating).where(Rating.person_id == person_id).values(words=None)
    session.execute(words, execution_options={"synchronize_session": False})


def _satisfaction(word: str | None) -> Satisfaction | None:
    if word is None:
        return None
    try:
        return Satisfaction(word)
    except ValueError as error:
        raise Invalid(
            "请选择：满意、基本满意或不满意。",
            code="bad_satisfaction",
            errors={"satisfaction": ["三选一"]},
        ) from error


def _keep(
    actor: Actor,
    ticket: "Ticket",
    said: Satisfaction,
    words: Words,
    *,
    person_id: UUID | None,
    channel: str,
) -> None:
    session.add(
        Rating(
            ticket_id=ticket.id,
            person_id=person_id,
            round=ticket.reworks + ticket.reopens,
            satisfaction=said,
            words=words.text.strip() or None,
            channel=channel,
            entered_by_id=actor.person_id,
            lead_id=ticket.lead_id,
            at=clock.now(),
        )
    )
