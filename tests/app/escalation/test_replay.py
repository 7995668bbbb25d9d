"""What a replay must not take for a difference."""

from datetime import timedelta

from app.escalation import service
from app.kernel import clock
from app.tickets import queries as tickets
from tests.make import tickets as make
from workers import jobs


def test_a_tiers_clock_of_less_than_a_second_agrees_with_its_history(world):
    ticket_id = make.submitted(world)
    moment = tickets.get(ticket_id).accept_due_at + timedelta(hours=4)  # an office hour
    with clock.frozen(moment):
        jobs.watch(clock.now())
    with clock.frozen(moment + timedelta(seconds=0.2)):
        make.accepted(world, ticket_id)

    assert service.differences_of(ticket_id) == []
