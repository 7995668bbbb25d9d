"""The robot in the group of the staff: counts alone, twenty a minute, nothing said twice."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from app.kernel import clock, outbox
from app.kernel.work import unit_of_work
from app.notifications import channels, service
from app.notifications.channels import Outfit
from app.notifications.channels.outfits import for_settings
from app.notifications.channels.robot import Robot
from app.notifications.events import GroupNews
from app.notifications.service.grouping import NotItsTurn, RobotRefused
from tests.make import news
from tests.make import tickets as make
from tests.make.outside import outside
from workers import jobs

EMERGENCY, URGENT = "EMG-GAS", "EMG-BURST"
TAKEN = (200, b'{"errcode":0}')
LINE = GroupNews(words="在办1件")


@contextmanager
def listening(answer=lambda _: TAKEN):
    before = channels.current()
    with outside(answer) as there:
        channels.install(Outfit(group=Robot(there.url + "send?key=canary-key")))
        try:
            yield there
        finally:
            channels.install(before)


def heard(there):
    return [one.json()["text"]["content"] for one in there.asked]


def test_an_emergency_is_told_to_the_group_without_saying_which(world):
    with listening() as there:
        make.submitted(world, EMERGENCY)
        make.submitted(world, by="neighbour")
        news.drained()

    assert heard(there) == ["有新的紧急诉求1件，请值班人员马上登录处理。"]


def test_the_group_hears_once_a_day_how_the_work_stands(world):
    with clock.frozen(clock.now() - timedelta(days=4)):
        make.submitted(world)
    with listening() as there:
        for hours in (0, 1, 5):
            with news.later(hours=hours):
                jobs.tell_daily(clock.now())
                news.drained()
        with news.later(days=1):
            jobs.tell_daily(clock.now())
            news.drained()

    assert heard(there) == ["工单情况：在办1件，即将到期0件，超时1件，督办0件。"] * 2


def test_without_a_robot_nothing_is_owed(world):
    make.submitted(world, EMERGENCY)
    jobs.tell_daily(clock.now())
    news.drained()

    assert outbox.dead_letters(cursor=None, limit=10).items == []


def test_a_minute_holds_twenty_lines(world):
    with listening() as there:
        for second in range(60):
            with news.later(seconds=second):
                try:
                    service.say(LINE)
                except NotItsTurn:
                    continue

    assert len(there.asked) == 20


def test_a_burst_is_said_in_the_end_and_each_line_once(world):
    with listening() as there:
        for _ in range(4):
            with unit_of_work():
                outbox.record(GroupNews(words="在办1件"))
        for minutes in range(0, 60, 2):
            with news.later(minutes=minutes):
                news.drained()

    assert len(there.asked) == 4


@pytest.mark.parametrize("answer", [(200, b'{"errcode":45009}'), (200, b'{"errcode":-1}')])
def test_a_busy_robot_is_asked_again(world, answer):
    with listening(lambda _: answer), pytest.raises(NotItsTurn):
        service.say(LINE)


def test_a_webhook_that_is_gone_is_an_error_that_names_no_key(world):
    with (
        listening(lambda _: (200, b'{"errcode":93000}')),
        pytest.raises(RobotRefused, match=r"^errcode:93000$"),
    ):
        service.say(LINE)


@pytest.mark.parametrize("answer", [None, (502, b"<html>")])
def test_a_line_that_may_have_been_heard_is_not_said_again(world, answer):
    with listening(lambda _: answer) as there:
        service.say(LINE)

    assert len(there.asked) == 1


def test_a_robot_is_there_once_its_webhook_is_set(settings):
    url = "https://example.invalid/send?key=canary-key"
    told = replace(settings, wecom_robot_url=url)

    assert for_settings(settings).group is None
    assert isinstance(for_settings(told).group, Robot)
    assert "canary-key" not in repr(told)
    assert json.dumps(repr(for_settings(told).group)).find("canary") == -1
