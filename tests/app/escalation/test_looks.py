"""When the watcher looks again, and when it has no reason to."""

from datetime import timedelta

from app.escalation import queries
from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries as tickets
from app.tickets import service as verbs
from app.tickets.service import Words
from app.tickets.states import State
from tests.make import tickets as make
from workers import jobs

WHY = Words("等配件")


def test_a_pause_that_ended_calls_for_no_second_look(world):
    """Neither by the handler nor by the watcher, on the planned day or before it."""
    until = clock.now() + timedelta(days=1)
    ids = [make.started(world, make.submitted(world)) for _ in range(2)]
    reason = next(iter(verbs.SUSPEND_REASONS))
    for ticket_id in ids:
        with unit_of_work():
            verbs.ask_suspend(world.actor("repairer"), ticket_id, reason, until, WHY)
        with unit_of_work():
            verbs.decide(world.actor("community"), ticket_id, approved=True, words=WHY)

    with make.after(hours=1), unit_of_work():
        verbs.resume(world.actor("repairer"), ids[0], WHY)
    with clock.frozen(until):
        assert queries.due(clock.now(), 10) == [ids[1]]
        jobs.watch(clock.now())
        session.expire_all()
        looks = [tickets.get(ticket_id).look_at for ticket_id in ids]

    assert {tickets.get(ticket_id).state for ticket_id in ids} == {State.IN_PROGRESS}
    assert min(looks) > until


def test_at_the_very_due_time_nothing_is_broken_and_nobody_looks_twice(world):
    ticket_id = make.submitted(world)
    ticket = tickets.get(ticket_id)
    with clock.frozen(ticket.look_at), unit_of_work():
        assert escalation.look(ticket_id)

    with clock.frozen(ticket.accept_due_at), unit_of_work():
        assert not escalation.look(ticket_id)
    with clock.frozen(ticket.accept_due_at + timedelta(microseconds=1)), unit_of_work():
        assert escalation.look(ticket_id)

    assert tickets.get(ticket_id).breaches == 1
