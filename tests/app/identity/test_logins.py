"""Logging in by code and by password, and being refused."""

import dataclasses
import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.identity import passwords, queries, service
from app.identity.models import PasswordLogin, Person, WechatIdentity
from app.kernel import audit, clock, marks
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from app.kernel.work import unit_of_work
from app.wechat import gateway
from app.wechat.gateway import DevCodes, WechatLogin
from config import DEMO
from tests.make import identity as make

pytestmark = pytest.mark.usefixtures("app")

GOOD = "kind-lamp-27"


@pytest.fixture
def account():
    """A person with a console account, beside another."""
    for name, login in (("李一", "li.yi"), ("王二", "wang.er")):
        person = make.person(name)
        service.set_password(SYSTEM, person.id, login, GOOD)
    return session.scalar(
        select(PasswordLogin.person_id).where(PasswordLogin.login_name == "li.yi")
    )


@pytest.fixture
def demo(settings):
    """A demo installation with its gateway."""
    with unit_of_work():
        marks.mark_demo()
    gateway.install(DevCodes(dataclasses.replace(settings, env=DEMO)))
    yield
    gateway.install(gateway.NotConfigured())


class Scripted:
    """A gateway that answers what the test says."""

    def __init__(self, *answers: WechatLogin) -> None:
        self.answers = list(answers)

    def exchange(self, code: str) -> WechatLogin:
        return self.answers.pop(0)


@pytest.fixture
def scripted():
    yield lambda *answers: gateway.install(Scripted(*answers))
    gateway.install(gateway.NotConfigured())


def count(model) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_newcomer_becomes_a_person_once(demo):
    first = service.log_in_with_code("dev-resident")
    again = service.log_in_with_code("dev-resident")
    other = service.log_in_with_code("dev-neighbour")

    assert first.actor.person_id == again.actor.person_id != other.actor.person_id
    assert first.token != again.token
    assert count(Person) == 2
    assert queries.actor_of_token(first.token).person_id == first.actor.person_id


def test_a_linked_person_logs_in_as_who_they_are(demo):
    known = make.person()
    with unit_of_work():
        service.link_wechat(SYSTEM, known.id, WechatLogin("dev", "dev-grid"))

    opened = service.log_in_with_code("dev-grid")

    assert opened.actor.person_id == known.id
    assert opened.actor.session_id is not None


def test_a_user_of_two_apps_is_one_person(scripted):
    scripted(WechatLogin("a", "o1", "u1"), WechatLogin("b", "o2", "u1"), WechatLogin("b", "o2"))

    first, second, third = (service.log_in_with_code("any") for _ in range(3))

    assert first.actor.person_id == second.actor.person_id == third.actor.person_id
    assert count(WechatIdentity) == 2


def test_the_same_openid_of_another_app_is_another_person(scripted):
    scripted(WechatLogin("a", "o1"), WechatLogin("b", "o1"))

    first, second = (service.log_in_with_code("any") for _ in range(2))

    assert first.actor.person_id != second.actor.person_id


def test_a_newcomer_twice_at_once_is_one_person(app, scripted):
    scripted(*[WechatLogin("a", "o1")] * 4)
    gate, found = threading.Barrier(4), []

    def enter():
        with app.app_context():
            gate.wait()
            found.append(service.log_in_with_code("any").actor.person_id)
            session.remove()

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert len(set(found)) == 1
    assert count(Person) == 1


def test_a_deactivated_person_is_refused_and_that_is_written_down(demo):
    opened = service.log_in_with_code("dev-resident")
    with unit_of_work():
        service.deactivate(SYSTEM, opened.actor.person_id)

    with pytest.raises(Forbidden) as refusal:
        service.log_in_with_code("dev-resident")

    assert refusal.value.code == "account_deactivated"
    refused = session.scalars(
        select(audit.AuditEntry).where(audit.AuditEntry.action == "login.refused")
    ).one()
    assert refused.subject_id == opened.actor.person_id


def test_without_wechat_every_code_is_refused():
    with pytest.raises(Unavailable) as refusal:
        service.log_in_with_code("dev-resident")

    assert refusal.value.code == "wechat_not_configured"
    assert count(Person) == 0


def test_a_password_opens_a_session(account):
    opened = service.log_in_with_password(" Li.Yi ", GOOD)

    assert opened.actor.person_id == account
    assert queries.actor_of_token(opened.token).person_id == account


def test_a_known_and_an_unknown_name_are_refused_alike(account):
    refusals = []
    for name in ("li.yi", "nobody"):
        for _ in range(6):
            with pytest.raises((Unauthenticated, TooMany)) as refusal:
                service.log_in_with_password(name, "wrong-lamp-27")
            refusals.append((name, refusal.value.code, refusal.value.detail))

    known = [what for name, *what in refusals if name == "li.yi"]
    unknown = [what for name, *what in refusals if name == "nobody"]
    assert known == unknown
    assert [code for code, _ in known] == ["bad_credentials"] * 5 + ["login_locked"]


