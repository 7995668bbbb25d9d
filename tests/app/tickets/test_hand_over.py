"""A firm goes, another comes: the tickets move, the old firm's record stays its own."""

from datetime import timedelta

import pytest

from app.identity import service as identity
from app.identity.service import NewProject
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.reviews import queries as reviews
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import access, queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action, Relation, State
from tests.make import leaves
from tests.make import tickets as make
from tests.make.sla import shanghai


@pytest.fixture
def project(world):
    """The project with which the other firm comes."""
    with unit_of_work():
        return identity.open_project(
            SYSTEM,
            NewProject(
                organisation_id=world.organisations["rival_firm"],
                compound_id=world.places["compound"],
                duty_phone="10010000002",
            ),
        ).id


def handed_over(world, ticket_id, project_id, to="rival_firm"):
    with unit_of_work():
        return tickets.hand_over(ticket_id, world.organisations[to], project_id)


def test_it_moves_with_a_new_time_to_accept(world, project):
    ticket_id = make.accepted(world, make.submitted(world))
    due = queries.get(ticket_id).resolve_due_at

    with make.after(hours=5):
        assert handed_over(world, ticket_id, project)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.lead_id, ticket.project_id) == (
        State.DISPATCHED,
        world.organisations["rival_firm"],
        project,
    )
    assert (ticket.accepted_at, ticket.assignee_id) == (None, None)
    assert ticket.accept_due_at == shanghai("2026-11-16 17:00")  # two service hours
    assert ticket.resolve_due_at == due
    assert leaves.true_to_history(ticket_id)


def test_the_new_firm_must_meet_the_resident_too(world, project):
    ticket_id = make.started(world, make.submitted(world))

    with make.after(hours=5):
        handed_over(world, ticket_id, project)
        make.started(world, ticket_id, by="rival")

    assert [one.met_at is not None for one in leaves.rounds(ticket_id, ClockKind.RESPOND)] == [
        True,
        True,
    ]
    assert leaves.true_to_history(ticket_id)


def test_the_old_firms_holding_ends_that_moment(world, project):
    ticket_id = make.accepted(world, make.submitted(world))

    with make.after(hours=5):
        handed_over(world, ticket_id, project)
        now = clock.now()

    old, new = queries.holdings_of(ticket_id)
    assert (old.organisation_id, old.to_at) == (world.organisations["firm"], now)
    assert (new.organisation_id, new.from_at, new.to_at, new.first_handler) == (
        world.organisations["rival_firm"],
        now,
        None,
        False,
    )


@pytest.mark.parametrize("name", ["repairer", "repairer2"])
def test_the_old_firm_sees_it_no_more(world, project, name):
    ticket_id = make.accepted(world, make.submitted(world))

    handed_over(world, ticket_id, project)

    ticket = queries.get(ticket_id)
    assert access.relations(world.actor(name), ticket) == frozenset()
    assert not access.may_see_contact(world.actor(name), ticket)
    assert access.may_see_contact(world.actor("rival"), ticket)


def test_who_speaks_for_the_old_firm_may_contest_it_and_sees_no_number(world, project):
    ticket_id = make.accepted(world, make.submitted(world))

    handed_over(world, ticket_id, project)

    ticket = queries.get(ticket_id)
    assert access.relations(world.actor("manager"), ticket) == {Relation.FORMER_LEAD}
    assert not access.may_see_contact(world.actor("manager"), ticket)


def test_what_the_old_firm_broke_stays_its_own(world, project):
    ticket_id = make.submitted(world)
    late = queries.get(ticket_id).accept_due_at + timedelta(minutes=1)
    leaves.watched(late)
    with clock.frozen(late):
        handed_over(world, ticket_id, project)

    leaves.watched(queries.get(ticket_id).accept_due_at + timedelta(minutes=1))

    assert [(row.round, row.holder_id) for row in sla.breaches(ticket_id)] == [
        (1, world.organisations["firm"]),
        (2, world.organisations["rival_firm"]),
    ]
    assert leaves.true_to_history(ticket_id)


