"""Who stands how to a ticket, and who may see what of it.

The accused firm or desk is shut out first, across every grant of a person:
whoever belongs to the respondent keeps only what they are as a reporter.
Accusing and sensitive tickets are read by the desk that decides them and the
desks above, not by the levels below it.
"""

from uuid import UUID

from sqlalchemy import and_, false, or_, true
from sqlalchemy.sql import ColumnElement

from app.kernel import clock
from app.kernel.actor import Actor, Grant, Permission
from app.kernel.errors import NotFound
from app.tickets.guards import CONTEST
from app.tickets.models import Ticket
from app.tickets.states import ALIVE, OPEN, UNHELD, Relation

RANK = {
    "dwelling": 1,
    "unit": 1,
    "building": 1,
    "grid": 1,
    "compound": 1,
    "community": 2,
    "street": 3,
    "district": 4,
}
"""How high a node's level stands; a desk decides for itself and those below."""

DESKS = ("community", "street", "district")

COLUMNS = {
    "district": Ticket.district_id,
    "street": Ticket.street_id,
    "community": Ticket.community_id,
    "compound": Ticket.compound_id,
    "building": Ticket.building_id,
    "unit": Ticket.unit_id,
    "grid": Ticket.grid_id,
}

AT_DESK = {
    Permission.TICKET_DISPATCH: Relation.DISPATCHER,
    Permission.TICKET_REVIEW: Relation.REVIEWER,
    Permission.TICKET_FOLLOW_UP: Relation.CALLER,
}
ON_SITE = {
    Permission.TICKET_VERIFY: Relation.VERIFIER,
    Permission.TICKET_READ: Relation.READER,
}

OWN = frozenset({Relation.REPORTER, Relation.FILER, Relation.SLIP_HOLDER})
"""What a resident is to a ticket of their own; it gives no right as staff."""

ON_THE_WAY = frozenset(
    {
        Relation.LEAD,
        Relation.LEAD_MANAGER,
        Relation.CO_HANDLER,
        Relation.DISPATCHER,
        Relation.REVIEWER,
        Relation.CALLER,
        Relation.VERIFIER,
    }
)
"""Who goes to the place of a ticket, or decides about it."""


def is_accused(actor: Actor, ticket: Ticket) -> bool:
    """Tell whether any hat of the actor belongs to an accused organisation."""
    return any(one.hex in ticket.barred for one in actor.organisation_ids)


