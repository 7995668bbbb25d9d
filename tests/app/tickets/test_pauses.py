"""Pauses: asked by the handler, allowed by the desk, over on the planned day."""

from datetime import timedelta

import pytest

from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.reviews import queries as reviews
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action, State
from tests.make import leaves
from tests.make import tickets as make
from tests.make.sla import shanghai
from workers import jobs

BURST = "EMG-BURST"  # P0
ROAD = "PUB-ROAD"  # resolved within 7 working days


@pytest.fixture
def started(world):
    return make.started(world, make.submitted(world))


def stands(ticket_id):
    """How the promises of a ticket stand, whatever else was said meanwhile."""
    return [(one.kind, one.round, one.due_at, one.paused) for one in sla.clocks(ticket_id)]


def test_a_pause_waits_for_the_desk(world, started):
    before = stands(started)

    leaves.ask_pause(world, started)

    ticket = queries.get(started)
    assert (ticket.state, ticket.review_kind) == (State.IN_PROGRESS, "suspend")
    assert stands(started) == before
    assert leaves.true_to_history(started)


def test_the_desk_allows_it_and_the_ticket_says_why_and_until_when(world, started):
    until = leaves.ask_pause(world, started)

    ticket = leaves.decide(world, started)

    assert (ticket.state, ticket.review_kind) == (State.SUSPENDED, None)
    assert (ticket.suspended_for, ticket.resume_at) == ("parts", until)
    assert ticket.next_due_at == until
    assert leaves.true_to_history(started)


@pytest.mark.parametrize(
    "name", ["repairer", "repairer2", "manager", "rival", "grid", "resident", "other_community"]
)
def test_nobody_but_the_desk_decides(world, started, name):
    leaves.ask_pause(world, started)

    with pytest.raises((Forbidden, NotFound)):
        leaves.decide(world, started, by=name)

    assert queries.get(started).state is State.IN_PROGRESS


def test_who_also_works_for_the_lead_does_not_decide_at_the_desk(world, started):
    with unit_of_work():
        firm = world.organisations["firm"]
        identity.appoint(SYSTEM, world.people["community2"], Role.REPAIRER, firm)
    leaves.ask_pause(world, started)

    with pytest.raises(Forbidden) as refused:
        leaves.decide(world, started, by="community2")

    assert refused.value.code == "involved_in_review"
    assert leaves.decide(world, started).state is State.SUSPENDED


def test_a_desk_that_does_the_work_itself_gives_itself_no_time(world):
    ticket_id = make.submitted(world, make.UNSURE)
    if queries.get(ticket_id).state is State.SUBMITTED:
        make.dispatched_by_hand(world, ticket_id, to="community_desk")
    make.started(world, ticket_id, by="community")
    leaves.ask_pause(world, ticket_id, by="community")

    for name in ("community", "community2"):
        with pytest.raises((Forbidden, NotFound)):
            leaves.decide(world, ticket_id, by=name)

    assert leaves.decide(world, ticket_id, by="street").state is State.SUSPENDED


@pytest.mark.parametrize("reason", ["tired", "", "配件"])
def test_only_listed_reasons_are_taken(world, started, reason):
    with pytest.raises(Invalid) as refused:
        leaves.ask_pause(world, started, reason=reason)

    assert refused.value.code == "unknown_reason"


@pytest.mark.parametrize("reason", sorted(tickets.SUSPEND_REASONS))
def test_every_listed_reason_is_taken(world, started, reason):
    leaves.paused(world, started, reason=reason)

    assert queries.get(started).suspended_for == reason


def test_a_pause_needs_words(world, started):
    with pytest.raises(Invalid) as refused:
        leaves.ask_pause(world, started, words=Words("  "))

    assert refused.value.code == "text_needed"


@pytest.mark.parametrize("much", [{"minutes": 0}, {"minutes": -1}, {"days": -3}])
def test_it_ends_later_than_now(world, started, much):
    with pytest.raises(Invalid) as refused:
        leaves.ask_pause(world, started, **much)

    assert refused.value.code == "until_past"
    assert queries.get(started).review_kind is None


