"""A changed calendar or limit moves open clocks, says so first, and mends nothing broken."""

from datetime import timedelta

from app.catalog import service as catalog
from app.escalation import queries as escalation_queries
from app.escalation import service
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.clocks import latest
from app.sla.rules import ClockKind
from app.tickets import queries as tickets
from app.tickets.states import Action
from tests.make import sla as calendar
from tests.make import tickets as make
from workers import jobs

GREEN = "ENV-GREEN"  # five working days


def resolve_of(ticket_id):
    session.expire_all()
    return latest(sla.clocks(ticket_id))[ClockKind.RESOLVE]


def a_holiday_tomorrow():
    """Enter a national holiday on the next working day."""
    calendar.bring_in("date,kind,name\n2026-11-17,holiday,临时放假")


def test_a_new_holiday_moves_what_runs_in_working_days(world):
    ticket_id, wall = make.submitted(world, GREEN), make.submitted(world)
    before, untouched = resolve_of(ticket_id), resolve_of(wall).due_at

    a_holiday_tomorrow()
    jobs.recount_open()

    after = resolve_of(ticket_id)
    assert after.due_at > before.due_at
    assert after.edition == sla.edition() > before.edition
    assert tickets.get(ticket_id).resolve_due_at == after.due_at
    assert resolve_of(wall).due_at == untouched
    assert tickets.steps_of(ticket_id)[-1].action is Action.RECOUNT
    assert service.differences_of(ticket_id) == service.differences_of(wall) == []
    assert make.sound(ticket_id)


def test_the_preview_tells_what_moves_and_changes_nothing(world):
    ticket_id = make.submitted(world, GREEN)
    before = resolve_of(ticket_id)
    a_holiday_tomorrow()

    told = list(service.preview())

    assert resolve_of(ticket_id) == before
    jobs.recount_open()
    after = resolve_of(ticket_id)
    assert (before.due_at, after.due_at) in {(one.before, one.after) for one in told}
    assert list(service.preview()) == []


def test_counting_anew_twice_is_counting_once(world):
    ticket_id = make.submitted(world, GREEN)
    a_holiday_tomorrow()

    jobs.recount_open()
    jobs.recount_open()

    actions = [step.action for step in tickets.steps_of(ticket_id)]
    assert actions.count(Action.RECOUNT) == 1


def test_what_is_over_or_broken_stays_as_it_was(world):
    done, late = make.submitted(world), make.submitted(world, GREEN, by="neighbour")
    make.resolved(world, done)
    promised = {one: resolve_of(one).due_at for one in (done, late)}
    with clock.frozen(promised[late] + timedelta(minutes=1)):
        jobs.watch(clock.now())
        broken = len(sla.breaches(late))
        calendar.bring_in("date,kind,name\n2026-11-18,holiday,补记的放假")
        jobs.recount_open()

        assert {one: resolve_of(one).due_at for one in (done, late)} == promised
        assert len(sla.breaches(late)) == broken > 0


def test_a_shorter_limit_holds_for_open_tickets_too(world):
    ticket_id = make.submitted(world)
    before = resolve_of(ticket_id)
    with unit_of_work():
        catalog.override(
            SYSTEM,
            catalog.OverrideDraft(
                category_code=make.LIGHT,
                district_id=world.places["district"],
                changes={"resolve_by": "1d"},
                why="区里承诺当天修",
            ),
        )
    with make.after(minutes=1):
        jobs.recount_open()

    after = resolve_of(ticket_id)
    assert after.due_at == before.started_at + timedelta(days=1)
    assert after.policy_version > before.policy_version
    assert service.differences_of(ticket_id) == []
    assert escalation_queries.standing(ticket_id) is None