def own_relations(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    """Find what a person is to a ticket as a resident (followers are looked up apart)."""
    found: set[Relation] = set()
    if actor.slip_of is not None and actor.slip_of == ticket.id:
        found.add(Relation.SLIP_HOLDER)
    if actor.person_id is None:
        return frozenset(found)
    if ticket.reporter_id == actor.person_id:
        found.add(Relation.REPORTER)
    if ticket.filed_by_id == actor.person_id:
        found.add(Relation.FILER)
    return frozenset(found)


def relations(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    """Find every relation of the actor to the ticket."""
    if actor.is_system:
        return frozenset({Relation.SYSTEM})
    own = own_relations(actor, ticket)
    if is_accused(actor, ticket):
        return own
    found = own | _organisation_relations(actor, ticket)
    for grant in actor.grants:
        found |= _node_relations(grant, ticket)
    if ticket.lead_id in actor.organisation_ids or Relation.LEAD in found:
        # who handles it is not the one who asks the resident how it was
        found -= {Relation.CALLER}
    if Relation.FILER in own:
        # nor is who filed it for another: nobody both makes a report and answers for it
        found -= {Relation.CALLER}
    if ticket.desk_acts and Relation.DISPATCHER in found:
        # a lead without an account is written for by the desk
        found |= {Relation.LEAD}
    return found


def _organisation_relations(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    found: set[Relation] = set()
    handles = actor.organisations(Permission.TICKET_HANDLE)
    if ticket.lead_id in handles:
        found.add(Relation.LEAD)
        if ticket.assignee_id == actor.person_id:
            found.add(Relation.ASSIGNEE)
    if ticket.lead_id in actor.organisations(Permission.TICKET_ASSIGN):
        found.add(Relation.LEAD_MANAGER)
    if ticket.lead_id in actor.organisations(Permission.TICKET_READ):
        found.add(Relation.READER)
    if any(UUID(co) in handles for co in ticket.co_ids):
        found.add(Relation.CO_HANDLER)
    if still_answers(ticket) and ticket.first_id in handles | actor.organisations(
        Permission.TICKET_ASSIGN
    ):
        found.add(Relation.FIRST_HANDLER)
    if _may_contest(actor, ticket):
        found.add(Relation.FORMER_LEAD)
    return frozenset(found)


def still_answers(ticket: Ticket) -> bool:
    """Tell whether who had a report first answers for it now: nobody has accepted it.

    As the lead it does so anyway; accused it never does.
    """
    first = ticket.first_id
    if first is None or first == ticket.lead_id or first.hex in ticket.barred:
        return False
    return ticket.state in UNHELD


def _may_contest(actor: Actor, ticket: Ticket) -> bool:
    """Tell whether the actor speaks for the firm that handed a ticket over.

    Only who hands out its work, and only as long as it may contest or waits for the answer.
    """
    until = ticket.contest_until
    if ticket.handed_from_id is None or until is None or ticket.state not in OPEN:
        return False
    waits = ticket.review_kind == CONTEST or clock.now() <= until
    return waits and ticket.handed_from_id in actor.organisations(Permission.TICKET_ASSIGN)


def _node_relations(grant: Grant, ticket: Ticket) -> frozenset[Relation]:
    if grant.node_id is None or grant.node_id not in ticket.nodes or grant.level is None:
        return frozenset()
    rank, desk = RANK[grant.level], RANK[ticket.desk_level]
    found: set[Relation] = set()
    if rank >= desk:
        found |= {relation for perm, relation in AT_DESK.items() if perm in grant.permissions}
    if rank >= desk or not (ticket.accusing or ticket.sensitive):
        found |= {relation for perm, relation in ON_SITE.items() if perm in grant.permissions}
    return frozenset(found)


def sits_above_desk(actor: Actor, ticket: Ticket) -> bool:
    """Tell whether the actor dispatches at a desk above the ticket's, or at the highest."""
    own = RANK[ticket.desk_level]
    return any(
        node in ticket.nodes and RANK[level] > min(own, RANK["district"] - 1)
        for level, node in actor.nodes(Permission.TICKET_DISPATCH)
    )


def sits_at(actor: Actor, ticket: Ticket, level: str) -> bool:
    """Tell whether the actor dispatches over a ticket at ``level`` or above it."""
    return any(
        node in ticket.nodes and RANK[at] >= RANK[level]
        for at, node in actor.nodes(Permission.TICKET_DISPATCH)
    )


def require_staff(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    """Find the staff relations, or say there is no such ticket.

    Raises:
        NotFound: the actor has nothing to do with it (never a hint that it exists).
    """
    found = relations(actor, ticket)
    if not found - OWN:
        raise NotFound
    return found


def may_see_contact(actor: Actor, ticket: Ticket) -> bool:
    """Tell whether the full phone number may be shown: to the lead, while open.

    Of an anonymous report to nobody.
    """
    lead = Relation.LEAD in relations(actor, ticket)
    return lead and ticket.state in ALIVE and not ticket.anonymous


def may_see_whole_place(found: frozenset[Relation], ticket: Ticket) -> bool:
    """Tell whether who has these relations reads the unit and the door, not only the building.

    Whoever must go there or decides does; who merely reads does not. The door of
    an anonymous report would name who lives behind it.
    """
    at_home = ticket.anonymous and ticket.dwelling_id is not None
    return bool(found & ON_THE_WAY) and not at_home


def not_accused(actor: Actor) -> ColumnElement[bool]:
    """Write the deny rule as a condition of every staff list."""
    return and_(
        true(), *(Ticket.barred.not_like(f"%{one.hex}%") for one in sorted(actor.organisation_ids))
    )


def at_nodes(actor: Actor, permission: Permission, *, desk_only: bool) -> ColumnElement[bool]:
    """Write "lies in a node where the actor holds ``permission``" as a condition.

    ``desk_only`` keeps to tickets whose desk the node reaches; otherwise lower
    nodes also see what neither accuses nor is sensitive.
    """
    terms = [
        at_node(level, node_id, desk_only=desk_only)
        for level, node_id in actor.nodes(permission)
        if level in COLUMNS
    ]
    return or_(*terms) if terms else false()


def at_node(level: str, node_id: UUID, *, desk_only: bool) -> ColumnElement[bool]:
    """Write "lies in this node and may be read there" as a condition."""
    decided = Ticket.desk_level.in_([name for name in DESKS if RANK[name] <= RANK[level]])
    plain = and_(
        Ticket.respondent_id.is_(None),
        Ticket.accuse.is_(None),
        Ticket.sensitive.is_(False),
    )
    return and_(COLUMNS[level] == node_id, decided if desk_only else or_(decided, plain))


def led_by(actor: Actor, permission: Permission) -> ColumnElement[bool]:
    """Write "is led by an organisation where the actor holds ``permission``"."""
    terms = [Ticket.lead_id == one for one in sorted(actor.organisations(permission))]
    return or_(*terms) if terms else false()
