"""A broken promise brings the next tier in, once, and lets nobody off."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from app.escalation import queries, service
from app.identity import service as identity
from app.identity.models import RoleGrant
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries as tickets
from app.tickets import service as verbs
from app.tickets import worklists
from app.tickets.events import TicketMoved
from app.tickets.service import Target, Words
from app.tickets.states import Action, State
from tests.make import tickets as make
from workers import jobs

BURST = "EMG-BURST"  # P0
WHY = Words("一直没人来")


def watched(**later):
    """Let time pass and the watcher run; the moment it ran."""
    with make.after(**later):
        jobs.watch(clock.now())
        return clock.now()


def at(moment):
    return clock.frozen(moment)


def tiers(ticket_id):
    return [
        step.facts["tier"] for step in tickets.steps_of(ticket_id) if step.action is Action.ESCALATE
    ]


def lifted(world, ticket_id, times=1):
    """Have the street let a ticket go higher than its category foresees."""
    for _ in range(times):
        with unit_of_work():
            verbs.lift_ceiling(world.actor("street"), ticket_id, WHY)


def listed(world, name, queue="escalated"):
    found = worklists.work_page(world.actor(name), queue, now=clock.now(), cursor=None, limit=50)
    return [one.id for one in found.items]


def test_what_nobody_accepts_climbs_to_community_street_and_district(world):
    ticket_id, noise = make.submitted(world), make.submitted(world, by="neighbour")
    make.resolved(world, noise)
    lifted(world, ticket_id, times=2)
    ticket = tickets.get(ticket_id)
    reached = [ticket.tier]

    moment = ticket.accept_due_at + timedelta(seconds=1)
    for _ in range(3):
        with at(moment):
            jobs.watch(clock.now())
        session.expire_all()
        ticket = tickets.get(ticket_id)
        reached.append(ticket.tier)
        moment = (ticket.tier_due_at or moment) + timedelta(seconds=1)

    assert reached == [1, 2, 3, 4]
    assert ticket.lead_id == world.organisations["firm"]
    assert ticket.tier_due_at is None
    broken = [(row.kind, row.tier) for row in sla.breaches(ticket_id)]
    assert (ClockKind.ACCEPT, 0) in broken
    assert [one for one in broken if one[0] is ClockKind.TIER] == [
        (ClockKind.TIER, 2),
        (ClockKind.TIER, 3),
    ]
    assert ticket.breaches == len(broken)
    assert [row.tier for row in queries.agenda_of(ticket_id)] == [3]
    assert tickets.get(noise).tier == 1
    assert service.differences_of(ticket_id) == []
    assert make.sound(ticket_id)


def test_each_holder_finds_it_in_the_own_list_from_its_tier_on(world):
    ticket_id = make.submitted(world)
    lifted(world, ticket_id)
    seen = {}

    moment = tickets.get(ticket_id).accept_due_at + timedelta(seconds=1)
    for tier in (2, 3):
        with at(moment):
            jobs.watch(clock.now())
            session.expire_all()
            seen[tier] = [name for name in ("community", "street") if listed(world, name)]
        moment = tickets.get(ticket_id).tier_due_at + timedelta(seconds=1)

    assert seen == {2: ["community"], 3: ["community", "street"]}
    assert listed(world, "other_community") == []
    assert listed(world, "rival") == []


def test_the_watcher_does_each_thing_once(world):
    ticket_id = make.submitted(world)
    due = tickets.get(ticket_id).accept_due_at

    for _ in range(3):
        with at(due + timedelta(minutes=1)):
            jobs.watch(clock.now())

    actions = [step.action for step in tickets.steps_of(ticket_id)]
    assert actions.count(Action.BREACH) == 1
    assert actions.count(Action.ESCALATE) == 1
    assert len(sla.breaches(ticket_id)) == 1


def test_hours_without_a_watcher_are_caught_up_in_order(world):
    first = make.submitted(world)
    with make.after(minutes=30):
        second = make.submitted(world, by="neighbour")

    watched(days=1)

    steps = [
        (step.at, step.seq, one)
        for one in (first, second)
        for step in tickets.steps_of(one)
        if step.action is Action.BREACH
    ]
    assert {one for *_, one in steps} == {first, second}
    assert tiers(first) == tiers(second) == [2]


def test_who_accepts_late_ends_the_tiers_clock_but_not_the_breach(world):
    ticket_id = make.submitted(world)
    moment = tickets.get(ticket_id).accept_due_at + timedelta(minutes=1)
    with at(moment):
        jobs.watch(clock.now())
    with at(moment + timedelta(minutes=5)):
        make.accepted(world, ticket_id)

    ticket = tickets.get(ticket_id)
    assert (ticket.tier, ticket.tier_due_at, ticket.breaches) == (2, None, 1)
    assert [row.kind for row in sla.breaches(ticket_id)] == [ClockKind.ACCEPT]
    with at(ticket.respond_due_at - timedelta(minutes=1)):
        jobs.watch(clock.now())
    assert tickets.get(ticket_id).tier == 2


def test_a_promise_kept_late_before_the_watcher_came_is_broken_all_the_same(world):
    ticket_id = make.submitted(world)
    with at(tickets.get(ticket_id).accept_due_at + timedelta(seconds=1)):
        make.accepted(world, ticket_id)

    ticket = tickets.get(ticket_id)
    assert ticket.breaches == 1
    assert sla.breaches(ticket_id)[0].holder_id == world.organisations["firm"]


def test_after_a_rise_a_transfer_keeps_the_old_handler_as_helper(world):
    ticket_id = make.submitted(world)
    moment = tickets.get(ticket_id).accept_due_at + timedelta(minutes=1)
    with at(moment):
        jobs.watch(clock.now())
    with at(moment + timedelta(minutes=1)), unit_of_work():
        target = Target(organisation_id=world.organisations["rival_firm"])
        verbs.transfer(world.actor("community"), ticket_id, target, WHY)

    ticket = tickets.get(ticket_id)
    assert ticket.lead_id == world.organisations["rival_firm"]
    assert ticket.co_ids == [world.organisations["firm"].hex]
    standing = [row for row in tickets.holdings_of(ticket_id) if row.to_at is None]
    assert {(row.role, row.organisation_id) for row in standing} == {
        ("lead", world.organisations["rival_firm"]),
        ("co_handler", world.organisations["firm"]),
    }


def test_a_correction_sends_no_tier_away(world):
    ticket_id = make.submitted(world)
    lifted(world, ticket_id)
    with at(tickets.get(ticket_id).accept_due_at + timedelta(minutes=1)):
        jobs.watch(clock.now())
        with unit_of_work():
            service.escalate(world.actor("community"), ticket_id, WHY)
        reached = tickets.get(ticket_id).tier
        with unit_of_work():
            verbs.reclassify(world.actor("community"), ticket_id, "ENV-GREEN", WHY)

    ticket = tickets.get(ticket_id)
    assert (ticket.tier, ticket.ceiling_tier) == (reached, 3)
    assert [row.tier for row in queries.agenda_of(ticket_id)] == [3]


def test_the_accused_never_comes_in_by_going_up(world):
    ticket_id = make.submitted(world, make.STAFF)
    ticket = tickets.get(ticket_id)
    moment = ticket.next_due_at + timedelta(minutes=1)

    with at(moment):
        jobs.watch(clock.now())

    ticket = tickets.get(ticket_id)
    assert world.organisations["community_desk"].hex in ticket.barred
    assert listed(world, "community") == []
    assert not set(ticket.co_ids) & set(ticket.barred.split())


def test_what_nobody_holds_waits_in_the_exception_queue_until_somebody_does(world):
    ticket_id = make.submitted(world, by="old_resident", scene="old_building")
    alone = world.people["other_community"]
    with unit_of_work():
        target = Target(organisation_id=world.organisations["rival_firm"])
        verbs.dispatch(world.actor("other_community"), ticket_id, target, WHY)
        for grant_id in session.scalars(
            select(RoleGrant.id).where(RoleGrant.person_id == alone)
        ).all():
            identity.revoke_grant(SYSTEM, grant_id)
    moment = tickets.get(ticket_id).accept_due_at + timedelta(minutes=1)

    with at(moment):
        jobs.watch(clock.now())
        found = queries.exceptions(world.actor("street"), cursor=None, limit=10)

    assert [one.id for one in found.items] == [ticket_id]
    assert queries.standing(ticket_id).reason == "nobody"
    assert tickets.get(ticket_id).tier == 1

    with at(moment + timedelta(minutes=11)):
        with unit_of_work():
            identity.appoint(
                SYSTEM, alone, Role.COMMUNITY_STAFF, world.organisations["community2_desk"]
            )
        jobs.retry_climbs(clock.now())

    session.expire_all()
    assert tickets.get(ticket_id).tier == 2
    assert queries.standing(ticket_id) is None


def test_at_the_ceiling_it_waits_and_goes_on_when_the_street_lifts_it(world):
    ticket_id = make.submitted(world)
    moment = tickets.get(ticket_id).accept_due_at + timedelta(minutes=1)
    ceiling = tickets.get(ticket_id).ceiling_tier
    while (ticket := tickets.get(ticket_id)).tier < ceiling:
        with at(moment):
            jobs.watch(clock.now())
        session.expire_all()
        moment = (tickets.get(ticket_id).tier_due_at or moment) + timedelta(seconds=1)
    with at(moment):
        jobs.watch(clock.now())
        assert queries.standing(ticket_id).reason == "at_ceiling"
    with at(moment + timedelta(minutes=1)), unit_of_work():
        with pytest.raises(RuleBroken, match="街道"):
            verbs.lift_ceiling(world.actor("community"), ticket_id, WHY)
        verbs.lift_ceiling(world.actor("street"), ticket_id, WHY)

    with at(moment + timedelta(minutes=12)):
        jobs.retry_climbs(clock.now())

    session.expire_all()
    assert tickets.get(ticket_id).tier == ceiling + 1
    assert ticket.state is State.DISPATCHED


def test_a_resident_calls_upon_the_tier_above_after_two_broken_promises(world):
    ticket_id = make.submitted(world)
    with pytest.raises(RuleBroken, match="两次"), unit_of_work():
        service.call_upon(world.actor("resident"), ticket_id, WHY)
    make.accepted(world, ticket_id)
    ticket = tickets.get(ticket_id)
    moment = max(ticket.respond_due_at, ticket.resolve_due_at) + timedelta(minutes=1)
    with at(moment):
        jobs.watch(clock.now())
    before = tickets.get(ticket_id)
    assert (before.breaches, before.tier) == (2, 2)
    with at(moment):
        lifted(world, ticket_id)

    with at(moment + timedelta(minutes=1)):
        with pytest.raises(NotFound), unit_of_work():
            service.call_upon(world.actor("stranger"), ticket_id, WHY)
        with unit_of_work():
            after = service.call_upon(world.actor("resident"), ticket_id, WHY)

    assert after.tier == 3
    assert tickets.steps_of(ticket_id)[-1].action is Action.ASK_ESCALATE


def test_the_lead_may_ask_the_tier_above_in_and_a_helper_may_not(world):
    ticket_id = make.accepted(world, make.submitted(world))

    with unit_of_work():
        ticket = service.escalate(world.actor("repairer"), ticket_id, WHY)

    assert (ticket.tier, ticket.lead_id) == (2, world.organisations["firm"])
    with pytest.raises((Forbidden, NotFound)), unit_of_work():
        service.escalate(world.actor("grid"), ticket_id, WHY)


def test_an_emergency_is_at_property_and_community_at_once(world):
    ticket_id = make.submitted(world, BURST)
    first = tickets.steps_of(ticket_id)[0]
    event = TicketMoved(ticket_id, first.id, first.seq, first.action.value, "submitted")

    with unit_of_work():
        service.on_reported(event)
    with unit_of_work():
        service.on_reported(event)

    ticket = tickets.get(ticket_id)
    assert ticket.tier == 2
    assert world.organisations["community_desk"] in {
        ticket.lead_id,
        *(UUID(co) for co in ticket.co_ids),
    }
    assert ticket.tier_due_at == clock.now() + timedelta(minutes=30)
    with make.after(minutes=11):
        jobs.watch(clock.now())
    assert (tickets.get(ticket_id).tier, tickets.get(ticket_id).breaches) == (2, 1)
    with make.after(minutes=31):
        jobs.watch(clock.now())
    assert tickets.get(ticket_id).tier == 3
