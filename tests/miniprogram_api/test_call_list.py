"""The desk of an emergency sees whom to ring, who was called and who came; each look is kept."""

from sqlalchemy import select

from app.kernel import clock
from app.kernel.audit import AuditEntry
from app.kernel.db import session
from tests.app.escalation.test_duty import on_duty, reported
from tests.make import tickets as make
from tests.make.answers import refused, taken
from workers import jobs


def read(client_for, ticket_id, who="community"):
    return client_for(who).get(f"/work/{ticket_id}/calls")


def test_the_desk_sees_who_is_on_duty_with_numbers_and_who_was_called(world, client_for):
    on_duty(world, "manager")
    ticket_id = reported(world)
    with make.after(minutes=6):
        jobs.call_duty(clock.now())

        told = taken(read(client_for, ticket_id))

    shown = [(one["name"], one["phone"], one["called_at"] is not None) for one in told["people"]]
    assert shown == [
        ("孟铁生", "10020000009", True),
        ("石大勇", "10020000010", True),
        ("韩秀英", "10050000001", False),
    ]
    assert told["taken_at"] is None
    assert [one["answered"] for one in told["people"]] == [False] * len(shown)


def test_who_took_it_is_marked_as_the_one_who_answered(world, client_for):
    on_duty(world, "repairer")
    ticket_id = reported(world)
    make.accepted(world, ticket_id, by="repairer")

    told = taken(read(client_for, ticket_id))

    assert [one["name"] for one in told["people"] if one["answered"]] == ["孟铁生"]
    assert (told["taken_by"], told["taken_at"] is not None) == ("1009", True)


def test_each_look_at_the_numbers_is_written_down(world, client_for):
    on_duty(world, "repairer")
    ticket_id = reported(world)

    taken(read(client_for, ticket_id))

    session.rollback()
    (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "ticket.calls_seen"))
    assert (entry.subject_id, entry.person_id) == (ticket_id, world.people["community"])
    assert entry.facts["people"] >= 1


def test_only_desks_over_an_emergency_see_its_list(world, client_for):
    ticket_id, calm = reported(world), make.submitted(world)

    for who in ("community", "street", "district"):
        taken(read(client_for, ticket_id, who))
    for who in ("resident", "repairer", "manager", "rival", "other_community", "grid", "stranger"):
        refused(read(client_for, ticket_id, who), 404)
    refused(read(client_for, calm), 404)


def test_the_resident_reads_whom_to_ring_while_nobody_answers(world, client_for):
    on_duty(world, "manager")
    ticket_id = reported(world)
    with make.after(minutes=6):
        jobs.call_duty(clock.now())

        told = taken(client_for("resident").get(f"/tickets/{ticket_id}"))["clock"]["ring"]

    assert told.startswith("值班暂未回应，请直接拨打 100")