def test_five_failures_lock_the_right_password_out_for_a_quarter_of_an_hour(account, monday):
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            service.log_in_with_password("li.yi", "wrong-lamp-27")

    with pytest.raises(TooMany) as refusal:
        service.log_in_with_password("li.yi", GOOD)

    assert 0 < refusal.value.retry_after <= 15 * 60 + 1
    assert service.log_in_with_password("wang.er", GOOD)
    with clock.frozen(monday + timedelta(minutes=15)):
        assert service.log_in_with_password("li.yi", GOOD).actor.person_id == account


def test_a_success_forgets_the_failures_before_it(account):
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Unauthenticated):
                service.log_in_with_password("li.yi", "wrong-lamp-27")
        assert service.log_in_with_password("li.yi", GOOD)


def test_many_tries_at_once_are_not_worth_more(app, account, monkeypatch):
    judged, gate = [], threading.Barrier(12)
    verify = passwords.verify
    monkeypatch.setattr(passwords, "verify", lambda *a: judged.append(1) or verify(*a))

    def guess():
        with app.app_context():
            gate.wait()
            with pytest.raises((Unauthenticated, TooMany)):
                service.log_in_with_password("li.yi", "wrong-lamp-27")
            session.remove()

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(judged) == 5


def test_a_deactivated_console_account_reads_like_a_wrong_password(account):
    with unit_of_work():
        service.deactivate(SYSTEM, account)

    with pytest.raises(Unauthenticated) as refusal:
        service.log_in_with_password("li.yi", GOOD)

    assert refusal.value.code == "bad_credentials"


def test_refusals_and_locks_are_written_down_without_names(account):
    for _ in range(6):
        with pytest.raises((Unauthenticated, TooMany)):
            service.log_in_with_password("li.yi", "wrong-lamp-27")

    entries = session.scalars(select(audit.AuditEntry)).all()
    actions = [entry.action for entry in entries]
    assert actions.count("login.refused") == 5
    assert actions.count("login.locked") == 1
    assert "li.yi" not in repr([entry.facts for entry in entries])


def test_no_password_is_hashed_inside_a_unit(account):
    with unit_of_work(), pytest.raises(RuntimeError, match="inside a unit"):
        passwords.verify(None, GOOD)


def test_an_old_hash_is_renewed_at_log_in(account, monkeypatch):
    before = session.scalar(select(PasswordLogin.password_hash).filter_by(person_id=account))
    session.rollback()
    monkeypatch.setattr(passwords, "is_outdated", lambda known: True)

    service.log_in_with_password("li.yi", GOOD)

    after = session.scalar(select(PasswordLogin.password_hash).filter_by(person_id=account))
    assert after != before
    assert passwords.verify(after, GOOD)


def test_changing_the_password_ends_every_session(account):
    opened = service.log_in_with_password("li.yi", GOOD)

    service.change_password(opened.actor, GOOD, "calm-lamp-28")

    assert queries.actor_of_token(opened.token) is None
    assert service.log_in_with_password("li.yi", "calm-lamp-28")
    with pytest.raises(Unauthenticated):
        service.log_in_with_password("li.yi", GOOD)


def test_a_stolen_session_does_not_change_the_password_by_guessing(account):
    opened = service.log_in_with_password("li.yi", GOOD)

    for _ in range(5):
        with pytest.raises(Unauthenticated):
            service.change_password(opened.actor, "wrong-lamp-27", "calm-lamp-28")
    with pytest.raises(TooMany):
        service.change_password(opened.actor, GOOD, "calm-lamp-28")


@pytest.mark.parametrize(
    ("login", "password", "code"),
    [
        ("x", GOOD, "bad_login_name"),
        ("李一一", GOOD, "bad_login_name"),
        ("zhao.san", "short1", "weak_password"),
    ],
)
def test_a_bad_name_or_a_weak_password_is_not_taken(login, password, code):
    person = make.person()

    with pytest.raises(Invalid) as refusal:
        service.set_password(SYSTEM, person.id, login, password)

    assert refusal.value.code == code


def test_a_log_in_name_belongs_to_one_person(account):
    with pytest.raises(Conflict) as refusal:
        service.set_password(SYSTEM, make.person("赵三").id, "LI.YI", GOOD)

    assert refusal.value.code == "login_name_taken"


def test_passwords_are_set_by_administrators_for_their_own_people_only(town, account):
    admin = make.admin(town)
    resident = make.actor(make.person("赵三").id)
    make.home(account, town.dwelling)

    service.set_password(admin, account, "li.yi", "calm-lamp-28")
    with pytest.raises(Forbidden):
        service.set_password(resident, account, "li.yi", GOOD)
    with pytest.raises(Forbidden):
        service.set_password(admin, admin.person_id, "guan.yi", GOOD)
    with pytest.raises(NotFound):
        service.set_password(
            dataclasses.replace(
                admin,
                grants=tuple(
                    dataclasses.replace(one, node_id=town.neighbour) for one in admin.grants
                ),
            ),
            account,
            "li.yi",
            GOOD,
        )
