"""Turning keys: every sealed value comes to the newest one, histories stay sound."""

import base64

import pytest
from sqlalchemy import text

from app.kernel import crypto, rotation
from app.kernel.db import db, guard_statements, session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from tests.make import tickets as make


@pytest.fixture
def ring(settings):
    """Install a ring with a new key before the old ones; put the old ring back after."""

    def install(*field_keys):
        crypto.install(
            crypto.Keyring(field_keys, settings.index_key, settings.chain_key, settings.secret_key)
        )

    yield install
    install(*settings.field_keys)


NEW = ("k2", base64.b64decode("A" * 43 + "="))


def turn_all():
    turned = 0
    for table, column in rotation.sealed_columns():
        while True:
            with unit_of_work():
                count = rotation.turn(table, column, batch=7).count
            turned += count
            if not count:
                break
    return turned


def test_after_turning_the_old_key_may_go(world, ring, settings):
    ticket_id = make.started(world, make.submitted(world))
    ring(NEW, *settings.field_keys)

    turned = turn_all()
    ring(NEW)
    session.expire_all()

    assert turned > 20
    assert queries.get(ticket_id).contact_phone == "10020000000"
    assert all(not flaws for _, flaws in tickets.verify())
    assert turn_all() == 0


def test_without_turning_the_old_key_is_missed(world, ring):
    ticket_id = make.submitted(world)
    ring(NEW)
    session.expire_all()

    with pytest.raises(crypto.Unreadable):
        assert queries.get(ticket_id).contact_phone


def test_a_turned_history_is_guarded_as_before(world, ring, settings):
    make.submitted(world)
    ring(NEW, *settings.field_keys)
    turn_all()

    table = db.metadata.tables["ticket_step"]
    shape = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if db.engine.dialect.name == "postgresql":
        shape = "SELECT tgname FROM pg_trigger"
    standing = session.scalars(text(shape)).all()
    named = str(guard_statements(table, dialect=db.engine.dialect.name))

    assert {"ticket_step_no_update", "ticket_step_no_delete"} <= set(standing)
    assert "ticket_step_no_update" in named