def test_an_emergency_is_never_paused(world):
    ticket_id = make.started(world, make.submitted(world, BURST))

    with pytest.raises(RuleBroken) as refused:
        leaves.ask_pause(world, ticket_id)

    assert refused.value.code == "never_paused"


def test_what_is_late_already_is_not_paused(world, started):
    late = queries.get(started).resolve_due_at + timedelta(seconds=1)

    with clock.frozen(late), pytest.raises(RuleBroken) as refused:
        leaves.ask_pause(world, started)

    assert refused.value.code == "late_already"


def test_what_is_not_begun_is_not_paused(world):
    ticket_id = make.accepted(world, make.submitted(world))

    with pytest.raises(Conflict):
        leaves.ask_pause(world, ticket_id)

    assert queries.get(ticket_id).review_kind is None


def test_all_pauses_of_a_ticket_last_sixty_days_at_most(world, started):
    leaves.paused(world, started, days=40)
    with make.after(days=30):
        leaves.resume(world, started)
    with make.after(days=30, hours=1):
        with pytest.raises(RuleBroken) as refused:
            leaves.ask_pause(world, started, days=30, seconds=1)
        until = leaves.paused(world, started, days=30)

    assert refused.value.code == "paused_too_long"
    assert queries.get(started).resume_at == until
    assert leaves.true_to_history(started)


def test_a_wall_clock_moves_by_the_whole_pause_and_the_others_stay(world, started):
    before = queries.get(started)
    due = before.accept_due_at, before.respond_due_at, before.resolve_due_at

    with make.after(hours=5):
        leaves.paused(world, started, days=10)

    after = queries.get(started)
    assert (after.accept_due_at, after.respond_due_at) == due[:2]
    assert after.resolve_due_at == due[2] + timedelta(days=10)


def test_going_on_early_gives_back_only_what_was_taken(world, started):
    due = queries.get(started).resolve_due_at
    leaves.paused(world, started, days=10)

    with make.after(days=4, minutes=7):
        ticket = leaves.resume(world, started)

    assert (ticket.state, ticket.resume_at, ticket.suspended_for) == (
        State.IN_PROGRESS,
        None,
        None,
    )
    assert ticket.resolve_due_at == due + timedelta(days=4, minutes=7)
    assert leaves.true_to_history(started)


@pytest.mark.parametrize(
    ("goes_on", "due"),
    [
        ("2026-09-19 12:00", "2026-09-30 15:00"),  # of Friday afternoon four hours
        ("2026-09-20 18:00", "2026-10-08 15:00"),  # and the Sunday that is worked: seven
        ("2026-09-21 10:00", "2026-10-08 16:00"),  # and one of Monday
    ],
)
def test_working_days_move_by_the_office_time_of_the_pause(world, goes_on, due):
    """Sunday 20 September 2026 is worked; 25 to 27 September and 1 to 7 October are off."""
    with clock.frozen(shanghai("2026-09-18 10:00")):
        ticket_id = make.started(world, make.submitted(world, ROAD))
    assert queries.get(ticket_id).resolve_due_at == shanghai("2026-09-29 18:00")
    with clock.frozen(shanghai("2026-09-18 13:00")):
        leaves.paused(world, ticket_id, days=20)

    with clock.frozen(shanghai(goes_on)):
        ticket = leaves.resume(world, ticket_id)

    assert ticket.resolve_due_at == shanghai(due)
    assert leaves.true_to_history(ticket_id)


def test_the_watcher_ends_a_pause_on_its_day_and_once(world, started):
    due = queries.get(started).resolve_due_at
    until = leaves.paused(world, started)

    leaves.watched(until - timedelta(seconds=1))
    assert queries.get(started).state is State.SUSPENDED
    leaves.watched(until, times=3)

    assert queries.get(started).state is State.IN_PROGRESS
    assert queries.get(started).resolve_due_at == due + timedelta(days=10)
    assert leaves.actions(started).count(Action.RESUME) == 1
    assert leaves.true_to_history(started)


