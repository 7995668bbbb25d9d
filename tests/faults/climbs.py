"""Tickets whose time ran out, and what is wrong with their promises afterwards."""

from collections import Counter
from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action
from tests.faults.contest import actions, reported
from tests.faults.inquest import unsound
from tests.make import tickets as make
from tests.make.world import World

PROMISES = 3
"""What a forgotten ticket breaks: nobody accepts, responds, resolves."""
RESULT = {"result": "fixed", "text": "换了灯泡"}


def forgotten(town: World, many: int) -> list[UUID]:
    """Lights reported ten days ago that nobody touched.

    The street let each go one tier higher than it has to, so that only the watcher's
    care keeps it from going up twice.
    """
    with clock.frozen(clock.now() - timedelta(days=10)):
        ids = reported(town, many)
        with unit_of_work():
            for ticket_id in ids:
                tickets.lift_ceiling(town.actor("street"), ticket_id, Words("可以再往上"))
    return ids


def in_hand(town: World, **ago: float) -> UUID:
    """A light that the repairer began to work on so long ago."""
    with clock.frozen(clock.now() - timedelta(**ago)):
        return make.started(town, *reported(town, 1))


def looks_again(ticket_id: UUID) -> bool:
    """Let the watcher come once more, when all is over."""
    with unit_of_work():
        return escalation.look(ticket_id)


def misdeeds(ids: Collection[UUID]) -> list[str]:
    """List what no order of acts may lead to: unsound histories, clocks that no step
    explains, a breach told twice or not at all, a second climb, a climb after the end.
    """
    found = unsound(ids)
    for ticket_id in ids:
        told = [f"clock {one}" for one in escalation.differences_of(ticket_id)]
        told += _uncounted(ticket_id) + _wrong_climbs(ticket_id)
        found += [f"{queries.get(ticket_id).number}: {one}" for one in told]
    session.rollback()
    return found


def unclimbed(ids: Collection[UUID]) -> list[str]:
    """List the forgotten tickets that did not go up, or did not break each promise once."""
    whole = Counter({Action.ESCALATE: 1, Action.BREACH: PROMISES})
    found = []
    for ticket_id in ids:
        done = Counter(one for one in actions(ticket_id) if one in whole)
        if done != whole or queries.get(ticket_id).tier != 2:
            found.append(f"{queries.get(ticket_id).number}: {dict(done)}")
    return found


def _uncounted(ticket_id: UUID) -> list[str]:
    """Compare the breaches that stand with the clocks that say so and the ticket's count."""
    rows = Counter((row.kind, row.round) for row in sla.breaches(ticket_id))
    said = {(row.kind, row.round) for row in sla.clock_rows(ticket_id) if row.breached_at}
    late = {(one.kind, one.round) for one in sla.clocks(ticket_id) if one.late}
    found = [f"breach of {kind} {number}" for kind, number in set(rows) ^ (said | late)]
    found += [f"{count} breaches of {one}" for one, count in rows.items() if count > 1]
    counted = queries.get(ticket_id).breaches
    return found if counted == rows.total() else [*found, f"counts {counted} of {rows.total()}"]


def _wrong_climbs(ticket_id: UUID) -> list[str]:
    steps = queries.steps_of(ticket_id)
    climbs = [step.seq for step in steps if step.action is Action.ESCALATE]
    ends = [step.seq for step in steps if step.changes.get("closed_at")]
    found = [f"climbed {len(climbs)} times"] if len(climbs) > 1 else []
    return found + ["climbed after its end" for seq in climbs if ends and seq > ends[0]]
