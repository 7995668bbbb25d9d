"""More time and out of scores: what the desk allows, and what only the street may."""

from datetime import timedelta

import pytest

from app.escalation import queries as escalation
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
from app.tickets.states import Action, ResultKind, State
from tests.make import leaves
from tests.make import tickets as make
from tests.make.sla import shanghai
from workers import jobs


@pytest.fixture
def started(world):
    return make.started(world, make.submitted(world))


@pytest.fixture
def late(world):
    """A finished ticket that broke all its promises."""
    ticket_id = make.submitted(world)
    with clock.frozen(queries.get(ticket_id).resolve_due_at + timedelta(days=1)):
        make.resolved(world, ticket_id)
    return ticket_id


def extended(world, ticket_id, by="community", days=3):
    leaves.ask_time(world, ticket_id, days)
    return leaves.decide(world, ticket_id, by)


def ask_exclude(world, ticket_id, by="community", reason="third_party_only"):
    with unit_of_work():
        tickets.ask_exclude(world.actor(by), ticket_id, reason, Words("只能由供电公司办"))


def test_more_time_waits_for_the_tier_above_the_firm(world, started):
    due = queries.get(started).resolve_due_at

    leaves.ask_time(world, started)

    ticket = queries.get(started)
    assert (ticket.review_kind, ticket.resolve_due_at, ticket.extensions) == ("extend", due, 0)
    assert leaves.true_to_history(started)


def test_it_is_counted_in_working_days_from_the_old_due_time(world, started):
    assert queries.get(started).resolve_due_at == shanghai("2026-11-18 10:00")  # a Wednesday

    ticket = extended(world, started, days=3)

    assert ticket.resolve_due_at == shanghai("2026-11-23 18:00")
    assert ticket.extensions == 1
    assert (ticket.state, ticket.review_kind) == (State.IN_PROGRESS, None)
    assert leaves.true_to_history(started)


def test_only_the_time_to_finish_moves(world, started):
    before = queries.get(started)
    others = before.accept_due_at, before.respond_due_at

    ticket = extended(world, started)

    assert (ticket.accept_due_at, ticket.respond_due_at) == others


@pytest.mark.parametrize("name", ["repairer", "repairer2", "manager", "rival", "resident"])
def test_who_asked_and_their_firm_do_not_allow_it(world, started, name):
    leaves.ask_time(world, started)

    with pytest.raises((Forbidden, NotFound)):
        leaves.decide(world, started, name)

    assert queries.get(started).extensions == 0


def test_a_refused_extension_leaves_all(world, started):
    before = sla.clocks(started)
    leaves.ask_time(world, started)

    ticket = leaves.decide(world, started, approved=False)

    assert (ticket.extensions, ticket.review_kind) == (0, None)
    assert sla.clocks(started) == before
    assert leaves.true_to_history(started)


def test_the_second_is_the_streets_and_there_is_no_third(world, started):
    first = extended(world, started).resolve_due_at
    leaves.ask_time(world, started)

    with pytest.raises((Forbidden, NotFound)):
        leaves.decide(world, started, "community")
    second = leaves.decide(world, started, "street")

    assert first < second.resolve_due_at == shanghai("2026-11-26 18:00")
    assert second.extensions == 2
    with pytest.raises(RuleBroken) as refused:
        leaves.ask_time(world, started)
    assert refused.value.code == "extensions_used_up"
    assert leaves.true_to_history(started)


def test_a_refused_one_is_not_one_of_the_two(world, started):
    for _ in range(3):
        leaves.ask_time(world, started)
        leaves.decide(world, started, approved=False)

    assert extended(world, started).extensions == 1


def test_it_is_asked_until_the_deadline_and_not_after(world, started):
    due = queries.get(started).resolve_due_at

    with clock.frozen(due + timedelta(microseconds=1)), pytest.raises(RuleBroken) as refused:
        leaves.ask_time(world, started)
    with clock.frozen(due):
        leaves.ask_time(world, started)

    assert refused.value.code == "late_already"


@pytest.mark.parametrize("ask", [leaves.ask_time, leaves.ask_pause])
def test_a_late_yes_does_not_undo_a_broken_promise(world, started, ask):
    due = queries.get(started).resolve_due_at
    with clock.frozen(due - timedelta(minutes=5)):
        ask(world, started)

    with clock.frozen(due + timedelta(minutes=1)), pytest.raises(RuleBroken) as refused:
        leaves.decide(world, started)
    leaves.watched(due + timedelta(minutes=2))

    ticket = queries.get(started)
    assert refused.value.code == "late_already"
    assert (ticket.state, ticket.resolve_due_at) == (State.IN_PROGRESS, due)
    assert [row.kind for row in sla.breaches(started)] == [ClockKind.RESOLVE]
    assert leaves.true_to_history(started)