def test_what_nobody_noted_yet_is_still_the_old_firms(world, project):
    ticket_id = make.submitted(world)

    with clock.frozen(queries.get(ticket_id).accept_due_at + timedelta(minutes=1)):
        handed_over(world, ticket_id, project)

    assert [(row.kind, row.holder_id) for row in sla.breaches(ticket_id)] == [
        (ClockKind.ACCEPT, world.organisations["firm"])
    ]
    assert queries.get(ticket_id).breaches == 1


def test_a_pause_ends_with_it(world, project):
    ticket_id = make.started(world, make.submitted(world))
    due = queries.get(ticket_id).resolve_due_at
    leaves.paused(world, ticket_id, days=10)

    with make.after(days=3):
        handed_over(world, ticket_id, project)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.resume_at) == (State.DISPATCHED, None)
    assert ticket.resolve_due_at == due + timedelta(days=3)
    assert leaves.true_to_history(ticket_id)


@pytest.mark.parametrize("ask", [leaves.ask_pause, leaves.ask_time])
def test_what_the_old_firm_asked_goes_with_it(world, project, ask):
    ticket_id = make.started(world, make.submitted(world))
    ask(world, ticket_id)

    handed_over(world, ticket_id, project)

    assert reviews.open_for("ticket", ticket_id) == []
    make.accepted(world, ticket_id, by="rival")
    assert leaves.true_to_history(ticket_id)


def test_the_old_firm_cannot_send_back_what_is_no_longer_its_own(world, project):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("不归我们"))

    handed_over(world, ticket_id, project)

    assert reviews.open_for("ticket", ticket_id) == []
    assert queries.get(ticket_id).review_kind is None


def test_a_helper_that_comes_as_the_lead_is_no_longer_a_helper(world, project):
    ticket_id = make.started(world, make.submitted(world))
    rival = world.organisations["rival_firm"]
    with unit_of_work():
        due = clock.now() + timedelta(hours=5)
        tickets.assist(world.actor("repairer"), ticket_id, rival, due, Words("一起修"))

    handed_over(world, ticket_id, project)

    standing = [one for one in queries.holdings_of(ticket_id) if one.to_at is None]
    assert queries.get(ticket_id).co_ids == []
    assert [(one.role, one.organisation_id) for one in standing] == [("lead", rival)]
    assert leaves.true_to_history(ticket_id)


def test_an_offer_of_the_old_firm_binds_nobody(world, project):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        tickets.quote(world.actor("repairer"), ticket_id, "paid", 12000, Words("换整灯"))
    handed_over(world, ticket_id, project)
    make.accepted(world, ticket_id, by="rival")

    with pytest.raises(RuleBroken), unit_of_work():
        tickets.agree(world.actor("resident"), ticket_id, agreed=True, words=Words())


def test_it_never_moves_to_the_accused(world):
    ticket_id = make.submitted(world, make.GUARD)
    make.dispatched_by_hand(world, ticket_id, to="community_desk")

    assert not handed_over(world, ticket_id, None, to="firm")

    assert queries.get(ticket_id).lead_id == world.organisations["community_desk"]


def test_twice_is_once(world, project):
    ticket_id = make.accepted(world, make.submitted(world))

    assert handed_over(world, ticket_id, project)
    assert not handed_over(world, ticket_id, project)

    assert leaves.actions(ticket_id).count(Action.HAND_OVER) == 1
    assert len(leaves.rounds(ticket_id, ClockKind.ACCEPT)) == 2


def test_what_ended_stays_where_it_was(world, project):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.withdraw(world.actor("resident"), ticket_id, Words())

    assert not handed_over(world, ticket_id, project)

    with pytest.raises(NotFound):
        make.accepted(world, ticket_id, by="rival")
