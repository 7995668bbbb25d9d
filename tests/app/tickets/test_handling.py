"""What the handler does, and what residents answer."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.ratings import queries as ratings
from app.ratings import service as rating
from app.sla import queries as sla
from app.tickets import queries, worklists
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import CloseReason, QuoteState, ResultKind, State
from tests.make import tickets as make


def clocks(ticket_id):
    return {clock_.kind: clock_ for clock_ in sla.clocks(ticket_id)}


def test_accepting_starting_and_resolving_meet_the_three_clocks(world):
    ticket_id = make.resolved(world, make.submitted(world))

    assert [one.met_at for one in clocks(ticket_id).values()] == [clock.now()] * 3
    assert queries.get(ticket_id).assignee_id == world.people["repairer"]


def test_a_ticket_is_accepted_only_once(world):
    ticket_id = make.accepted(world, make.submitted(world))

    with pytest.raises(Conflict) as refused:
        make.accepted(world, ticket_id, by="repairer2")

    assert refused.value.extra == {"state": "accepted"}


@pytest.mark.parametrize("name", ["rival", "community", "resident", "committee_chair"])
def test_only_the_lead_accepts(world, name):
    ticket_id = make.submitted(world)

    with pytest.raises((NotFound, Forbidden)):
        make.accepted(world, ticket_id, by=name)


def test_a_pool_ticket_goes_to_the_first_who_claims_it(world):
    ticket_id = make.submitted(world, make.UNSURE)
    with unit_of_work():
        target = Target(organisation_id=world.organisations["firm"], claimable=True)
        tickets.dispatch(world.actor("community"), ticket_id, target, Words("谁有空谁去"))
    pool = lambda name: [  # noqa: E731
        one.id
        for one in worklists.work_page(
            world.actor(name), "pool", now=clock.now(), cursor=None, limit=9
        ).items
    ]
    assert pool("repairer2") == [ticket_id]
    assert pool("rival") == []

    with unit_of_work():
        tickets.claim(world.actor("repairer2"), ticket_id)

    assert queries.get(ticket_id).assignee_id == world.people["repairer2"]
    with pytest.raises(Conflict), unit_of_work():
        tickets.claim(world.actor("repairer"), ticket_id)


def test_a_manager_hands_tickets_to_the_firms_own_people(world):
    ticket_id = make.submitted(world)
    manager = world.actor("manager")

    with pytest.raises(Invalid), unit_of_work():
        tickets.assign(manager, ticket_id, world.people["rival"], Words())
    with unit_of_work():
        tickets.assign(manager, ticket_id, world.people["repairer2"], Words("你去"))

    assert queries.get(ticket_id).assignee_id == world.people["repairer2"]


def test_a_repair_is_resolved_with_a_photo(world):
    ticket_id = make.started(world, make.submitted(world))

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.resolve(world.actor("repairer"), ticket_id, ResultKind.FIXED, Words("好了"))

    assert refused.value.code == "photo_needed"
    assert queries.get(ticket_id).state is State.IN_PROGRESS


def test_somebody_elses_photo_is_not_taken(world):
    ticket_id = make.started(world, make.submitted(world))
    words = Words("好了", [make.photo(world, "resident")])

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.resolve(world.actor("repairer"), ticket_id, ResultKind.FIXED, words)

    assert refused.value.code == "bad_media"


def test_internal_notes_stay_with_staff(world):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        tickets.progress(world.actor("repairer"), ticket_id, Words("业主脾气大"), public=False)
    with unit_of_work():
        tickets.progress(world.actor("repairer"), ticket_id, Words("已订配件"), public=True)

    public = [step.seq for step in queries.steps_of(ticket_id, public_only=True)]

    assert public == [1, 2, 3, 4, 6]


def test_helpers_have_a_due_time_of_their_own_and_the_lead_stays(world):
    ticket_id = make.started(world, make.submitted(world))
    due = clock.now() + timedelta(days=1)
    with unit_of_work():
        tickets.assist(
            world.actor("repairer"),
            ticket_id,
            world.organisations["rival_firm"],
            due,
            Words("借梯子"),
        )
    helper = next(row for row in queries.holdings_of(ticket_id) if row.role == "co_handler")
    assert (helper.due_at, helper.to_at) == (due, None)

    with unit_of_work():
        tickets.assist_done(world.actor("rival"), ticket_id, Words("梯子送到"))

    ticket = queries.get(ticket_id)
    assert (ticket.co_ids, ticket.lead_id) == ([], world.organisations["firm"])
    with pytest.raises(NotFound):
        tickets.read(world.actor("rival"), ticket_id)
    assert make.sound(ticket_id)


def test_a_paid_repair_waits_for_consent(world):
    ticket_id = make.started(world, make.submitted(world))
    repairer = world.actor("repairer")
    with unit_of_work():
        tickets.quote(repairer, ticket_id, "paid", 8000, Words("换阀门80元"))
    words = Words("好了", [make.photo(world, "repairer")])
    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.resolve(repairer, ticket_id, ResultKind.FIXED, words)
    assert refused.value.code == "quote_open"

    with unit_of_work():
        tickets.agree(world.actor("resident"), ticket_id, agreed=True, words=Words())
    with unit_of_work():
        tickets.resolve(repairer, ticket_id, ResultKind.FIXED, words)

    assert queries.get(ticket_id).quote_state is QuoteState.AGREED
    assert queries.last_quote(ticket_id).agreed is True


@pytest.mark.parametrize(("pay", "fen"), [("paid", 0), ("free", 100), ("tip", 100), ("paid", -5)])
def test_a_quote_says_what_it_costs(world, pay, fen):
    ticket_id = make.started(world, make.submitted(world))

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.quote(world.actor("repairer"), ticket_id, pay, fen, Words("说明"))

    assert refused.value.code == "bad_quote"


def test_both_sides_may_record_a_broken_appointment_once(world):
    ticket_id = make.accepted(world, make.submitted(world))
    begins = clock.now() + timedelta(hours=1)
    with unit_of_work():
        tickets.appoint(
            world.actor("repairer"), ticket_id, begins, begins + timedelta(hours=2), Words()
        )
    resident = world.actor("resident")
    with pytest.raises(RuleBroken), unit_of_work():
        tickets.no_show(resident, ticket_id, Words("没人来"), as_resident=True)

    with make.after(hours=4), unit_of_work():
        tickets.no_show(resident, ticket_id, Words("没人来"), as_resident=True)
    with make.after(hours=5), pytest.raises(Conflict), unit_of_work():
        tickets.no_show(world.actor("repairer"), ticket_id, Words("没人在家"), as_resident=False)

    assert queries.last_appointment(ticket_id).no_show_by == "handler"


def test_the_verdict_closes_and_the_satisfaction_is_kept(world):
    ticket_id = make.resolved(world, make.submitted(world))

    with unit_of_work():
        rating.rate(world.actor("resident"), ticket_id, "partly", "mostly_satisfied", Words("还行"))

    ticket, rated = queries.get(ticket_id), ratings.of_ticket(ticket_id)
    assert (ticket.state, ticket.close_reason) == (State.CLOSED, CloseReason.PARTLY)
    assert [(one.satisfaction.value, one.words) for one in rated] == [("mostly_satisfied", "还行")]
    assert rated[0].lead_id == world.organisations["firm"]


@pytest.mark.parametrize("name", ["repairer", "manager", "community", "neighbour", "head"])
def test_nobody_else_gives_the_verdict(world, name):
    ticket_id = make.resolved(world, make.submitted(world))

    with pytest.raises(NotFound), unit_of_work():
        tickets.verdict(world.actor(name), ticket_id, "yes", Words())

    assert queries.get(ticket_id).state is State.RESOLVED


def test_a_follow_up_is_not_entered_by_the_handler(world):
    ticket_id = make.resolved(world, make.submitted(world))
    for name in ("repairer", "manager"):
        with pytest.raises((Forbidden, NotFound)), unit_of_work():
            rating.follow_up(world.actor(name), ticket_id, "yes", "satisfied", Words("电话问过"))

    with unit_of_work():
        rating.follow_up(world.actor("community"), ticket_id, "yes", "satisfied", Words("电话问过"))

    verdict = queries.verdicts_of(ticket_id)[0]
    assert (verdict.channel, verdict.entered_by_id) == ("phone", world.people["community"])
    assert queries.get(ticket_id).close_reason is CloseReason.SOLVED


def test_a_desk_that_led_does_not_call_about_its_own_work(world):
    ticket_id = make.dispatched_by_hand(
        world, make.submitted(world, make.UNSURE), to="community_desk"
    )
    make.resolved(world, ticket_id, by="community2")

    with pytest.raises(Forbidden), unit_of_work():
        rating.follow_up(world.actor("community"), ticket_id, "yes", None, Words("问过"))
    with unit_of_work():
        rating.follow_up(world.actor("street"), ticket_id, "yes", None, Words("问过"))

    assert queries.get(ticket_id).state is State.CLOSED


def test_silence_closes_as_no_answer_after_the_days_of_the_category(world):
    ticket_id = make.resolved(world, make.submitted(world))
    due = queries.get(ticket_id).confirm_due_at
    assert due == clock.now() + timedelta(days=7)

    with clock.frozen(due - timedelta(seconds=1)), unit_of_work():
        assert not tickets.auto_close(ticket_id)
    with clock.frozen(due):
        assert queries.silent(clock.now(), 10) == [ticket_id]
        with unit_of_work():
            assert tickets.auto_close(ticket_id)
        with unit_of_work():
            assert not tickets.auto_close(ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.close_reason) == (State.CLOSED, CloseReason.NO_ANSWER)
    assert ratings.of_ticket(ticket_id) == []
    assert make.sound(ticket_id)


def test_reopening_within_thirty_days_brings_it_back_to_the_same_hands(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.verdict(world.actor("resident"), ticket_id, "yes", Words())

    with make.after(days=31), pytest.raises(RuleBroken), unit_of_work():
        tickets.reopen(world.actor("resident"), ticket_id, Words("又坏了"))
    with make.after(days=29), unit_of_work():
        tickets.reopen(world.actor("resident"), ticket_id, Words("又坏了"))

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.lead_id) == (State.IN_PROGRESS, world.organisations["firm"])
    assert ticket.closed_at is None
    assert make.sound(ticket_id)


def test_withdrawing_is_free_before_acceptance_and_needs_words_after(world):
    free, held = make.submitted(world), make.accepted(world, make.submitted(world))
    resident = world.actor("resident")

    with unit_of_work():
        tickets.withdraw(resident, free, Words())
    with pytest.raises(Invalid), unit_of_work():
        tickets.withdraw(resident, held, Words())
    with unit_of_work():
        tickets.withdraw(resident, held, Words("自己换了灯泡"))

    assert [queries.get(one).withdrawn_after_accept for one in (free, held)] == [False, True]
    assert make.sound(held)


def test_a_nudge_is_counted_and_moves_no_clock(world):
    ticket_id = make.accepted(world, make.submitted(world))
    before = [one.due_at for one in sla.clocks(ticket_id)]

    with unit_of_work():
        tickets.nudge(world.actor("resident"), ticket_id, Words("快点"))
    with pytest.raises(RuleBroken), unit_of_work():
        tickets.nudge(world.actor("resident"), ticket_id, Words("快点"))

    assert queries.get(ticket_id).nudges == 1
    assert [one.due_at for one in sla.clocks(ticket_id)] == before


def test_solving_on_the_spot_is_outside_the_firms_score(world):
    ticket_id = make.submitted(world)

    with unit_of_work():
        tickets.self_handle(world.actor("grid"), ticket_id, Words("拧紧灯泡就好了"))

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.self_handled) == (State.RESOLVED, True)
    firm = [one for one in queries.holdings_of(ticket_id) if one.why != "当场解决"]
    assert [(one.organisation_id, one.to_at) for one in firm] == [
        (world.organisations["firm"], clock.now())
    ]


def test_joining_twice_is_joining_once_and_the_joiner_reads_no_words(world, client_for):
    ticket_id = make.submitted(world)
    phone = client_for("neighbour")

    for _ in range(2):
        assert phone.post(f"/tickets/{ticket_id}/join").status_code == 200
    seen = phone.get(f"/tickets/{ticket_id}").get_json()

    assert queries.get(ticket_id).followers == 1
    assert seen["text"] is None
    assert "301" not in str(seen)


def test_joining_is_not_for_complaints(world):
    ticket_id = make.submitted(world, make.GUARD)

    with pytest.raises(NotFound), unit_of_work():
        tickets.join(world.actor("neighbour"), ticket_id)


def test_similar_tickets_say_nothing_of_anybody(world):
    make.submitted(world)
    make.submitted(world, make.GUARD)

    found = tickets.similar(make.LIGHT, make.draft(world).where)

    assert [(one.category_code, one.public_label) for one in found] == [(make.LIGHT, "桂花苑 3幢")]
    assert tickets.similar(make.GUARD, make.draft(world).where) == []
