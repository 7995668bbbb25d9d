"""One report's life while it is told: its ticket, its people, its own dice and its own time."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from app.catalog.rules import CategoryView, Unit, Urgency, WorkCalendar
from app.demo.pictures import Pictures
from app.demo.season import Report
from app.demo.tongue import Voice
from app.demo.town import Town
from app.kernel.actor import Actor
from app.kernel.clock import SHANGHAI
from app.sla import rules as sla
from app.sla.rules import Calendars
from app.tickets.states import OPEN, State

if TYPE_CHECKING:
    from app.tickets.models import Ticket

Life = Iterator[datetime]
"""Yields the time of its next act, and does that act when it is asked for the one after."""

UNITS = {
    WorkCalendar.ALWAYS: Unit.MINUTES,
    WorkCalendar.DAILY: Unit.SERVICE_HOURS,
    WorkCalendar.WORKDAY: Unit.WORKING_HOURS,
}


AT_ONCE = timedelta(hours=3)
MORNING, NIGHT = 7, 22
"""What takes longer than ``AT_ONCE`` is not done between ``NIGHT`` and ``MORNING``."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How somebody works: ``pace`` in shares of the promised time, chances of trouble.

    ``returns`` is how readily it sends tickets back, ``slips`` how often a result
    does not hold, ``charm`` what it is forgiven.
    """

    pace: float
    returns: float
    slips: float
    charm: float


FIRMS: Mapping[str, Manner] = {
    "hean": Manner(pace=0.8, returns=0.03, slips=0.10, charm=0.75),
    "zhiwei": Manner(pace=0.55, returns=0.02, slips=0.06, charm=0.85),
    "sishi": Manner(pace=1.0, returns=0.06, slips=0.14, charm=0.6),
    "zhonglin": Manner(pace=1.5, returns=0.12, slips=0.25, charm=0.4),
    "shijie": Manner(pace=0.9, returns=0.08, slips=0.12, charm=0.7),
}
DESK = Manner(pace=0.85, returns=0.0, slips=0.10, charm=0.7)


@dataclass
class Setting:
    """What all lives share."""

    town: Town
    calendars: Calendars
    pictures: Pictures
    views: Mapping[str, CategoryView]
    keys: Mapping[UUID, str]
    """Keys of places and organisations by id."""
    persons: Mapping[UUID, str]
    """Keys of people by id."""
    enter: Callable[[Life], None]
    """Puts one more life on the stage."""
    stories: dict[int, "Story"] = field(default_factory=dict)
    """Every story by the serial number of its report."""


@dataclass
class Story:
    """One life in the telling; ``at`` is when its last act was."""

    setting: Setting
    report: Report
    rng: random.Random
    voice: Voice
    at: datetime
    told: "Ticket | None" = None

    @property
    def ticket(self) -> "Ticket":
        """The ticket, once it is submitted."""
        assert self.told is not None  # noqa: S101  (submitting is the first act)
        return self.told

    @property
    def town(self) -> Town:
        """Where it happens."""
        return self.setting.town

    @property
    def view(self) -> CategoryView:
        """The category as it stands now."""
        return self.setting.views[self.ticket.category_code]

    @property
    def manner(self) -> Manner:
        """How the organisation that leads works."""
        lead = self.ticket.lead_id
        return FIRMS.get(self.setting.keys[lead], DESK) if lead else DESK

    @property
    def over(self) -> bool:
        """Tell whether nobody has to do anything more, or the parts do it."""
        return self.ticket.state not in OPEN or bool(self.ticket.parts)

    @property
    def is_resolved(self) -> bool:
        """Tell whether the resident's word is awaited."""
        return self.ticket.state is State.RESOLVED

    def chance(self, share: float) -> bool:
        """Throw the dice."""
        return self.rng.random() < share

    def actor(self, key: str) -> Actor:
        """Let a person of the world act."""
        return self.town.actors[key]

    def after(self, low: float, high: float) -> datetime:
        """Let some minutes of the wall clock pass."""
        return self._on(self.at + timedelta(minutes=self.rng.uniform(low, high)))

    def office(self, low: float, high: float) -> datetime:
        """Let some minutes of service hours pass: people do not call at night."""
        minutes = timedelta(minutes=self.rng.uniform(low, high))
        return self._on(sla.advance(self.at, minutes, Unit.SERVICE_HOURS, self.setting.calendars))

    def until(self, moment: datetime) -> datetime:
        """Wait for a moment; one that has passed is now."""
        return self._on(moment)

    def toward(self, due: datetime | None, usual: float) -> datetime:
        """Go to the moment :meth:`aim` names."""
        return self._on(self.aim(due, usual))

    def aim(self, due: datetime | None, usual: float) -> datetime:
        """Name a moment a share of the way to ``due``, in the hours that count there.

        ``usual`` is the share that a middling handler uses; who is slow passes the
        due time. A due time already behind is acted on within some service hours.
        """
        calendars = self.setting.calendars
        urgent = self.view.urgency in (Urgency.P0, Urgency.P1)
        if due is None or due <= self.at:
            minutes = timedelta(minutes=self.rng.uniform(5, 60) * (1 if urgent else 7))
            unit = Unit.MINUTES if urgent else Unit.SERVICE_HOURS
            return sla.advance(self.at, minutes, unit, calendars)
        share = usual * self.manner.pace * self.rng.lognormvariate(0.0, 0.55)
        percent = round(min(max(share, 0.04), 1.5 if urgent else 4.0) * 100)
        unit = UNITS[WorkCalendar(self.view.calendar)]
        moment = sla.share_of(self.at, due, percent, unit, calendars)
        return self._by_day(moment + timedelta(seconds=self.rng.randrange(5, 600)))

    def _by_day(self, moment: datetime) -> datetime:
        """Put what can wait for the morning off until then."""
        local = moment.astimezone(SHANGHAI)
        if moment - self.at < AT_ONCE or MORNING <= local.hour < NIGHT:
            return moment
        day = local if local.hour < MORNING else local + timedelta(days=1)
        start = day.replace(hour=MORNING, minute=0, second=0, microsecond=0)
        return start + timedelta(minutes=self.rng.uniform(30, 150))

    def _on(self, moment: datetime) -> datetime:
        self.at = max(moment, self.at + timedelta(seconds=1))
        return self.at
