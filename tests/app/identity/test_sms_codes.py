"""Codes by text: few, short-lived, good once, and telling nobody who is known."""

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from app.identity import queries, rules, service
from app.identity.models import Person, Session, SmsCode
from app.identity.rules import CodePurpose
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid, TooMany, Unauthenticated, Unavailable
from app.kernel.work import unit_of_work
from tests.make import identity as make
from tests.make.phones import network

pytestmark = pytest.mark.usefixtures("app")

PHONE = "10012345678"
START = datetime(2026, 11, 16, 2, tzinfo=UTC)


@pytest.fixture
def texts():
    with network() as made:
        yield made


def asked(texts, phone=PHONE, purpose=CodePurpose.LOGIN):
    service.ask_code(phone, purpose)
    return texts.last_code(phone)


def later(**span):
    return clock.frozen(clock.now() + timedelta(**span))


def test_a_code_opens_a_session_and_makes_a_newcomer(texts):
    opened = service.log_in_with_sms(PHONE, asked(texts))

    person = queries.people([opened.actor.person_id])[opened.actor.person_id]
    assert (person.phone, person.is_phone_proven) == (PHONE, True)


def test_the_same_phone_is_the_same_person_next_time(texts):
    first = service.log_in_with_sms(PHONE, asked(texts))
    with later(minutes=2):
        again = service.log_in_with_sms("+86 100-1234-5678", asked(texts))

    assert again.actor.person_id == first.actor.person_id


def test_a_code_is_good_once(texts):
    code = asked(texts)
    service.log_in_with_sms(PHONE, code)

    with pytest.raises(Unauthenticated) as refusal:
        service.log_in_with_sms(PHONE, code)

    assert refusal.value.code == "bad_sms_code"


def test_a_code_is_over_after_five_minutes(texts):
    code = asked(texts)

    with later(minutes=5), pytest.raises(Unauthenticated):
        service.log_in_with_sms(PHONE, code)


def test_five_wrong_tries_spend_the_code(texts):
    code = asked(texts)
    wrong = "000000"
    for _ in range(rules.CODE_TRIES):
        with pytest.raises(Unauthenticated):
            service.log_in_with_sms(PHONE, wrong)

    with pytest.raises(Unauthenticated):
        service.log_in_with_sms(PHONE, code)


def test_many_tries_at_once_are_worth_no_more(texts, bare_app):
    code = asked(texts)
    wrong = [f"{n:06}" for n in range(12) if f"{n:06}" != code]
    seen = []

    def attempt(guess):
        with bare_app.app_context():
            try:
                service.log_in_with_sms(PHONE, guess)
            except Unauthenticated:
                seen.append(guess)
            finally:
                session.remove()

    threads = [threading.Thread(target=attempt, args=(one,)) for one in wrong]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(seen) == len(wrong)
    assert session.scalar(select(SmsCode.code_hash)) is None
    with pytest.raises(Unauthenticated):
        service.log_in_with_sms(PHONE, code)


def test_a_code_for_binding_opens_nothing(texts):
    code = asked(texts, purpose=CodePurpose.BIND)

    with pytest.raises(Unauthenticated):
        service.log_in_with_sms(PHONE, code)


def test_a_code_of_another_phone_opens_nothing(texts):
    code = asked(texts)
    service.ask_code("10087654321", CodePurpose.LOGIN)

    with pytest.raises(Unauthenticated):
        service.log_in_with_sms("10087654321", code)


def test_a_second_text_waits_a_minute_and_the_first_code_is_replaced(texts):
    first = asked(texts)
    with pytest.raises(TooMany) as refusal:
        service.ask_code(PHONE, CodePurpose.LOGIN)
    assert refusal.value.code == "code_too_soon"
    assert 0 < refusal.value.retry_after <= 61

    with later(seconds=61):
        asked(texts)
        if first != texts.last_code(PHONE):
            with pytest.raises(Unauthenticated):
                service.log_in_with_sms(PHONE, first)


def test_asking_tells_nobody_whether_a_phone_is_known(texts):
    make.person("李一", phone=PHONE)

    service.ask_code(PHONE, CodePurpose.LOGIN)
    service.ask_code("10087654321", CodePurpose.LOGIN)

    known, unknown = (re.sub(r"\d{6}", "", words) for _, words in texts.texts)
    assert known == unknown


