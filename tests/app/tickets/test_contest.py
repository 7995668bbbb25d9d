"""A hand-over may be contested for some days: the street decides, and the work goes on."""

from datetime import timedelta

import pytest

from app.catalog import setting
from app.escalation import queries as escalation
from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.notifications.rules.ways import Way
from app.reviews import queries as reviews
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import access, history, queries, wording, workflow
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action, Relation, State
from tests.make import leaves, news
from tests.make import tickets as make

WHY = Words("合同写明老设备由原物业修到年底")
YES, NO = {"approved": True}, {"approved": False}


@pytest.fixture
def handed(world):
    """A ticket the firm had begun, handed over to the other firm an hour later."""
    ticket_id = make.started(world, make.submitted(world))
    hand_over(world, ticket_id)
    return ticket_id


def hand_over(world, ticket_id, to="rival_firm"):
    with unit_of_work():
        assert tickets.hand_over(ticket_id, world.organisations[to], None)


def contest(world, ticket_id, by="manager"):
    with unit_of_work():
        return tickets.contest(world.actor(by), ticket_id, WHY)


def decide(world, ticket_id, *, approved, to=None, by="street"):
    named = {"organisation_id": world.organisations[to]} if to else {}
    with unit_of_work():
        return tickets.decide(
            world.actor(by), ticket_id, approved=approved, words=Words("看过合同"), **named
        )


def leads(ticket_id):
    return [
        (row.organisation_id, row.from_at, row.to_at)
        for row in queries.holdings_of(ticket_id)
        if row.role == "lead"
    ]


@pytest.mark.parametrize("by", ["manager", "rival", "community"])
def test_either_firm_or_the_desk_asks_and_the_street_is_asked(world, handed, by):
    contest(world, handed, by)

    (review,) = reviews.open_for("ticket", handed)
    assert (review.kind, queries.get(handed).review_kind) == ("contest", "contest")
    assert reviews.desk_nodes(review.id) == {world.places["street"]}
    assert set(review.forbidden_organisations) >= {
        str(world.organisations["firm"]),
        str(world.organisations["rival_firm"]),
    }
    assert leaves.true_to_history(handed)


@pytest.mark.parametrize("by", ["repairer", "stranger", "other_community", "committee_chair"])
def test_nobody_else_asks(world, handed, by):
    with pytest.raises(NotFound):
        contest(world, handed, by)


def test_who_only_sees_it_does_not_ask(world, handed):
    with pytest.raises(Forbidden):
        contest(world, handed, "grid")


def test_it_needs_words(world, handed):
    with pytest.raises(Invalid), unit_of_work():
        tickets.contest(world.actor("manager"), handed, Words(" "))


