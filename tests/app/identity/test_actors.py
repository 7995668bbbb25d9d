"""From a token to an actor: at once, in one statement, with every tie in force."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.identity import queries, service
from app.identity.models import Session
from app.identity.rules import LoginMethod, OrgKind, Role
from app.kernel import clock
from app.kernel.actor import SYSTEM, Permission
from app.kernel.db import session
from app.kernel.work import unit_of_work
from tests.make import identity as make
from tests.make import territory as ground

pytestmark = pytest.mark.usefixtures("app")


def test_a_token_finds_its_person_in_one_statement(town, statements):
    firm, rival = make.organisation(), make.organisation(name="智维物业")
    worker = make.person()
    make.granted(worker.id, Role.REPAIRER, organisation_id=firm.id)
    make.granted(worker.id, Role.PROPERTY_CLERK, organisation_id=rival.id)
    make.granted(worker.id, Role.COMPOUND_OFFICER, place_id=town.compound)
    make.member(worker.id, firm.id)
    make.token(make.person("别人").id)
    token = make.token(worker.id)

    with statements() as seen:
        actor = queries.actor_of_token(token)

    assert len(seen) == 1
    assert actor.person_id == worker.id
    assert sorted(actor.roles) == ["compound_officer", "property_clerk", "repairer"]


def test_the_database_keeps_no_token():
    token = make.token(make.person().id)

    rows = session.execute(text("SELECT * FROM login_session")).all()

    assert rows
    assert token not in repr(rows)
    assert queries.actor_of_token(token) is not None


@pytest.mark.parametrize("wrong", ["", "guess", "x" * 5000, "汉字"])
def test_a_wrong_token_is_nobody(wrong):
    make.token(make.person().id)

    assert queries.actor_of_token(wrong) is None


def test_two_employers_both_count(town):
    firm, rival, stranger = (make.organisation(name=name) for name in ("甲", "乙", "丙"))
    worker = make.person()
    make.granted(worker.id, Role.REPAIRER, organisation_id=firm.id)
    make.granted(worker.id, Role.REPAIRER, organisation_id=rival.id)
    make.granted(make.person("别人").id, Role.REPAIRER, organisation_id=stranger.id)

    actor = make.actor(worker.id)

    assert actor.organisation_ids == {firm.id, rival.id}
    assert actor.organisations(Permission.TICKET_HANDLE) == {firm.id, rival.id}


def test_a_grid_worker_who_is_a_member_of_the_firm_belongs_to_it(town):
    firm = make.organisation()
    grid = ground.grid(town.community, "G1", ground.box(0, 0, 2, 2))
    worker = make.placed(Role.GRID_WORKER, grid_id=grid.id)
    make.member(worker.person_id, firm.id)

    actor = make.actor(worker.person_id)

    assert actor.organisation_ids == {firm.id}
    assert actor.nodes(Permission.TICKET_READ) == (("grid", grid.id),)


def test_who_works_a_desk_belongs_to_it_without_a_grant_inside(town):
    desk = make.desk(town)
    make.organisation(OrgKind.OWNERS_COMMITTEE, "业委会", place_id=town.compound)

    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    officer = make.placed(Role.COMPOUND_OFFICER, place_id=town.compound)

    assert staff.organisation_ids == {desk.id}
    assert officer.organisation_ids == frozenset()


def test_an_appointment_at_a_desk_gives_both_grants(town):
    desk = make.desk(town)

    staff = make.appointed(Role.COMMUNITY_STAFF, desk.id)

    assert staff.may(Permission.TICKET_DISPATCH, nodes=[town.community])
    assert staff.may(Permission.TICKET_HANDLE, organisations=[desk.id])
    assert not staff.may(Permission.TICKET_DISPATCH, organisations=[desk.id])
    assert not staff.may(Permission.TICKET_HANDLE, nodes=[town.community])


def test_a_grant_counts_between_its_dates_only(monday):
    firm = make.organisation()
    worker = make.person()
    make.granted(
        worker.id,
        Role.REPAIRER,
        organisation_id=firm.id,
        valid_from=monday + timedelta(hours=1),
        valid_to=monday + timedelta(hours=2),
    )
    token = make.token(worker.id)

    held = []
    for minutes in (0, 59, 60, 119, 120):
        with clock.frozen(monday + timedelta(minutes=minutes)):
            held.append(bool(queries.actor_of_token(token).grants))

    assert held == [False, False, True, True, False]


def test_a_closed_organisation_gives_nothing():
    firm, other = make.organisation(), make.organisation(name="留存物业")
    worker = make.person()
    make.granted(worker.id, Role.PROPERTY_MANAGER, organisation_id=firm.id)
    make.granted(worker.id, Role.REPAIRER, organisation_id=other.id)
    make.member(worker.id, firm.id)

    with unit_of_work():
        service.close_organisation(SYSTEM, firm.id)

    actor = make.actor(worker.id)
    assert actor.roles == ("repairer",)
    assert actor.organisation_ids == {other.id}


def test_an_ended_membership_no_longer_binds(monday):
    firm = make.organisation()
    worker = make.person()
    make.member(worker.id, firm.id, valid_from=monday, valid_to=monday + timedelta(days=1))

    with clock.frozen(monday + timedelta(hours=23)):
        assert make.actor(worker.id).organisation_ids == {firm.id}
    with clock.frozen(monday + timedelta(days=1)):
        assert make.actor(worker.id).organisation_ids == frozenset()


def test_deactivation_shuts_the_next_request_out():
    leaver, stayer = make.person(), make.person("留一")
    token, other = make.token(leaver.id), make.token(stayer.id)

    with unit_of_work():
        service.deactivate(SYSTEM, leaver.id)

    assert queries.actor_of_token(token) is None
    assert queries.actor_of(leaver.id) is None
    assert queries.actor_of_token(other) is not None


def test_a_session_from_before_stays_shut_when_the_person_returns():
    leaver = make.person()
    token = make.token(leaver.id)
    with unit_of_work():
        service.deactivate(SYSTEM, leaver.id)

    with unit_of_work():
        service.reactivate(SYSTEM, leaver.id)

    assert queries.actor_of_token(token) is None
    assert queries.actor_of(leaver.id) is not None


def test_a_revoked_role_is_gone_with_the_next_request():
    firm = make.organisation()
    worker = make.person()
    given = make.granted(worker.id, Role.REPAIRER, organisation_id=firm.id)
    token = make.token(worker.id)

    with unit_of_work():
        service.revoke_grant(SYSTEM, given.id)

    actor = queries.actor_of_token(token)
    assert actor.grants == ()
    assert actor.organisation_ids == frozenset()


def test_logging_out_ends_this_session_only():
    somebody = make.person()
    token, elsewhere = make.token(somebody.id), make.token(somebody.id)

    with unit_of_work():
        service.log_out(queries.actor_of_token(token))

    assert queries.actor_of_token(token) is None
    assert queries.actor_of_token(elsewhere) is not None


def test_every_session_of_a_person_can_be_ended_at_once():
    somebody, noise = make.person(), make.person("别人")
    tokens = [make.token(somebody.id) for _ in range(3)]
    other = make.token(noise.id)

    with unit_of_work():
        ended = service.revoke_sessions(queries.actor_of_token(tokens[0]), somebody.id)

    assert ended == 3
    assert [queries.actor_of_token(token) for token in tokens] == [None] * 3
    assert queries.actor_of_token(other) is not None


def test_an_unused_session_runs_out_and_a_used_one_does_not(monday):
    used, unused = make.token(make.person().id), make.token(make.person("别人").id)

    for day in range(0, 60, 20):
        with clock.frozen(monday + timedelta(days=day)):
            assert service.authenticate(used) is not None

    with clock.frozen(monday + timedelta(days=60)):
        assert service.authenticate(used) is not None
        assert service.authenticate(unused) is None


def test_even_a_session_in_daily_use_ends(monday):
    token = make.token(make.person().id)

    lasted = 0
    for day in range(1, 200):
        with clock.frozen(monday + timedelta(days=day)):
            if service.authenticate(token) is None:
                break
            lasted = day

    assert lasted == 179


def test_the_use_of_a_session_is_written_down_rarely(monday, statements):
    token = make.token(make.person().id)

    with clock.frozen(monday + timedelta(hours=23)), statements() as seen:
        service.authenticate(token)
    with clock.frozen(monday + timedelta(hours=25)), unit_of_work(), statements() as later:
        service.authenticate(token)

    assert len(seen) == 1
    assert [one.split()[0] for one in later] == ["SELECT", "UPDATE"]
    assert session.scalar(select(Session.last_seen_at)) == monday + timedelta(hours=25)


def test_a_console_session_is_shorter(monday):
    token = make.token(make.person().id, LoginMethod.PASSWORD)

    with clock.frozen(monday + timedelta(hours=13)):
        assert queries.actor_of_token(token) is None


def test_old_sessions_and_tries_are_swept_and_living_ones_stay(monday):
    make.token(make.person().id, LoginMethod.PASSWORD)
    alive = make.token(make.person("别人").id)

    with clock.frozen(monday + timedelta(days=29)):
        service.authenticate(alive)
    with clock.frozen(monday + timedelta(days=40)), unit_of_work():
        gone = service.sweep(clock.now())

    assert gone == 1
    with clock.frozen(monday + timedelta(days=40)):
        assert queries.actor_of_token(alive) is not None
