"""Reports that belong together: merged ones, parts of one, and who follows them."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import RuleBroken
from app.kernel.work import unit_of_work
from app.tickets import history, queries
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.service import Part, Where, Words
from app.tickets.states import CloseReason, State
from tests.make import tickets as make

PARTS = [Part(category=make.LIGHT, text="灯不亮"), Part(category="BLD-DOOR", text="门坏了")]


def ended(ticket_id):
    """Let the listener hear that a ticket ended."""
    ticket, step = queries.get(ticket_id), queries.steps_of(ticket_id)[-1]
    event = TicketMoved(ticket_id, step.id, step.seq, step.action.value, ticket.state.value)
    with unit_of_work():
        tickets.close_along(event)


def merge(world, ticket_id, master_id):
    with unit_of_work():
        tickets.merge(world.actor("community"), ticket_id, master_id, Words("同一盏灯"))


def declined(world, ticket_id):
    with unit_of_work():
        tickets.ask_decline(world.actor("community"), ticket_id, "concluded", Words("答复过"))
    with unit_of_work():
        tickets.decide(world.actor("community2"), ticket_id, approved=True, words=Words("同意"))


def join(world, name, ticket_id):
    with unit_of_work():
        tickets.join(world.actor(name), ticket_id)


def test_who_joined_a_ticket_follows_where_it_goes(world):
    first, second = make.submitted(world), make.submitted(world, by="neighbour")
    third = make.submitted(world, by="stranger")
    join(world, "old_resident", first)

    merge(world, first, second)
    merge(world, second, third)

    followers = set(queries.follower_ids(third))
    assert followers == {world.people[one] for one in ("resident", "neighbour", "old_resident")}
    assert queries.get(third).followers == 3
    assert all(make.sound(one) for one in (first, second, third))


def test_ends_reach_along_the_whole_row_of_merged_tickets(world):
    first, second = make.submitted(world), make.submitted(world, by="neighbour")
    third = make.submitted(world, by="stranger")
    merge(world, first, second)
    merge(world, second, third)
    make.resolved(world, third)
    with unit_of_work():
        tickets.verdict(world.actor("stranger"), third, "yes", Words())

    ended(third)
    ended(second)

    assert [queries.get(one).close_reason for one in (first, second)] == [CloseReason.ALONG] * 2


def test_declining_the_master_ends_those_merged_into_it(world):
    master, other = (make.submitted(world, make.UNSURE, by=n) for n in ("resident", "neighbour"))
    merge(world, other, master)

    declined(world, master)
    ended(master)

    assert queries.get(other).state is State.CLOSED


def test_two_homes_do_not_merge(world):
    at_home = {"category": "BLD-HOMEMINOR", "scene": "home"}
    theirs = Where(place_id=world.places["next_door"])
    mine = make.submitted(world, **at_home)
    other = make.submitted(world, "BLD-HOMEMINOR", by="neighbour", where=theirs)

    with pytest.raises(RuleBroken) as refused:
        merge(world, other, mine)

    assert refused.value.code == "not_the_same"


def test_a_merged_ticket_is_not_reopened_by_itself(world):
    master, other = make.submitted(world), make.submitted(world, by="neighbour")
    merge(world, other, master)
    make.resolved(world, master)
    with unit_of_work():
        tickets.verdict(world.actor("resident"), master, "yes", Words())
    ended(master)

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.reopen(world.actor("neighbour"), other, Words("又坏了"))

    assert refused.value.code == "merged"


def split(world, parent):
    with unit_of_work():
        children = tickets.split(world.actor("community"), parent, PARTS)
    return [child.id for child in children]


def test_a_split_ticket_owes_nothing_itself_and_its_people_follow_the_parts(world):
    parent = make.submitted(world, make.UNSURE)
    join(world, "neighbour", parent)

    parts = split(world, parent)

    assert queries.get(parent).next_due_at == queries.FAR
    for part in parts:
        assert queries.is_follower(world.people["neighbour"], part)
        assert queries.get(part).followers == 1
        assert make.sound(part)


def test_a_part_that_is_declined_counts_as_ended(world):
    parent = make.submitted(world, make.UNSURE)
    first, second = split(world, parent)
    make.resolved(world, first)
    with unit_of_work():
        tickets.verdict(world.actor("resident"), first, "yes", Words())
    ended(first)
    with unit_of_work():
        tickets.reclassify(world.actor("community"), second, make.UNSURE, Words("说不清"))
    declined(world, second)

    assert queries.get(parent).closed_at is None
    ended(second)

    assert queries.get(parent).state is State.CLOSED
    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.reopen(world.actor("resident"), parent, Words("又坏了"))
    assert refused.value.code == "split"


def test_the_desk_alone_does_not_drop_who_is_accused(world):
    ticket_id = make.submitted(world, make.GUARD)

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.LIGHT, Words("是灯"))
    with unit_of_work():
        tickets.reclassify(world.actor("street"), ticket_id, make.LIGHT, Words("确实是灯"))

    assert refused.value.code == "drops_accusation"
    assert queries.get(ticket_id).lead_id == world.organisations["firm"]


def test_who_is_accused_stays_shut_out_when_the_place_is_corrected(world):
    ticket_id = make.submitted(world, make.GUARD)
    rivals = Where(scene=world.scenes["rival_building"])

    with unit_of_work():
        tickets.relocate(world.actor("community"), ticket_id, rivals, Words("在银杏里"))

    barred = queries.get(ticket_id).barred.split()
    assert sorted(barred) == sorted(world.organisations[one].hex for one in ("firm", "rival_firm"))


def test_a_co_handler_that_turns_out_to_be_accused_is_let_go(world):
    ticket_id = make.dispatched_by_hand(
        world, make.submitted(world, make.UNSURE), to="community_desk"
    )
    make.accepted(world, ticket_id, by="community")
    firm = world.organisations["firm"]
    with unit_of_work():
        due = clock.now() + timedelta(hours=1)
        tickets.assist(world.actor("community"), ticket_id, firm, due, Words("请协助"))

    with unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.GUARD, Words("是投诉门岗"))

    held = [row for row in queries.holdings_of(ticket_id) if row.organisation_id == firm]
    assert queries.get(ticket_id).co_ids == []
    assert [row.to_at for row in held] == [clock.now()]


def test_a_history_read_while_somebody_acts_is_read_again(world, monkeypatch):
    ticket_id = make.submitted(world)
    honest, once = queries.steps_of_many, []

    def torn(ticket_ids):
        found = honest(ticket_ids)
        if not once:
            once.append(found[ticket_id].pop())
        return found

    monkeypatch.setattr(queries, "steps_of_many", torn)

    assert all(not flaws for _, flaws in tickets.verify())
    assert history.flaws(queries.get(ticket_id), queries.steps_of(ticket_id)[:-1])
