"""Digests: what stands open, once a day and once a week, whoever keeps the time."""

from datetime import UTC, datetime, timedelta

import pytest

from app.kernel import clock
from app.kernel.work import unit_of_work
from app.notifications import service
from app.notifications.rules.ways import Way
from tests.make import news
from tests.make import tickets as make
from workers import jobs, timetable

STAFF = {"community", "community2", "manager", "repairer", "repairer2"}


@pytest.fixture
def work(world):
    with clock.frozen(clock.now() - timedelta(days=4)):
        first = make.submitted(world)
        make.submitted(world, by="neighbour", scene="building2")
    return first


def heard(world, kind):
    return {who for who, told in news.told(world) if told == kind}


def test_the_daily_digest_counts_what_each_may_read(world, work):
    jobs.tell_daily(clock.now())

    told = heard(world, "daily")
    assert told >= STAFF
    assert not told & {"resident", "rival", "other_community", "admin"}
    (to_repairer,) = news.messages(kind="daily", person_id=world.people["manager"])
    assert to_repairer.text == "在办2件，即将到期0件，超时2件，督办0件。"


def test_the_weekly_digest_is_for_who_holds_a_place(world, work):
    jobs.tell_weekly(clock.now())

    assert heard(world, "weekly") >= {"community", "community2", "street", "district"}
    assert not heard(world, "weekly") & {"repairer", "manager", "resident"}


def test_a_job_that_runs_again_tells_nothing_twice(world, work):
    for hours in (0, 1, 5):
        with news.later(hours=hours):
            jobs.tell_daily(clock.now())
            jobs.tell_weekly(clock.now())

    people = [one.person_id for one in news.messages(kind="daily", channel=Way.INBOX)]
    assert len(people) == len(set(people))
    with news.later(days=1):
        jobs.tell_daily(clock.now())
    assert len(news.messages(kind="daily", channel=Way.INBOX)) == 2 * len(people)


def test_whoever_has_nothing_or_wants_none_is_left_alone(world, work):
    with unit_of_work():
        service.set_preferences(world.actor("manager"), [], "22:00", "07:00", digest=False)
    jobs.tell_daily(clock.now())

    assert not heard(world, "daily") & {"manager", "rival"}


def test_the_week_begins_on_monday_at_nine_in_shanghai():
    weekly = next(one for one in timetable.TIMETABLE if one.name == "notifications.weekly")
    monday_nine = datetime(2026, 11, 16, 1, tzinfo=UTC)

    assert weekly.slot(monday_nine) == weekly.slot(monday_nine + timedelta(days=6, hours=23))
    assert weekly.slot(monday_nine) == weekly.slot(monday_nine - timedelta(seconds=1)) + 1


def test_a_week_missed_at_nine_is_told_once_when_the_clock_is_kept_again(world, work):
    for hours in (6, 30, 54):
        with news.later(hours=hours):
            jobs.tell_weekly(clock.now())

    assert len(news.messages(kind="weekly", person_id=world.people["street"])) == 1
