"""The invented district once it stands in the database: keys to ids, people to actors."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.demo.people import Person
from app.demo.world import World
from app.identity.rules import Role
from app.kernel.actor import Actor

DESK_ROLES = {
    "community": (Role.COMMUNITY_STAFF, Role.COMMUNITY_SECRETARY),
    "street": (Role.STREET_STAFF,),
    "district": (Role.DISTRICT_DISPATCHER,),
}
HANDLERS = (
    Role.REPAIRER,
    Role.PROPERTY_CLERK,
    Role.COMMUNITY_STAFF,
    Role.STREET_STAFF,
    Role.DISTRICT_DISPATCHER,
)


@dataclass
class Town:
    """Ids by the world's keys, and who works where."""

    world: World
    places: dict[str, UUID] = field(default_factory=dict)
    scenes: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    """Keys of the people whose home the community has confirmed."""

    def __post_init__(self) -> None:
        self._posts: dict[tuple[Role, str], list[str]] = defaultdict(list)
        self._homes: dict[str, list[Person]] = defaultdict(list)
        self.person_of: dict[str, Person] = {}
        for person in self.world.people:
            self.person_of[person.key] = person
            for post in person.posts:
                self._posts[post.role, post.at].append(person.key)
            if person.home is not None:
                self._homes[person.home.compound].append(person)

    def keys_of(self) -> dict[UUID, str]:
        """Map the ids of places and organisations back to their keys."""
        return {
            **{one: key for key, one in self.places.items()},
            **{one: key for key, one in self.organisations.items()},
        }

    def holding(self, roles: Sequence[Role], at: str) -> list[str]:
        """List the people who hold one of ``roles`` at a key, in the world's order."""
        return [key for role in roles for key in self._posts.get((role, at), ())]

    def handlers(self, organisation: str) -> list[str]:
        """List the people who do an organisation's work with their own hands."""
        return self.holding(HANDLERS, organisation)

    def desk(self, level: str, place: str) -> list[str]:
        """List the people of a desk."""
        return self.holding(DESK_ROLES[level], place)

    def neighbours(self, compound: str) -> list[Person]:
        """List the people who live in a compound."""
        return self._homes[compound]
