"""No number is made nicer than it is: by another hat, by silence, by a detour."""

from datetime import timedelta

import pytest

from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.ratings import queries as ratings
from app.ratings import service as rating
from app.reviews import queries as reviews
from app.tickets import guards, queries, worklists
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import CloseReason, State
from tests.make import tickets as make


def queue(world, name, which):
    page = worklists.work_page(world.actor(name), which, now=clock.now(), cursor=None, limit=50)
    return {ticket.id for ticket in page.items}


def self_handled(world, ticket_id, by="grid"):
    with unit_of_work():
        tickets.self_handle(world.actor(by), ticket_id, Words("拧紧灯泡就好了"))
    return ticket_id


def redone(world, ticket_id, by="resident"):
    with unit_of_work():
        tickets.rework(world.actor(by), ticket_id, Words("还是不亮"))


def resolved_again(world, ticket_id, by="repairer"):
    words = Words("又换了", [make.photo(world, by)])
    with unit_of_work():
        tickets.resolve(world.actor(by), ticket_id, "fixed", words)


def earlier(minutes):
    """Name a moment before the one the clock is held at."""
    return clock.now() - timedelta(minutes=minutes)


def complaint(world, *, sampled):
    """A resolved complaint that is, or is not, one of those to be called about."""
    before = next(minutes for minutes in range(99) if guards.sampled(earlier(minutes)) is sampled)
    with clock.frozen(earlier(before)):
        ticket_id = make.submitted(world, make.GUARD)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")
    return make.resolved(world, ticket_id, by="community")


# Who handled it does not say how it was


def test_who_solved_it_on_the_spot_does_not_call_about_it(world):
    ticket_id = self_handled(world, make.submitted(world, make.UNSURE), by="community")

    assert ticket_id not in queue(world, "community2", "follow_up")
    for name in ("community", "community2"):
        with pytest.raises(Forbidden), unit_of_work():
            rating.follow_up(world.actor(name), ticket_id, "yes", "satisfied", Words("问过"))
    with unit_of_work():
        rating.follow_up(world.actor("street"), ticket_id, "yes", None, Words("问过"))

    assert queries.get(ticket_id).close_reason is CloseReason.SOLVED


def test_what_did_not_hold_comes_back_to_the_desk_that_said_it_did(world):
    ticket_id = self_handled(world, make.submitted(world))

    redone(world, ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.lead_id) == (
        State.IN_PROGRESS,
        world.organisations["community_desk"],
    )
    assert ticket_id in queue(world, "community", "team")
    assert make.sound(ticket_id)


def test_a_firm_does_not_take_its_ticket_out_of_its_score_by_another_hat(world):
    with unit_of_work():
        identity.appoint(SYSTEM, world.people["grid"], Role.REPAIRER, world.organisations["firm"])
    ticket_id = make.submitted(world)

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.self_handle(world.actor("grid"), ticket_id, Words("好了"))

    assert refused.value.code == "own_ticket"


def test_a_handler_who_reported_it_as_a_resident_does_not_confirm_it(world):
    ticket_id = make.resolved(world, make.submitted(world, by="repairer2"))

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        rating.rate(world.actor("repairer2"), ticket_id, "yes", "satisfied", Words())

    assert refused.value.code == "own_work"
    assert queries.verdicts_of(ticket_id) == []


def test_who_filed_it_for_another_does_not_enter_the_answer(world):
    ticket_id = make.resolved(world, make.submitted(world, by="community", on_behalf=True))

    with pytest.raises(Forbidden), unit_of_work():
        rating.follow_up(world.actor("community"), ticket_id, "yes", "satisfied", Words("问过"))
    with unit_of_work():
        rating.follow_up(world.actor("community2"), ticket_id, "yes", None, Words("问过"))

    assert queries.verdicts_of(ticket_id)[0].person_id is None


def test_the_filer_may_press_for_whom_they_filed(world):
    ticket_id = make.accepted(world, make.submitted(world, by="head", on_behalf=True))

    with unit_of_work():
        tickets.nudge(world.actor("head"), ticket_id, Words("老人在等"))

    assert queries.get(ticket_id).nudges == 1


def test_nobody_agrees_to_their_own_offer_for_another(world):
    ticket_id = make.submitted(world, make.UNSURE, by="community", on_behalf=True)
    make.dispatched_by_hand(world, ticket_id, to="community_desk", by="community2")
    make.started(world, ticket_id, by="community")
    with unit_of_work():
        tickets.quote(world.actor("community"), ticket_id, "paid", 100, Words("一元"))

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.agree(world.actor("community"), ticket_id, agreed=True, words=Words())

    assert refused.value.code == "own_work"


def test_a_desk_does_not_judge_whether_its_own_work_must_be_redone(world):
    ticket_id = make.submitted(world, make.UNSURE)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")
    make.resolved(world, ticket_id, by="community")
    redone(world, ticket_id)
    resolved_again(world, ticket_id, by="community")

    redone(world, ticket_id)

    review = reviews.open_for("ticket", ticket_id)[0]
    assert reviews.desk_nodes(review.id) == {world.places["street"]}
    with pytest.raises((Forbidden, NotFound)), unit_of_work():
        tickets.decide(world.actor("community2"), ticket_id, approved=False, words=Words("不用"))


