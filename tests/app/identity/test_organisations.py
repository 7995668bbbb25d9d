"""Organisations, desks, contracts, lists to ring and duty, over the database."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.identity import queries, service
from app.identity.rules import OrgKind, Role
from app.identity.serving import ContactView
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.territory.rules import Level
from tests.make import identity as make
from tests.make import territory as ground

pytestmark = pytest.mark.usefixtures("app")


def names(firms):
    return [firm.name for firm in firms]


def test_the_firms_of_a_spot_come_most_specific_first(town, monday):
    whole, lifts = make.organisation(name="全区物业"), make.organisation(name="电梯公司")
    block, elsewhere = make.organisation(name="三幢物业"), make.organisation(name="别处物业")
    other = ground.place(Level.COMPOUND, "荷塘苑", town.community)
    make.project(whole.id, town.compound, contract_grade="二级", duty_phone="10011112222")
    make.project(lifts.id, town.compound, facility_kinds=["lift"])
    make.project(block.id, town.compound, building_ids=[town.building])
    make.project(elsewhere.id, other.id)

    def asked(building, kind):
        return names(queries.firms_serving(town.compound, building, kind, monday))

    assert asked(town.building, "lift") == ["电梯公司", "三幢物业", "全区物业"]
    assert asked(town.building, None) == ["三幢物业", "全区物业"]
    assert asked(None, "lamp") == ["全区物业"]
    assert queries.firms_serving(None, None, None, monday) == []
    only = queries.firms_serving(town.compound, None, None, monday)[0]
    assert (only.contract_grade, only.duty_phone) == ("二级", "10011112222")


def test_firms_are_served_from_memory_until_somebody_writes(town, monday, statements):
    firm = make.organisation()
    made = make.project(firm.id, town.compound)
    session.rollback()
    queries.firms_serving(town.compound, None, None, monday)

    with statements() as seen:
        for _ in range(5):
            assert queries.firms_serving(town.compound, None, None, monday)
            queries.organisation(firm.id)
            queries.desk_of("community", town.community)
    with unit_of_work():
        service.close_project(SYSTEM, made.id, at=monday - timedelta(days=1))

    assert len(seen) <= 1
    assert queries.firms_serving(town.compound, None, None, monday) == []


def test_a_handover_is_a_closed_contract_and_an_open_one(town, monday):
    old, new = make.organisation(name="旧物业"), make.organisation(name="新物业")
    first = make.project(old.id, town.compound)
    handover = monday + timedelta(days=3)
    with unit_of_work():
        service.close_project(SYSTEM, first.id, at=handover)
    make.project(new.id, town.compound, valid_from=handover)

    before = queries.firms_serving(town.compound, None, None, handover - timedelta(seconds=1))
    after = queries.firms_serving(town.compound, None, None, handover)

    assert names(before) == ["旧物业"]
    assert names(after) == ["新物业"]
    topics = session.scalars(select(OutboxEvent.topic)).all()
    assert topics.count("identity.project_closed") == 1


def test_a_contract_is_not_opened_twice_at_a_time(town):
    firm = make.organisation()
    make.project(firm.id, town.compound)

    with pytest.raises(Conflict) as refusal:
        make.project(firm.id, town.compound)

    assert refusal.value.code == "project_open"


def test_a_scope_lies_inside_the_compound_of_its_contract(town):
    firm = make.organisation()
    other = ground.place(Level.COMPOUND, "荷塘苑", town.community)
    foreign = ground.place(Level.BUILDING, "1幢", other.id)

    for scope in ({"building_ids": [foreign.id]}, {"facility_kinds": ["spaceship"]}):
        with pytest.raises(Invalid) as refusal:
            make.project(firm.id, town.compound, **scope)
        assert refusal.value.code == "wrong_scope"


def test_a_scope_is_added_and_ended(town, monday):
    firm = make.organisation()
    made = make.project(firm.id, town.compound)

    with unit_of_work():
        scope = service.add_scope(SYSTEM, made.id, facility_kind="lift", valid_from=monday)
    assert queries.firms_serving(town.compound, None, "lamp", monday) == []
    assert queries.firms_serving(town.compound, None, "lift", monday)[0].scope == "facility"

    with unit_of_work():
        service.end_scope(SYSTEM, scope.id, at=monday + timedelta(hours=1))
    assert not queries.firms_serving(town.compound, None, "lift", monday + timedelta(hours=1))


def test_only_firms_hold_contracts_and_only_for_compounds(town):
    firm, desk = make.organisation(), make.desk(town)

    with pytest.raises(Invalid) as not_firm:
        make.project(desk.id, town.compound)
    with pytest.raises(Invalid) as not_compound:
        make.project(firm.id, town.building)

    assert not_firm.value.code == "not_a_firm"
    assert not_compound.value.code == "not_a_compound"


def test_contracts_are_written_by_administrators_of_the_compound(town):
    firm = make.organisation()
    manager = make.appointed(Role.PROPERTY_MANAGER, firm.id)
    new = service.NewProject(organisation_id=firm.id, compound_id=town.compound)

    with unit_of_work(), pytest.raises(Forbidden):
        service.open_project(manager, new)
    with unit_of_work():
        assert service.open_project(make.admin(town), new).valid_to is None


def test_each_level_finds_its_desk(town):
    community, street = make.desk(town), make.desk(town, OrgKind.STREET)
    make.organisation(OrgKind.COMMUNITY, "梧桐社区", place_id=town.neighbour)

    assert queries.desk_of("community", town.community).id == community.id
    assert queries.desk_of("street", town.street).id == street.id
    assert queries.desk_of("district", town.district) is None
    assert queries.desk_of("community", None) is None
    assert queries.desk_of("compound", town.compound) is None


def test_one_desk_of_a_kind_stands_at_a_place_at_a_time(town, monday):
    first = make.desk(town)
    with pytest.raises(Conflict) as refusal:
        make.desk(town)
    with unit_of_work():
        service.close_organisation(SYSTEM, first.id, at=monday + timedelta(days=1))
    second = make.desk(town, valid_from=monday + timedelta(days=1))

    assert refusal.value.code == "desk_taken"
    assert queries.desk_of("community", town.community).id == first.id
    later = queries.desk_of("community", town.community, at=monday + timedelta(days=1))
    assert later.id == second.id


def test_a_desk_stands_at_its_own_level(town):
    with pytest.raises(Invalid) as refusal:
        make.organisation(OrgKind.STREET, "街道办", place_id=town.community)

    assert refusal.value.code == "wrong_place"


def test_the_committee_of_a_compound_is_found(town):
    committee = make.organisation(OrgKind.OWNERS_COMMITTEE, "业委会", place_id=town.compound)

    assert queries.committee_of(town.compound).id == committee.id
    assert queries.committee_of(None) is None


def test_a_closed_organisation_is_known_by_name_only():
    firm, open_firm = make.organisation(), make.organisation(name="智维物业")
    with unit_of_work():
        service.close_organisation(SYSTEM, firm.id)

    assert queries.organisation(firm.id) is None
    assert queries.known_organisation(firm.id).name == "和安物业"
    found = queries.organisation_names([firm.id, open_firm.id])
    assert found == {firm.id: "和安物业", open_firm.id: "智维物业"}
    with unit_of_work(), pytest.raises(Conflict):
        service.close_organisation(SYSTEM, firm.id)


def test_a_compound_is_ready_when_somebody_can_be_rung(town):
    firm = make.organisation()
    assert not queries.readiness(town.compound).is_ready

    with unit_of_work():
        service.set_fallback_contacts(
            SYSTEM, town.compound, [ContactView("开锁王师傅", "10011112222", "开锁")]
        )
    assert queries.readiness(town.compound).is_ready

    make.project(firm.id, town.compound)
    silent = queries.readiness(town.compound)
    assert not silent.is_ready
    assert silent.missing == ("和安物业没有登记值班电话。",)

    with unit_of_work():
        service.change_duty_phone(SYSTEM, firm.id, "0571-87654321")
    assert queries.readiness(town.compound).is_ready


def test_the_communitys_phone_makes_a_compound_without_a_firm_ready(town):
    make.desk(town, duty_phone="12345")

    assert queries.readiness(town.compound).is_ready


def test_the_list_to_ring_is_kept_in_order_by_the_community(town):
    desk = make.desk(town)
    staff = make.appointed(Role.COMMUNITY_STAFF, desk.id)
    foreign = make.placed(Role.COMMUNITY_STAFF, "别处", place_id=town.neighbour)
    lines = [
        ContactView("水电师傅", "10011112222", "水电"),
        ContactView("疏通师傅", "10011113333", "下水"),
    ]

    with unit_of_work():
        service.set_fallback_contacts(staff, town.compound, lines)
    with unit_of_work():
        service.set_fallback_contacts(staff, town.compound, lines[::-1])
    with unit_of_work(), pytest.raises(Forbidden):
        service.set_fallback_contacts(foreign, town.compound, lines)

    found = queries.fallback_contacts(town.compound)
    assert [one.name for one in found] == ["疏通师傅", "水电师傅"]
    assert queries.fallback_contacts(None) == ()


def test_duty_is_called_narrow_places_first_then_in_order(town, monday):
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    other = ground.place(Level.COMPOUND, "荷塘苑", town.community)
    people = {name: make.appointed(Role.REPAIRER, firm.id, name).person_id for name in "甲乙丙丁戊"}
    since = monday - timedelta(hours=1)
    ends = monday + timedelta(hours=8)
    make.shift(firm.id, people["甲"], since, ends_at=ends, order=1)
    make.shift(firm.id, people["乙"], since, ends_at=ends, order=0, phone="10099998888")
    make.shift(firm.id, people["丙"], since, ends_at=ends, order=5, place_id=town.compound)
    make.shift(firm.id, people["丁"], since, ends_at=ends, place_id=other.id)
    make.shift(firm.id, people["戊"], since, ends_at=monday)
    rival_worker = make.appointed(Role.REPAIRER, rival.id)
    make.shift(rival.id, rival_worker.person_id, since)
    nodes = [town.district, town.compound, town.building, None]

    found = queries.on_duty(firm.id, nodes, monday)

    assert [one.name for one in found] == ["丙", "乙", "甲"]
    assert [one.phone for one in found] == ["10012345678", "10099998888", "10012345678"]
    assert "10099998888" not in repr(found)
    assert queries.on_duty(firm.id, nodes, ends) == []


def test_a_shift_without_an_end_lasts_until_ended_and_leavers_are_not_called(town, monday):
    firm = make.organisation()
    one, two = (make.appointed(Role.REPAIRER, firm.id, name) for name in "甲乙")
    open_shift = make.shift(firm.id, one.person_id, monday)
    make.shift(firm.id, two.person_id, monday)
    with unit_of_work():
        service.deactivate(SYSTEM, two.person_id)

    far = monday + timedelta(days=90)
    assert [view.person_id for view in queries.on_duty(firm.id, [], far)] == [one.person_id]
    with unit_of_work():
        service.end_shift(one, open_shift.id)
    assert queries.on_duty(firm.id, [], far) == []


def test_handlers_put_themselves_on_duty_managers_anybody_of_theirs(monday):
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    repairer, manager = (
        make.appointed(Role.REPAIRER, firm.id),
        make.appointed(Role.PROPERTY_MANAGER, firm.id),
    )
    stranger = make.appointed(Role.PROPERTY_MANAGER, rival.id)

    def shift(actor, person_id):
        new = service.NewShift(organisation_id=firm.id, person_id=person_id, starts_at=clock.now())
        with unit_of_work():
            return service.start_shift(actor, new)

    assert shift(repairer, repairer.person_id)
    assert shift(manager, repairer.person_id)
    with pytest.raises(Forbidden):
        shift(repairer, manager.person_id)
    with pytest.raises(NotFound):
        shift(stranger, repairer.person_id)
    with pytest.raises(RuleBroken) as refusal:
        shift(manager, stranger.person_id)
    assert refusal.value.code == "not_of_organisation"
