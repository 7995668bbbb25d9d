"""Who holds which tier, how long, and which rung is next: pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.catalog.rules import URGENT, Token, Unit
from app.sla import rules as sla
from app.sla.rules import Calendars, ClockKind

COMPOUND, COMMUNITY, STREET, DISTRICT = 1, 2, 3, 4
HOLDER_LEVEL = {COMMUNITY: "community", STREET: "street", DISTRICT: "district"}
"""Whose desk comes in at a tier (domain.md D2, step 20)."""

CAUSES = (ClockKind.ACCEPT, ClockKind.RESPOND, ClockKind.RESOLVE)
"""The promises whose breach brings the next tier in."""

NO_WAY_UP = {
    "at_ceiling": "已到这类问题的最高层级，需要街道放开层级",
    "nobody": "上一级还没有人值守",
    "no_ladder": "没有设置上一级的时限",
}
"""Why a ticket waits in the exception queue."""


class Effect(StrEnum):
    """What happens beside the coming in."""

    NOTIFY = "notify"
    SUPERVISE = "supervise"
    AGENDA = "agenda"
    PACKAGE = "package"


class Delivery(StrEnum):
    """How far a package to the district's platform has come."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    REFUSED = "refused"  # the platform said no: somebody has to look
    DEAD = "dead"  # tried long enough


NOT_CONFIGURED = "not_configured"
"""Why a package waits where no platform is set up; it goes out once there is one."""
MAX_TRIES = 8
FIRST_WAIT_S = 60.0
"""With the outbox's back-off: tried for four hours and a bit."""
GIVEN_UP_AFTER = timedelta(hours=12)
"""No attempt of the outbox is still to come then: what waits so long waits for nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One tier of the ladder: held for ``hold`` or a share of the resolve time, the longer.

    ``at_once``: it comes in with the report, not only when a promise is broken (P0 and
    P1 alone: the product listens to no other report).
    """

    tier: int
    hold: str | None
    share_percent: int = 0
    at_once: bool = False
    effects: tuple[Effect, ...] = (Effect.NOTIFY, Effect.SUPERVISE)
    district_id: UUID | None = None
    category_code: str | None = None
    urgency: str | None = None
    withdrawn: bool = False
    valid_from: datetime | None = None

    def fits(self, district_id: UUID | None, category: str, urgency: str, at: datetime) -> bool:
        """Tell whether the rung is meant for such a ticket at a time."""
        return (
            self.district_id in (None, district_id)
            and self.category_code in (None, category)
            and self.urgency in (None, urgency)
            and (self.valid_from is None or self.valid_from <= at)
        )

    @property
    def exactness(self) -> tuple[bool, bool, bool]:
        """Tell how exactly it is meant; of several that fit, the most exact holds."""
        return (
            self.district_id is not None,
            self.category_code is not None,
            self.urgency is not None,
        )

    @property
    def scope(self) -> tuple[UUID | None, str | None, str | None, int]:
        """Name its place on the ladder: one rung holds there at a time."""
        return self.district_id, self.category_code, self.urgency, self.tier

    @property
    def since(self) -> datetime:
        """Tell from when it holds; what is shipped always did."""
        return self.valid_from or _EPOCH


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AN_INSTANT = timedelta(microseconds=1)

_COMES_IN = (Effect.NOTIFY, Effect.SUPERVISE)
SHIPPED: tuple[Rung, ...] = (
    Rung(tier=COMMUNITY, hold="3wd", share_percent=50),
    Rung(tier=STREET, hold="5wd", effects=(*_COMES_IN, Effect.AGENDA)),
    Rung(tier=DISTRICT, hold=None, effects=(*_COMES_IN, Effect.PACKAGE)),
    Rung(tier=COMMUNITY, hold="30m", at_once=True, urgency="P0"),
    Rung(tier=STREET, hold="2h", urgency="P0"),
    Rung(tier=COMMUNITY, hold="4h", urgency="P1"),
    Rung(tier=STREET, hold="1d", urgency="P1", effects=(*_COMES_IN, Effect.AGENDA)),
)
"""The ladder that holds where a district set none (domain.md D2, tier clock). P1 is ours."""


def rung_of(
    ladder: Iterable[Rung],
    tier: int,
    *,
    district_id: UUID | None,
    category: str,
    urgency: str,
    at: datetime,
) -> Rung | None:
    """Name the rung that holds for a ticket at a tier, or None if the ladder ends below.

    Of each exactness the newest holds; where that is withdrawn, what is shipped.
    """
    fitting = [
        rung
        for rung in ladder
        if rung.tier == tier and rung.fits(district_id, category, urgency, at)
    ]
    standing: dict[tuple[bool, bool, bool], Rung] = {}
    for rung in sorted(fitting, key=lambda rung: rung.since):
        if not rung.withdrawn:
            standing[rung.exactness] = rung
        else:
            standing.pop(rung.exactness, None)
    for rung in fitting:
        if rung.valid_from is None:
            standing.setdefault(rung.exactness, rung)
    return max(standing.values(), key=lambda rung: rung.exactness, default=None)


def hold_of(rung: Rung, resolve_token: str, start: datetime, calendars: Calendars) -> str | None:
    """Tell how long a tier has: its own time or its share of the resolve time, the longer."""
    if rung.hold is None:
        return None
    own = Token.parse(rung.hold)
    if not rung.share_percent:
        return str(own)
    shared = share(Token.parse(resolve_token), rung.share_percent)
    return str(max(own, shared, key=lambda token: sla.due(start, token, calendars)))


def share(token: Token, percent: int) -> Token:
    """Take a share of a token, in its own or a finer unit, rounded up."""
    finer = {Unit.DAYS: (Unit.HOURS, 24), Unit.HOURS: (Unit.MINUTES, 60)}
    unit, times = finer.get(token.unit, (token.unit, 1))
    amount = -(-token.amount * times * percent // 100)
    return Token(max(1, amount), unit)


def tell_at(now: datetime, urgency: str, calendars: Calendars) -> datetime:
    """Tell when people may be told: at once of what is urgent, else in service hours."""
    if urgency in URGENT:
        return now
    moment = sla.advance(now, _AN_INSTANT, Unit.SERVICE_HOURS, calendars)
    return moment - _AN_INSTANT


def shares(closed_by_tier: Sequence[tuple[int, int]]) -> tuple[float | None, float | None]:
    """Give the shares closed at tier 1, and at tier 2 or below; None without a base."""
    base = sum(count for _, count in closed_by_tier)
    if not base:
        return None, None
    at_one = sum(count for tier, count in closed_by_tier if tier <= COMPOUND)
    to_two = sum(count for tier, count in closed_by_tier if tier <= COMMUNITY)
    return at_one / base, to_two / base
