"""A package to the district, from the broken promise to the platform's answer, by each engine."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app.escalation import queries
from app.escalation.events import PackageDue
from app.escalation.rules import Delivery
from app.kernel import clock
from app.kernel.db import session
from app.kernel.outbox import Lane
from app.tickets import queries as tickets
from app.tickets.states import Action
from tests.make import leaves, platform
from tests.make import tickets as make
from tests.make.outbox import deliveries
from tests.make.phone import PREFIX
from workers.drain import PRODUCT, Wiring
from workers.embedded import EmbeddedWorker
from workers.rqueue import Bell, Post

WIRED = replace(PRODUCT, timetable=())
"""The whole product; the tests themselves say when a minute has passed."""

Engine = Callable[[Wiring], None]


LATER = timedelta(days=30)
"""The climb to the district took days of the held clock; the engines work after them."""


def in_turns(turn: Callable[[Lane], object]) -> None:
    """Let each lane have its turn until what one makes for the other is done, too."""
    with clock.frozen(clock.now() + LATER):
        for lane in (*Lane, *Lane, *Lane):
            turn(lane)
    session.remove()


@pytest.fixture
def embedded(world, bare_app) -> Engine:
    def run(wired: Wiring) -> None:
        worker = EmbeddedWorker(bare_app, wired)
        in_turns(lambda lane: worker._turn(lane, rung=True))

    return run


@pytest.fixture
def rq(world, bare_app, redis_url, prefix) -> Engine:
    def run(wired: Wiring) -> None:
        in_turns(Post(bare_app, wired, Bell(redis_url, prefix)).take_turn)

    return run


@pytest.fixture(params=["embedded", "rq"])
def engine(request) -> Engine:
    return request.getfixturevalue(request.param)


def row_of(ticket_id):
    session.expire_all()
    (row,) = queries.packages_of(ticket_id)
    return row


def owed_to_the_platform():
    """Name how the deliveries of packages stand: (done, dead, attempts)."""
    rows = [one for one in deliveries() if one.listener == "escalation.deliver_package"]
    return [(bool(one.done_at), bool(one.dead_at), one.attempts) for one in rows]


def test_it_arrives_once_and_the_answer_comes_back_to_the_resident(
    world, engine, bare_app, client_for
):
    ticket_id, package_id = platform.at_district(world, photo=True)

    with platform.standing() as district:
        engine(WIRED)
        engine(WIRED)
        raw = platform.answer_body(package_id, tickets.get(ticket_id).number)
        answered = bare_app.test_client().post(
            PREFIX + "/platform/answers", data=raw, headers=platform.headers(raw, clock.now())
        )

    (package,) = district.taken
    assert (district.forged, package["package"]) == (0, str(package_id))
    assert platform.picture(package)[:2] == b"\xff\xd8"
    assert (row_of(ticket_id).state, row_of(ticket_id).attempts) == (Delivery.DELIVERED, 1)
    assert owed_to_the_platform() == [(True, False, 1)]
    assert answered.get_json() == {"new": True}
    story = client_for("resident").get(f"/tickets/{ticket_id}").get_json()["timeline"]
    assert (story[-1]["words"], story[-1]["who"]) == ("区平台已答复", "区平台")
    assert story[-1]["text"] == json.loads(raw)["text"]
    assert leaves.actions(ticket_id)[-1] is Action.PLATFORM_ANSWER


def test_a_platform_that_was_down_gets_it_when_it_stands_again(world, engine):
    ticket_id, package_id = platform.at_district(world)

    with platform.standing(status=503) as district:
        engine(WIRED)
        down = row_of(ticket_id).state, owed_to_the_platform()
        district.status = 200
        with make.after(hours=1):
            engine(WIRED)

    assert down == (Delivery.WAITING, [(False, False, 1)])
    assert row_of(ticket_id).state is Delivery.DELIVERED
    assert owed_to_the_platform() == [(True, False, 2)]
    assert [one["package"] for one in district.taken] == [str(package_id)] * 2


def test_what_it_refuses_is_not_tried_again_and_holds_up_nobody(world, engine):
    refused, _ = platform.at_district(world)

    with platform.standing(status=422) as district:
        engine(WIRED)
        other, _ = platform.at_district(world, by="neighbour")
        district.status = 200
        with make.after(days=1):
            engine(WIRED)

    assert (row_of(refused).state, row_of(other).state) == (Delivery.REFUSED, Delivery.DELIVERED)
    assert len(district.taken) == 2


def test_control_a_wiring_that_forgot_the_platform_delivers_nothing(world, engine):
    ticket_id, _ = platform.at_district(world)
    deaf = {topic: heard for topic, heard in WIRED.listeners.items() if topic != PackageDue.topic}

    with platform.standing() as district:
        engine(replace(WIRED, listeners=deaf))

    assert (district.taken, row_of(ticket_id).state) == ([], Delivery.WAITING)