def test_a_phone_written_by_hand_alone_opens_no_account(texts):
    written = make.person("李一", phone=PHONE)

    opened = service.log_in_with_sms(PHONE, asked(texts))

    assert opened.actor.person_id != written.id


def test_a_network_that_is_down_is_said_in_words(texts):
    texts.down = True

    with pytest.raises(Unavailable) as refusal:
        service.ask_code(PHONE, CodePurpose.LOGIN)

    assert refusal.value.code == "sms_failed"


def test_without_a_provider_the_way_is_closed_in_words():
    with pytest.raises(Unavailable) as refusal:
        service.ask_code(PHONE, CodePurpose.LOGIN)

    assert refusal.value.code == "sms_not_configured"


@pytest.mark.parametrize("phone", ["", "12", "05711234567", "1001234567x", "100123456789"])
def test_what_is_no_mobile_gets_no_text(texts, phone):
    with pytest.raises(Invalid) as refusal:
        service.ask_code(phone, CodePurpose.LOGIN)

    assert refusal.value.code == "bad_phone"
    assert texts.texts == []


def test_neither_code_nor_phone_stands_in_the_table(texts):
    code = asked(texts)

    rows = session.execute(text("SELECT * FROM sms_code")).all()

    assert code not in str(rows)
    assert PHONE not in str(rows)


def test_two_newcomers_by_one_phone_are_one_person(texts, bare_app):
    code = asked(texts)
    opened = []

    def come():
        with bare_app.app_context():
            try:
                opened.append(service.log_in_with_sms(PHONE, code))
            except Unauthenticated:
                pass
            finally:
                session.remove()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(opened) == 1
    assert session.scalar(select(func.count()).select_from(Person)) == 1


def test_an_account_long_unused_is_not_opened_by_its_phone(texts):
    first = service.log_in_with_sms(PHONE, asked(texts))
    with later(days=200):
        second = service.log_in_with_sms(PHONE, asked(texts))

        people = queries.people([first.actor.person_id, second.actor.person_id])

    assert len(people) == 2
    assert not people[first.actor.person_id].is_phone_proven
    assert people[second.actor.person_id].is_phone_proven


def test_who_was_shut_out_does_not_come_back_as_somebody_new(texts):
    first = service.log_in_with_sms(PHONE, asked(texts))
    with unit_of_work():
        service.deactivate(SYSTEM, first.actor.person_id)

    with later(minutes=2), pytest.raises(Forbidden) as refusal:
        service.log_in_with_sms(PHONE, asked(texts))

    assert refusal.value.code == "account_deactivated"


def test_use_by_another_way_does_not_keep_a_number_alive(texts):
    first = service.log_in_with_sms(PHONE, asked(texts))
    with later(days=60), unit_of_work():
        used = session.get(Session, first.actor.session_id)
        used.last_seen_at = clock.now()
    with later(days=91):
        second = service.log_in_with_sms(PHONE, asked(texts))

    assert second.actor.person_id != first.actor.person_id


def test_codes_asked_at_the_log_in_page_spend_none_of_those_for_binding(texts):
    service.ask_code(PHONE, CodePurpose.LOGIN)

    service.ask_code(PHONE, CodePurpose.BIND)

    assert len(texts.texts) == 2


def test_old_codes_are_swept(texts):
    asked(texts)
    with later(days=2), unit_of_work():
        service.sweep(clock.now())

    assert session.scalar(select(func.count()).select_from(SmsCode)) == 0


@given(st.lists(st.integers(0, 90_000), max_size=30))
def test_no_span_ever_holds_more_texts_than_allowed(gaps):
    sent, at = [], START
    for gap in gaps:
        at += timedelta(seconds=gap)
        if rules.code_wait(sent, at) is None:
            sent.append(at)

    for span, most in rules.CODE_RATES:
        for end in sent:
            assert sum(end - span < one <= end for one in sent) <= most


@given(st.lists(st.integers(1, 90_000), max_size=30))
def test_waiting_as_long_as_told_is_enough(gaps):
    sent, at = [], START
    for gap in gaps:
        at += timedelta(seconds=gap)
        wait = rules.code_wait(sent, at)
        at += wait or timedelta()

        assert rules.code_wait(sent, at) is None
        sent.append(at)
