"""What a second person allows: asked, decided, and how the clocks stand after it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.clocks import Clock, latest
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.models import Ticket
from app.tickets.service import Words
from app.tickets.states import Action
from tests.make import tickets as make
from tests.make.world import World
from workers import jobs

WHY = Words("配件要从厂里发过来")


def ask_pause(
    world: World,
    ticket_id: UUID,
    by: str = "repairer",
    *,
    reason: str = "parts",
    words: Words = WHY,
    **much: Any,
) -> datetime:
    """Ask for a pause of some time from now; the planned end."""
    until = clock.now() + timedelta(**much or {"days": 10})
    with unit_of_work():
        tickets.ask_suspend(world.actor(by), ticket_id, reason, until, words)
    return until


def ask_time(world: World, ticket_id: UUID, days: int = 3, by: str = "repairer") -> None:
    """Ask for more working days."""
    with unit_of_work():
        tickets.ask_extend(world.actor(by), ticket_id, "parts", days, WHY)


def decide(
    world: World, ticket_id: UUID, by: str = "community", *, approved: bool = True
) -> Ticket:
    """Answer what waits for a second person."""
    with unit_of_work():
        return tickets.decide(
            world.actor(by), ticket_id, approved=approved, words=Words("看过了，属实")
        )


def paused(world: World, ticket_id: UUID, **much: Any) -> datetime:
    """Have a started ticket paused from now on; the planned end."""
    until = ask_pause(world, ticket_id, **much)
    decide(world, ticket_id)
    return until


def resume(world: World, ticket_id: UUID, by: str = "repairer") -> Ticket:
    """Go on before the planned day."""
    with unit_of_work():
        return tickets.resume(world.actor(by), ticket_id, Words("配件到了"))


def watched(moment: datetime, times: int = 1) -> None:
    """Let the watcher look at a moment."""
    with clock.frozen(moment):
        for _ in range(times):
            jobs.watch(clock.now())
    session.expire_all()


def clock_of(ticket_id: UUID, kind: ClockKind) -> Clock:
    """Read the newest round of a clock."""
    return latest(sla.clocks(ticket_id))[kind]


def rounds(ticket_id: UUID, kind: ClockKind) -> list[Clock]:
    """Read every round of a clock."""
    return [one for one in sla.clocks(ticket_id) if one.kind is kind]


def actions(ticket_id: UUID) -> list[Action]:
    """List the acts of a ticket's history."""
    return [step.action for step in queries.steps_of(ticket_id)]


def true_to_history(ticket_id: UUID) -> bool:
    """Tell whether the chain holds and every clock follows from it."""
    session.expire_all()
    return make.sound(ticket_id) and escalation.differences_of(ticket_id) == []
