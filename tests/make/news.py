"""News for tests: ways out that answer as told, and the house's own drain to carry it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from app.identity import service as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.outbox import Lane
from app.kernel.work import unit_of_work
from app.notifications import channels, service
from app.notifications.channels import Outfit, Parcel, Reach
from app.notifications.models import Message
from app.notifications.rules.settling import Outcome, Result
from app.notifications.rules.ways import Way
from app.notifications.service import TemplateDraft
from app.wechat.gateway import DEV_APPID
from tests.make.world import World
from workers import drain
from workers.drain import Wiring
from workers.subscriptions import LISTENERS

SENT = Outcome(Result.SENT)
FIELDS = {
    "thing1": "{category}",
    "thing2": "{place}",
    "character_string3": "{number}",
    "phrase4": "{state}",
    "time5": "{time}",
}


@dataclass
class Post:
    """A way out that keeps what it carried and answers as told (for ever: the last answer)."""

    way: Way
    outcomes: list[Outcome | Callable[[Parcel], Outcome]] = field(default_factory=list)
    carried: list[Parcel] = field(default_factory=list)

    def reaches(self, reach: Reach) -> bool:
        return {
            Way.WECHAT: bool(reach.openid),
            Way.WECOM: reach.is_staff and bool(reach.account),
            Way.SMS: bool(reach.phone),
        }[self.way]

    def send(self, parcel: Parcel) -> Outcome:
        self.carried.append(parcel)
        answer = self.outcomes.pop(0) if len(self.outcomes) > 1 else (self.outcomes or [SENT])[0]
        return answer(parcel) if callable(answer) else answer


@contextmanager
def outfit(*ways: Way, pushed: bool = False) -> Iterator[dict[Way, Post]]:
    """Install ways out for a while."""
    posts = {way: Post(way) for way in ways}
    before = channels.current()
    channels.install(Outfit(ways=dict(posts), appid=DEV_APPID, pushed=pushed))
    try:
        yield posts
    finally:
        channels.install(before)


def template(
    kind: str, audience: str, template_id: str, *, long_term: bool = False, **words: str
) -> None:
    """Give a kind of news its WeChat template."""
    draft = TemplateDraft(
        kind=kind,
        audience=audience,
        channel="wechat",
        title=words.get("title", "工单进展"),
        text=words.get("text", "{category}{state}"),
        page="pages/ticket/ticket",
        template_id=template_id,
        fields=FIELDS,
        long_term=long_term,
    )
    with unit_of_work():
        service.set_template(SYSTEM, draft)


def allow(world: World, name: str, template_id: str, times: int = 1) -> None:
    """Have somebody allow messages of a template."""
    for number in range(times):
        with unit_of_work():
            service.note_subscription(
                world.actor(name), UUID(int=number + 1), [(template_id, "accept")]
            )


def drained(*, lane: Lane = Lane.SHORT) -> None:
    """Run whatever is owed now, as a worker does, without the timetable."""
    wiring = Wiring(listeners=LISTENERS, timetable=())
    while drain.turn(wiring, lane, ring=lambda _: None):
        pass


def messages(**wanted: object) -> list[Message]:
    """Read messages afresh, in order."""
    session.rollback()
    session.expire_all()
    found = session.scalars(select(Message).order_by(Message.created_at, Message.id)).all()
    return [
        one for one in found if all(getattr(one, name) == value for name, value in wanted.items())
    ]


def told(world: World, **wanted: object) -> set[tuple[str, str]]:
    """Name (person, kind) of everything in the inboxes but the homes of the world's people."""
    names = {person: name for name, person in world.people.items()}
    found = messages(channel=Way.INBOX, **wanted)
    return {(names[one.person_id], one.kind) for one in found if one.kind != "binding_confirmed"}


def leave(world: World, name: str) -> None:
    """Have somebody leave."""
    with unit_of_work():
        identity.deactivate(SYSTEM, world.people[name])


def later(**much: float):
    """Move the held clock on, within a with-block."""
    return clock.frozen(clock.now() + timedelta(**much))
