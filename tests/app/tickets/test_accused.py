"""The accused never leads, never helps, never judges, and never learns who complained."""

import pytest

from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.errors import NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.tickets import access, queries, worklists
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import State
from tests.make import tickets as make


@pytest.fixture
def complaint(world):
    """A complaint about the firm's guards, by the resident; noise beside it."""
    make.submitted(world)
    return make.submitted(world, make.GUARD, text="门卫半夜睡觉，我住301，电话10020000000")


def test_a_complaint_about_the_firm_waits_at_the_community(world, complaint):
    ticket = queries.get(complaint)

    assert ticket.respondent_id == world.organisations["firm"]
    assert ticket.desk_level == "community"
    assert ticket.lead_id != world.organisations["firm"]


def test_what_the_resident_ticks_accuses_too(world):
    ticket = queries.get(make.submitted(world, accuse="property"))

    assert ticket.respondent_id == world.organisations["firm"]
    assert ticket.lead_id != world.organisations["firm"]
    assert ticket.state is State.SUBMITTED


def test_an_accused_community_is_judged_by_the_street(world):
    ticket = queries.get(make.submitted(world, make.STAFF))

    assert ticket.respondent_id == world.organisations["community_desk"]
    assert ticket.desk_level == "street"
    for name in ("community", "community2"):
        with pytest.raises(NotFound):
            tickets.read(world.actor(name), ticket.id)
    assert tickets.read(world.actor("street"), ticket.id)


@pytest.mark.parametrize("act", ["dispatch", "transfer", "assist"])
def test_no_act_brings_the_accused_in(world, complaint, act):
    firm = Target(organisation_id=world.organisations["firm"])
    community = world.actor("community")
    if act != "dispatch":
        make.dispatched_by_hand(world, complaint, to="community_desk")

    how = {
        "dispatch": lambda: tickets.dispatch(community, complaint, firm, Words("请处理")),
        "transfer": lambda: tickets.transfer(community, complaint, firm, Words("请处理")),
        "assist": lambda: tickets.assist(
            community, complaint, firm.organisation_id, clock.now(), Words("请协助")
        ),
    }

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        how[act]()

    assert refused.value.code == "accused_never_leads"


@pytest.mark.parametrize("name", ["repairer", "manager"])
def test_the_accused_does_not_see_it(world, complaint, name):
    actor = world.actor(name)

    with pytest.raises(NotFound):
        tickets.read(actor, complaint)
    for queue in worklists.QUEUES:
        page = worklists.work_page(actor, queue, now=clock.now(), cursor=None, limit=50)
        assert complaint not in {ticket.id for ticket in page.items}, queue


def test_one_hat_of_the_accused_shuts_out_all_others(world, complaint):
    with unit_of_work():
        identity.appoint(
            SYSTEM,
            world.people["manager"],
            Role.COMMUNITY_STAFF,
            world.organisations["community_desk"],
        )
    actor = world.actor("manager")

    assert access.relations(actor, queries.get(complaint)) == frozenset()
    page = worklists.work_page(actor, "to_dispatch", now=clock.now(), cursor=None, limit=50)
    assert complaint not in {ticket.id for ticket in page.items}


def test_a_member_of_the_accused_keeps_what_they_are_as_a_resident(world):
    own = make.submitted(world, make.GUARD, by="manager")

    assert tickets.may_read_as_resident(world.actor("manager"), queries.get(own))
    with pytest.raises(NotFound):
        tickets.read(world.actor("manager"), own)


def test_a_grid_officer_does_not_read_accusing_tickets(world, complaint):
    with pytest.raises(NotFound):
        tickets.read(world.actor("grid"), complaint)


def test_the_accused_reads_the_brief_and_nothing_before_it(world, complaint):
    actor = world.actor("manager")
    briefs = lambda: worklists.work_page(  # noqa: E731
        actor, "briefs", now=clock.now(), cursor=None, limit=50
    )
    assert briefs().items == []

    with unit_of_work():
        tickets.brief(world.actor("community"), complaint, Words("有居民反映夜间门岗无人值守"))

    assert [ticket.id for ticket in briefs().items] == [complaint]
