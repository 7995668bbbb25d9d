"""What reaches the district goes to its platform as a signed package: once, and never unseen."""

import hashlib
import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from app.escalation import queries, service
from app.escalation.events import PackageDue
from app.escalation.models import OutboundPackage
from app.escalation.rules import GIVEN_UP_AFTER, MAX_TRIES, Delivery
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Conflict, Unavailable
from app.kernel.outbox.models import OutboxEvent
from app.kernel.work import unit_of_work
from app.tickets import queries as tickets
from app.tickets import service as verbs
from app.tickets.service import Words
from tests.make import platform
from tests.make import tickets as make
from tests.make.platform import at_district, climbed
from workers import jobs

BURST = "EMG-BURST"


def deliver(package_id):
    service.deliver(PackageDue(package_id=package_id))
    session.expire_all()
    return session.get(OutboundPackage, package_id)


def due_events():
    query = select(func.count()).where(OutboxEvent.topic == PackageDue.topic)
    return session.scalar(query)


def test_what_reaches_the_district_is_packed_once_and_signed(world):
    ticket_id, package_id = at_district(world, photo=True)
    ticket = tickets.get(ticket_id)

    with platform.standing() as district:
        row = deliver(package_id)
        again = deliver(package_id)

    (package,) = district.taken
    assert (district.forged, again.attempts) == (0, 1)
    assert (row.state, row.remote_reference) == (Delivery.DELIVERED, "QP-2026-0001")
    assert row.body_sha256 == hashlib.sha256(district.raw[0]).hexdigest()
    assert package["ticket"]["number"] == ticket.number
    assert package["ticket"]["place"]["path"] == [
        *("澄湖区", "望荷街道", "桂花社区", "桂花苑", "3幢"),
    ]
    assert package["ticket"]["place"]["division_code"] == "990101001001"
    assert [one["words"] for one in package["history"]][-1] == "提级：区里"
    assert {one["kind"] for one in package["clocks"]} >= {"accept", "resolve", "tier"}
    assert platform.picture(package)[:2] == b"\xff\xd8"
    assert due_events() == 1
    assert queries.packages_of(ticket_id)[0].reason == "tier_4"


def test_a_package_names_nobody_unless_the_setting_says_so(world):
    _, package_id = at_district(world, photo=True)
    other, open_id = at_district(world, by="neighbour")

    with platform.standing(shares="") as closed:
        deliver(package_id)
    with platform.standing(shares="words,contact,door,photos") as opened:
        deliver(open_id)

    told = closed.raw[0].decode()
    assert [word for word in ("301", "周桂芳", "10020000000", "老人") if word in told] == []
    assert closed.taken[0]["photos"] == []
    shared = opened.taken[0]["ticket"]
    assert shared["contact"] == {"name": "周桂芳", "phone": "10020000000"}
    assert "老人" in shared["words"]
    assert tickets.get(other).number == shared["number"]


def test_an_anonymous_report_gives_no_contact_and_a_sensitive_one_nothing(world):
    made = {}
    for name in ("anonymous", "sensitive"):
        ticket_id, made[name] = at_district(world, by="resident" if name == "anonymous" else "head")
        with unit_of_work():
            setattr(tickets.hold(ticket_id), name, True)

    with platform.standing(shares="words,contact,door,photos") as district:
        for package_id in made.values():
            deliver(package_id)

    anonymous, sensitive = (one["ticket"] for one in district.taken)
    assert ("contact" in anonymous, "words" in anonymous) == (False, True)
    assert ("contact" in sensitive, "words" in sensitive) == (False, False)
    assert all("text" not in step for step in district.taken[1]["history"])


