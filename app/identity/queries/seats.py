"""What a grant or a person stands under: who covers one of these nodes may administer it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from app.identity.models import Membership, RoleGrant
from app.identity.queries.actors import holds_at
from app.identity.queries.organisations import nodes_over, organisation_nodes
from app.identity.queries.persons import open_bindings
from app.identity.rules import GRID
from app.kernel.db import session
from app.territory import queries as territory
from app.territory.models import Grid


def seat_nodes(
    place_id: UUID | None, grid_id: UUID | None, organisation_id: UUID | None
) -> frozenset[UUID]:
    """Name the nodes over the seat of a grant; who covers one may give or end it."""
    if organisation_id is not None:
        return organisation_nodes(organisation_id)
    if grid_id is not None:
        community_id = session.scalar(select(Grid.community_id).where(Grid.id == grid_id))
        return nodes_over({community_id} if community_id else ()) | {grid_id}
    return nodes_over({place_id}) if place_id else frozenset()


def person_nodes(person_id: UUID, at: datetime) -> frozenset[UUID]:
    """Name the nodes over a person: those of their work; of their homes if they have none."""
    seats = session.execute(
        select(RoleGrant.place_id, RoleGrant.grid_id, RoleGrant.organisation_id).where(
            RoleGrant.person_id == person_id, holds_at(RoleGrant, at)
        )
    ).all()
    bodies = session.scalars(
        select(Membership.organisation_id).where(
            Membership.person_id == person_id, holds_at(Membership, at)
        )
    ).all()
    work = [seat_nodes(*seat) for seat in seats] + [organisation_nodes(one) for one in bodies]
    found: frozenset[UUID] = frozenset().union(*work)
    return found or nodes_over({binding.place_id for binding in open_bindings(person_id)})


def level_of_seat(place_id: UUID | None, grid_id: UUID | None) -> str | None:
    """Name the level of a live place or grid.

    Raises:
        NotFound: there is no such place or grid, or it is retired.

    """
    if grid_id is not None:
        territory.grid(grid_id)
        return GRID
    return territory.place(place_id).level.value if place_id else None
