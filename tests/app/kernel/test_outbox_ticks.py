"""Ticks: each period of a timetable job is served once, and again only if it failed."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select

from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.outbox import LeaseLost, TimetableTick
from app.kernel.work import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


def later(seconds: float):
    return clock.frozen(clock.now() + timedelta(seconds=seconds))


def serve(name: str, slot: int) -> None:
    claimed = outbox.claim_tick(name, slot, lease_s=60)
    with unit_of_work():
        outbox.finish_tick(name, slot, claimed)


def test_a_period_is_taken_once():
    first = outbox.claim_tick("sweep", 7, lease_s=60)

    assert first is not None
    assert outbox.claim_tick("sweep", 7, lease_s=60) is None
    assert outbox.claim_tick("sweep", 8, lease_s=60) is not None
    assert outbox.claim_tick("other", 7, lease_s=60) is not None


def test_many_keepers_at_once_take_it_once(app):
    start, got = Barrier(8), []

    def take():
        with app.app_context():
            start.wait(5)
            got.append(outbox.claim_tick("sweep", 7, lease_s=60))

    threads = [Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(got) == 8
    assert len([one for one in got if one]) == 1


def test_a_keeper_that_died_is_followed_by_another_which_alone_may_finish():
    dead = outbox.claim_tick("sweep", 7, lease_s=60)

    with later(61):
        heir = outbox.claim_tick("sweep", 7, lease_s=60)

    assert heir is not None
    with pytest.raises(LeaseLost), unit_of_work():
        outbox.finish_tick("sweep", 7, dead)
    with unit_of_work():
        outbox.finish_tick("sweep", 7, heir)
    with later(1000):
        assert outbox.claim_tick("sweep", 7, lease_s=60) is None


def test_a_failed_period_is_tried_a_few_times():
    tries = 0
    with later(0) as start:
        pass
    for hour in range(10):
        with clock.frozen(start + timedelta(hours=hour)):
            claimed = outbox.claim_tick("sweep", 7, lease_s=60)
            if claimed is None:
                continue
            tries += 1
            with unit_of_work():
                outbox.fail_tick("sweep", 7, claimed, "RuntimeError")

    assert tries == 5


def test_open_slots_are_those_nobody_serves_or_has_served():
    serve("done", 7)
    outbox.claim_tick("running", 7, lease_s=60)
    claimed = outbox.claim_tick("failed", 7, lease_s=60)
    with unit_of_work():
        outbox.fail_tick("failed", 7, claimed, "RuntimeError")
    serve("old", 6)
    slots = dict.fromkeys(("done", "running", "failed", "old", "fresh"), 7)

    now = outbox.open_slots(slots)
    with later(61):
        then = outbox.open_slots(slots)

    assert set(now) == {"old", "fresh"}
    assert set(then) == {"old", "fresh", "running", "failed"}
    assert outbox.open_slots({}) == ()


def test_old_ticks_are_forgotten():
    with later(-86_400 * 8):
        serve("sweep", 1)
    serve("sweep", 2)

    with unit_of_work():
        outbox.purge_ticks(clock.now() - timedelta(days=7))

    assert session.scalar(select(func.count()).select_from(TimetableTick)) == 1
