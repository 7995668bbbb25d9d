"""Who is concerned by a piece of news; deny wins across every hat of a person."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import or_, select

from app.identity import queries as identity
from app.identity.models import Person, RoleGrant
from app.identity.rules import ROLES, permissions_of
from app.kernel.actor import Permission
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.notifications.rules.telling import OF_STAFF, Audience
from app.reviews import queries as reviews
from app.tickets import access
from app.tickets import queries as tickets
from app.tickets.models import Step

if TYPE_CHECKING:
    from app.tickets.models import Ticket

People = frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Occasion:
    """What news is about: a ticket, who did it, and the organisation it names, if any."""

    ticket: "Ticket" = field(repr=False)
    at: datetime
    organisation_id: UUID | None = None
    former_id: UUID | None = None
    node_id: UUID | None = None
    person_id: UUID | None = None


def recipients(audience: Audience, occasion: Occasion) -> People:
    """Name the people of an audience who may hear of the ticket now."""
    found = _AUDIENCES[audience](occasion)
    if audience in OF_STAFF:
        known = audience in (Audience.DUTY, Audience.FORMER)
        return frozenset(
            one for one in found if _may_hear(one, occasion.ticket, needs_relation=not known)
        )
    return found


def _may_hear(person_id: UUID, ticket: "Ticket", *, needs_relation: bool) -> bool:
    """Ask access itself: not of the accused by any hat, and with something to do here."""
    actor = identity.actor_of(person_id)
    if actor is None or access.is_accused(actor, ticket):
        return False
    return not needs_relation or bool(access.relations(actor, ticket) - access.OWN)


def may_still_hear(audience: str, person_id: UUID, ticket_id: UUID | None) -> bool:
    """Tell whether somebody told earlier may still hear of a ticket: it may accuse them by now."""
    if ticket_id is None or audience not in {*OF_STAFF, Audience.FOLLOWER}:
        return True
    return _may_hear(person_id, tickets.get(ticket_id), needs_relation=False)


def _residents(occasion: Occasion) -> People:
    ticket = occasion.ticket
    return frozenset(one for one in (ticket.reporter_id, ticket.filed_by_id) if one)


def _followers(occasion: Occasion) -> People:
    """Name who joined; whoever belongs to the accused no longer reads it, nor hears of it."""
    ticket = occasion.ticket
    return frozenset(
        one
        for one in tickets.follower_ids(ticket.id)
        if _may_hear(one, ticket, needs_relation=False)
    )


def _handlers(occasion: Occasion) -> People:
    ticket = occasion.ticket
    if ticket.assignee_id is not None:
        return frozenset({ticket.assignee_id})
    found = _of_organisation(ticket.lead_id, occasion.at, everybody=ticket.claimable)
    return found or (_desk(occasion) if ticket.desk_acts else frozenset())


def _former(occasion: Occasion) -> People:
    return _of_organisation(occasion.former_id, occasion.at)


def _named(occasion: Occasion) -> People:
    return _of_organisation(occasion.organisation_id, occasion.at)


def _of_organisation(
    organisation_id: UUID | None, at: datetime, *, everybody: bool = False
) -> People:
    """Name who hands an organisation's work out; all who do it if nobody does, or if asked."""
    if organisation_id is None:
        return frozenset()
    leading = () if everybody else _holders(Permission.TICKET_ASSIGN, organisation_id, at)
    return frozenset(leading or identity.handlers_of(organisation_id, at))


def _holders(permission: Permission, organisation_id: UUID, at: datetime) -> list[UUID]:
    roles = [role for role in ROLES if permission in permissions_of(role, at_node=False)]
    return identity.handlers_of(organisation_id, at, roles=roles)


def _desk(occasion: Occasion) -> People:
    return _at(occasion.ticket.desk_id, Permission.TICKET_DISPATCH, occasion.at)


def _street(occasion: Occasion) -> People:
    return _at(occasion.ticket.street_id, Permission.TICKET_DISPATCH, occasion.at)


def _tier(occasion: Occasion) -> People:
    return _at(occasion.node_id, Permission.TICKET_DISPATCH, occasion.at)


def _at(node_id: UUID | None, permission: Permission, at: datetime) -> People:
    return identity.holders_of(permission, node_id, at=at) if node_id else frozenset()


def _reviewers(occasion: Occasion) -> People:
    found: set[UUID] = set()
    for review in reviews.open_for("ticket", occasion.ticket.id):
        sitting: set[UUID] = set()
        for node in reviews.desk_nodes(review.id):
            sitting |= _at(node, Permission(review.permission), occasion.at)
        for organisation_id in review.forbidden_organisations:
            sitting -= identity.people_of(UUID(organisation_id), occasion.at)
        found |= sitting - {review.asked_by}
    return frozenset(found)


def _duty(occasion: Occasion) -> People:
    return frozenset({occasion.person_id}) if occasion.person_id else frozenset()


def _accused(occasion: Occasion) -> People:
    return _of_organisation(occasion.ticket.respondent_id, occasion.at)


def _nobody(_occasion: Occasion) -> People:
    return frozenset()


_AUDIENCES: Mapping[Audience, Callable[[Occasion], People]] = {
    Audience.RESIDENT: _residents,
    Audience.FOLLOWER: _followers,
    Audience.HANDLER: _handlers,
    Audience.FORMER: _former,
    Audience.FIRST: _named,
    Audience.CO_HANDLER: _named,
    Audience.DESK: _desk,
    Audience.STREET: _street,
    Audience.REVIEWER: _reviewers,
    Audience.TIER: _tier,
    Audience.DUTY: _duty,
    Audience.ACCUSED: _accused,
    Audience.SELF: _nobody,
    Audience.STAFF: _nobody,
}


def digest_readers(
    permissions: Collection[Permission], at: datetime, after: UUID | None, limit: int
) -> list[UUID]:
    """Walk over the people who hold one of ``permissions`` anywhere, in id order."""
    roles = [role for role in ROLES if ROLES[role] & set(permissions)]
    query = (
        select(RoleGrant.person_id)
        .distinct()
        .join(Person, Person.id == RoleGrant.person_id)
        .where(
            RoleGrant.role.in_(roles),
            RoleGrant.valid_from <= at,
            or_(RoleGrant.valid_to.is_(None), RoleGrant.valid_to > at),
            Person.deactivated_at.is_(None),
        )
    )
    if after is not None:
        query = query.where(RoleGrant.person_id > after)
    return list(session.scalars(query.order_by(RoleGrant.person_id).limit(limit)))


def step_of(step_id: UUID) -> Step:
    """Read the step that news is about.

    Raises:
        NotFound: there is none.

    """
    found = session.get(Step, step_id)
    if found is None:
        raise NotFound
    return found
