"""People: sealed names and phones, deactivation, restriction, homes."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from app.identity import queries, service
from app.identity.models import Person
from app.identity.rules import BindingKind, BindingStatus, Role
from app.identity.serving import ContactView
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.territory.rules import Level
from app.wechat.gateway import WechatLogin
from tests.make import identity as make
from tests.make import territory as ground

pytestmark = pytest.mark.usefixtures("app")

PHONE, DUTY, NAME, OPENID, WORDS = (
    "10077776666",
    "10055554444",
    "欧阳探照",
    "canary-openid",
    "探照理由",
)


def raw_database() -> str:
    """Read every row of every table as the database keeps it."""
    tables = db.metadata.tables.values()
    columns = {one.name: [text(f'"{column.name}"') for column in one.columns] for one in tables}
    return repr(
        [
            session.execute(select(*found).select_from(text(name))).all()
            for name, found in columns.items()
        ]
    )


def test_names_phones_and_openids_stand_nowhere_in_plain(town):
    person = make.person(NAME, PHONE)
    firm = make.organisation(duty_phone=DUTY)
    make.granted(person.id, Role.REPAIRER, organisation_id=firm.id)
    make.project(firm.id, town.compound, duty_phone=DUTY, manager_id=person.id)
    make.shift(firm.id, person.id, clock.now(), phone=DUTY)
    street = make.placed(Role.STREET_STAFF, place_id=town.street)
    waiting = make.claim(person.id, town.dwelling)
    with unit_of_work():
        service.link_wechat(SYSTEM, person.id, WechatLogin("app", OPENID, OPENID))
        service.set_fallback_contacts(SYSTEM, town.compound, [ContactView(NAME, DUTY, "开锁")])
        service.restrict(street, person.id, town.street, WORDS)
        service.decide_binding(SYSTEM, waiting, confirmed=False, words=WORDS)

    kept = raw_database()

    assert [word for word in (PHONE, DUTY, NAME, OPENID, WORDS) if word in kept] == []
    view = queries.people([person.id])[person.id]
    assert (view.name, view.phone, view.shown_as) == (NAME, PHONE, "欧阳**")
    assert PHONE not in repr(view)


def test_people_are_read_in_one_statement(statements):
    ids = [make.person(name).id for name in ("甲一", "乙二", "丙三")]
    session.expunge_all()

    with statements() as seen:
        found = queries.people(ids[:2])

    assert len(seen) == 1
    assert {view.name for view in found.values()} == {"甲一", "乙二"}


def test_a_person_writes_the_own_name_and_phone():
    person, other = make.person("旧名", None), make.person("别人")

    with unit_of_work():
        service.change_own_contact(make.actor(person.id), name="新名", phone="100 2222 3333")
    view = queries.people([person.id])[person.id]
    with unit_of_work():
        service.change_own_contact(make.actor(person.id), phone="")

    assert (view.name, view.phone) == ("新名", "10022223333")
    after = session.get(Person, person.id, populate_existing=True)
    assert (after.name, after.phone, after.phone_index) == ("新名", None, None)
    assert queries.people([other.id])[other.id].name == "别人"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"phone": "12345"}, "bad_phone"),
        ({"name": "甲\n乙"}, "bad_name"),
        ({"name": "长" * 41}, "bad_name"),
    ],
)
def test_a_bad_name_or_phone_is_not_taken(change, code):
    actor = make.actor(make.person().id)

    with unit_of_work(), pytest.raises(Invalid) as refusal:
        service.change_own_contact(actor, **change)

    assert refusal.value.code == code


def test_an_administrator_deactivates_the_own_people_only(town):
    admin = make.admin(town)
    firm, far = make.organisation(), make.organisation(name="远方物业")
    make.project(firm.id, town.compound)
    far_district = ground.place(Level.DISTRICT, "西山区", code="330197000000")
    far_street = ground.place(Level.STREET, "西街道", far_district.id, code="330197001000")
    stranger = make.placed(Role.STREET_STAFF, place_id=far_street.id)
    make.home(stranger.person_id, town.dwelling)
    worker = make.appointed(Role.REPAIRER, firm.id)
    make.appointed(Role.REPAIRER, far.id)

    with unit_of_work():
        service.deactivate(admin, worker.person_id)
    with unit_of_work(), pytest.raises(NotFound):
        service.deactivate(admin, stranger.person_id)
    with unit_of_work(), pytest.raises(Forbidden):
        service.deactivate(admin, admin.person_id)
    with unit_of_work(), pytest.raises(Forbidden):
        service.deactivate(stranger, worker.person_id)
    with unit_of_work(), pytest.raises(Conflict):
        service.deactivate(admin, worker.person_id)

    topics = session.scalars(select(OutboxEvent.topic)).all()
    assert topics.count("identity.person_deactivated") == 1


def test_only_the_street_restricts_and_for_thirty_days(town, monday):
    person = make.person()
    street = make.placed(Role.STREET_STAFF, place_id=town.street)
    community = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)

    with unit_of_work(), pytest.raises(Forbidden) as refusal:
        service.restrict(community, person.id, town.street, "反复骚扰")
    with unit_of_work(), pytest.raises(NotFound):
        service.restrict(street, person.id, town.community, "反复骚扰")
    with unit_of_work():
        service.restrict(street, person.id, town.street, "反复骚扰")
    with unit_of_work(), pytest.raises(Conflict):
        service.restrict(street, person.id, town.street, "反复骚扰")

    assert refusal.value.code == "street_only"
    until = queries.restricted_until(person.id, clock.now())
    assert until == monday + timedelta(days=30)
    assert queries.restricted_until(person.id, until) is None
    assert queries.restricted_until(street.person_id, clock.now()) is None


def test_an_appeal_is_heard_by_another_person(town):
    person = make.person()
    first, second = (
        make.placed(Role.STREET_STAFF, name, place_id=town.street) for name in ("街一", "街二")
    )
    with unit_of_work():
        held = service.restrict(first, person.id, town.street, "反复骚扰").id

    with unit_of_work(), pytest.raises(NotFound):
        service.appeal_restriction(make.actor(make.person("别人").id), held, "不是我")
    with unit_of_work():
        service.appeal_restriction(make.actor(person.id), held, "我没有骚扰")
    with unit_of_work(), pytest.raises(RuleBroken) as refusal:
        service.lift_restriction(first, held, "申诉成立")
    with unit_of_work():
        service.lift_restriction(second, held, "申诉成立")

    assert refusal.value.code == "second_person_needed"
    assert queries.restricted_until(person.id, clock.now()) is None


def test_lifting_one_restriction_leaves_another_streets(town):
    person = make.person()
    other = ground.place(Level.STREET, "东街道", town.district, code="330199002000")
    here = make.placed(Role.STREET_STAFF, "街一", place_id=town.street)
    there = make.placed(Role.STREET_STAFF, "街二", place_id=other.id)
    with unit_of_work():
        mine = service.restrict(here, person.id, town.street, "反复骚扰").id
        service.restrict(there, person.id, other.id, "反复骚扰")

    with unit_of_work():
        service.lift_restriction(here, mine, "已经改正")

    assert queries.restricted_until(person.id, clock.now()) is not None


def test_a_home_is_claimed_confirmed_and_then_verified(town):
    resident, other = make.person(), make.person("别人")
    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    waiting = make.claim(resident.id, town.dwelling, BindingKind.TENANT)
    assert not queries.is_verified_at(resident.id, town.compound)

    with unit_of_work():
        service.decide_binding(staff, waiting, confirmed=True)

    assert queries.is_verified_at(resident.id, town.compound)
    assert not queries.is_verified_at(other.id, town.compound)
    assert not queries.is_verified_at(resident.id, None)
    view = queries.homes(resident.id)[0]
    assert (view.status, view.kind) == (BindingStatus.CONFIRMED, BindingKind.TENANT)
    assert (view.label, view.compound_id) == ("桂花苑 3幢 2单元 301室", town.compound)
    assert queries.homes(other.id) == []


def test_a_foreign_community_does_not_learn_of_a_claim(town):
    waiting = make.claim(make.person().id, town.dwelling)
    foreign = make.placed(Role.COMMUNITY_STAFF, place_id=town.neighbour)
    resident = make.actor(make.person("别人").id)

    for actor in (foreign, resident):
        with unit_of_work(), pytest.raises(NotFound):
            service.decide_binding(actor, waiting, confirmed=True)
        with unit_of_work(), pytest.raises(NotFound):
            service.end_binding(actor, waiting)
        assert queries.pending_bindings(actor).items == []


def test_staff_do_not_confirm_their_own_home(town):
    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    waiting = make.claim(staff.person_id, town.dwelling)

    with unit_of_work(), pytest.raises(Forbidden) as refusal:
        service.decide_binding(staff, waiting, confirmed=True)

    assert refusal.value.code == "not_to_oneself"
    assert queries.pending_bindings(staff).items == []


def test_a_claim_is_decided_once_and_refused_with_words(town):
    resident = make.person()
    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    waiting = make.claim(resident.id, town.building)

    with unit_of_work(), pytest.raises(Invalid):
        service.decide_binding(staff, waiting, confirmed=False)
    with unit_of_work():
        service.decide_binding(staff, waiting, confirmed=False, words="请补房产证")
    with unit_of_work(), pytest.raises(Conflict):
        service.decide_binding(staff, waiting, confirmed=True)

    refused = queries.homes(resident.id)[0]
    assert (refused.status, refused.words) == (BindingStatus.REJECTED, "请补房产证")
    make.claim(resident.id, town.building)
    assert [view.status for view in queries.homes(resident.id)] == [BindingStatus.CLAIMED]


def test_only_dwellings_and_buildings_are_homes_and_each_once(town):
    resident = make.person()
    make.claim(resident.id, town.dwelling)

    with pytest.raises(Invalid) as wrong:
        make.claim(resident.id, town.compound)
    with pytest.raises(Conflict) as twice:
        make.claim(resident.id, town.dwelling)

    assert (wrong.value.code, twice.value.code) == ("not_a_dwelling", "already_claimed")


def test_claims_that_wait_are_limited(town):
    resident = make.person()
    doors = [ground.place(Level.DWELLING, f"{n}室", town.unit).id for n in range(401, 407)]
    for door in doors[:5]:
        make.claim(resident.id, door)

    with pytest.raises(RuleBroken) as refusal:
        make.claim(resident.id, doors[5])

    assert refusal.value.code == "too_many_claims"


def test_moving_out_ends_being_verified_and_keeps_the_dates(town, monday):
    resident = make.person()
    binding = make.home(resident.id, town.dwelling)

    with clock.frozen(monday + timedelta(days=9)), unit_of_work():
        ended = service.end_binding(make.actor(resident.id), binding.id)

    assert not queries.is_verified_at(resident.id, town.compound)
    assert (ended.claimed_at, ended.ended_at) == (monday, monday + timedelta(days=9))
    assert queries.homes(resident.id) == []


def test_the_desk_reads_its_waiting_claims_oldest_first_page_by_page(town, monday):
    staff = make.placed(Role.COMMUNITY_STAFF, place_id=town.community)
    foreign_compound = ground.place(Level.COMPOUND, "梧桐苑", town.neighbour)
    foreign = ground.place(Level.BUILDING, "1幢", foreign_compound.id)
    make.claim(make.person("别处").id, foreign.id)
    make.home(make.person("已认").id, town.dwelling)
    for minute, name in enumerate(("甲一", "乙二", "丙三")):
        with clock.frozen(monday + timedelta(minutes=minute)):
            make.claim(make.person(name).id, town.dwelling)

    first = queries.pending_bindings(staff, limit=2)
    second = queries.pending_bindings(staff, limit=2, cursor=first.next_cursor)

    assert [one.name for one in first.items] == ["甲一", "乙二"]
    assert [one.name for one in second.items] == ["丙三"]
    assert second.next_cursor is None
    assert first.items[0].label == "桂花苑 3幢 2单元 301室"
