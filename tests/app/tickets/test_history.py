"""The chain: every change a step, every tampering seen, every erasure survived."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.kernel import clock
from app.kernel.db import db, session
from app.kernel.storage import FolderStorage
from app.kernel.work import unit_of_work
from app.tickets import history, queries
from app.tickets import service as tickets
from app.tickets.models import Step
from tests.make import tickets as make


@pytest.fixture
def story(world):
    """A ticket with a few steps; noise beside it."""
    make.submitted(world)
    return make.started(world, make.submitted(world))


def flaws_of(ticket_id):
    session.expire_all()
    number = queries.get(ticket_id).number
    return dict(tickets.verify())[number]


def forge(statement, **values):
    """Change a step behind the house's back, as somebody with the database would."""
    with unit_of_work():
        if db.engine.dialect.name == "postgresql":
            session.execute(text("ALTER TABLE ticket_step DISABLE TRIGGER USER"))
        else:
            session.execute(text("DROP TRIGGER ticket_step_no_update"))
            session.execute(text("DROP TRIGGER ticket_step_no_delete"))
        session.execute(text(statement), values)


def step_id(ticket_id, seq):
    found = next(step for step in queries.steps_of(ticket_id) if step.seq == seq)
    return found.id.hex if db.engine.dialect.name == "sqlite" else str(found.id)


def test_an_honest_history_has_no_flaw(story):
    assert flaws_of(story) == []


def test_the_first_step_names_every_column_the_ticket_starts_with(story):
    first = queries.steps_of(story)[0]

    assert history.replay([first])["state"] == "submitted"
    assert history.replay([first])["returns"] == 0


def test_a_changed_fact_is_seen(story):
    forge("UPDATE ticket_step SET relation = 'reader' WHERE id = :id", id=step_id(story, 2))

    assert "step 2 was changed" in flaws_of(story)


def test_a_deleted_step_is_seen(story):
    forge("DELETE FROM ticket_step WHERE id = :id", id=step_id(story, 2))

    assert flaws_of(story)[0] == "step 2 is missing (found 3)"


def test_a_cut_tail_is_seen_by_the_row(story):
    forge("DELETE FROM ticket_step WHERE id = :id", id=step_id(story, 4))

    assert any("the ticket counts 4 steps" in flaw for flaw in flaws_of(story))


def test_a_change_of_the_row_alone_is_seen(story):
    with unit_of_work():
        session.execute(text("UPDATE ticket SET returns = 1"))

    assert flaws_of(story) == ["returns is 1, its history says 0"]


def test_a_tail_cut_with_the_row_is_seen_by_the_anchor(story, tmp_path):
    storage = FolderStorage(tmp_path)
    key = tickets.anchor(storage, clock.now())
    assert tickets.check_anchor(storage, key) == []

    forge("DELETE FROM ticket_step WHERE id = :id", id=step_id(story, 4))

    assert len(tickets.check_anchor(storage, key)) == 1


def test_erased_words_leave_the_chain_sound(story):
    with unit_of_work():
        session.execute(text("UPDATE ticket_step SET personal = NULL"))

    assert flaws_of(story) == []
    assert history.words_of(queries.steps_of(story)[0]) == ""


def test_changed_words_are_seen(story):
    first, second = queries.steps_of(story)[0], queries.steps_of(story)[3]
    forge(
        "UPDATE ticket_step SET personal = (SELECT personal FROM ticket_step WHERE id = :other)"
        " WHERE id = :id",
        id=step_id(story, first.seq),
        other=step_id(story, second.seq),
    )

    assert "step 1: the words were changed" in flaws_of(story)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ticket_step SET seq = 9",
        "UPDATE ticket_step SET personal = 'x'",
        "DELETE FROM ticket_step",
    ],
)
def test_the_database_refuses_to_rewrite_history(story, statement):
    with pytest.raises(DBAPIError, match="append-only"), unit_of_work():
        session.execute(text(statement))


def test_the_words_are_sealed_in_the_database(story):
    stored = session.scalars(text("SELECT personal FROM ticket_step")).all()
    rows = session.execute(
        text("SELECT text, contact_name, contact_phone, place_label FROM ticket")
    )
    seen = str(stored) + str(rows.all())

    for canary in ("301", "周桂芳", "10020000000", "楼道灯"):
        assert canary not in seen


def test_every_step_has_its_event(story):
    steps = session.query(Step).count()

    events = session.scalar(text("SELECT count(*) FROM outbox_event WHERE topic = 'ticket.moved'"))

    assert events == steps
