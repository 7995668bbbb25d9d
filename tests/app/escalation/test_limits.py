"""A number a district sets is what acts go by from then on, and every clock still replays."""

from datetime import timedelta

import pytest

from app.escalation import queries as escalation
from app.escalation import service
from app.identity import service as identity
from app.identity.service import NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import RuleBroken
from app.kernel.work import unit_of_work
from app.reviews import queries as reviews
from app.sla import ops
from app.sla import queries as sla
from app.sla.clocks import latest
from app.sla.rules import ClockKind
from app.tickets import queries as tickets
from app.tickets import service as verbs
from app.tickets.events import TicketMoved
from app.tickets.service import Words
from miniprogram_api import buttons
from tests.app.catalog.test_limits import put
from tests.make import tickets as make
from workers import jobs

GREEN = "ENV-GREEN"
WHY = Words("等等看")


def newest(ticket_id):
    session.expire_all()
    return latest(sla.clocks(ticket_id))


def share_before_the_warning(clock_):
    whole, warned = clock_.due_at - clock_.started_at, clock_.warn_at - clock_.started_at
    return round(100 * warned / whole)


def test_replay_finds_nothing_after_every_number_changed_between_two_acts(world):
    before = make.submitted(world)
    with make.after(minutes=5):
        for key, value in (("due_soon_percent", "50"), ("answer_due", "2wd"), ("pause_days", "9")):
            put(key, value, district_id=world.places["district"])
        make.started(world, before)
        with unit_of_work():
            verbs.supervise(world.actor("street"), before, "remind", WHY)
        after = make.submitted(world, by="neighbour")
        make.started(world, after)
    with make.after(hours=30):
        jobs.watch(clock.now())

    assert list(service.replay()) != []
    assert [found for _, found in service.replay() if found] == []
    assert make.sound(before)


def test_a_share_that_is_not_written_into_its_step_would_be_found(world, monkeypatch):
    """The control: a clock that takes the number from today's settings does not replay."""
    put("due_soon_percent", "50")
    monkeypatch.setattr(ops, "warned_at", lambda op, _percent: op)

    ticket_id = make.submitted(world)

    assert any("warn_percent" in words for words in service.differences_of(ticket_id))


def test_due_soon_comes_when_the_district_says_and_running_clocks_keep_theirs(world):
    old = make.submitted(world)
    put("due_soon_percent", "50")
    new = make.submitted(world, by="neighbour")

    assert share_before_the_warning(newest(old)[ClockKind.ACCEPT]) == 80
    assert share_before_the_warning(newest(new)[ClockKind.ACCEPT]) == 50
    assert tickets.get(new).look_at < tickets.get(old).look_at


def test_a_restarted_clock_takes_the_new_share(world):
    ticket_id = make.submitted(world)
    put("due_soon_percent", "50")
    with unit_of_work():
        target = verbs.Target(organisation_id=world.organisations["rival_firm"])
        verbs.transfer(world.actor("community"), ticket_id, target, WHY)

    accept = newest(ticket_id)[ClockKind.ACCEPT]
    assert (accept.round, share_before_the_warning(accept)) == (2, 50)
    assert service.differences_of(ticket_id) == []


def test_a_longer_answer_to_supervision_holds_for_the_next(world):
    ticket_id = make.started(world, make.submitted(world))
    put("answer_due", "2wd")

    with unit_of_work():
        verbs.supervise(world.actor("street"), ticket_id, "remind", WHY)

    assert newest(ticket_id)[ClockKind.ANSWER].token == "2wd"


def test_a_pause_longer_than_the_district_allows_is_refused(world):
    ticket_id = make.started(world, make.submitted(world, GREEN))
    put("pause_days", "10")
    until = clock.now() + timedelta(days=11)

    with pytest.raises(RuleBroken, match="10天"), unit_of_work():
        verbs.ask_suspend(world.actor("repairer"), ticket_id, "parts", until, WHY)


def test_a_second_person_has_as_long_as_the_district_says(world):
    ticket_id = make.started(world, make.submitted(world, GREEN))
    put("review_due", "1wh")

    with unit_of_work():
        until = clock.now() + timedelta(days=5)
        verbs.ask_suspend(world.actor("repairer"), ticket_id, "parts", until, WHY)

    (review,) = reviews.open_for("ticket", ticket_id)
    assert review.due_at == clock.now() + timedelta(hours=1)


def test_no_extension_where_the_district_allows_none(world):
    ticket_id = make.started(world, make.submitted(world, GREEN))
    shown = [one["action"] for one in staff_buttons(world, ticket_id)]
    put("extensions", "0")

    hidden = [one["action"] for one in staff_buttons(world, ticket_id)]
    with pytest.raises(RuleBroken, match="extensions_used_up"), unit_of_work():
        verbs.ask_extend(world.actor("repairer"), ticket_id, "parts", 2, WHY)

    assert ("extend" in shown, "extend" in hidden) == (True, False)


def staff_buttons(world, ticket_id):
    actor, ticket = world.actor("repairer"), tickets.get(ticket_id)
    found = verbs.read(actor, ticket_id)
    assert found is ticket
    relations = buttons.access.relations(actor, ticket)
    return buttons.for_staff(actor, ticket, relations, clock.now())


def test_residents_nudge_as_often_as_the_district_says(world):
    ticket_id = make.accepted(world, make.submitted(world, GREEN))
    put("nudges", "1")
    with unit_of_work():
        verbs.nudge(world.actor("resident"), ticket_id, WHY)

    with (
        make.after(days=2),
        pytest.raises(RuleBroken, match="已经催过1次"),
        unit_of_work(),
    ):
        verbs.nudge(world.actor("resident"), ticket_id, WHY)


def test_the_duty_list_is_called_at_the_districts_pace(world):
    put("call_minutes", "2")
    with unit_of_work():
        identity.start_shift(
            SYSTEM,
            NewShift(
                organisation_id=world.organisations["firm"],
                person_id=world.people["repairer2"],
                starts_at=clock.now(),
                order=5,
            ),
        )
    ticket_id = make.submitted(world, "EMG-BURST")
    first = tickets.steps_of(ticket_id)[0]
    with unit_of_work():
        service.on_reported(
            TicketMoved(ticket_id, first.id, first.seq, first.action.value, "submitted")
        )

    (call,) = escalation.calls_of(ticket_id)
    assert call.next_at - call.called_at == timedelta(minutes=2)
