"""By which ways somebody is told, and when: quiet hours, order, what falls back to what."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from app.kernel.clock import SHANGHAI


class Way(StrEnum):
    """How a message travels; the inbox needs nobody's help and always exists."""

    INBOX = "inbox"
    WECHAT = "wechat"
    WECOM = "wecom"
    SMS = "sms"


USUAL: tuple[Way, ...] = (Way.WECHAT, Way.WECOM)
"""The order for who has chosen none; texts cost money and go out for urgent news."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours of the Shanghai day without news; the same hour twice means none."""

    begin: time
    end: time

    @classmethod
    def parse(cls, begin: str, end: str) -> "Quiet":
        """Read two times such as ``22:00``.

        Raises:
            ValueError: one is none.

        """
        return cls(time.fromisoformat(begin), time.fromisoformat(end))

    def holds(self, at: datetime) -> bool:
        """Tell whether a moment falls into the quiet hours."""
        local = at.astimezone(SHANGHAI).time()
        if self.begin <= self.end:
            return self.begin <= local < self.end
        return local >= self.begin or local < self.end


USUAL_QUIET = Quiet(time(22), time(7))


@dataclass(frozen=True, slots=True)
class Wish:
    """How a person wants to be told; no ``ways`` means the usual ones."""

    ways: tuple[Way, ...] = ()
    quiet: Quiet = USUAL_QUIET
    digest: bool = True


def tell_at(at: datetime, quiet: Quiet, *, urgent: bool) -> datetime:
    """Tell when a message may go out: at once, or when the quiet hours end."""
    if urgent or not quiet.holds(at):
        return at
    local = at.astimezone(SHANGHAI)
    end = datetime.combine(local.date(), quiet.end, tzinfo=SHANGHAI)
    if end <= local:
        end += timedelta(days=1)
    return end.astimezone(at.tzinfo)


def chains(
    wished: Sequence[Way],
    reachable: Collection[Way],
    *,
    urgent: bool,
    at_once: bool,
) -> tuple[tuple[Way, ...], ...]:
    """Lay out the ways of one piece of news: each chain begins now and falls along itself.

    Urgent news ends with a text; ``at_once`` (a duty call) sends it beside the rest.
    """
    order: list[Way] = [way for way in (wished or USUAL) if way is not Way.INBOX]
    if urgent and Way.SMS not in order:
        order.append(Way.SMS)
    parts: list[list[Way]] = (
        [[way for way in order if way is not Way.SMS], [Way.SMS]] if at_once else [order]
    )
    found = (tuple(way for way in dict.fromkeys(part) if way in reachable) for part in parts)
    return tuple(chain for chain in found if chain)
