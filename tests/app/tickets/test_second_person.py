"""Declining, returning, redoing: asked by one, decided by another."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.reviews import queries as reviews
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import CloseReason, State
from tests.make import tickets as make


def ask_return(world, ticket_id):
    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("这是水务的井"))


def decide(world, ticket_id, by="community", *, approved=True, words="同意"):
    with unit_of_work():
        return tickets.decide(world.actor(by), ticket_id, approved=approved, words=Words(words))


def test_a_return_waits_for_the_desk(world):
    ticket_id = make.submitted(world)

    ask_return(world, ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.review_kind) == (State.DISPATCHED, "return")
    assert reviews.open_for("ticket", ticket_id)[0].due_at > clock.now()


def test_an_approved_return_frees_the_ticket_and_keeps_the_resolve_time(world):
    ticket_id = make.submitted(world)
    promised = queries.get(ticket_id).resolve_due_at
    ask_return(world, ticket_id)

    with make.after(minutes=30):
        decide(world, ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.lead_id, ticket.returns) == (State.SUBMITTED, None, 1)
    assert ticket.resolve_due_at == promised
    assert ticket.accept_due_at > clock.now() + timedelta(minutes=30)
    assert make.sound(ticket_id)


def test_a_refused_return_leaves_it_where_it_was(world):
    ticket_id = make.submitted(world)
    ask_return(world, ticket_id)

    decide(world, ticket_id, approved=False, words="井在小区里，归你们")

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.returns, ticket.review_kind) == (State.DISPATCHED, 0, None)


@pytest.mark.parametrize("name", ["repairer", "repairer2", "manager", "rival"])
def test_the_firm_does_not_decide_its_own_return(world, name):
    ticket_id = make.submitted(world)
    ask_return(world, ticket_id)

    with pytest.raises((Forbidden, NotFound)):
        decide(world, ticket_id, by=name)

    assert queries.get(ticket_id).state is State.DISPATCHED


def test_after_two_returns_the_desk_rules_and_there_is_no_third(world):
    ticket_id = make.submitted(world)
    for _ in range(2):
        ask_return(world, ticket_id)
        decide(world, ticket_id)
        make.dispatched_by_hand(world, ticket_id)

    assert queries.get(ticket_id).ruled
    with pytest.raises(RuleBroken) as refused:
        ask_return(world, ticket_id)
    assert refused.value.code == "returns_used_up"


def test_only_listed_reasons_are_taken(world):
    ticket_id = make.submitted(world)

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "tired", Words("不想去"))

    assert refused.value.code == "unknown_reason"


def test_a_return_needs_words(world):
    ticket_id = make.submitted(world)

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words(" "))

    assert refused.value.code == "text_needed"


def test_declining_takes_two_of_the_desk(world):
    ticket_id = make.submitted(world, make.UNSURE)
    with unit_of_work():
        tickets.ask_decline(
            world.actor("community"), ticket_id, "legal_procedure", Words("已在法院立案")
        )

    with pytest.raises(Forbidden):
        decide(world, ticket_id, by="community")
    decide(world, ticket_id, by="community2")

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.close_reason) == (State.DECLINED, CloseReason.DECLINED)
    assert ticket.closed_at == clock.now()
    assert make.sound(ticket_id)


def test_nothing_to_decide_is_said_so(world):
    ticket_id = make.submitted(world)

    with pytest.raises(Conflict) as refused:
        decide(world, ticket_id)

    assert refused.value.code == "no_review"


def test_a_second_redo_waits_for_the_community(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("还是不亮"))
    words = Words("又换了", [make.photo(world, "repairer")])
    with unit_of_work():
        tickets.resolve(world.actor("repairer"), ticket_id, "fixed", words)

    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("第二次了"))
    assert queries.get(ticket_id).state is State.RESOLVED
    decide(world, ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.reworks) == (State.IN_PROGRESS, 2)
    assert make.sound(ticket_id)


def test_a_redo_has_half_the_time(world):
    ticket_id = make.resolved(world, make.submitted(world))
    before = queries.get(ticket_id)
    full = before.resolve_due_at - before.submitted_at

    with unit_of_work():
        ticket = tickets.rework(world.actor("resident"), ticket_id, Words("还是不亮"))

    assert ticket.resolve_due_at - clock.now() == full / 2


def test_a_late_review_climbs_to_the_street(world):
    ticket_id = make.submitted(world)
    ask_return(world, ticket_id)
    review = reviews.open_for("ticket", ticket_id)[0]

    with clock.frozen(review.due_at + timedelta(minutes=1)):
        assert tickets.climb_late(clock.now()) == [review.id]
        with unit_of_work():
            tickets.climb(review.id)
        decide(world, ticket_id, by="street")

    assert queries.get(ticket_id).state is State.SUBMITTED


def test_a_ticket_under_review_is_not_transferred_away(world):
    ticket_id = make.submitted(world)
    ask_return(world, ticket_id)

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.transfer(
            world.actor("community"),
            ticket_id,
            Target(organisation_id=world.organisations["community_desk"]),
            Words("社区来办"),
        )

    assert refused.value.code == "review_open"
