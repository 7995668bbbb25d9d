"""``flask outbox``: dead letters are seen and given another go."""

from uuid import uuid4

import pytest
from sqlalchemy import update

from app.cli.outbox import outbox_commands
from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.outbox import OutboxDelivery
from app.kernel.work import unit_of_work
from tests.make import outbox as make

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def run(app):
    def invoke(*arguments):
        return app.test_cli_runner().invoke(outbox_commands, arguments)

    return invoke


def make_dead(count):
    """Give up ``count`` deliveries out of one more."""
    make.record(count + 1)
    listener = outbox.Listener(name="test.listener", handle=make.leave_a_mark)
    outbox.fan_out(make.heard_by(listener))
    with unit_of_work():
        ids = session.scalars(
            update(OutboxDelivery).returning(OutboxDelivery.id).values(error="broken")
        ).all()
        session.execute(
            update(OutboxDelivery)
            .where(OutboxDelivery.id.in_(ids[:count]))
            .values(dead_at=clock.now())
        )
    return ids[:count]


def test_the_dead_are_listed(run):
    dead = make_dead(2)

    shown = run("dead")

    assert shown.exit_code == 0
    assert all(str(one) in shown.output for one in dead)
    assert "2 dead" in shown.output


def test_one_is_given_another_go(run):
    first, second = make_dead(2)

    assert run("requeue", str(first)).output == "1 requeued\n"

    shown = run("dead").output
    assert str(first) not in shown
    assert str(second) in shown


def test_all_are_given_another_go(run):
    make_dead(3)

    assert run("requeue", "--all").output == "3 requeued\n"
    assert run("dead").output == "0 dead\n"


@pytest.mark.parametrize("arguments", [(), (str(uuid4()),), (str(uuid4()), "--all"), ("x",)])
def test_what_makes_no_sense_is_refused(run, arguments):
    assert run("requeue", *arguments).exit_code != 0