def test_the_district_says_for_how_many_days_and_the_step_keeps_the_number(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        setting.set_limit(SYSTEM, "contest_days", "2", why="区里规定")

    hand_over(world, ticket_id)

    step = queries.steps_of(ticket_id)[-1]
    assert (step.action, step.facts["contest_days"]) == (Action.HAND_OVER, 2)
    assert queries.get(ticket_id).contest_until == clock.now() + timedelta(days=2)
    with unit_of_work():
        setting.set_limit(SYSTEM, "contest_days", "9", why="放宽")
    with make.after(days=2, seconds=1), pytest.raises(NotFound):
        contest(world, ticket_id)
    with make.after(days=2):
        contest(world, ticket_id)


def test_after_the_days_nobody_asks_and_the_old_firm_is_a_stranger(world, handed):
    late = timedelta(days=5, seconds=1)
    manager = world.actor("manager")

    with clock.frozen(clock.now() + late):
        assert access.relations(manager, queries.get(handed)) == frozenset()
        with pytest.raises(RuleBroken) as refused:
            contest(world, handed, "community")

    assert refused.value.code == "contest_too_late"


def test_the_old_firm_reads_until_it_is_answered_and_never_the_number(world, handed):
    manager = world.actor("manager")
    contest(world, handed)

    with make.after(days=30):
        ticket = queries.get(handed)
        assert access.relations(manager, ticket) == {Relation.FORMER_LEAD}
        assert not access.may_see_contact(manager, ticket)
        assert not access.may_see_whole_place(access.relations(manager, ticket), ticket)
        decide(world, handed, **NO)
        assert access.relations(manager, queries.get(handed)) == frozenset()


def test_who_was_never_handed_over_is_not_contested(world):
    ticket_id = make.started(world, make.submitted(world))

    with pytest.raises(RuleBroken) as refused:
        contest(world, ticket_id, "repairer")

    assert refused.value.code == "not_handed_over"


def test_the_work_goes_on_meanwhile_and_what_is_done_ends_the_quarrel(world, handed):
    contest(world, handed)

    make.resolved(world, handed, by="rival")

    assert reviews.open_for("ticket", handed) == []
    ticket = queries.get(handed)
    assert (ticket.state, ticket.review_kind) == (State.RESOLVED, None)
    assert leaves.true_to_history(handed)


@pytest.mark.parametrize("by", ["manager", "rival", "two_hats"])
def test_nobody_of_either_firm_decides(world, handed, by):
    with unit_of_work():
        person = identity.add_person(SYSTEM, name="石两", phone="10030000009")
        world.people["two_hats"] = person.id
        identity.appoint(SYSTEM, person.id, Role.STREET_STAFF, world.organisations["street_desk"])
        identity.appoint(SYSTEM, person.id, Role.REPAIRER, world.organisations["firm"])
    contest(world, handed, "community")

    with pytest.raises(Forbidden):
        decide(world, handed, by=by, **YES)


def test_nor_does_the_desk_that_may_ask_itself(world, handed):
    contest(world, handed)

    with pytest.raises(NotFound):
        decide(world, handed, by="community", **YES)


def test_it_stays_where_it_is_and_is_not_contested_again(world, handed):
    contest(world, handed)
    due = queries.get(handed).accept_due_at

    decide(world, handed, **NO)

    ticket = queries.get(handed)
    assert ticket.lead_id == world.organisations["rival_firm"]
    assert (ticket.accept_due_at, ticket.review_kind, ticket.contest_until) == (due, None, None)
    with pytest.raises(RuleBroken):
        contest(world, handed, "community")
    assert leaves.true_to_history(handed)


def test_it_goes_back_with_a_new_time_to_accept_and_the_frozen_holding_stays_frozen(world, handed):
    frozen = leads(handed)[0]
    with make.after(hours=3):
        contest(world, handed)
    with make.after(hours=6):
        at = clock.now()
        decide(world, handed, **YES)

    firm, rival = world.organisations["firm"], world.organisations["rival_firm"]
    ticket, held = queries.get(handed), leads(handed)
    assert (ticket.state, ticket.lead_id, ticket.accepted_at) == (State.DISPATCHED, firm, None)
    assert ticket.handed_from_id is None
    assert held == [frozen, (rival, frozen[2], at), (firm, at, None)]
    assert len(leaves.rounds(handed, ClockKind.ACCEPT)) == 3
    make.started(world, handed)
    assert leaves.true_to_history(handed)


def test_the_street_may_name_somebody_else(world, handed):
    contest(world, handed)

    decide(world, handed, to="community_desk", **YES)

    assert queries.get(handed).lead_id == world.organisations["community_desk"]
    assert leaves.true_to_history(handed)


def test_whom_it_names_must_be_able_to_lead(world, handed):
    contest(world, handed)

    with pytest.raises(Invalid) as same:
        decide(world, handed, to="rival_firm", **YES)
    with pytest.raises(Invalid) as not_asked:
        decide(world, handed, to="community_desk", **NO)

    assert (same.value.code, not_asked.value.code) == ("same_lead", "nobody_asked")


def test_it_never_goes_back_to_the_accused(world, handed):
    contest(world, handed, "community")
    with unit_of_work():
        ticket = queries.hold(handed)
        ticket.barred = world.organisations["firm"].hex

    with pytest.raises(RuleBroken) as refused:
        decide(world, handed, **YES)

    assert refused.value.code == "accused_never_leads"


def test_each_breach_is_charged_to_who_led_when_it_was_due(world, handed):
    contest(world, handed)
    leaves.watched(queries.get(handed).accept_due_at + timedelta(minutes=1))
    with clock.frozen(queries.get(handed).accept_due_at + timedelta(minutes=2)):
        decide(world, handed, **YES)
    leaves.watched(queries.get(handed).accept_due_at + timedelta(minutes=1))

    charged = [one.holder_id for one in sla.breaches(handed) if one.kind is ClockKind.ACCEPT]
    assert charged == [world.organisations["rival_firm"], world.organisations["firm"]]
    assert leaves.true_to_history(handed)


def test_what_the_street_leaves_lying_climbs_to_the_district(world, handed):
    contest(world, handed)
    (review,) = reviews.open_for("ticket", handed)

    with clock.frozen(review.due_at + timedelta(minutes=1)), unit_of_work():
        tickets.climb(review.id)

    assert reviews.desk_nodes(review.id) == {world.places["street"], world.places["district"]}
    with clock.frozen(review.due_at + timedelta(minutes=2)):
        decide(world, handed, by="district", **NO)


def test_a_paused_ticket_goes_on_where_it_comes_to(world, handed):
    make.started(world, handed, by="rival")
    leaves.ask_pause(world, handed, by="rival")
    leaves.decide(world, handed)
    contest(world, handed)

    with make.after(days=1):
        decide(world, handed, **YES)

    ticket = queries.get(handed)
    assert (ticket.state, ticket.resume_at) == (State.DISPATCHED, None)
    assert leaves.true_to_history(handed)


@pytest.mark.parametrize(
    "act",
    [
        lambda world, it: tickets.transfer(
            world.actor("community"),
            it,
            tickets.Target(organisation_id=world.organisations["community_desk"]),
            WHY,
        ),
        lambda world, it: tickets.reclassify(world.actor("community"), it, "SUG-OTHER", WHY),
    ],
)
def test_what_the_desk_orders_anew_leaves_nothing_to_contest(world, handed, act):
    with unit_of_work():
        act(world, handed)

    ticket = queries.get(handed)
    assert (ticket.handed_from_id, ticket.contest_until) == (None, None)


def test_residents_read_it_in_plain_words(world, handed):
    contest(world, handed)
    decide(world, handed, **YES)

    told = [
        wording.step_for_resident(step.action, step.facts, handler="安居物业")
        for step in queries.steps_of(handed, public_only=True)
    ]
    assert told[-2:] == [
        "对由哪家单位办理有不同意见，等上级裁定，办理不停",
        "上级裁定，改由安居物业办理",
    ]
    said = [history.words_of(step) for step in queries.steps_of(handed)]
    assert WHY.text in said


def test_it_stands_in_the_public_counts(world, handed):
    other = make.started(world, make.submitted(world, by="neighbour"))
    hand_over(world, other)
    for ticket_id, answer in ((handed, YES), (other, NO)):
        contest(world, ticket_id)
        decide(world, ticket_id, **answer)

    found = escalation.tally("compound", world.places["compound"], clock.now() - timedelta(days=1))
    assert (found.leaves["give_back"], found.refused) == (1, 1)


def test_both_firms_and_the_street_hear_of_it(world, handed):
    with news.outfit(Way.WECHAT):
        contest(world, handed)
        news.drained()
        asked = news.told(world)
        decide(world, handed, **NO)
        news.drained()

    told = news.told(world)
    assert {("manager", "handed_over"), ("street", "review_waiting")} <= asked
    assert {("manager", "contest_over"), ("rival", "contest_over")} <= told
    assert not {who for who, kind in told if kind == "review_waiting"} & {"manager", "rival"}


def test_the_buttons_follow_from_the_table(world, handed):
    def offered(name):
        ticket, actor = queries.get(handed), world.actor(name)
        rows = workflow.actions_for(ticket, access.relations(actor, ticket), clock.now())
        return {row.action for row in rows}

    assert offered("manager") == {Action.CONTEST}
    assert Action.CONTEST in offered("rival") & offered("community")
    contest(world, handed)
    assert Action.CONTEST not in offered("manager") | offered("rival") | offered("community")
    assert Action.ACCEPT in offered("rival")
