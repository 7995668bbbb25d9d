"""A dozen drawn pictures, taken in once like any upload and shown on many tickets."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from app.demo.layout import DATA
from app.kernel.actor import SYSTEM, Actor
from app.kernel.ids import new_id
from app.media import service as media

if TYPE_CHECKING:
    from app.media.models import Media

BEFORE = {
    "WPE-LIGHT": "corridor-dark",
    "PUB-STREETLIGHT": "corridor-dark",
    "EMG-PWR": "corridor-dark",
    "BLD-LEAK": "ceiling-stain",
    "BLD-NBRLEAK": "ceiling-stain",
    "BLD-DOOR": "door-broken",
    "PUB-GATE": "door-broken",
    "ENV-CORRIDOR": "ebike-hall",
    "PRK-EBIKE": "ebike-hall",
    "PRK-CHAOS": "lane-blocked",
    "SEC-FIRELANE": "lane-blocked",
    "PUB-ROAD": "road-hole",
    "PUB-MANHOLE": "road-hole",
    "WPE": "pipe-leak",
    "LFT": "lift-stopped",
    "EMG-LIFT": "lift-stopped",
    "EMG-BURST": "pipe-leak",
    "ENV": "bins-full",
}
"""What a resident's picture shows, by leaf or group; other matters go without one."""

AFTER = {
    "WPE-LIGHT": "corridor-lit",
    "ENV-CORRIDOR": "corridor-lit",
    "PRK-EBIKE": "corridor-lit",
    "ENV": "bins-clean",
}
"""What the handler's picture shows; a box of tools where nothing fits better."""

DONE = "work-done"


@dataclass
class Pictures:
    """The taken-in pictures by name."""

    sources: dict[str, "Media"] = field(default_factory=dict)

    def before(self, code: str, owner_id: UUID) -> UUID | None:
        """Give a resident a picture of the trouble, if there is one of this kind."""
        name = BEFORE.get(code) or BEFORE.get(code.partition("-")[0])
        return self._shown(name, owner_id) if name else None

    def after(self, code: str, owner_id: UUID) -> UUID:
        """Give a handler a picture of what was done."""
        name = AFTER.get(code) or AFTER.get(code.partition("-")[0]) or DONE
        return self._shown(name, owner_id)

    def _shown(self, name: str, owner_id: UUID) -> UUID:
        return media.copy(SYSTEM, self.sources[name], owner_id).id


def take_in() -> Pictures:
    """Take the pictures in, outside any unit of work, for nobody who lives in the district."""
    found, owner = Pictures(), Actor(person_id=new_id())
    for path in sorted((DATA / "photos").glob("*.jpg")):
        found.sources[path.stem] = media.receive(owner, path.read_bytes())
    return found


def put_away(pictures: Pictures) -> None:
    """Give the first copies up: every ticket has files of its own."""
    media.delete([one.id for one in pictures.sources.values()])
