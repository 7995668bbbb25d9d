"""A person with several roles acts in one of them; what they belong to always counts."""

import pytest

from app.identity import queries, service
from app.identity.rules import RESIDENT_HAT, LoginMethod, OrgKind, Role
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.actor import Permission
from app.kernel.errors import Invalid, Unauthenticated
from app.kernel.work import unit_of_work
from tests.make import identity as make


@pytest.fixture
def two_hats(town):
    """A grid worker who also repairs for a firm, logged in twice."""
    firm = make.organisation(OrgKind.PROPERTY_FIRM, "安居物业")
    actor = make.appointed(Role.REPAIRER, firm.id, "石一")
    make.granted(actor.person_id, Role.COMPOUND_OFFICER, place_id=town.compound)
    return log_in(actor.person_id), log_in(actor.person_id), firm


def log_in(person_id):
    with unit_of_work():
        return open_session(person_id, LoginMethod.WECHAT, clock.now())


def put_on(opened, hat):
    with unit_of_work():
        service.put_on(opened.actor, hat)
    return queries.actor_of_token(opened.token)


def hat_of(opened, role):
    return next(one.key for one in queries.hats_of(opened.actor.person_id) if one.role == role)


def test_a_hat_keeps_its_own_grants_only(two_hats):
    phone, *_ = two_hats

    actor = put_on(phone, hat_of(phone, "repairer"))

    assert actor.roles == ("repairer",)
    assert actor.holds(Permission.TICKET_HANDLE)
    assert not actor.holds(Permission.TICKET_VERIFY)


def test_what_one_belongs_to_counts_under_every_hat(two_hats):
    phone, _, firm = two_hats

    for hat in (hat_of(phone, "compound_officer"), RESIDENT_HAT, None):
        assert put_on(phone, hat).organisation_ids == {firm.id}


def test_as_a_resident_one_has_no_role(two_hats):
    phone, *_ = two_hats

    assert put_on(phone, RESIDENT_HAT).roles == ()


def test_all_hats_come_back(two_hats):
    phone, *_ = two_hats
    put_on(phone, RESIDENT_HAT)

    assert set(put_on(phone, None).roles) == {"repairer", "compound_officer"}


def test_a_hat_is_put_on_in_one_log_in_only(two_hats):
    phone, other, _ = two_hats
    put_on(phone, RESIDENT_HAT)

    assert queries.actor_of_token(other.token).roles


def test_a_hat_that_ended_leaves_a_resident(two_hats):
    phone, *_ = two_hats
    put_on(phone, hat_of(phone, "repairer"))
    grant_id = min(make.grants_of(phone.actor.person_id, Role.REPAIRER))
    with unit_of_work():
        service.revoke_grant(make.SYSTEM, grant_id)

    assert queries.actor_of_token(phone.token).roles == ()


def test_the_hat_of_another_fits_nobody(two_hats, town):
    phone, *_ = two_hats
    desk = make.desk(town)
    stranger = make.appointed(Role.COMMUNITY_STAFF, desk.id)
    (theirs,) = queries.hats_of(stranger.person_id)

    with pytest.raises(Invalid) as refusal:
        put_on(phone, theirs.key)

    assert refusal.value.code == "unknown_hat"


def test_the_two_grants_of_a_desk_are_one_hat(town):
    desk = make.desk(town)
    actor = make.appointed(Role.COMMUNITY_STAFF, desk.id)
    phone = log_in(actor.person_id)

    (hat,) = queries.hats_of(actor.person_id)
    worn = put_on(phone, hat.key)

    assert (hat.node_id, hat.organisation_id) == (town.community, desk.id)
    assert len(worn.grants) == 2


def test_without_a_session_nothing_is_put_on(two_hats):
    phone, *_ = two_hats
    actor = make.actor(phone.actor.person_id)

    with pytest.raises(Unauthenticated):
        service.put_on(actor, RESIDENT_HAT)