def test_a_watcher_that_comes_late_gives_nobody_more_time(world, started):
    due = queries.get(started).resolve_due_at
    until = leaves.paused(world, started)

    leaves.watched(until + timedelta(hours=9))

    assert queries.get(started).state is State.IN_PROGRESS
    assert leaves.clock_of(started, ClockKind.RESOLVE).pauses[-1][1] == until
    assert queries.get(started).resolve_due_at == due + timedelta(days=10)
    assert leaves.true_to_history(started)


def test_after_a_pause_the_promise_breaks_as_any_other(world, started):
    until = leaves.paused(world, started)
    leaves.watched(until)

    leaves.watched(queries.get(started).resolve_due_at + timedelta(seconds=1))

    assert [row.kind for row in sla.breaches(started)] == [ClockKind.RESOLVE]
    assert queries.get(started).tier == 2
    assert leaves.true_to_history(started)


def test_while_paused_nothing_is_due_soon_and_nothing_breaks(world, started):
    before = queries.get(started).resolve_due_at
    until = leaves.paused(world, started)

    for moment in (before - timedelta(hours=1), before + timedelta(days=1), until):
        leaves.watched(moment - timedelta(seconds=1))
        ticket = queries.get(started)
        assert (ticket.state, ticket.due_soon, ticket.breaches) == (State.SUSPENDED, False, 0)

    assert sla.breaches(started) == []
    assert queries.get(started).tier == 1


def test_a_refused_pause_moves_nothing(world, started):
    before = stands(started)
    leaves.ask_pause(world, started)

    ticket = leaves.decide(world, started, approved=False)

    assert (ticket.state, ticket.review_kind, ticket.resume_at) == (State.IN_PROGRESS, None, None)
    assert stands(started) == before
    assert leaves.true_to_history(started)


def test_what_is_allowed_after_its_own_end_is_no_pause(world, started):
    before = stands(started)
    until = leaves.ask_pause(world, started, hours=2)

    with clock.frozen(until), pytest.raises(RuleBroken) as refused:
        leaves.decide(world, started)

    assert refused.value.code == "until_past"
    assert stands(started) == before


def test_what_a_resident_says_moves_no_clock(world, started):
    leaves.paused(world, started)
    before = stands(started)

    with make.after(days=1), unit_of_work():
        resident = world.actor("resident")
        tickets.nudge(resident, started, Words("快一点"))
        tickets.supplement(resident, started, Words("老人摔了一跤"))

    assert stands(started) == before
    assert queries.get(started).state is State.SUSPENDED
    assert leaves.true_to_history(started)


def test_an_unanswered_question_goes_up_and_at_the_top_it_lapses(world, started):
    before = stands(started)
    leaves.ask_pause(world, started)
    desks = []

    while waiting := reviews.open_for("ticket", started):
        desks.append(len(reviews.desk_nodes(waiting[0].id)))
        with clock.frozen(waiting[0].due_at + timedelta(minutes=1)):
            jobs.climb_reviews(clock.now())

    assert desks == [1, 2, 3]
    ticket = queries.get(started)
    assert (ticket.state, ticket.review_kind) == (State.IN_PROGRESS, None)
    assert leaves.actions(started)[-1] is Action.LAPSE
    assert stands(started) == before
    assert leaves.true_to_history(started)


def test_the_street_may_answer_what_climbed_to_it(world, started):
    leaves.ask_pause(world, started)
    (waiting,) = reviews.open_for("ticket", started)

    with clock.frozen(waiting.due_at + timedelta(minutes=1)):
        jobs.climb_reviews(clock.now())
        ticket = leaves.decide(world, started, by="street")

    assert ticket.state is State.SUSPENDED


def test_withdrawn_while_paused_it_is_over_and_never_goes_on(world, started):
    until = leaves.paused(world, started)

    with make.after(days=2), unit_of_work():
        tickets.withdraw(world.actor("resident"), started, Words("自己修好了"))
    leaves.watched(until + timedelta(days=5))

    ticket = queries.get(started)
    assert (ticket.state, ticket.breaches) == (State.WITHDRAWN, 0)
    assert not any(one.running or one.paused for one in sla.clocks(started))
    assert Action.RESUME not in leaves.actions(started)
    assert leaves.true_to_history(started)
