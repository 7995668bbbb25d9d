"""The outside of a message storm: a small real endpoint that fails at random and keeps count.

What truly arrived is known here alone; the inquest compares it with what the house says.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import func, select

from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.notifications import channels
from app.notifications.channels import Outfit
from app.notifications.channels.texts import SmsChannel
from app.notifications.channels.wecom import WecomChannel
from app.notifications.models import Message
from app.notifications.rules.settling import State
from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way
from app.notifications.service.telling import News, tell
from config import Wecom
from tests.make.outside import Asked, Reply
from tests.make.world import World

STAFF = ("repairer", "repairer2", "manager", "repairer3", "repairer4")
ENDS = frozenset({State.SENT, State.REFUSED, State.FELL_BACK, State.DEAD})
TOKEN = (200, b'{"errcode":0,"access_token":"t","expires_in":7200}')
SMS_SAYS = {"ok": 200, "busy": 503, "unknown": 400, "wrong": 401, "taken_and_failed": 500}
WECOM_SAYS = {"ok": 0, "busy": -1, "unknown": 60111, "wrong": 40058}

UNCLEAR = frozenset({"lost", "taken_and_lost", "taken_and_failed"})


@dataclass
class Mail:
    """Answers both ways out, slowly enough to be killed in the middle.

    ``luck`` draws how a request fails; without it every one is taken.
    """

    luck: random.Random | None = None
    slow_s: float = 0.01
    arrived: Counter[tuple[Way, str]] = field(default_factory=Counter)
    unclear: Counter[tuple[Way, str]] = field(default_factory=Counter)
    """To which requests the answer left open whether the message was taken."""
    busy: set[int] = field(default_factory=set)
    """Who waits for an answer now, by pid, which each worker gives as its sign."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> Reply | None:
        """Take one request as a provider would."""
        if asked.path.startswith("/cgi-bin/gettoken"):
            return TOKEN
        said = asked.json()
        is_wecom = "touser" in said
        way = Way.WECOM if is_wecom else Way.SMS
        words = said["text"]["content"] if is_wecom else said["text"]
        number = words.partition("单号")[2].partition("）")[0]
        pid = said["agentid"] if is_wecom else int(said["sign"])
        fate = self._fate()
        with self._lock:
            self.busy.add(pid)
            if fate in ("ok", "taken_and_lost", "taken_and_failed"):
                self.arrived[way, number] += 1
            if fate in UNCLEAR:
                self.unclear[way, number] += 1
        time.sleep(self.slow_s)
        with self._lock:
            self.busy.discard(pid)
        if fate in ("taken_and_lost", "lost"):
            return None
        return _wecom(fate) if is_wecom else _sms(fate)

    def _fate(self) -> str:
        if self.luck is None:
            return "ok"
        fates = ("ok", "busy", "unknown", "wrong", "lost", "taken_and_lost", "taken_and_failed")
        with self._lock:
            return self.luck.choices(fates, (60, 10, 5, 5, 5, 10, 5))[0]


def _wecom(fate: str) -> Reply:
    if fate == "taken_and_failed":
        return 502, b"<html>bad gateway</html>"
    return 200, f'{{"errcode":{WECOM_SAYS[fate]}}}'.encode()


def _sms(fate: str) -> Reply:
    return SMS_SAYS[fate], b""


def plan_ways() -> None:
    """Tell this process which ways there are; it sends nothing itself."""
    wecom = WecomChannel(Wecom(corp_id="c", agent_id=1, secret="s"))
    channels.install(Outfit(ways={Way.WECOM: wecom, Way.SMS: SmsChannel()}))


def owe(town: World, many: int, *, first: int) -> list[UUID]:
    """Owe ``many`` urgent messages, each with a number of its own; name their events."""
    events = []
    for number in range(first, first + many):
        event_id = new_id()
        news = News(
            event_id=event_id,
            kind="nudged",
            audience=Audience.HANDLER,
            facts={"number": f"N{number}", "place": "桂花苑", "category": "楼道灯"},
            urgent=True,
        )
        with unit_of_work():
            tell(news, [town.people[STAFF[number % len(STAFF)]]])
        events.append(event_id)
    return events


def unsettled() -> int:
    """Count the messages that have no end yet."""
    session.rollback()
    counted = session.scalar(select(func.count()).where(Message.settled_at.is_(None)))
    session.rollback()
    return counted or 0


def misdeeds(mail: Mail, events: Collection[UUID]) -> list[str]:
    """List whatever may not be: limbo, a message that said sent and never came, a silent double."""
    rows = _outside(events)
    ways = {(row.event_id, row.channel) for row in rows}
    begun = {row.event_id for row in rows}
    found = [f"{event} was never begun" for event in events if event not in begun]
    for row in rows:
        number = _number(row)
        came = mail.arrived[row.channel, number]
        name = f"{row.channel} {number}: {row.state}"
        wrongs = {
            "in limbo": row.state not in ENDS or row.settled_at is None,
            "said sent, never came": row.state is State.SENT and not came,
            "twice unmarked": came > 1 and not row.maybe_repeated,
            "more than twice": came > 2,
            "fell back on nothing": row.state is State.FELL_BACK
            and (row.event_id, Way.SMS) not in ways,
        }
        found += [f"{name}, {wrong} ({came})" for wrong, holds in wrongs.items() if holds]
    return found


def unexplained(mail: Mail, events: Collection[UUID]) -> list[str]:
    """Name what is marked though every answer to it was clear: only a death explains that."""
    return [
        f"{row.channel} {_number(row)}"
        for row in _outside(events)
        if row.maybe_repeated and not mail.unclear[row.channel, _number(row)]
    ]


def tally(mail: Mail, events: Collection[UUID]) -> Counter[str]:
    """Count how the messages ended, and how many are marked after what."""
    rows = _outside(events)
    counted = Counter(row.state.value for row in rows)
    counted["marked"] = sum(row.maybe_repeated for row in rows)
    counted["marked after a death"] = len(unexplained(mail, events))
    counted["unclear answers"] = mail.unclear.total()
    counted["came twice"] = sum(came > 1 for came in mail.arrived.values())
    return counted


def _outside(events: Collection[UUID]) -> list[Message]:
    """Read the messages of ``events`` that went out of the house, afresh."""
    session.rollback()
    session.expire_all()
    wanted = set(events)
    rows = session.scalars(select(Message).where(Message.channel != Way.INBOX)).all()
    found = [row for row in rows if row.event_id in wanted]
    session.rollback()
    return found


def _number(row: Message) -> str:
    return row.text.partition("单号")[2].partition("）")[0]
