"""The stage: acts in the order of their time, up to now; what is refused leaves no trace."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.demo.stage import Stage
from app.kernel import audit, clock
from app.kernel.actor import SYSTEM
from app.kernel.audit import AuditEntry
from app.kernel.db import session
from app.kernel.errors import RuleBroken
from app.kernel.work import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


def life(name, *moments, refused_at=None):
    for number, moment in enumerate(moments):
        yield moment
        audit.record(SYSTEM, f"{name}{number}", "demo")
        session.flush()
        if number == refused_at:
            raise RuleBroken(code="refused_here")


def told():
    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.at)).all()
    return [row.action for row in rows]


def play(stage, *lives):
    with unit_of_work():
        for one in lives:
            stage.enter(one)
        stage.play(lambda _at, _acts: None)


def hours(now, *ago):
    return [now - timedelta(hours=one) for one in ago]


def test_acts_of_many_lives_come_in_the_order_of_time(monday):
    stage = Stage(monday, careful=False)

    play(stage, life("a", *hours(monday, 9, 4, 1)), life("b", *hours(monday, 8, 5, 0)))

    assert told() == ["a0", "b0", "b1", "a1", "a2", "b2"]
    assert stage.acts == 6


def test_the_clock_stands_at_each_act(monday):
    play(Stage(monday, careful=False), life("a", *hours(monday, 30, 2)))

    rows = session.scalars(select(AuditEntry).order_by(AuditEntry.at)).all()
    assert [row.at for row in rows] == hours(monday, 30, 2)
    assert clock.now() == monday


def test_what_would_come_after_now_is_not_told(monday):
    play(Stage(monday, careful=False), life("a", *hours(monday, 2, -1)))

    assert told() == ["a0"]


def test_a_careful_stage_drops_a_refused_act_whole_and_goes_on(monday):
    stage = Stage(monday, careful=True)

    play(
        stage,
        life("a", *hours(monday, 9, 6, 3), refused_at=1),
        life("b", *hours(monday, 8, 2)),
    )

    assert told() == ["a0", "b0", "b1"]
    assert len(stage.stumbles) == 1
    assert stage.stumbles[0].startswith("refused_here")


def test_otherwise_a_refused_act_ends_the_play(monday):
    with pytest.raises(RuleBroken):
        play(Stage(monday, careful=False), life("a", *hours(monday, 9, 6), refused_at=1))

    assert told() == []
