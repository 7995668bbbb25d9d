"""Giving and ending roles and memberships."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.identity import queries, service
from app.identity.models import RoleGrant
from app.identity.rules import OrgKind, Role
from app.identity.service import NewGrant
from app.kernel import clock
from app.kernel.actor import SYSTEM, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.territory.rules import Level
from tests.make import identity as make
from tests.make import territory as ground

pytestmark = pytest.mark.usefixtures("app")


def elsewhere():
    """Another district with a community of its own."""
    district = ground.place(Level.DISTRICT, "西山区", code="330197000000")
    street = ground.place(Level.STREET, "西街道", district.id, code="330197001000")
    return ground.place(Level.COMMUNITY, "西社区", street.id, code="330197001001")


def test_an_administrator_appoints_within_the_district_only(town):
    admin, far = make.admin(town), elsewhere()
    person = make.person()

    with unit_of_work():
        service.grant(
            admin,
            NewGrant(person_id=person.id, role=Role.COMMUNITY_STAFF, place_id=town.community),
        )

    with unit_of_work(), pytest.raises(NotFound):
        service.grant(
            admin, NewGrant(person_id=person.id, role=Role.COMMUNITY_STAFF, place_id=far.id)
        )


def test_staff_of_the_street_appoint_nobody(town):
    staff = make.placed(Role.STREET_STAFF, place_id=town.street)

    with unit_of_work(), pytest.raises(Forbidden):
        service.grant(
            staff,
            NewGrant(
                person_id=make.person().id, role=Role.COMMUNITY_STAFF, place_id=town.community
            ),
        )


def test_nobody_gives_a_role_to_oneself(town):
    admin = make.admin(town)

    with unit_of_work(), pytest.raises(Forbidden) as refusal:
        service.grant(
            admin,
            NewGrant(person_id=admin.person_id, role=Role.STREET_STAFF, place_id=town.street),
        )

    assert refusal.value.code == "not_to_oneself"


def test_a_firm_is_administered_where_it_works(town):
    admin, firm, stranger = (
        make.admin(town),
        make.organisation(),
        make.organisation(name="远方物业"),
    )
    make.project(firm.id, town.compound)
    person = make.person()
    make.project(
        stranger.id,
        ground.place(Level.COMPOUND, "西苑", elsewhere().id).id,
    )

    with unit_of_work():
        given = service.appoint(admin, person.id, Role.REPAIRER, firm.id)

    assert [one.organisation_id for one in given] == [firm.id]
    plain = service.NewGrant(person_id=person.id, role=Role.REPAIRER, organisation_id=stranger.id)
    with unit_of_work(), pytest.raises(NotFound):
        service.grant(admin, plain)


@pytest.mark.parametrize("role", [Role.GRID_WORKER, Role.REPAIRER, Role.ADMIN])
def test_a_role_is_held_only_where_it_belongs(town, role):
    person = make.person()

    with pytest.raises(Invalid) as refusal:
        make.granted(person.id, role, place_id=town.compound)

    assert refusal.value.code == "wrong_seat"


def test_exactly_one_seat_is_named(town):
    firm, person = make.organisation(), make.person()

    with pytest.raises(Invalid):
        make.granted(person.id, Role.REPAIRER)
    with pytest.raises(Invalid):
        make.granted(person.id, Role.REPAIRER, organisation_id=firm.id, place_id=town.compound)


def test_a_party_without_accounts_takes_nobody_on():
    utility = make.organisation(OrgKind.UTILITY, "供水公司", has_accounts=False)

    with pytest.raises(RuleBroken) as refusal:
        make.granted(make.person().id, Role.REPAIRER, organisation_id=utility.id)

    assert refusal.value.code == "no_accounts"


def test_the_same_role_is_not_given_twice_at_a_time(monday):
    firm, person = make.organisation(), make.person()
    make.granted(
        person.id, Role.REPAIRER, organisation_id=firm.id, valid_to=monday + timedelta(days=5)
    )

    with pytest.raises(Conflict) as refusal:
        make.granted(person.id, Role.REPAIRER, organisation_id=firm.id)
    make.granted(
        person.id, Role.REPAIRER, organisation_id=firm.id, valid_from=monday + timedelta(days=5)
    )

    assert refusal.value.code == "already_granted"


def test_an_administrator_is_not_made_auditor(town):
    admin = make.admin(town)

    with pytest.raises(RuleBroken) as refusal:
        make.granted(admin.person_id, Role.AUDITOR, place_id=town.district)

    assert refusal.value.code == "roles_clash"


def test_a_person_who_left_gets_no_role():
    firm, person = make.organisation(), make.person()
    with unit_of_work():
        service.deactivate(SYSTEM, person.id)

    with pytest.raises(RuleBroken):
        make.granted(person.id, Role.REPAIRER, organisation_id=firm.id)


def test_a_manager_ends_the_grants_of_the_own_firm_and_of_no_other():
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    manager = make.appointed(Role.PROPERTY_MANAGER, firm.id)
    mine = make.granted(make.person("甲").id, Role.REPAIRER, organisation_id=firm.id)
    theirs = make.granted(make.person("乙").id, Role.REPAIRER, organisation_id=rival.id)

    with unit_of_work():
        service.revoke_grant(manager, mine.id)
    with unit_of_work(), pytest.raises(Forbidden):
        service.revoke_grant(manager, theirs.id)
    with unit_of_work(), pytest.raises(Conflict):
        service.revoke_grant(manager, mine.id)

    ended = session.scalars(select(RoleGrant).where(RoleGrant.valid_to.is_not(None))).all()
    assert [one.id for one in ended] == [mine.id]
    topics = session.scalars(select(OutboxEvent.topic)).all()
    assert topics.count("identity.grant_ended") == 1


def test_a_manager_keeps_the_roster_of_the_own_firm_only():
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    manager = make.appointed(Role.PROPERTY_MANAGER, firm.id)
    person = make.person("甲")

    with unit_of_work():
        joined = service.join(manager, person.id, firm.id, "水电工")
    with unit_of_work(), pytest.raises(NotFound):
        service.join(manager, person.id, rival.id)
    assert make.actor(person.id).organisation_ids == {firm.id}

    with unit_of_work():
        service.leave(manager, joined.id)
    assert make.actor(person.id).organisation_ids == frozenset()


def test_the_handlers_of_a_firm_are_its_active_people_with_that_role(monday):
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    repairer = make.appointed(Role.REPAIRER, firm.id).person_id
    clerk = make.appointed(Role.PROPERTY_CLERK, firm.id).person_id
    leaver = make.appointed(Role.REPAIRER, firm.id).person_id
    make.appointed(Role.REPAIRER, rival.id)
    make.member(make.person("戊").id, firm.id)
    later = make.person("己")
    make.granted(
        later.id, Role.REPAIRER, organisation_id=firm.id, valid_from=monday + timedelta(days=1)
    )
    with unit_of_work():
        service.deactivate(SYSTEM, leaver)

    assert set(queries.handlers_of(firm.id, clock.now())) == {repairer, clerk}
    assert queries.handlers_of(firm.id, clock.now(), roles=[Role.REPAIRER]) == [repairer]


def test_who_holds_a_permission_at_a_node_is_found(town):
    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    make.placed(Role.COMMUNITY_STAFF, "别处", place_id=town.neighbour)
    make.placed(Role.STREET_STAFF, "街道", place_id=town.street)
    make.placed(Role.VOLUNTEER, "志愿", place_id=town.community)

    assert queries.holders_of(Permission.TICKET_REVIEW, town.community) == {staff.person_id}


def test_everybody_who_belongs_to_an_organisation_is_found(town):
    desk, firm = make.desk(town), make.organisation()
    at_desk = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    member = make.person("戊")
    make.member(member.id, desk.id)
    repairer = make.appointed(Role.REPAIRER, firm.id)
    make.placed(Role.VOLUNTEER, "志愿", place_id=town.community)

    assert queries.people_of(desk.id) == {at_desk.person_id, member.id}
    assert queries.people_of(firm.id) == {repairer.person_id}


def test_a_grid_worker_is_appointed_by_who_covers_the_grid(town):
    grid = ground.grid(town.community, "G1", ground.box(0, 0, 2, 2))
    admin, person = make.admin(town), make.person()

    with unit_of_work():
        given = service.grant(
            admin, NewGrant(person_id=person.id, role=Role.GRID_WORKER, grid_id=grid.id)
        )

    assert given.level == "grid"
    assert make.actor(person.id).may(Permission.TICKET_VERIFY, nodes=[grid.id])
