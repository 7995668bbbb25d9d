"""The life of a promise: started, paused, put off, kept or broken.

Apart from ``rules`` because this knows what happens to clocks, and that only how
time is counted. Each act writes into its step of history what it does to the clocks
(an *op*, plain JSON); folding the ops of all steps gives every clock as it stands.
The live path and ``flask sla replay`` run this same fold, so no clock can move for a
reason that is not in the history.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.sla import rules
from app.sla.ops import Op, text_of
from app.sla.rules import Calendars, ClockKind, Token

PAUSED_KINDS = frozenset({ClockKind.RESOLVE, ClockKind.TIER})
"""What stands still while a ticket is suspended (domain.md D2, step 11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One round of one promise; all moments aware UTC.

    ``amendments`` are what was granted, in order: ``["pause", from, to]`` and
    ``["extend", token]``. ``due_at`` follows from start, token, percent, amendments
    and the calendar's edition, and from nothing else.
    """

    kind: ClockKind
    round: int
    tier: int
    token: str
    percent: int
    calendar: str
    policy_version: int
    edition: int
    started_at: datetime
    amendments: tuple[tuple[str, ...], ...] = ()
    due_at: datetime
    warn_at: datetime
    warn_percent: int = rules.WARN_PERCENT
    paused: bool = False
    met_at: datetime | None = None
    stopped_at: datetime | None = None
    used: timedelta | None = None

    @property
    def running(self) -> bool:
        """Tell whether somebody still owes the act."""
        return self.met_at is None and self.stopped_at is None

    @property
    def ended_at(self) -> datetime | None:
        """Tell when it stopped, either way."""
        return self.met_at or self.stopped_at

    @property
    def late(self) -> bool:
        """Tell whether it ended after its due time."""
        return self.ended_at is not None and self.ended_at > self.due_at

    @property
    def pauses(self) -> tuple[tuple[datetime, datetime], ...]:
        """List the breaks, each from when to when (an open one to its planned end)."""
        return tuple(
            (_moment(one[1]), _moment(one[2])) for one in self.amendments if one[0] == "pause"
        )


def fold(
    clocks: Iterable[Clock],
    ops: Iterable[Op],
    at: datetime,
    calendars: Callable[[int], Calendars],
) -> tuple[Clock, ...]:
    """Let ops happen to a ticket's clocks at a moment; ``calendars`` tells an edition.

    Raises:
        LookupError: an op nobody knows (a programming error or a broken history).
    """
    now = tuple(clocks)
    for op in ops:
        now = _DO[op["do"]](now, op, at, calendars)
    return now


def due_of(
    started_at: datetime,
    token: str,
    percent: int,
    amendments: Sequence[Sequence[str]],
    calendars: Calendars,
) -> datetime:
    """Compute a due time from all that it may depend on."""
    length = Token.parse(token)
    due = rules.due(started_at, length, calendars)
    if percent != 100:
        due = rules.share_of(started_at, due, percent, length.unit, calendars)
    for one in amendments:
        if one[0] == "extend":
            due = rules.due(due, Token.parse(one[1]), calendars)
        else:
            due = rules.put_off(
                due, max(_moment(one[1]), started_at), _moment(one[2]), length.unit, calendars
            )
    return due


def used_of(clock: Clock, until: datetime, calendars: Calendars) -> timedelta:
    """Measure how much of its own time a clock ran until a moment: breaks do not count."""
    unit = Token.parse(clock.token).unit
    gone = rules.time_used(clock.started_at, until, unit, calendars)
    for begin, end in clock.pauses:
        inside = max(begin, clock.started_at), min(end, until)
        gone -= rules.time_used(*inside, unit, calendars)
    return gone


def warn_of(clock: Clock, calendars: Calendars) -> datetime:
    """Tell when the share of a clock's own time has run after which it is due soon."""
    unit = Token.parse(clock.token).unit
    share = used_of(clock, clock.due_at, calendars) * clock.warn_percent // 100
    moment = rules.advance(clock.started_at, share, unit, calendars)
    for begin, end in clock.pauses:
        moment = rules.put_off(moment, max(begin, clock.started_at), end, unit, calendars)
    return moment


def latest(clocks: Iterable[Clock]) -> dict[ClockKind, Clock]:
    """Pick the round that counts of each kind: the newest."""
    return {clock.kind: clock for clock in sorted(clocks, key=lambda clock: clock.round)}


def _start(
    clocks: tuple[Clock, ...], op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    kind = ClockKind(op["kind"])
    ended = _end(clocks, {kind}, at, calendars, met=False)
    begun = Clock(
        kind=kind,
        round=1 + max((clock.round for clock in clocks if clock.kind is kind), default=0),
        tier=op.get("tier", 0),
        token=op["token"],
        percent=op.get("percent", 100),
        calendar=op["calendar"],
        policy_version=op["policy"],
        edition=op["edition"],
        started_at=_moment(op["from"]),
        due_at=at,
        warn_at=at,
        warn_percent=op.get("warn", rules.WARN_PERCENT),
    )
    return (*ended, _counted(begun, calendars))


def _meet(
    clocks: tuple[Clock, ...], op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    kinds = set(map(ClockKind, op["kinds"]))
    ended = _end(clocks, kinds, at, calendars, met=True)
    if kinds.isdisjoint(rules.PROMISES) or _owed_late(ended, at):
        return ended
    return _end(ended, {ClockKind.TIER}, at, calendars, met=True)


def _owed_late(clocks: tuple[Clock, ...], at: datetime) -> bool:
    """Tell whether a promise is still broken: else the tier it climbed to has done its part."""
    return any(
        clock.running and clock.kind in rules.PROMISES and clock.due_at < at for clock in clocks
    )


def _stop(
    clocks: tuple[Clock, ...], op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    return _end(clocks, set(map(ClockKind, op["kinds"])), at, calendars, met=False)


def _end(
    clocks: tuple[Clock, ...],
    kinds: set[ClockKind],
    at: datetime,
    calendars: Callable[[int], Calendars],
    *,
    met: bool,
) -> tuple[Clock, ...]:
    return tuple(
        _ended(clock, at, calendars, met=met) if clock.running and clock.kind in kinds else clock
        for clock in clocks
    )


def _ended(
    clock: Clock, at: datetime, calendars: Callable[[int], Calendars], *, met: bool
) -> Clock:
    over = _resumed(clock, at, calendars) if clock.paused else clock
    ended = replace(over, met_at=at) if met else replace(over, stopped_at=at)
    return replace(ended, used=used_of(ended, at, calendars(ended.edition)))


def _pause(
    clocks: tuple[Clock, ...], op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    return tuple(
        _paused(clock, op["until"], at, calendars)
        if clock.running and clock.kind in PAUSED_KINDS
        else clock
        for clock in clocks
    )


def _paused(clock: Clock, until: str, at: datetime, calendars: Callable[[int], Calendars]) -> Clock:
    """Begin a break; one still open ends first, so no moment is taken twice."""
    over = _resumed(clock, at, calendars) if clock.paused else clock
    amendments = (*over.amendments, ("pause", text_of(at), until))
    return _counted(replace(over, paused=True, amendments=amendments), calendars)


def _resume(
    clocks: tuple[Clock, ...], _op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    return tuple(_resumed(clock, at, calendars) if clock.paused else clock for clock in clocks)


def _resumed(clock: Clock, at: datetime, calendars: Callable[[int], Calendars]) -> Clock:
    """End the open break at ``at``, or where it was planned to end if that is past."""
    amendments = list(clock.amendments)
    last = max(i for i, one in enumerate(amendments) if one[0] == "pause")
    _, begin, planned = amendments[last]
    amendments[last] = ("pause", begin, text_of(min(at, _moment(planned))))
    return _counted(replace(clock, paused=False, amendments=tuple(amendments)), calendars)


def _extend(
    clocks: tuple[Clock, ...], op: Op, _at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    return tuple(
        _counted(replace(clock, amendments=(*clock.amendments, ("extend", op["token"]))), calendars)
        if clock.running and clock.kind == op["kind"]
        else clock
        for clock in clocks
    )


def _recount(
    clocks: tuple[Clock, ...], op: Op, at: datetime, calendars: Callable[[int], Calendars]
) -> tuple[Clock, ...]:
    return tuple(
        _recounted(clock, op, at, calendars) if clock.running and clock.due_at > at else clock
        for clock in clocks
    )


def _recounted(clock: Clock, op: Op, at: datetime, calendars: Callable[[int], Calendars]) -> Clock:
    """Count one clock anew; a new limit that would be over already comes too late for it."""
    terms = op.get("terms", {})
    counted = _counted(
        replace(
            clock,
            edition=op["edition"],
            token=terms.get(clock.kind, clock.token),
            policy_version=op["policy"] if clock.kind in terms else clock.policy_version,
        ),
        calendars,
    )
    return counted if counted.due_at > at else clock


def _counted(clock: Clock, calendars: Callable[[int], Calendars]) -> Clock:
    known = calendars(clock.edition)
    due = due_of(clock.started_at, clock.token, clock.percent, clock.amendments, known)
    dated = replace(clock, due_at=due)
    return replace(dated, warn_at=warn_of(dated, known))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


_DO: Mapping[str, Callable[..., tuple[Clock, ...]]] = {
    "start": _start,
    "meet": _meet,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "extend": _extend,
    "recount": _recount,
}
