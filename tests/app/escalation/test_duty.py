"""Who is on duty is called about an emergency, one after the other, until somebody takes it."""

from datetime import timedelta

import pytest

from app.escalation import queries, service
from app.identity import service as identity
from app.identity.service import NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.tickets import queries as tickets
from app.tickets.events import TicketMoved
from tests.make import tickets as make
from workers import jobs

BURST = "EMG-BURST"
OWN_NUMBER = "10020000010"
"""Of repairer2, whose standing shift in the world names no other."""


def on_duty(world, *names):
    """Put people of the firm on the duty list, in this order, each with a phone."""
    with unit_of_work():
        for rank, name in enumerate(names, start=1):
            identity.start_shift(
                SYSTEM,
                NewShift(
                    organisation_id=world.organisations["firm"],
                    person_id=world.people[name],
                    starts_at=clock.now() - timedelta(hours=1),
                    order=rank,
                    phone=f"1005000000{rank}",
                ),
            )


def reported(world):
    """Report a burst pipe and let the product hear of it."""
    ticket_id = make.submitted(world, BURST)
    first = tickets.steps_of(ticket_id)[0]
    with unit_of_work():
        service.on_reported(
            TicketMoved(ticket_id, first.id, first.seq, first.action.value, "submitted")
        )
    return ticket_id


def called(world, ticket_id):
    session.expire_all()
    names = {person: name for name, person in world.people.items()}
    return [names[one.person_id] for one in queries.calls_of(ticket_id)]


def minutes_later(minutes):
    return clock.frozen(clock.now() + timedelta(minutes=minutes))


def test_the_next_is_called_after_five_minutes_and_the_resident_reads_whom_to_ring(world):
    on_duty(world, "repairer", "repairer2")
    ticket_id = reported(world)
    assert called(world, ticket_id)[:1] == ["repairer"]
    assert service.whom_to_ring(tickets.get(ticket_id), clock.now()) is None

    with minutes_later(4):
        jobs.call_duty(clock.now())
        assert called(world, ticket_id) == ["repairer"]
    with minutes_later(5):
        jobs.call_duty(clock.now())
        assert called(world, ticket_id) == ["repairer", "repairer2"]
        assert service.whom_to_ring(tickets.get(ticket_id), clock.now()) == OWN_NUMBER
        jobs.call_duty(clock.now())
        assert called(world, ticket_id) == ["repairer", "repairer2"]


def test_the_calling_ends_when_somebody_takes_it(world):
    on_duty(world, "repairer", "repairer2")
    ticket_id = reported(world)
    with minutes_later(2):
        make.accepted(world, ticket_id)

    with minutes_later(6):
        jobs.call_duty(clock.now())

        assert called(world, ticket_id) == ["repairer"]
        assert service.whom_to_ring(tickets.get(ticket_id), clock.now()) is None
        assert queries.calls_due(clock.now() + timedelta(days=1), 10) == []


def test_the_list_ends_and_the_tiers_go_on(world):
    on_duty(world, "repairer")
    ticket_id = reported(world)
    for minutes in (5, 10, 15):
        with minutes_later(minutes):
            jobs.call_duty(clock.now())

    assert called(world, ticket_id)[0] == "repairer"
    assert len(called(world, ticket_id)) == len(set(called(world, ticket_id)))
    with minutes_later(31):
        jobs.watch(clock.now())
    assert tickets.get(ticket_id).tier == 3


def test_nobody_is_called_about_what_is_no_emergency(world):
    on_duty(world, "repairer")
    ticket_id = make.submitted(world)
    first = tickets.steps_of(ticket_id)[0]
    with unit_of_work():
        service.on_reported(
            TicketMoved(ticket_id, first.id, first.seq, first.action.value, "submitted")
        )

    assert called(world, ticket_id) == []
    assert tickets.get(ticket_id).tier == 1


@pytest.mark.parametrize(
    ("action", "urgency", "heard"),
    [
        ("submit", "P0", True),
        ("submit", "P1", True),
        ("reclassify", "P0", True),
        ("accept", "P0", False),
        ("submit", "P2", False),
        ("submit", "", False),
    ],
)
def test_only_what_is_urgent_makes_work_for_the_listener(action, urgency, heard):
    event = TicketMoved(new_id(), new_id(), 1, action, "submitted", urgency)

    assert service.is_urgent_report(event) is heard