def test_an_extension_nobody_answers_goes_up_and_lapses(world, started):
    due = queries.get(started).resolve_due_at
    leaves.ask_time(world, started)

    while waiting := reviews.open_for("ticket", started):
        with clock.frozen(waiting[0].due_at + timedelta(minutes=1)):
            jobs.climb_reviews(clock.now())

    ticket = queries.get(started)
    assert leaves.actions(started)[-1] is Action.LAPSE
    assert (ticket.extensions, ticket.resolve_due_at, ticket.review_kind) == (0, due, None)
    assert leaves.true_to_history(started)


@pytest.mark.parametrize("days", [0, -1, 31])
def test_one_to_thirty_days_are_asked_for(world, started, days):
    with pytest.raises(Invalid) as refused:
        leaves.ask_time(world, started, days)

    assert refused.value.code == "bad_days"


def test_a_ticket_is_left_out_of_scores_by_the_street_and_once(world, late):
    ask_exclude(world, late)
    for name in ("community", "community2", "repairer"):
        with pytest.raises((Forbidden, NotFound)):
            leaves.decide(world, late, name)

    ticket = leaves.decide(world, late, "street")

    assert (ticket.excluded, ticket.state) == ("third_party_only", State.RESOLVED)
    with pytest.raises(RuleBroken) as refused:
        ask_exclude(world, late)
    assert refused.value.code == "excluded_already"
    assert leaves.true_to_history(late)


def test_leaving_it_out_takes_nothing_away(world, late):
    broken = [(row.kind, row.round, row.due_at, row.holder_id) for row in sla.breaches(late)]
    clocks = sla.clocks(late)
    ask_exclude(world, late)

    ticket = leaves.decide(world, late, "street")

    assert len(broken) == ticket.breaches == 3
    assert [
        (row.kind, row.round, row.due_at, row.holder_id) for row in sla.breaches(late)
    ] == broken
    assert sla.clocks(late) == clocks


def test_a_closed_ticket_is_left_out_and_publicly_counted(world, late):
    with make.after(days=4), unit_of_work():
        tickets.verdict(world.actor("resident"), late, "yes", Words())
    ask_exclude(world, late)

    ticket = leaves.decide(world, late, "street")

    found = escalation.tally("community", world.places["community"], ticket.submitted_at)
    assert (ticket.state, ticket.excluded) == (State.CLOSED, "third_party_only")
    assert (found.excluded, found.leaves["exclude"]) == (1, 1)
    assert leaves.true_to_history(late)


def test_what_is_still_worked_on_is_not_left_out(world, started):
    with pytest.raises(Conflict):
        ask_exclude(world, started)


def test_a_refused_proposal_leaves_it_in(world, late):
    ask_exclude(world, late)

    ticket = leaves.decide(world, late, "street", approved=False)

    assert (ticket.excluded, ticket.review_kind) == (None, None)


@pytest.mark.parametrize("reason", ["we_are_friends", ""])
def test_only_listed_reasons_leave_it_out(world, late, reason):
    with pytest.raises(Invalid) as refused:
        ask_exclude(world, late, reason=reason)

    assert refused.value.code == "unknown_reason"


@pytest.mark.parametrize("name", ["repairer", "manager", "grid", "resident"])
def test_the_desk_proposes_and_nobody_else(world, late, name):
    with pytest.raises((Forbidden, NotFound)):
        ask_exclude(world, late, by=name)


def test_nobody_of_the_accused_has_a_say_in_its_scores(world):
    ticket_id = make.submitted(world, make.GUARD)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")
    make.started(world, ticket_id, by="community")
    with unit_of_work():
        words = Words("门岗已换人")
        tickets.resolve(world.actor("community"), ticket_id, ResultKind.EXPLAINED, words)
        firm = world.organisations["firm"]
        identity.appoint(SYSTEM, world.people["street2"], Role.REPAIRER, firm)
    ask_exclude(world, ticket_id)

    with pytest.raises((Forbidden, NotFound)):
        leaves.decide(world, ticket_id, "street2")

    assert leaves.decide(world, ticket_id, "street").excluded == "third_party_only"


def test_nobody_of_the_lead_decides_about_the_leads_score(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        firm = world.organisations["firm"]
        identity.appoint(SYSTEM, world.people["street2"], Role.REPAIRER, firm)
    ask_exclude(world, ticket_id)

    with pytest.raises(Forbidden) as refused:
        leaves.decide(world, ticket_id, "street2")

    assert refused.value.code == "involved_in_review"
    assert leaves.decide(world, ticket_id, "street").review_kind is None
