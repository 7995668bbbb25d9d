"""Tiers at work: supervising, answering, calling departments."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action, State
from tests.make import leaves
from tests.make import tickets as make
from tests.make.sla import shanghai

BURST = "EMG-BURST"  # P0
WHY = Words("居民多次反映")


@pytest.fixture
def started(world):
    return make.started(world, make.submitted(world))


def supervise(world, ticket_id, by="community", level="supervise"):
    with unit_of_work():
        return tickets.supervise(world.actor(by), ticket_id, level, WHY)


def answer(world, ticket_id, by="repairer"):
    with unit_of_work():
        return tickets.answer(world.actor(by), ticket_id, Words("今天下午到场"))


def whistle(world, ticket_id, whom="water", by="community", **much):
    due = clock.now() + timedelta(**much or {"hours": 3})
    with unit_of_work():
        organisation_id = world.organisations[whom]
        return tickets.whistle(world.actor(by), ticket_id, organisation_id, due, WHY)


def report_in(world, ticket_id, whom="water", by="community"):
    with unit_of_work():
        words = Words("水务已到场")
        return tickets.report_in(world.actor(by), ticket_id, world.organisations[whom], words)


@pytest.mark.parametrize(
    ("by", "level"),
    [
        ("community", "remind"),
        ("community", "supervise"),
        ("street", "remind"),
        ("street", "listed"),
        ("street", "interview"),
        ("district", "supervise"),
        ("district", "interview"),
    ],
)
def test_a_tier_asks_as_sternly_as_it_may(world, started, by, level):
    ticket = supervise(world, started, by, level)

    assert (ticket.supervised, ticket.lead_id) == (level, world.organisations["firm"])
    assert ticket.answer_due_at == shanghai("2026-11-17 18:00")  # the next working day's end
    assert leaves.true_to_history(started)


@pytest.mark.parametrize("level", ["listed", "interview"])
def test_the_community_neither_lists_nor_interviews(world, started, level):
    with pytest.raises(RuleBroken) as refused:
        supervise(world, started, "community", level)

    assert refused.value.code == "street_only"
    assert queries.get(started).supervised is None


def test_there_are_four_levels_and_each_needs_words(world, started):
    with pytest.raises(Invalid) as unknown:
        supervise(world, started, level="shout")
    with pytest.raises(Invalid) as wordless, unit_of_work():
        tickets.supervise(world.actor("community"), started, "remind", Words(" "))

    assert (unknown.value.code, wordless.value.code) == ("unknown_level", "text_needed")


@pytest.mark.parametrize("name", ["repairer", "manager", "rival", "grid", "resident"])
def test_only_a_desk_supervises(world, started, name):
    with pytest.raises((Forbidden, NotFound)):
        supervise(world, started, name)


def test_a_lead_does_not_supervise_itself(world):
    ticket_id = make.submitted(world, make.UNSURE)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")

    with pytest.raises(RuleBroken) as refused:
        supervise(world, ticket_id)

    assert refused.value.code == "own_ticket"
    assert supervise(world, ticket_id, "street").supervised == "supervise"


def test_the_lead_answers_and_the_level_stays_to_be_seen(world, started):
    supervise(world, started)

    with make.after(hours=2):
        ticket = answer(world, started)

    assert (ticket.answer_due_at, ticket.supervised) == (None, "supervise")
    assert leaves.clock_of(started, ClockKind.ANSWER).met_at is not None
    leaves.watched(shanghai("2026-11-17 18:01"))
    assert sla.breaches(started) == []
    assert leaves.true_to_history(started)


@pytest.mark.parametrize("name", ["community", "rival", "resident"])
def test_nobody_answers_for_the_lead(world, started, name):
    supervise(world, started)

    with pytest.raises((Forbidden, NotFound)):
        answer(world, started, name)


def test_there_is_no_answer_to_what_nobody_asked(world, started):
    with pytest.raises(RuleBroken) as refused:
        answer(world, started)

    assert refused.value.code == "no_supervision"


def test_other_words_of_the_lead_are_no_answer(world, started):
    due = supervise(world, started).answer_due_at

    with unit_of_work():
        tickets.progress(world.actor("repairer"), started, Words("在修"), public=True)

    assert queries.get(started).answer_due_at == due


@pytest.mark.parametrize("noted_first", [True, False])
def test_a_late_answer_is_a_broken_promise(world, started, noted_first):
    due = supervise(world, started).answer_due_at
    if noted_first:
        leaves.watched(due + timedelta(seconds=1), times=2)

    with clock.frozen(due + timedelta(minutes=1)):
        answer(world, started)

    assert [(row.kind, row.holder_id) for row in sla.breaches(started)] == [
        (ClockKind.ANSWER, world.organisations["firm"])
    ]
    assert (queries.get(started).breaches, queries.get(started).tier) == (1, 1)
    assert leaves.true_to_history(started)


def test_asked_again_it_is_owed_again(world, started):
    supervise(world, started)
    answer(world, started)

    with make.after(days=1):
        ticket = supervise(world, started, "street", "listed")

    assert ticket.answer_due_at == shanghai("2026-11-18 18:00")
    assert len(leaves.rounds(started, ClockKind.ANSWER)) == 2


def test_a_department_without_an_account_is_called_and_the_desk_notes_its_coming(world, started):
    due = clock.now() + timedelta(hours=3)

    ticket = whistle(world, started)
    report_in(world, started)

    water = world.organisations["water"]
    assert water.hex in ticket.co_ids
    (helper,) = [one for one in queries.holdings_of(started) if one.role == "co_handler"]
    assert (helper.organisation_id, helper.due_at, helper.why) == (water, due, "吹哨")
    assert leaves.actions(started)[-2:] == [Action.WHISTLE, Action.REPORT_IN]
    assert leaves.true_to_history(started)


def test_a_department_with_an_account_speaks_for_itself(world, started):
    whistle(world, started, "rival_firm")

    with pytest.raises(RuleBroken) as refused:
        report_in(world, started, "rival_firm", by="community")
    report_in(world, started, "rival_firm", by="rival")

    assert refused.value.code == "not_called"
    assert leaves.actions(started)[-1] is Action.REPORT_IN


def test_one_that_was_called_does_not_speak_for_another(world, started):
    whistle(world, started, "water")
    whistle(world, started, "rival_firm")

    with pytest.raises(RuleBroken) as refused:
        report_in(world, started, "water", by="rival")

    assert refused.value.code == "not_called"


def test_a_desk_that_helps_itself_still_notes_who_has_no_account(world):
    ticket_id = make.submitted(world, BURST)
    with unit_of_work():
        tickets.dispatch_beside(ticket_id, world.organisations["community_desk"])
    whistle(world, ticket_id, "water")

    report_in(world, ticket_id, "water", by="community")

    assert leaves.actions(ticket_id)[-1] is Action.REPORT_IN


@pytest.mark.parametrize(("whom", "by"), [("water", "community"), ("rival_firm", "rival")])
def test_only_who_was_called_reports_in(world, started, whom, by):
    with pytest.raises((RuleBroken, Forbidden, NotFound)):
        report_in(world, started, whom, by)

    assert Action.REPORT_IN not in leaves.actions(started)


def test_nobody_is_called_twice_nor_the_lead_nor_for_the_past(world, started):
    with pytest.raises(Invalid) as past:
        whistle(world, started, minutes=-1)
    whistle(world, started)
    with pytest.raises(Conflict) as twice:
        whistle(world, started)
    with pytest.raises(Conflict) as lead:
        whistle(world, started, "firm")

    assert past.value.code == "due_in_past"
    assert twice.value.code == lead.value.code == "already_handling"


def test_the_accused_is_never_called(world):
    ticket_id = make.submitted(world, make.GUARD)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")

    with pytest.raises(RuleBroken) as refused:
        whistle(world, ticket_id, "firm")

    assert refused.value.code == "accused_never_leads"


def test_nudges_are_as_few_as_ever_whoever_came_in(world, started):
    supervise(world, started)
    with unit_of_work():
        tickets.nudge(world.actor("resident"), started, Words())
    with pytest.raises(RuleBroken) as lately, unit_of_work():
        tickets.nudge(world.actor("resident"), started, Words())
    for days in range(1, 5):
        with make.after(days=days), unit_of_work():
            tickets.nudge(world.actor("resident"), started, Words())
    with make.after(days=6), pytest.raises(RuleBroken) as over, unit_of_work():
        tickets.nudge(world.actor("resident"), started, Words())

    assert (lately.value.code, over.value.code) == ("nudged_lately", "nudges_used_up")
    assert queries.get(started).nudges == 5
    assert queries.get(started).state is State.IN_PROGRESS