def test_a_desk_whose_other_hand_also_works_for_the_lead_asks_the_street_at_once(world):
    with unit_of_work():
        for name in ("community", "community2"):
            identity.appoint(SYSTEM, world.people[name], Role.REPAIRER, world.organisations["firm"])
    ticket_id = make.submitted(world)

    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("水务的"))

    review = reviews.open_for("ticket", ticket_id)[0]
    assert reviews.desk_nodes(review.id) == {world.places["community"], world.places["street"]}


# Silence


def test_a_complaint_that_is_drawn_waits_once_more_to_be_called_about(world):
    ticket_id = complaint(world, sampled=True)
    first = queries.get(ticket_id).confirm_due_at

    with clock.frozen(first), unit_of_work():
        assert not tickets.auto_close(ticket_id)
    second = queries.get(ticket_id).confirm_due_at
    assert second == first + timedelta(days=7)
    assert ticket_id in queue(world, "street", "follow_up")
    with clock.frozen(second - timedelta(seconds=1)), unit_of_work():
        assert not tickets.auto_close(ticket_id)
    with clock.frozen(second), unit_of_work():
        assert tickets.auto_close(ticket_id)

    assert queries.get(ticket_id).close_reason is CloseReason.NO_ANSWER
    assert make.sound(ticket_id)


def test_a_complaint_that_is_not_drawn_ends_in_silence(world):
    ticket_id = complaint(world, sampled=False)

    with clock.frozen(queries.get(ticket_id).confirm_due_at), unit_of_work():
        assert tickets.auto_close(ticket_id)


def test_one_complaint_in_five_is_drawn():
    drawn = sum(guards.sampled(clock.now() + timedelta(seconds=n)) for n in range(5000))

    assert 850 < drawn < 1150


def test_who_said_not_solved_and_was_refused_is_not_counted_as_silent(world):
    ticket_id = make.resolved(world, make.submitted(world))
    redone(world, ticket_id)
    resolved_again(world, ticket_id)
    redone(world, ticket_id)
    due = queries.get(ticket_id).confirm_due_at
    with clock.frozen(due + timedelta(hours=1)):
        assert queries.silent(clock.now(), 10) == []
        with unit_of_work():
            tickets.decide(
                world.actor("community"), ticket_id, approved=False, words=Words("修好了")
            )
        with unit_of_work():
            assert tickets.auto_close(ticket_id)

    assert queries.get(ticket_id).close_reason is CloseReason.UNSOLVED


def test_a_second_not_solved_said_on_the_phone_waits_for_a_colleague(world):
    ticket_id = make.resolved(world, make.submitted(world))
    redone(world, ticket_id)
    resolved_again(world, ticket_id)

    with unit_of_work():
        tickets.rework(world.actor("community"), ticket_id, Words("电话里说没好"), as_caller=True)
    with pytest.raises(Forbidden), unit_of_work():
        tickets.decide(world.actor("community"), ticket_id, approved=True, words=Words("好"))
    with unit_of_work():
        tickets.decide(world.actor("community2"), ticket_id, approved=True, words=Words("好"))

    assert queries.get(ticket_id).reworks == 2


# Frozen at the end


def test_what_is_said_after_the_end_is_a_note_and_no_rating(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        rating.rate(world.actor("resident"), ticket_id, "no", "dissatisfied", Words())

    for _ in range(2):
        with unit_of_work():
            rating.follow_up(world.actor("community"), ticket_id, "yes", "satisfied", Words("问"))

    assert [one.satisfaction.value for one in ratings.of_ticket(ticket_id)] == ["dissatisfied"]
    assert [one.solved for one in queries.verdicts_of(ticket_id)] == ["no"]


def test_a_follower_answers_while_the_reporter_could_have(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.join(world.actor("neighbour"), ticket_id)
    make.resolved(world, ticket_id)
    with unit_of_work():
        tickets.verdict(world.actor("resident"), ticket_id, "yes", Words())

    with make.after(days=8), pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.verdict(world.actor("neighbour"), ticket_id, "no", Words())
    with make.after(days=6), unit_of_work():
        tickets.verdict(world.actor("neighbour"), ticket_id, "no", Words())

    assert refused.value.code == "answer_too_late"


def test_the_channel_of_an_answer_is_the_one_it_came_by(world):
    ticket_id = make.resolved(world, make.submitted(world, channel="counter"))

    with unit_of_work():
        tickets.verdict(world.actor("resident"), ticket_id, "yes", Words())

    assert queries.verdicts_of(ticket_id)[0].channel == "mini_program"


# What people write is not kept in clear


def test_words_stand_sealed_wherever_they_are_kept(world):
    secret = "住301的周桂芳说"
    ticket_id = make.submitted(world, make.UNSURE)
    firm = Target(organisation_id=world.organisations["firm"])
    rival = Target(organisation_id=world.organisations["rival_firm"])
    community = world.actor("community")
    with unit_of_work():
        tickets.dispatch(community, ticket_id, firm, Words(secret))
    with unit_of_work():
        tickets.transfer(community, ticket_id, rival, Words(secret))
    with unit_of_work():
        tickets.ask_return(world.actor("rival"), ticket_id, "other_party", Words(secret))
    accusing = make.submitted(world, make.GUARD)
    with unit_of_work():
        tickets.brief(community, accusing, Words(secret))

    rows = ""
    for table in ("ticket", "ticket_step", "holding", "review", "outbox_event"):
        rows += str(session.connection().exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608

    assert "01" in rows
    assert secret not in rows
