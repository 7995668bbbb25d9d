"""An answer lost on the way is told once more, to the device it was for, for a minute."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from app.identity import service
from app.identity.models import LoginReplay, Session
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Unauthenticated
from app.kernel.work import unit_of_work
from tests.make.phones import knowing

pytestmark = pytest.mark.usefixtures("app")


def test_the_same_device_hears_the_same_answer_without_a_second_exchange():
    with knowing() as wechat:
        first = service.log_in_with_code("o-1", "device-1")
        again = service.log_in_with_code("o-1", "device-1")

    assert again.token == first.token
    assert again.expires_at == first.expires_at
    assert wechat.exchanges == 1
    assert session.scalar(select(func.count()).select_from(Session)) == 1


@pytest.mark.parametrize(
    ("device", "wait"),
    [("device-2", 0), ("", 0), ("device-1", 60)],
    ids=["another device", "no device", "a minute later"],
)
def test_nobody_else_and_nobody_later_hears_it(device, wait):
    with knowing():
        service.log_in_with_code("o-1", "device-1")

        later = clock.now() + timedelta(seconds=wait)
        with clock.frozen(later), pytest.raises(Unauthenticated) as refusal:
            service.log_in_with_code("o-1", device)

    assert refusal.value.code == "bad_code"


def test_a_code_sent_without_a_device_is_never_repeated():
    with knowing():
        service.log_in_with_code("o-1")
        with pytest.raises(Unauthenticated):
            service.log_in_with_code("o-1", "device-1")


def test_a_session_that_was_ended_is_not_told_again():
    with knowing():
        opened = service.log_in_with_code("o-1", "device-1")
        with unit_of_work():
            service.revoke_sessions(SYSTEM, opened.actor.person_id)

        with pytest.raises(Unauthenticated):
            service.log_in_with_code("o-1", "device-1")


def test_what_is_kept_opens_nothing_by_itself():
    with knowing():
        opened = service.log_in_with_code("o-1", "device-1")

    rows = str(session.execute(text("SELECT * FROM login_replay")).all())

    assert opened.token not in rows
    assert "o-1" not in rows
    assert "device-1" not in rows


def test_old_answers_are_swept():
    with knowing():
        service.log_in_with_code("o-1", "device-1")
    with clock.frozen(clock.now() + timedelta(minutes=2)), unit_of_work():
        service.sweep(clock.now())

    assert session.scalar(select(func.count()).select_from(LoginReplay)) == 0
