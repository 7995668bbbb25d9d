"""``flask sla``, ``flask tickets hand-over`` and ``flask demo clock`` from the command line."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from app.cli import demo
from app.cli.sla import sla_commands
from app.cli.tickets import ticket_commands
from app.identity import service as identity
from app.identity.service import NewProject
from app.kernel import clock, marks
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets.states import State
from config import DEMO
from tests.make import sla as calendar
from tests.make import tickets as make


@pytest.fixture
def run(world, bare_app):
    def invoke(group, *words):
        return bare_app.test_cli_runner().invoke(group, list(words))

    return invoke


def test_a_sound_house_replays_without_a_difference(world, run):
    make.resolved(world, make.submitted(world))

    told = run(sla_commands, "replay")

    assert (told.exit_code, "1 tickets replayed, 0 differ" in told.output) == (0, True)


def test_a_due_time_moved_behind_the_histories_back_is_told(world, run):
    ticket_id = make.submitted(world)
    number = queries.get(ticket_id).number
    with unit_of_work():
        session.execute(
            text("UPDATE sla_clock SET due_at = '2027-01-01 00:00:00+00:00' WHERE kind = 'accept'")
            if session.get_bind().dialect.name == "postgresql"
            else text("UPDATE sla_clock SET due_at = '2027-01-01 00:00:00' WHERE kind = 'accept'")
        )

    told = run(sla_commands, "replay")

    assert told.exit_code == 1
    assert f"{number}: accept 1: due_at is 2027-01-01" in told.output


def test_a_recount_is_told_first_and_done_then(world, run):
    make.submitted(world, "ENV-GREEN")
    calendar.bring_in("date,kind,name\n2026-11-17,holiday,临时放假")

    tried = run(sla_commands, "recount", "--dry-run")
    done = run(sla_commands, "recount")
    again = run(sla_commands, "recount")

    assert "would move" in tried.output
    assert tried.output.splitlines()[:-1] == done.output.splitlines()[:-1] != []
    assert "0 due times moved" in again.output


def test_the_tickets_of_a_firm_that_goes_are_handed_over(world, run):
    moving, accusing = make.submitted(world), make.submitted(world, make.GUARD)
    going = queries.get(moving).project_id
    with unit_of_work():
        coming = identity.open_project(
            SYSTEM,
            NewProject(
                organisation_id=world.organisations["rival_firm"],
                compound_id=world.places["compound"],
                duty_phone="10010000002",
            ),
        ).id

    told = run(ticket_commands, "hand-over", "--from", str(going), "--to", str(coming))

    session.expire_all()
    ticket = queries.get(moving)
    assert "1 tickets handed over" in told.output
    assert (ticket.state, ticket.project_id) == (State.DISPATCHED, coming)
    assert queries.get(accusing).lead_id != world.organisations["firm"]
    unknown = run(ticket_commands, "hand-over", "--from", str(going), "--to", str(new_id()))
    assert unknown.exit_code == 1


@pytest.fixture
def marked(world, bare_app, settings, monkeypatch, tmp_path):
    """A demo: its mode and its mark, and a clock of its own."""
    with unit_of_work():
        marks.mark_demo()
    given = replace(settings, env=DEMO, data_dir=tmp_path)
    monkeypatch.setitem(bare_app.extensions, "settings", given)
    yield given
    clock._ahead_of.clear()


@pytest.mark.usefixtures("marked")
def test_the_demos_clock_moves_forward(run):
    told = run(demo.demo_commands, "clock", "--forward", "3h")

    assert told.exit_code == 0
    with_offset = clock._ahead()
    assert round(with_offset.total_seconds()) == 3 * 3600


@pytest.mark.usefixtures("marked")
@pytest.mark.parametrize("words", ["-3h", "soon", "3", "99999h", "3h30m"])
def test_the_demos_clock_takes_no_nonsense(run, words):
    assert run(demo.demo_commands, "clock", f"--forward={words}").exit_code == 2
    assert clock._ahead().total_seconds() == 0


def test_no_other_clock_moves(run):
    told = run(demo.demo_commands, "clock", "--forward", "3h")

    assert told.exit_code == 1
    assert "演示" in told.output
    assert abs((clock._ahead() + datetime.now(UTC) - datetime.now(UTC)).total_seconds()) < 1


def test_a_served_process_follows_only_a_marked_demo(world, settings, tmp_path):
    (tmp_path / marks.CLOCK_FILE).write_text("86400", encoding="ascii")
    demo_settings = replace(settings, env=DEMO, data_dir=tmp_path)

    marks.let_time_move(demo_settings)
    assert clock._ahead().total_seconds() == 0

    with unit_of_work():
        marks.mark_demo()
    marks.let_time_move(replace(settings, data_dir=tmp_path))
    assert clock._ahead().total_seconds() == 0
    marks.let_time_move(demo_settings)
    assert clock._ahead().total_seconds() == 86400
    clock._ahead_of.clear()
