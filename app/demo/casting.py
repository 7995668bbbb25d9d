"""Who does an act: the people of the world who may, the accused never among them."""

from collections.abc import Iterable
from uuid import UUID

from app.demo.story import Story
from app.demo.world import World
from app.identity.rules import Role
from app.kernel.actor import Actor
from app.kernel.errors import NotFound
from app.reviews import queries as reviews

LADDER = ("community", "street", "district")
MANAGERS = (Role.PROPERTY_MANAGER, Role.PROPERTY_CLERK)
ON_SITE = (Role.GRID_WORKER, Role.GRID_LEADER)
FALLS = {
    "property": ("property", "community", "street", "district"),
    "joint_enforcement": ("property", "community", "street", "district"),
    "street": ("street", "district"),
    "district": ("district",),
}
FALLS_ELSE = ("community", "street", "district")


def choose(story: Story, keys: Iterable[str]) -> Actor | None:
    """Draw one of the people who are not tied to the accused."""
    ticket = story.ticket
    free = [
        key
        for key in dict.fromkeys(keys)
        if not any(one.hex in ticket.barred for one in story.actor(key).organisation_ids)
    ]
    return story.actor(story.rng.choice(free)) if free else None


def desk_at(story: Story, level: str) -> list[str]:
    """List the people of the desk of a level over the ticket's place."""
    node: UUID | None = getattr(story.ticket, f"{level}_id")
    return story.town.desk(level, story.setting.keys[node]) if node else []


def dispatcher(story: Story) -> Actor:
    """Draw somebody of the desk, or of a desk above if nobody free is there."""
    level = story.ticket.desk_level
    for above in LADDER[LADDER.index(level) :]:
        found = choose(story, desk_at(story, above))
        if found is not None:
            return found
    raise NotFound("没有人可以派这张单。", code="nobody_there")


def decider(story: Story) -> Actor:
    """Draw the second person: of the desks asked, neither the asker nor of the forbidden."""
    review = reviews.open_for("ticket", story.ticket.id)[0]
    asked = set(reviews.desk_nodes(review.id))
    asker = story.setting.persons[review.asked_by] if review.asked_by else ""
    keys = [
        key
        for level in LADDER
        if getattr(story.ticket, f"{level}_id") in asked
        for key in desk_at(story, level)
        if key != asker and not _tied(story, key, review.forbidden_organisations)
    ]
    found = choose(story, keys)
    if found is None:
        raise NotFound("没有人可以审核这张单。", code="nobody_there")
    return found


def _tied(story: Story, key: str, organisations: Iterable[str]) -> bool:
    shut_out = set(organisations)
    return any(str(one) in shut_out for one in story.actor(key).organisation_ids)


def handler(story: Story) -> Actor:
    """Take who has it in hand, or draw one of the lead's people."""
    ticket = story.ticket
    if ticket.desk_acts or ticket.lead_id is None:
        return dispatcher(story)
    if ticket.assignee_id is not None:
        return story.actor(story.setting.persons[ticket.assignee_id])
    found = choose(story, story.town.handlers(story.setting.keys[ticket.lead_id]))
    return found or dispatcher(story)


def manager(story: Story) -> Actor | None:
    """Draw who hands out the lead's work, if it is a firm."""
    lead = story.ticket.lead_id
    return choose(story, story.town.holding(MANAGERS, story.setting.keys[lead])) if lead else None


def helper(story: Story, organisation: str) -> Actor | None:
    """Draw who does an assisting organisation's part."""
    return choose(story, story.town.handlers(organisation))


def caller(story: Story) -> Actor | None:
    """Draw who rings the resident back: neither of the lead nor who filed it for another."""
    ticket = story.ticket
    for level in LADDER[LADDER.index(ticket.desk_level) :]:
        keys = [
            key
            for key in desk_at(story, level)
            if ticket.lead_id not in story.actor(key).organisation_ids and key != story.report.filer
        ]
        found = choose(story, keys)
        if found is not None:
            return found
    return None


def verifier(story: Story) -> Actor | None:
    """Draw the grid worker on the spot, where one may read the ticket."""
    ticket = story.ticket
    if ticket.grid_id is None or ticket.accusing or ticket.sensitive:
        return None
    return choose(story, story.town.holding(ON_SITE, story.setting.keys[ticket.grid_id]))


def reporter(story: Story) -> Actor:
    """Take who speaks."""
    return story.actor(story.report.who)


def neighbour(story: Story) -> Actor | None:
    """Draw somebody else who lives there."""
    living = story.town.neighbours(story.report.compound)
    others = [one.key for one in living if one.key not in (story.report.who, story.report.filer)]
    return story.actor(story.rng.choice(others)) if others else None


def target(story: Story, *, besides: UUID | None = None) -> str:
    """Name the organisation a desk would give the ticket to."""
    ticket, town = story.ticket, story.town
    party = str(story.view.default_party)
    wanted = [key for step in FALLS.get(party, FALLS_ELSE) for key in _standing(story, step)]
    for key in wanted:
        organisation_id = town.organisations[key]
        if organisation_id != besides and organisation_id.hex not in ticket.barred:
            return key
    return "district"


def outside_party(story: Story) -> str | None:
    """Name the utility or department without accounts that such a matter belongs to."""
    world: World = story.town.world
    code = story.ticket.category_code
    return next((body.key for body in world.organisations if code in body.matters), None)


def _standing(story: Story, step: str) -> list[str]:
    """List who stands for a party at the ticket's place."""
    world, ticket = story.town.world, story.ticket
    if step == "property":
        if ticket.compound_id is None:
            return []
        compound = story.setting.keys[ticket.compound_id]
        building = story.setting.keys[ticket.building_id] if ticket.building_id else ""
        number = int(building.rpartition("/")[2]) if building else None
        return list(world.firms_of(compound, number))
    node: UUID | None = getattr(ticket, f"{step}_id")
    if node is None:
        return []
    place = story.setting.keys[node]
    return [o.key for o in world.organisations if o.at == place and o.kind.value == step]