def test_without_a_platform_a_package_waits_visibly_and_goes_out_when_there_is_one(world):
    _, package_id = at_district(world)

    row = deliver(package_id)
    assert (row.state, row.last_error, row.attempts) == (Delivery.WAITING, "not_configured", 0)
    jobs.send_waiting(clock.now())
    still = due_events()
    with platform.standing() as district:
        jobs.send_waiting(clock.now())
        jobs.send_waiting(clock.now())
        called = due_events()
        row = deliver(package_id)

    assert (still, called) == (1, 2)
    assert (row.state, len(district.taken)) == (Delivery.DELIVERED, 1)


def test_a_platform_that_is_down_is_tried_again_until_the_package_is_dead(world):
    _, package_id = at_district(world)
    states = []

    with platform.standing(status=503) as district:
        for _ in range(MAX_TRIES):
            with pytest.raises(Unavailable):
                deliver(package_id)
            session.expire_all()
            states.append(session.get(OutboundPackage, package_id).state)

    row = session.get(OutboundPackage, package_id)
    assert states == [Delivery.WAITING] * (MAX_TRIES - 1) + [Delivery.DEAD]
    assert (row.last_error, len(district.taken)) == ("http_503", MAX_TRIES)


def test_a_platform_nobody_reaches_is_tried_again(world):
    _, package_id = at_district(world)

    with platform.set_up(), pytest.raises(Unavailable):
        deliver(package_id)

    session.expire_all()
    row = session.get(OutboundPackage, package_id)
    assert (row.state, row.last_error[:9]) == (Delivery.WAITING, "no_answer")


@pytest.mark.parametrize("status", [302, 400, 401, 422])
def test_what_the_platform_refuses_is_not_sent_again_by_itself(world, status):
    _, package_id = at_district(world)

    with platform.standing(status=status) as district:
        row = deliver(package_id)
        deliver(package_id)

    assert (row.state, row.last_error) == (Delivery.REFUSED, f"http_{status}")
    assert len(district.taken) == 1


def test_a_refused_package_is_sent_again_by_hand_and_a_delivered_one_is_not(world):
    _, package_id = at_district(world)
    with platform.standing(status=422):
        deliver(package_id)

    with unit_of_work():
        service.resend(SYSTEM, package_id)
    with platform.standing():
        row = deliver(package_id)

    assert (row.state, row.attempts) == (Delivery.DELIVERED, 1)
    with pytest.raises(Conflict), unit_of_work():
        service.resend(SYSTEM, package_id)


def test_what_no_worker_will_ever_try_again_does_not_wait_for_ever(world):
    _, package_id = at_district(world)
    _, noise = at_district(world, by="neighbour")
    with unit_of_work():
        queries.hold_package(package_id).attempts = 3
        queries.hold_package(noise).touched_at = clock.now() + timedelta(days=60)

    with platform.set_up(), clock.frozen(clock.now() + timedelta(days=30) + GIVEN_UP_AFTER):
        jobs.send_waiting(clock.now())

    session.expire_all()
    assert session.get(OutboundPackage, package_id).state is Delivery.DEAD
    assert session.get(OutboundPackage, noise).state is Delivery.WAITING


def test_a_late_settling_does_not_undo_what_an_answer_proved(world):
    ticket_id, package_id = at_district(world)
    number = tickets.get(ticket_id).number

    with platform.standing(status=503) as district:
        with pytest.raises(Unavailable):
            deliver(package_id)
        with unit_of_work():
            service.take_answer(answered(package_id, number))
        deliver(package_id)

    session.expire_all()
    row = session.get(OutboundPackage, package_id)
    assert (row.state, len(district.taken)) == (Delivery.DELIVERED, 1)


def answered(package_id, number):
    raw = platform.answer_body(package_id, number)
    body = json.loads(raw)
    return service.Answered(
        answer_id=body["id"], package_id=package_id, number=number, text=body["text"], raw=raw
    )


def test_an_emergency_that_the_street_does_not_end_is_packed_too(world):
    ticket_id = make.submitted(world, BURST)
    with unit_of_work():
        verbs.lift_ceiling(world.actor("street"), ticket_id, Words("由区里协调"))

    assert climbed(ticket_id)
