"""Rows past the session's watch: written with the unit, in order, or not at all."""

import pytest
from sqlalchemy import select

from app.kernel import clock
from app.kernel.appending import append
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.marks import InstallationMark
from app.kernel.outbox import OutboxDelivery, OutboxEvent
from app.kernel.work import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


def event_row() -> OutboxEvent:
    now = clock.now()
    return OutboxEvent(id=new_id(), topic="test", payload={}, recorded_at=now, due_at=now)


def topics() -> list[str]:
    return list(session.scalars(select(OutboxEvent.topic)))


def test_it_is_written_with_the_commit_though_nothing_else_was():
    with unit_of_work():
        append(event_row())

    assert topics() == ["test"]


def test_a_question_in_the_same_unit_sees_it():
    with unit_of_work():
        append(event_row())
        seen = topics()

    assert seen == ["test"]


def test_it_goes_out_after_what_it_refers_to():
    owed = event_row()
    with unit_of_work():
        append(
            OutboxDelivery(
                event_id=owed.id, topic="test", listener="x", queue="short", due_at=clock.now()
            )
        )
        session.add(owed)

    delivery = session.scalars(select(OutboxDelivery)).one()
    assert (delivery.event_id, delivery.attempts, delivery.tried) == (owed.id, 0, False)


def test_a_unit_that_fails_takes_it_along():
    def fail():
        with unit_of_work():
            append(event_row())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with unit_of_work():
        session.add(InstallationMark(name="later", at=clock.now()))

    assert topics() == []


def test_a_rollback_forgets_no_prepared_statement():
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite prepares nothing on a server")
    raw = session.connection().connection.driver_connection
    for _ in range(10):
        topics()
        kept = session.connection().connection.driver_connection
        session.rollback()

    assert kept is raw
    names = session.scalars(select(OutboxEvent.topic)).all()
    assert names == []
    prepared = session.connection().exec_driver_sql("SELECT statement FROM pg_prepared_statements")
    assert any("outbox_event" in row[0] for row in prepared)
