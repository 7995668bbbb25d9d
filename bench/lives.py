"""What happened to a loaded ticket: its acts, and its clocks as the product's own fold leaves them.

Each act carries in its facts what it did to the promises, so ``flask sla replay``
finds the rows as they should be. Closed tickets of one category filed within
some hours share one life, or a million folds would take longer than the loading. An
open one that was filed long ago had its promises started over, as after a wrong
place; a third of the open are late, with the breach noted and the next tier in.
What is left out: a late ticket at its ceiling is in no exception queue, and nobody
was told of anything.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from app.catalog.rules import WALL_CLOCK, CategoryView, Token, WorkCalendar
from app.escalation import rules as ladder
from app.sla import clocks, ops, rules
from app.sla.calendars import Calendars
from app.sla.clocks import Clock
from app.sla.ops import Op
from app.sla.rules import PROMISES, ClockKind, PromiseTerms

FAR = datetime(9999, 1, 1, tzinfo=UTC)
NOTED_AFTER = timedelta(seconds=30)
"""How long the watcher takes to see a broken promise, running every minute."""

KEPT: Mapping[str, tuple[tuple[str, float, tuple[ClockKind, ...]], ...]] = {
    "submitted": (),
    "dispatched": (("dispatch", 0.1, ()),),
    "accepted": (("dispatch", 0.1, ()), ("accept", 0.3, (ClockKind.ACCEPT,))),
    "in_progress": (
        ("dispatch", 0.1, ()),
        ("accept", 0.3, (ClockKind.ACCEPT,)),
        ("start", 0.6, (ClockKind.RESPOND,)),
    ),
    "resolved": (
        ("dispatch", 0.1, ()),
        ("accept", 0.3, (ClockKind.ACCEPT,)),
        ("resolve", 0.9, (ClockKind.RESPOND, ClockKind.RESOLVE)),
    ),
    "closed": (("dispatch", 0.1, ()), ("resolve", 0.9, PROMISES)),
    "withdrawn": (),
    "declined": (),
}
"""What was done in time: act, when (share of the shortest promise), what it met."""

OWED = {
    "submitted": ClockKind.ACCEPT,
    "dispatched": ClockKind.ACCEPT,
    "accepted": ClockKind.RESPOND,
    "in_progress": ClockKind.RESOLVE,
    "resolved": ClockKind.RESOLVE,
}
ENDS = {"closed": "verdict", "withdrawn": "withdraw", "declined": "decline"}


@dataclass(slots=True)
class Life:
    """One ticket's acts as (action, when, facts), its clocks, and what was broken and when seen."""

    view: CategoryView
    calendars: Calendars
    steps: list[tuple[str, datetime, str]] = field(default_factory=list)
    clocks: tuple[Clock, ...] = ()
    broken: dict[tuple[ClockKind, int], datetime] = field(default_factory=dict)
    tier: int = 0
    escalated_at: datetime | None = None

    def act(self, action: str, at: datetime, done: Sequence[Op] = (), **facts: Any) -> None:
        """Take one step and let the clocks follow."""
        told = facts | ({"clocks": list(done)} if done else {})
        self.steps.append((action, at, json.dumps(told)))
        self.clocks = clocks.fold(self.clocks, done, at, lambda _edition: self.calendars)

    def when(self, action: str) -> datetime | None:
        """Tell when something was done, if it was."""
        return next((at for name, at, _ in self.steps if name == action), None)

    @property
    def newest(self) -> dict[ClockKind, Clock]:
        """Pick the clock that counts of each kind."""
        return clocks.latest(self.clocks)

    @property
    def live(self) -> list[Clock]:
        """List the running clocks that are not broken."""
        return [one for one in self.clocks if one.running and _key(one) not in self.broken]

    def due_at(self, kind: ClockKind) -> datetime | None:
        """Tell what the ticket's due column of a kind says."""
        one = self.newest.get(kind)
        return one.due_at if one and (kind in PROMISES or one.running) else None

    def look_at(self, now: datetime) -> datetime:
        """Tell when the watcher looks next: who was warned of is next looked at when due."""
        moments = [one.due_at if one.warn_at <= now else one.warn_at for one in self.live]
        return min(moments, default=FAR)

    def due_soon(self, now: datetime) -> bool:
        """Tell whether a running clock was warned of and is not broken."""
        return any(one.warn_at <= now for one in self.live)

    def next_due(self, state: str, confirm_due: datetime | None) -> datetime:
        """Tell when somebody owes the next act."""
        if state not in OWED:
            return FAR
        if state == "resolved":
            return confirm_due or FAR
        owed = PROMISES[PROMISES.index(OWED[state]) :]
        dues = [self.due_at(kind) for kind in (*owed, ClockKind.TIER)]
        return min(one for one in dues if one)


