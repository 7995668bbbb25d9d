"""Staff come in by an invite and the invited phone, never by claim."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.identity import queries, service
from app.identity.models import RoleGrant
from app.identity.rules import CodePurpose, OrgKind, Role
from app.identity.service import NewInvite
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from tests.make import identity as make
from tests.make.phones import network

PHONE, OTHER = "10012345678", "10087654321"


@pytest.fixture
def firm(town):
    """A firm with a manager, and another firm beside it."""
    made = make.organisation(OrgKind.PROPERTY_FIRM, "安居物业")
    make.project(made.id, town.compound)
    rival = make.organisation(OrgKind.PROPERTY_FIRM, "康泰物业")
    manager = make.appointed(Role.PROPERTY_MANAGER, made.id, "韩一")
    make.appointed(Role.PROPERTY_MANAGER, rival.id, "曹一")
    return made, manager, rival


def invited(actor, **seat):
    seat.setdefault("role", Role.REPAIRER)
    seat.setdefault("phone", PHONE)
    with unit_of_work():
        return service.invite(actor, NewInvite(name="石一", **seat))


def newcomer(phone=PHONE):
    with network() as texts:
        service.ask_code(phone, CodePurpose.LOGIN)
        return service.log_in_with_sms(phone, texts.last_code(phone)).actor


def accept(actor, code):
    with unit_of_work():
        return service.accept_invite(actor, code)


def test_the_invited_phone_fetches_role_name_and_work_number(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id, work_number="1009")
    actor = newcomer()

    accept(actor, code)

    after = queries.actor_of(actor.person_id)
    person = queries.people([actor.person_id])[actor.person_id]
    assert after.roles == ("repairer",)
    assert after.organisation_ids == {made.id}
    assert (person.name, person.work_number) == ("石一", "1009")


def test_a_desk_invite_gives_both_grants_of_a_desk(town):
    desk = make.desk(town)
    _, code = invited(make.admin(town), organisation_id=desk.id, role=Role.COMMUNITY_STAFF)
    actor = newcomer()

    given = accept(actor, code)

    assert {(one.place_id, one.organisation_id) for one in given} == {
        (town.community, None),
        (None, desk.id),
    }


def test_another_phone_does_not_fetch_it(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)

    with pytest.raises(RuleBroken) as refusal:
        accept(newcomer(OTHER), code)

    assert refusal.value.code == "other_phone"


def test_a_phone_written_by_hand_does_not_fetch_it(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)
    claimant = make.actor(make.person("石一", phone=PHONE).id)

    with pytest.raises(RuleBroken) as refusal:
        accept(claimant, code)

    assert refusal.value.code == "phone_not_proven"


@pytest.mark.parametrize("spoil", ["used", "revoked", "late", "wrong"])
def test_an_invite_that_is_over_opens_nothing(firm, spoil):
    made, manager, _ = firm
    row, code = invited(manager, organisation_id=made.id)
    actor = newcomer()
    at = clock.now()
    if spoil == "used":
        accept(actor, code)
    if spoil == "revoked":
        with unit_of_work():
            service.revoke_invite(manager, row.id)
    if spoil == "late":
        at += timedelta(days=7)

    with clock.frozen(at), pytest.raises(NotFound) as refusal:
        accept(actor, "1" * 12 if spoil == "wrong" else code)

    assert refusal.value.code == "bad_invite"


def test_an_invite_falls_with_the_right_of_who_made_it(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)
    with unit_of_work():
        service.deactivate(SYSTEM, manager.person_id)

    with pytest.raises(NotFound):
        accept(newcomer(), code)


def test_a_manager_invites_into_their_own_firm_only(firm):
    _, manager, rival = firm

    with pytest.raises(NotFound):
        invited(manager, organisation_id=rival.id)


def test_a_manager_makes_no_other_managers(firm):
    made, manager, _ = firm

    with pytest.raises(NotFound):
        invited(manager, organisation_id=made.id, role=Role.PROPERTY_MANAGER)


def test_who_keeps_no_roster_invites_nobody(firm):
    made, *_ = firm
    repairer = make.appointed(Role.REPAIRER, made.id, "孟一")

    with pytest.raises(Forbidden):
        invited(repairer, organisation_id=made.id)


def test_nobody_invites_themselves(town):
    admin = make.admin(town)
    desk = make.desk(town)
    _, code = invited(admin, organisation_id=desk.id, role=Role.COMMUNITY_STAFF)
    with unit_of_work():
        person = queries.person(admin.person_id)
        person.phone_proven_at = clock.now()
        person.phone_index = session.scalar(text("SELECT phone_index FROM staff_invite"))

    with pytest.raises(NotFound):
        accept(admin, code)


def test_a_role_is_not_held_at_the_wrong_seat(firm):
    made, manager, _ = firm

    with pytest.raises((Invalid, NotFound)):
        invited(manager, organisation_id=made.id, role=Role.GRID_WORKER)


def test_an_invite_is_used_once_even_twice_at_once(firm, bare_app):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)
    actor = newcomer()
    outcomes = []

    def fetch():
        with bare_app.app_context():
            try:
                accept(actor, code)
                outcomes.append("given")
            except (NotFound, Conflict):
                outcomes.append("refused")
            finally:
                session.remove()

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert sorted(outcomes) == ["given", "refused", "refused", "refused"]
    held = select(func.count()).where(RoleGrant.person_id == actor.person_id)
    assert session.scalar(held) == 1


def test_the_list_shows_no_code_and_no_whole_phone(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)

    (shown,) = queries.invites_of(manager).items

    assert code not in str(shown)
    assert shown.phone == "100****5678"


def test_another_firm_sees_and_revokes_nothing(firm):
    made, manager, rival = firm
    row, _ = invited(manager, organisation_id=made.id)
    stranger = make.appointed(Role.PROPERTY_MANAGER, rival.id, "曹二")

    assert list(queries.invites_of(stranger).items) == []
    with pytest.raises(NotFound), unit_of_work():
        service.revoke_invite(stranger, row.id)


def test_neither_code_nor_phone_stands_in_the_table(firm):
    made, manager, _ = firm
    _, code = invited(manager, organisation_id=made.id)

    rows = str(session.execute(text("SELECT * FROM staff_invite")).all())

    assert code not in rows
    assert PHONE not in rows
