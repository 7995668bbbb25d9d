"""Tickets of the small world, in the state a test asks for."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from app.kernel import clock
from app.kernel.work import unit_of_work
from app.media import service as media
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Draft, Target, Where, Words
from app.tickets.states import ResultKind
from tests.make import media as samples
from tests.make.world import World

LIGHT = "WPE-LIGHT"
GUARD = "SEC-PATROL"  # accuses the firm
STAFF = "GOV-COMMSTAFF"  # accuses the community
UNSURE = "SUG-UNSURE"  # led by the community


def draft(world: World, category: str = LIGHT, scene: str = "building", **changes: Any) -> Draft:
    """Draft a report in the world."""
    given: dict[str, Any] = {
        "category": category,
        "where": Where(scene=world.scenes[scene]),
        "text": "楼道灯不亮了，住301的老人看不见路",
        "contact_phone": "10020000000",
        "contact_name": "周桂芳",
    }
    return Draft(**{**given, **changes})


def submitted(world: World, category: str = LIGHT, *, by: str = "resident", **changes: Any) -> UUID:
    """Submit a report."""
    with unit_of_work():
        return tickets.submit(world.actor(by), draft(world, category, **changes)).id


def photo(world: World, owner: str) -> UUID:
    """Upload a photo."""
    return media.receive(world.actor(owner), samples.jpeg()).id


def accepted(world: World, ticket_id: UUID, by: str = "repairer") -> UUID:
    """Have a dispatched ticket accepted."""
    with unit_of_work():
        tickets.accept(world.actor(by), ticket_id)
    return ticket_id


def started(world: World, ticket_id: UUID, by: str = "repairer") -> UUID:
    """Have a ticket accepted and started."""
    accepted(world, ticket_id, by)
    with unit_of_work():
        tickets.start(world.actor(by), ticket_id, Words("到了"))
    return ticket_id


def resolved(world: World, ticket_id: UUID, by: str = "repairer") -> UUID:
    """Have a ticket accepted, started and resolved with a photo."""
    started(world, ticket_id, by)
    words = Words("换了灯泡", [photo(world, by)])
    with unit_of_work():
        tickets.resolve(world.actor(by), ticket_id, ResultKind.FIXED, words)
    return ticket_id


def dispatched_by_hand(
    world: World, ticket_id: UUID, to: str = "firm", by: str = "community"
) -> UUID:
    """Have a waiting ticket dispatched."""
    with unit_of_work():
        tickets.dispatch(
            world.actor(by),
            ticket_id,
            Target(organisation_id=world.organisations[to]),
            Words("请处理"),
        )
    return ticket_id


def after(**much: Any) -> Any:
    """Move the held clock on, within a with-block."""
    return clock.frozen(clock.now() + timedelta(**much))


def sound(ticket_id: UUID) -> bool:
    """Tell whether a ticket's chain holds and replays to the row."""
    return all(not flaws for _, flaws in tickets.verify()) and queries.get(ticket_id) is not None
