"""Who decides what others may read: the desk of the ticket, and never the accused."""

from typing import TYPE_CHECKING
from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.errors import Forbidden, NotFound
from app.tickets import access
from app.tickets.states import Relation

if TYPE_CHECKING:
    from app.tickets.models import Ticket


def require_desk(actor: Actor, ticket: "Ticket", author_id: UUID | None) -> None:
    """Let the ticket's desk and those above it decide about what somebody else sent.

    Raises:
        NotFound: not a ticket this actor decides on (so for whoever is accused by it).
        Forbidden: it is the actor's own (code ``second_person_needed``).

    """
    if Relation.DISPATCHER not in access.relations(actor, ticket):
        raise NotFound
    if author_id is not None and author_id == actor.person_id:
        raise Forbidden("自己写的内容要由另一位工作人员审核。", code="second_person_needed")
