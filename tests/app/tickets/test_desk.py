"""What the desk does: dispatch, transfer, correct, merge, split."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.clocks import latest
from app.sla.rules import ClockKind
from app.tickets import queries, worklists
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.service import Part, Target, Where, Words
from app.tickets.states import CloseReason, State
from tests.make import tickets as make


def moved(ticket_id):
    """The event of a ticket's last step."""
    ticket, step = queries.get(ticket_id), queries.steps_of(ticket_id)[-1]
    return TicketMoved(ticket_id, step.id, step.seq, step.action.value, ticket.state.value)


def to_dispatch(world, name):
    page = worklists.work_page(
        world.actor(name), "to_dispatch", now=clock.now(), cursor=None, limit=50
    )
    return [ticket.id for ticket in page.items]


def test_a_matter_for_the_community_waits_on_its_own_desk_only(world):
    make.submitted(world)
    ticket_id = make.submitted(world, make.UNSURE)

    assert to_dispatch(world, "community") == [ticket_id]
    assert to_dispatch(world, "other_community") == []
    assert to_dispatch(world, "repairer") == []


def test_dispatching_by_hand(world):
    ticket_id = make.submitted(world, make.UNSURE)

    make.dispatched_by_hand(world, ticket_id)

    ticket = queries.get(ticket_id)
    assert (ticket.state, ticket.lead_id) == (State.DISPATCHED, world.organisations["firm"])
    assert [(row.role, row.to_at) for row in queries.holdings_of(ticket_id)] == [("lead", None)]


@pytest.mark.parametrize("name", ["repairer", "grid", "resident", "other_community", "rival"])
def test_others_do_not_dispatch(world, name):
    ticket_id = make.submitted(world, make.UNSURE)

    with pytest.raises((NotFound, Forbidden)):
        make.dispatched_by_hand(world, ticket_id, by=name)


def test_a_party_without_accounts_is_written_for_by_the_desk(world):
    ticket_id = make.dispatched_by_hand(world, make.submitted(world, make.UNSURE), to="water")

    make.accepted(world, ticket_id, by="community")

    assert queries.get(ticket_id).state is State.ACCEPTED


def test_a_transfer_gives_a_new_accept_clock_and_keeps_the_rest(world):
    ticket_id = make.accepted(world, make.submitted(world))
    before = queries.get(ticket_id)
    promised = before.resolve_due_at

    with make.after(hours=1), unit_of_work():
        tickets.transfer(
            world.actor("community"),
            ticket_id,
            Target(organisation_id=world.organisations["community_desk"]),
            Words("社区先处理"),
        )

    ticket = queries.get(ticket_id)
    held = queries.holdings_of(ticket_id)
    assert ticket.state is State.DISPATCHED
    assert ticket.resolve_due_at == promised
    assert ticket.accept_due_at > clock.now() + timedelta(hours=1)
    assert [row.to_at is None for row in held] == [False, True]
    assert [row.first_handler for row in held] == [True, False]
    newest = latest(sla.clocks(ticket_id))
    assert newest[ClockKind.ACCEPT].due_at == ticket.accept_due_at
    assert make.sound(ticket_id)


def test_a_person_of_another_firm_is_not_dispatched_to(world):
    ticket_id = make.submitted(world, make.UNSURE)

    target = Target(organisation_id=world.organisations["firm"], person_id=world.people["rival"])

    with pytest.raises(Invalid) as refused, unit_of_work():
        tickets.dispatch(world.actor("community"), ticket_id, target, Words("请处理"))

    assert refused.value.code == "unknown_person"


def test_correcting_the_category_counts_the_resolve_time_from_the_submit_time(world):
    ticket_id = make.submitted(world, make.UNSURE)
    submitted_at = queries.get(ticket_id).submitted_at

    with make.after(hours=3), unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.LIGHT, Words("是楼道灯"))

    ticket = queries.get(ticket_id)
    assert ticket.category_code == make.LIGHT
    assert ticket.submitted_at == submitted_at
    assert ticket.resolve_due_at == submitted_at + timedelta(days=2)
    assert ticket.accept_due_at == submitted_at + timedelta(hours=5)
    assert (ticket.state, ticket.lead_id) == (State.DISPATCHED, world.organisations["firm"])
    assert make.sound(ticket_id)


