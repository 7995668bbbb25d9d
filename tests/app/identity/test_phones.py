"""Whose phone it is: proven by WeChat or a text, for one active person at a time."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.identity import queries, service
from app.identity.models import Person, WechatIdentity
from app.identity.rules import CodePurpose
from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.kernel.work import unit_of_work
from tests.make import identity as make
from tests.make.phones import knowing, network

pytestmark = pytest.mark.usefixtures("app")

PHONE = "10012345678"


def by_wechat(code="o-1"):
    return service.log_in_with_code(code).actor


def by_text():
    with network() as texts:
        service.ask_code(PHONE, CodePurpose.LOGIN)
        return service.log_in_with_sms(PHONE, texts.last_code(PHONE)).actor


def shown(person_id):
    return queries.people([person_id])[person_id]


def test_wechat_proves_a_phone():
    with knowing(p1=("o-1", PHONE)):
        actor = by_wechat()
        service.bind_phone_of_wechat(actor, "p1", is_bare=True)

    assert (shown(actor.person_id).phone, shown(actor.person_id).is_phone_proven) == (PHONE, True)


def test_a_phone_code_given_to_somebody_else_proves_nothing():
    with knowing(p1=("o-2", PHONE)):
        actor = by_wechat()
        with pytest.raises(Invalid) as refusal:
            service.bind_phone_of_wechat(actor, "p1", is_bare=True)

    assert refusal.value.code == "bad_phone_code"
    assert not shown(actor.person_id).is_phone_proven


def test_who_came_by_text_has_no_wechat_phone():
    with knowing(p1=("o-1", PHONE)):
        actor = by_text()
        with pytest.raises(Conflict) as refusal:
            service.bind_phone_of_wechat(actor, "p1", is_bare=True)

    assert refusal.value.code == "no_wechat"


def test_a_newcomer_by_wechat_becomes_the_person_known_by_phone():
    known = by_text()
    with knowing(p1=("o-1", PHONE)):
        opened = service.log_in_with_code("o-1")
        now_is = service.bind_phone_of_wechat(opened.actor, "p1", is_bare=True)

        assert now_is == known.person_id
        assert queries.actor_of_token(opened.token).person_id == known.person_id
        assert service.log_in_with_code("o-1#later").actor.person_id == known.person_id
    assert session.get(Person, opened.actor.person_id).deactivated_at is not None


def test_who_has_done_something_stays_and_takes_the_phone_along():
    known = by_text()
    with knowing(p1=("o-1", PHONE)):
        actor = by_wechat()
        assert service.bind_phone_of_wechat(actor, "p1", is_bare=False) == actor.person_id

    assert shown(actor.person_id).is_phone_proven
    assert not shown(known.person_id).is_phone_proven
    assert shown(known.person_id).is_active


def test_a_person_with_a_wechat_of_their_own_is_not_joined():
    with knowing(p1=("o-1", PHONE), p2=("o-2", PHONE)):
        first = by_wechat("o-1")
        service.bind_phone_of_wechat(first, "p1", is_bare=True)
        second = by_wechat("o-2")
        assert service.bind_phone_of_wechat(second, "p2", is_bare=True) == second.person_id

    assert not shown(first.person_id).is_phone_proven
    owners = session.scalars(select(WechatIdentity.person_id)).all()
    assert set(owners) == {first.person_id, second.person_id}


def test_a_code_by_text_binds_too():
    with knowing(), network() as texts:
        actor = by_wechat()
        service.ask_code(PHONE, CodePurpose.BIND)
        service.bind_phone_of_code(actor, PHONE, texts.last_code(PHONE), is_bare=True)

    assert shown(actor.person_id).is_phone_proven


def test_writing_another_number_by_hand_proves_nothing():
    actor = by_text()

    with unit_of_work():
        service.change_own_contact(actor, phone="10087654321")

    assert not shown(actor.person_id).is_phone_proven


def test_writing_the_same_number_keeps_the_proof():
    actor = by_text()

    with unit_of_work():
        service.change_own_contact(actor, phone=PHONE)

    assert shown(actor.person_id).is_phone_proven


def test_one_who_was_let_in_again_proves_anew():
    actor = by_text()
    with unit_of_work():
        service.deactivate(make.SYSTEM, actor.person_id)
    with clock.frozen(clock.now() + timedelta(days=91)):
        other = by_text()
        with unit_of_work():
            service.reactivate(make.SYSTEM, actor.person_id)

    assert not shown(actor.person_id).is_phone_proven
    assert shown(other.person_id).is_phone_proven