def closed(
    view: CategoryView, calendars: Calendars, at: datetime, state: str, *, late: bool
) -> Life:
    """Let a ticket run from its report to its end; a late one climbs before it is done."""
    life = _begun(view, calendars, at)
    span = _shortest(life) - at
    _keep(life, "submitted" if late else state, at, span)
    if state != "closed":
        life.act(ENDS[state], at + span / 2, [ops.stop()])
        return life
    if late:
        life.act("dispatch", at + span / 10)
        _break(life, at + span * 1.2)
        life.act("resolve", at + span * 1.2 + NOTED_AFTER, [ops.meet(*PROMISES)])
    life.act("verdict", life.steps[-1][1] + timedelta(hours=5))
    return life


def opened(
    view: CategoryView, calendars: Calendars, at: datetime, state: str, now: datetime, share: float
) -> Life:
    """Let a ticket run until now, when ``share`` of what is owed has about run (1: all of it)."""
    life = _begun(view, calendars, at)
    owed = life.newest[OWED[state]]
    since = now - (owed.due_at - owed.started_at) * share
    if since > at + timedelta(hours=1):
        life.act("relocate", since, _starts(view, calendars, since))
    else:
        since = at
    _keep(life, state, since, min(_shortest(life), now) - since)
    _break(life, now)
    return life


def _begun(view: CategoryView, calendars: Calendars, at: datetime) -> Life:
    life = Life(view, calendars, tier=view.start_tier)
    life.act("submit", at, _starts(view, calendars, at))
    return life


def _starts(view: CategoryView, calendars: Calendars, at: datetime) -> list[Op]:
    return ops.starts(rules.promise(PromiseTerms.of(view), at, calendars))


def _shortest(life: Life) -> datetime:
    return min(one.due_at for one in life.newest.values())


def _keep(life: Life, state: str, since: datetime, span: timedelta) -> None:
    for action, share, met in KEPT[state]:
        life.act(action, since + span * share, [ops.meet(*met)] if met else [])


def _break(life: Life, until: datetime) -> None:
    """Note what is broken by then, in order; bring the next tier in as the watcher would."""
    while late := [one for one in life.live if one.due_at < until]:
        worst = min(late, key=lambda one: one.due_at)
        held = any(one.running and one.kind is ClockKind.TIER for one in life.clocks)
        noted = min(worst.due_at + NOTED_AFTER, until)
        life.broken[_key(worst)] = noted
        life.act("breach", noted, clock=worst.kind, round=worst.round, tier=worst.tier)
        if worst.kind is ClockKind.TIER or not held:
            _climb(life, noted, worst.kind)


def _climb(life: Life, at: datetime, cause: ClockKind) -> None:
    if life.tier >= life.view.ceiling_tier:
        return
    view, tier = life.view, life.tier + 1
    rung = ladder.rung_of(
        ladder.SHIPPED,
        tier,
        district_id=None,
        category=view.code,
        urgency=str(view.urgency),
        at=at,
    )
    assert rung is not None
    hold = ladder.hold_of(rung, life.newest[ClockKind.RESOLVE].token, at, life.calendars)
    held = _holds(hold, at, tier, life.calendars) if hold else ops.stop(ClockKind.TIER)
    life.act("escalate", at, [held], tier=tier, cause=cause)
    life.tier, life.escalated_at = tier, at


def _holds(token: str, at: datetime, tier: int, calendars: Calendars) -> Op:
    always = Token.parse(token).unit in WALL_CLOCK
    return ops.start(
        ClockKind.TIER,
        token,
        calendar=(WorkCalendar.ALWAYS if always else WorkCalendar.WORKDAY).value,
        policy_version=0,
        edition=calendars.edition,
        since=at,
        tier=tier,
    )


def _key(one: Clock) -> tuple[ClockKind, int]:
    return one.kind, one.round
