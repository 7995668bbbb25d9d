"""Who had a report first answers for it until somebody has accepted it (首问负责)."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import Forbidden, NotFound
from app.kernel.work import unit_of_work
from app.notifications.rules.ways import Way
from app.tickets import access, history, queries, wording, worklists
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import Action, Relation, State
from tests.make import leaves, news
from tests.make import tickets as make

SAID = Words("已联系居民，说明还在协调单位")


def returned(world):
    """A ticket that the firm had first and gave back with the desk's leave."""
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("不归我们"))
    leaves.decide(world, ticket_id)
    return ticket_id


def transferred(world):
    """A ticket that the desk took from the firm and gave to another."""
    ticket_id = make.accepted(world, make.submitted(world))
    transfer(world, ticket_id)
    return ticket_id


def transfer(world, ticket_id, to="rival_firm"):
    with unit_of_work():
        target = Target(organisation_id=world.organisations[to])
        tickets.transfer(world.actor("community"), ticket_id, target, Words("请接手"))


def forgotten(ticket_id):
    """Let the time to accept run out; the moment after."""
    moment = queries.get(ticket_id).accept_due_at + timedelta(minutes=1)
    leaves.watched(moment, times=2)
    return moment


def listed(world, name, queue="first_duty"):
    session.expire_all()
    found = worklists.work_page(
        world.actor(name), queue, now=clock.now(), cursor=None, limit=50
    ).items
    return [one.id for one in found]


def relation_of(world, name, ticket_id):
    return access.relations(world.actor(name), queries.get(ticket_id))


@pytest.mark.parametrize("lose", [returned, transferred])
@pytest.mark.parametrize("name", ["repairer", "manager"])
def test_the_first_still_reads_it_and_may_tell_the_resident_how_it_stands(world, lose, name):
    ticket_id = lose(world)

    assert relation_of(world, name, ticket_id) == {Relation.FIRST_HANDLER}
    with unit_of_work():
        tickets.progress(world.actor(name), ticket_id, SAID, public=True)

    step = queries.steps_of(ticket_id, public_only=True)[-1]
    assert (step.relation, history.words_of(step)) == ("first_handler", SAID.text)
    assert step.organisation_id == world.organisations["firm"]


def test_it_decides_nothing_and_sees_no_number_and_no_door(world):
    ticket_id = transferred(world)
    manager = world.actor("manager")
    ticket = queries.get(ticket_id)

    assert not access.may_see_contact(manager, ticket)
    assert not access.may_see_whole_place(access.relations(manager, ticket), ticket)
    for act in (
        lambda: tickets.accept(manager, ticket_id),
        lambda: tickets.assign(manager, ticket_id, world.people["repairer"], SAID),
        lambda: tickets.ask_return(manager, ticket_id, "other_party", SAID),
    ):
        with pytest.raises(Forbidden), unit_of_work():
            act()


@pytest.mark.parametrize("lose", [returned, transferred])
def test_it_is_called_once_when_nobody_accepts_in_time(world, lose):
    ticket_id = lose(world)
    noise = make.submitted(world, by="neighbour")
    before = listed(world, "manager")

    forgotten(ticket_id)

    assert before == []
    assert listed(world, "manager") == listed(world, "repairer") == [ticket_id]
    assert listed(world, "rival") == listed(world, "community") == []
    assert leaves.actions(ticket_id).count(Action.CALL_FIRST) == 1
    assert Action.CALL_FIRST not in leaves.actions(noise)
    assert leaves.true_to_history(ticket_id)


def test_who_is_late_itself_is_not_called_upon(world):
    ticket_id = make.submitted(world)

    forgotten(ticket_id)

    assert Action.CALL_FIRST not in leaves.actions(ticket_id)
    assert listed(world, "manager") == []


def test_it_is_told_and_the_resident_reads_it(world):
    ticket_id = transferred(world)
    moment = forgotten(ticket_id)

    with news.outfit(Way.WECHAT), clock.frozen(moment):
        news.drained()
        told = news.told(world, ticket_id=ticket_id)

    assert {("manager", "first_duty"), ("resident", "first_called")} <= told
    assert ("rival", "first_duty") not in told
    step = next(s for s in queries.steps_of(ticket_id) if s.action is Action.CALL_FIRST)
    said = wording.step_for_resident(step.action, step.facts, handler=None)
    assert (step.public, said) == (True, "还没有单位接单，已请最先收到的单位向您说明")


