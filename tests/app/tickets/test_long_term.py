"""Long-term matters: the promise of a result rests, a word is owed every month."""

from datetime import timedelta

import pytest

from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import Forbidden, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries, worklists
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import ResultKind, State
from tests.make import leaves
from tests.make import tickets as make

A_MONTH = timedelta(days=30)


@pytest.fixture
def started(world):
    return make.started(world, make.submitted(world))


def ask_long_term(world, ticket_id, by="community"):
    with unit_of_work():
        tickets.ask_long_term(world.actor(by), ticket_id, Words("要等老旧小区改造"))


def made_long_term(world, ticket_id):
    ask_long_term(world, ticket_id)
    return leaves.decide(world, ticket_id, "street")


def say(world, ticket_id, by="repairer", *, public=True):
    with unit_of_work():
        tickets.progress(world.actor(by), ticket_id, Words("改造方案已报街道"), public=public)


def test_a_long_term_matter_is_the_streets_to_allow(world, started):
    ask_long_term(world, started)
    for name in ("community", "community2", "repairer"):
        with pytest.raises((Forbidden, NotFound)):
            leaves.decide(world, started, name)

    ticket = leaves.decide(world, started, "street")

    assert (ticket.long_term, ticket.state, ticket.close_reason) == (
        True,
        State.IN_PROGRESS,
        None,
    )
    with pytest.raises(RuleBroken) as refused:
        ask_long_term(world, started)
    assert refused.value.code == "long_term_already"
    assert leaves.true_to_history(started)


def test_its_promise_of_a_result_rests_unkept_and_a_monthly_word_is_owed(world, started):
    with make.after(hours=1):
        ticket = made_long_term(world, started)
        now = clock.now()

    resolve = leaves.clock_of(started, ClockKind.RESOLVE)
    assert (resolve.met_at, resolve.stopped_at) == (None, now)
    assert ticket.answer_due_at == ticket.next_due_at == now + A_MONTH
    assert (ticket.resolved_at, ticket.closed_at) == (None, None)


def test_public_progress_of_the_lead_is_the_monthly_word(world, started):
    made_long_term(world, started)

    for _ in range(2):
        with clock.frozen(queries.get(started).answer_due_at):
            say(world, started)
            expected = clock.now() + A_MONTH

    assert [one.met_at is not None for one in leaves.rounds(started, ClockKind.ANSWER)] == [
        True,
        True,
        False,
    ]
    assert queries.get(started).answer_due_at == expected
    assert sla.breaches(started) == []
    assert leaves.true_to_history(started)


@pytest.mark.parametrize(("by", "public"), [("repairer", False), ("community", True)])
def test_no_other_word_is(world, started, by, public):
    due = made_long_term(world, started).answer_due_at

    with make.after(days=1):
        say(world, started, by, public=public)

    assert queries.get(started).answer_due_at == due
    assert len(leaves.rounds(started, ClockKind.ANSWER)) == 1


def test_a_month_without_a_word_is_a_broken_promise(world, started):
    due = made_long_term(world, started).answer_due_at

    leaves.watched(due + timedelta(hours=1), times=2)

    assert [(row.kind, row.holder_id) for row in sla.breaches(started)] == [
        (ClockKind.ANSWER, world.organisations["firm"])
    ]
    assert queries.get(started).breaches == 1
    assert leaves.true_to_history(started)


def test_a_supervision_does_not_end_the_monthly_word(world, started):
    made_long_term(world, started)
    with unit_of_work():
        tickets.supervise(world.actor("community"), started, "remind", Words("进展如何"))

    with make.after(hours=1):
        with unit_of_work():
            ticket = tickets.answer(world.actor("repairer"), started, Words("方案在审"))
        assert ticket.answer_due_at == clock.now() + A_MONTH

    assert leaves.true_to_history(started)


def test_nobody_of_the_lead_lets_it_rest(world, started):
    with unit_of_work():
        firm = world.organisations["firm"]
        identity.appoint(SYSTEM, world.people["street2"], Role.REPAIRER, firm)
    ask_long_term(world, started)

    with pytest.raises(Forbidden) as refused:
        leaves.decide(world, started, "street2")

    assert refused.value.code == "involved_in_review"


def test_it_is_not_overdue_while_its_promise_rests(world, started):
    due = queries.get(started).resolve_due_at
    made_long_term(world, started)

    with clock.frozen(due + timedelta(days=1)):
        leaves.watched(clock.now())
        say(world, started)
        page = worklists.work_page(
            world.actor("community"), "overdue", now=clock.now(), cursor=None, limit=10
        )

    assert page.items == []
    assert sla.breaches(started) == []


def test_done_again_its_result_is_promised_again(world, started):
    made_long_term(world, started)
    photo = make.photo(world, "repairer")
    with unit_of_work():
        words = Words("灯装好了", [photo])
        tickets.resolve(world.actor("repairer"), started, ResultKind.FIXED, words)

    with make.after(hours=1), unit_of_work():
        ticket = tickets.rework(world.actor("resident"), started, Words("又不亮了"))

    assert leaves.clock_of(started, ClockKind.RESOLVE).running
    assert ticket.next_due_at == ticket.resolve_due_at
    assert leaves.true_to_history(started)


def test_what_was_done_again_before_may_rest_too(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.rework(world.actor("resident"), ticket_id, Words("还是不亮"))

    ticket = made_long_term(world, ticket_id)

    assert ticket.next_due_at == ticket.answer_due_at == clock.now() + A_MONTH
