"""From words to a numbered ticket, and what is not taken."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.errors import Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Where
from app.tickets.states import State
from tests.make import tickets as make


def refused(world, by="resident", category=make.LIGHT, **changes):
    with pytest.raises((Invalid, RuleBroken, NotFound)) as found, unit_of_work():
        tickets.submit(world.actor(by), make.draft(world, category, **changes))
    return found.value.code


def test_a_corridor_light_goes_to_the_firm_by_itself(world):
    ticket = queries.get(make.submitted(world))

    assert (ticket.state, ticket.lead_id) == (State.DISPATCHED, world.organisations["firm"])
    assert len(ticket.number) == 12
    assert any("安居物业" in words for words in ticket.why)


def test_the_three_promises_are_kept_as_clocks(world):
    ticket_id = make.submitted(world)

    promised = {one.kind: one.due_at for one in sla.clocks(ticket_id)}
    ticket = queries.get(ticket_id)

    assert promised[ClockKind.ACCEPT] == clock.now() + timedelta(hours=2)
    assert promised[ClockKind.RESOLVE] == clock.now() + timedelta(days=2)
    assert ticket.next_due_at == promised[ClockKind.ACCEPT]
    assert ticket.look_at == clock.now() + timedelta(hours=2) * 0.8
    assert make.sound(ticket_id)


def test_without_a_firm_it_waits_at_the_community_which_is_proposed(world):
    ticket = queries.get(make.submitted(world, by="old_resident", scene="old_building"))

    assert ticket.lead_id is None
    assert ticket.proposed_id == world.organisations["community2_desk"]
    assert ticket.desk_id == world.places["community2"]


def test_danger_goes_out_at_any_hour_to_who_is_on_duty(world):
    with make.after(hours=16):
        ticket = queries.get(make.submitted(world, "PUB-MANHOLE"))

    assert ticket.state is State.DISPATCHED
    assert ticket.assignee_id == world.people["repairer"]


def test_danger_needs_a_phone(world):
    assert refused(world, category="PUB-MANHOLE", contact_phone=None) == "phone_needed"


def test_words_or_a_picture_are_needed(world):
    assert refused(world, text="  ") == "text_needed"
    photo = make.photo(world, "resident")
    assert queries.get(make.submitted(world, text="", media=[photo])).number


def test_anonymous_only_where_the_category_allows_it(world):
    assert refused(world, category="PRK-SPACE", anonymous=True) == "anonymous_not_allowed"
    assert queries.get(make.submitted(world, anonymous=True)).anonymous


def test_in_home_work_is_for_those_who_live_there(world):
    at_home = {"category": "BLD-HOMEMINOR", "scene": "home"}

    assert queries.get(make.submitted(world, **at_home)).dwelling_id == world.places["home"]
    assert refused(world, by="stranger", **at_home) == "not_verified"


def test_a_place_is_said_in_one_way(world):
    assert refused(world, where=Where()) == "place_needed"
    both = Where(scene=world.scenes["building"], place_id=world.places["building"])
    assert refused(world, where=both) == "place_needed"


def test_unknown_category_scene_and_place(world):
    assert refused(world, category="XXX-NONE") == "unknown_category"
    assert refused(world, where=Where(scene="ZZZZZZZZZZ")) == "unknown_scene"
    assert refused(world, where=Where(place_id=world.people["resident"])) == "unknown_place"


def test_building_heads_file_for_others_in_their_building_only(world):
    ticket = queries.get(make.submitted(world, by="head", on_behalf=True))

    assert (ticket.reporter_id, ticket.filed_by_id) == (None, world.people["head"])
    assert refused(world, by="head", scene="building2", on_behalf=True) == "may_not_file_for"
    assert refused(world, on_behalf=True) == "may_not_file_for"


def test_what_happens_later_has_not_happened(world):
    assert refused(world, happened_at=clock.now() + timedelta(minutes=1)) == "happened_later"