def test_a_ticket_reclassified_to_accuse_its_lead_leaves_its_hands(world):
    ticket_id = make.accepted(world, make.submitted(world))

    with unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.GUARD, Words("是投诉门岗"))

    ticket = queries.get(ticket_id)
    assert ticket.respondent_id == world.organisations["firm"]
    assert ticket.lead_id != world.organisations["firm"]
    assert ticket.assignee_id is None
    with pytest.raises(NotFound):
        tickets.read(world.actor("repairer"), ticket_id)
    assert make.sound(ticket_id)


def test_correcting_the_place_routes_again(world):
    ticket_id = make.submitted(world)

    with unit_of_work():
        tickets.relocate(
            world.actor("community"),
            ticket_id,
            Where(scene=world.scenes["rival_building"]),
            Words("在银杏里"),
        )

    ticket = queries.get(ticket_id)
    assert ticket.compound_id == world.places["rivals"]
    assert ticket.lead_id == world.organisations["rival_firm"]
    assert make.sound(ticket_id)


@pytest.fixture
def twins(world):
    """Two reports of one broken light: the resident's and the neighbour's."""
    return make.submitted(world), make.submitted(world, by="neighbour")


def merge(world, ticket_id, master_id, by="community"):
    with unit_of_work():
        tickets.merge(world.actor(by), ticket_id, master_id, Words("同一盏灯"))


def test_a_merged_reporter_follows_the_master(world, twins):
    master, other = twins

    merge(world, other, master)

    assert queries.get(other).state is State.MERGED
    assert queries.get(master).followers == 1
    assert queries.is_follower(world.people["neighbour"], master)
    assert make.sound(other)


def test_closing_the_master_closes_those_merged_into_it(world, twins):
    master, other = twins
    merge(world, other, master)
    make.resolved(world, master)
    with unit_of_work():
        tickets.verdict(world.actor("resident"), master, "yes", Words())

    with unit_of_work():
        tickets.close_along(moved(master))
    with unit_of_work():
        tickets.close_along(moved(master))

    ticket = queries.get(other)
    assert (ticket.state, ticket.close_reason) == (State.CLOSED, CloseReason.ALONG)
    assert make.sound(other)


def test_a_follower_keeps_an_own_verdict(world, twins):
    master, other = twins
    merge(world, other, master)
    make.resolved(world, master)

    with unit_of_work():
        tickets.verdict(world.actor("neighbour"), master, "no", Words("还是暗"))
    assert queries.get(master).state is State.RESOLVED
    with unit_of_work():
        tickets.verdict(world.actor("resident"), master, "yes", Words())

    said = {row.person_id: row.solved for row in queries.verdicts_of(master)}
    assert said == {world.people["neighbour"]: "no", world.people["resident"]: "yes"}


def test_two_tickets_do_not_merge_into_each_other(world, twins):
    first, second = twins
    merge(world, first, second)

    with pytest.raises((Conflict, RuleBroken)):
        merge(world, second, first)


def test_only_the_same_place_and_category_merge(world):
    light, other = make.submitted(world), make.submitted(world, "BLD-DOOR")

    with pytest.raises(RuleBroken) as refused:
        merge(world, other, light)

    assert refused.value.code == "not_the_same"


def test_splitting_wins_no_time_and_the_parent_closes_with_its_parts(world):
    parent = make.submitted(world, make.UNSURE)
    submitted_at = queries.get(parent).submitted_at
    with make.after(hours=2), unit_of_work():
        children = tickets.split(
            world.actor("community"),
            parent,
            [Part(category=make.LIGHT, text="灯不亮"), Part(category="BLD-DOOR", text="门坏了")],
        )
    ids = [child.id for child in children]
    assert queries.get(ids[0]).resolve_due_at == submitted_at + timedelta(days=2)
    assert queries.get(parent).state is State.IN_PROGRESS

    for child in ids:
        make.resolved(world, child)
        with unit_of_work():
            tickets.verdict(world.actor("resident"), child, "yes", Words())
        assert queries.get(parent).closed_at is None
        with unit_of_work():
            tickets.close_along(moved(child))

    ticket = queries.get(parent)
    assert (ticket.state, ticket.close_reason) == (State.CLOSED, CloseReason.ALONG)
    assert make.sound(parent)


def test_a_split_ticket_is_not_resolved_by_itself(world):
    parent = make.submitted(world, make.UNSURE)
    with unit_of_work():
        parts = [Part(category=make.LIGHT, text="灯不亮"), Part(category="BLD-DOOR", text="门坏了")]
        tickets.split(world.actor("community"), parent, parts)

    with pytest.raises(Forbidden) as refused:
        make.started(world, parent, by="community")
    with pytest.raises(Conflict):
        make.dispatched_by_hand(world, parent)

    assert refused.value.code == "not_your_act"