def test_it_is_over_when_somebody_accepts(world):
    ticket_id = transferred(world)
    moment = forgotten(ticket_id)

    with clock.frozen(moment):
        make.accepted(world, ticket_id, by="rival")

    assert listed(world, "manager") == []
    assert relation_of(world, "manager", ticket_id) == frozenset()
    assert queries.get(ticket_id).first_called_at is None
    with pytest.raises(NotFound), unit_of_work():
        tickets.progress(world.actor("manager"), ticket_id, SAID, public=True)
    assert leaves.true_to_history(ticket_id)


def test_another_round_in_nobodys_hands_calls_it_again(world):
    ticket_id = transferred(world)
    with clock.frozen(forgotten(ticket_id)):
        make.accepted(world, ticket_id, by="rival")
        transfer(world, ticket_id, to="community_desk")
    waiting = listed(world, "manager")

    forgotten(ticket_id)

    assert (waiting, listed(world, "manager")) == ([], [ticket_id])
    assert leaves.actions(ticket_id).count(Action.CALL_FIRST) == 2


def test_as_the_lead_again_it_answers_as_the_lead(world):
    ticket_id = transferred(world)
    with clock.frozen(forgotten(ticket_id)):
        transfer(world, ticket_id, to="firm")

    assert listed(world, "manager") == []
    assert Relation.FIRST_HANDLER not in relation_of(world, "manager", ticket_id)
    assert queries.get(ticket_id).first_called_at is None


def test_the_accused_is_shut_out_whatever_it_had_first(world):
    ticket_id = transferred(world)
    forgotten(ticket_id)

    with unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.GUARD, Words("反映物业"))

    ticket = queries.get(ticket_id)
    assert world.organisations["firm"].hex in ticket.barred
    assert (ticket.first_id, ticket.first_called_at) == (None, None)
    assert relation_of(world, "manager", ticket_id) == frozenset()
    assert listed(world, "manager") == []
    assert leaves.true_to_history(ticket_id)


def test_deny_wins_even_where_the_row_still_names_it(world):
    ticket_id = transferred(world)
    forgotten(ticket_id)
    with unit_of_work():
        queries.hold(ticket_id).barred = world.organisations["firm"].hex

    assert relation_of(world, "manager", ticket_id) == frozenset()
    assert listed(world, "manager") == []


def test_the_desk_that_wrote_it_down_is_the_first(world):
    ticket_id = make.submitted(world, by="community", on_behalf=True)
    by_head = make.submitted(world, by="head", on_behalf=True)

    forgotten(ticket_id)

    desk, firm = world.organisations["community_desk"], world.organisations["firm"]
    assert (queries.get(ticket_id).first_id, queries.get(by_head).first_id) == (desk, firm)
    assert (queries.get(ticket_id).state, queries.get(ticket_id).lead_id) == (
        State.DISPATCHED,
        firm,
    )
    assert listed(world, "community") == [ticket_id]


def test_an_accused_desk_is_not_the_first(world):
    ticket_id = make.submitted(world, make.STAFF, by="community", on_behalf=True)

    assert queries.get(ticket_id).first_id is None


def test_the_parts_of_a_report_have_its_first(world):
    ticket_id = returned(world)

    with unit_of_work():
        children = tickets.split(
            world.actor("community"),
            ticket_id,
            [
                tickets.Part(category=make.LIGHT, text="灯"),
                tickets.Part(category=make.UNSURE, text="别的"),
            ],
        )

    assert {one.first_id for one in children} == {world.organisations["firm"]}
    assert all(leaves.true_to_history(one.id) for one in children)


def test_a_hand_over_passes_the_duty_on(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.hand_over(ticket_id, world.organisations["rival_firm"], None)

    forgotten(ticket_id)

    assert queries.get(ticket_id).first_id == world.organisations["rival_firm"]
    assert listed(world, "manager") == listed(world, "rival") == []
    transfer(world, ticket_id, to="community_desk")
    forgotten(ticket_id)
    assert (listed(world, "manager"), listed(world, "rival")) == ([], [ticket_id])
    assert leaves.true_to_history(ticket_id)
