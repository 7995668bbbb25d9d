"""A detour wins nobody anything: transfers, returns, corrections, reopenings."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Invalid, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from tests.make import tickets as make


def test_a_transfer_does_not_make_a_withdrawal_free(world):
    ticket_id = make.accepted(world, make.submitted(world))
    target = Target(organisation_id=world.organisations["rival_firm"])
    with unit_of_work():
        tickets.transfer(world.actor("community"), ticket_id, target, Words("换一家"))
    resident = world.actor("resident")

    with pytest.raises(Invalid), unit_of_work():
        tickets.withdraw(resident, ticket_id, Words())
    with unit_of_work():
        tickets.withdraw(resident, ticket_id, Words("不用了"))

    assert queries.get(ticket_id).withdrawn_after_accept


def test_nobody_takes_back_what_others_have_joined(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.join(world.actor("neighbour"), ticket_id)

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.withdraw(world.actor("resident"), ticket_id, Words())

    assert refused.value.code == "others_joined"


def test_a_reopening_is_not_a_redo(world):
    ticket_id = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.verdict(world.actor("resident"), ticket_id, "yes", Words())

    with unit_of_work():
        tickets.reopen(world.actor("resident"), ticket_id, Words("又坏了"))

    ticket = queries.get(ticket_id)
    assert (ticket.reworks, ticket.reopens) == (0, 1)


def test_a_return_that_was_refused_does_not_shut_the_firm_out(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.ask_return(world.actor("repairer"), ticket_id, "other_party", Words("不归我们"))
    with unit_of_work():
        tickets.decide(world.actor("community"), ticket_id, approved=False, words=Words("归你们"))

    with unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, "ENV-CLEAN", Words("是保洁"))

    assert queries.returned_by(ticket_id) == frozenset()
    assert queries.get(ticket_id).lead_id == world.organisations["firm"]


def test_only_the_first_lead_ever_is_the_first_handler(world):
    ticket_id = make.submitted(world)
    with unit_of_work():
        tickets.reclassify(world.actor("community"), ticket_id, make.UNSURE, Words("说不清"))
    make.dispatched_by_hand(world, ticket_id, to="rival_firm")

    leads = [row.first_handler for row in queries.holdings_of(ticket_id) if row.role == "lead"]

    assert leads == [True, False]


def test_a_new_lead_that_has_met_nobody_has_its_own_time_to_respond(world):
    ticket_id = make.started(world, make.submitted(world))
    target = Target(organisation_id=world.organisations["rival_firm"])

    with make.after(days=1), unit_of_work():
        tickets.transfer(world.actor("community"), ticket_id, target, Words("换一家"))

    ticket = queries.get(ticket_id)
    newest = {one.kind: one for one in sla.clocks(ticket_id)}[ClockKind.RESPOND]
    assert newest.running
    assert ticket.started_at is None
    assert ticket.respond_due_at == newest.due_at > clock.now() + timedelta(days=1)


def test_who_helps_goes_on_helping_when_the_lead_changes(world):
    ticket_id = make.accepted(world, make.submitted(world))
    community, rival = world.organisations["community_desk"], world.organisations["rival_firm"]
    due = clock.now() + timedelta(days=1)
    for helper in (community, rival):
        with unit_of_work():
            tickets.assist(world.actor("repairer"), ticket_id, helper, due, Words("请帮忙"))

    with unit_of_work():
        target = Target(organisation_id=rival)
        tickets.transfer(world.actor("community"), ticket_id, target, Words("换一家"))

    standing = {
        (row.role, row.organisation_id)
        for row in queries.holdings_of(ticket_id)
        if row.to_at is None
    }
    assert queries.get(ticket_id).co_ids == [community.hex]
    assert standing == {("lead", rival), ("co_handler", community)}


def test_an_offer_of_the_old_lead_does_not_bind_the_new_one(world):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        tickets.quote(world.actor("repairer"), ticket_id, "paid", 8000, Words("换阀门80元"))
    target = Target(organisation_id=world.organisations["rival_firm"])
    with unit_of_work():
        tickets.transfer(world.actor("community"), ticket_id, target, Words("换一家"))

    make.accepted(world, ticket_id, by="rival")

    with pytest.raises(RuleBroken) as refused, unit_of_work():
        tickets.agree(world.actor("resident"), ticket_id, agreed=True, words=Words())

    assert refused.value.code == "no_quote"


def test_a_resident_waits_the_window_out_before_saying_nobody_came(world):
    ticket_id = make.accepted(world, make.submitted(world))
    begins = clock.now() + timedelta(hours=1)
    with unit_of_work():
        ends = begins + timedelta(hours=2)
        tickets.appoint(world.actor("repairer"), ticket_id, begins, ends, Words())

    with make.after(hours=2), pytest.raises(RuleBroken), unit_of_work():
        tickets.no_show(world.actor("resident"), ticket_id, Words("没来"), as_resident=True)
    with make.after(hours=2), unit_of_work():
        tickets.no_show(world.actor("repairer"), ticket_id, Words("没人"), as_resident=False)

    assert queries.last_appointment(ticket_id).no_show_by == "resident"
