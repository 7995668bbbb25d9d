"""The district's platform answers under its signature; whatever else comes changes nothing."""

from datetime import timedelta

import pytest

from app.escalation import package, queries
from app.kernel import clock
from app.kernel.db import session
from app.sla import queries as sla
from app.tickets import queries as tickets
from app.tickets.states import Action
from tests.app.escalation.test_platform import at_district, deliver
from tests.make import platform
from tests.make import tickets as make
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX
from workers import jobs

PATH = PREFIX + "/platform/answers"


@pytest.fixture
def handed(world):
    """A ticket whose package was delivered, and the platform still set up."""
    ticket_id, package_id = at_district(world)
    with platform.standing():
        deliver(package_id)
        yield tickets.get(ticket_id), package_id


@pytest.fixture
def post(bare_app):
    def send(raw, **signing):
        given = {"at": clock.now(), **signing}
        return bare_app.test_client().post(PATH, data=raw, headers=platform.headers(raw, **given))

    return send


def as_it_stands(ticket_id):
    session.expire_all()
    ticket = tickets.get(ticket_id)
    clocks = [(one.kind, one.due_at, one.ended_at) for one in sla.clocks(ticket_id)]
    steps = len(tickets.steps_of(ticket_id))
    return steps, (ticket.state, ticket.next_due_at, ticket.look_at, clocks)


def test_an_answer_becomes_a_step_and_moves_nothing(world, handed, post, client_for):
    ticket, package_id = handed
    steps, before = as_it_stands(ticket.id)

    told = taken(post(platform.answer_body(package_id, ticket.number, reference="QP-7")))

    assert told == {"new": True}
    assert as_it_stands(ticket.id) == (steps + 1, before)
    assert make.sound(ticket.id)
    last = client_for("resident").get(f"/tickets/{ticket.id}").get_json()["timeline"][-1]
    assert (last["words"], last["who"]) == ("区平台已答复", "区平台")
    assert last["text"] == "已协调水务集团，三日内换管。"
    assert queries.packages_of(ticket.id)[0].remote_reference == "QP-7"


def test_a_neighbour_who_joined_reads_that_and_not_what_was_answered(
    world, handed, post, client_for
):
    ticket, package_id = handed
    client_for("old_resident").post(f"/tickets/{ticket.id}/join")

    post(platform.answer_body(package_id, ticket.number))

    last = client_for("old_resident").get(f"/tickets/{ticket.id}").get_json()["timeline"][-1]
    assert (last["words"], last["text"]) == ("区平台已答复", None)


def test_a_closed_ticket_takes_the_answer_and_stays_closed(world, handed, post):
    ticket, package_id = handed
    make.resolved(world, ticket.id)
    with make.after(days=30):
        make_closed(ticket.id)
        before = as_it_stands(ticket.id)

        taken(post(platform.answer_body(package_id, ticket.number)))

        assert as_it_stands(ticket.id) == (before[0] + 1, before[1])
        assert tickets.get(ticket.id).closed_at is not None


def make_closed(ticket_id):

    jobs.close_silent(clock.now())
    session.expire_all()


def test_the_same_answer_again_changes_nothing_and_other_words_under_its_id_are_refused(
    handed, post
):
    ticket, package_id = handed
    raw = platform.answer_body(package_id, ticket.number)
    taken(post(raw))
    before = as_it_stands(ticket.id)

    with make.after(minutes=4):
        assert taken(post(raw)) == {"new": False}
        assert taken(post(raw, at=clock.now() - timedelta(minutes=4))) == {"new": False}
        refused(post(platform.answer_body(package_id, ticket.number, text="改口")), 409)

    assert as_it_stands(ticket.id) == before


FORGERIES = {
    "another key": {"key": bytes(32)},
    "another name": {"key_id": "district-2"},
}


@pytest.mark.parametrize("signing", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_answer_changes_nothing(handed, post, signing):
    ticket, package_id = handed
    before = as_it_stands(ticket.id)

    refused(post(platform.answer_body(package_id, ticket.number), **signing), 403, "bad_signature")

    assert as_it_stands(ticket.id) == before


@pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_a_signature_that_is_not_fresh_changes_nothing(handed, post, off):
    ticket, package_id = handed
    before = as_it_stands(ticket.id)
    raw = platform.answer_body(package_id, ticket.number)

    refused(post(raw, at=clock.now() + off), 403, "stale_signature")

    assert as_it_stands(ticket.id) == before


def test_a_body_changed_on_its_way_is_refused(handed, bare_app):
    ticket, package_id = handed
    before = as_it_stands(ticket.id)
    raw = platform.answer_body(package_id, ticket.number)
    headers = platform.headers(raw, clock.now())

    answer = bare_app.test_client().post(PATH, data=raw + b" ", headers=headers)

    refused(answer, 403, "bad_signature")
    assert as_it_stands(ticket.id) == before


def test_without_any_signature_nothing_of_the_body_is_read(handed, bare_app):
    ticket, _ = handed
    before = as_it_stands(ticket.id)

    refused(bare_app.test_client().post(PATH, data=b"{not json"), 403, "bad_signature")
    odd = {"X-Sandan-Signature": "ü", "X-Sandan-Timestamp": "-1"}
    refused(bare_app.test_client().post(PATH, data=b"{}", headers=odd), 403, "bad_signature")

    assert as_it_stands(ticket.id) == before


def test_an_answer_about_another_ticket_or_what_was_never_sent_is_not_found(world, handed, post):
    ticket, package_id = handed
    other, unsent = at_district(world, by="neighbour")
    before = as_it_stands(ticket.id), as_it_stands(other)

    refused(post(platform.answer_body(package_id, tickets.get(other).number)), 404)
    refused(post(platform.answer_body(unsent, tickets.get(other).number)), 404)
    refused(post(platform.answer_body(ticket.id, ticket.number)), 404)

    assert (as_it_stands(ticket.id), as_it_stands(other)) == before


def test_our_own_package_played_back_is_no_answer(world, post):
    ticket_id, package_id = at_district(world)
    with platform.standing() as district:
        deliver(package_id)
        before = as_it_stands(ticket_id)

        refused(post(district.raw[0]), 422)

    assert as_it_stands(ticket_id) == before


@pytest.mark.parametrize("field", ["state", "tier", "closed_at"])
def test_a_signed_answer_sets_nothing_but_its_words(handed, post, field):
    ticket, package_id = handed
    before = as_it_stands(ticket.id)

    said = refused(post(platform.answer_body(package_id, ticket.number, **{field: "x"})), 422)

    assert said["errors"][field] == ["没有这一项，请去掉。"]
    assert as_it_stands(ticket.id) == before


def test_a_door_that_takes_every_signature_is_seen_through(handed, post, monkeypatch):
    """The control: with the check gone, the forgeries above would leave a step."""
    ticket, package_id = handed
    steps, _ = as_it_stands(ticket.id)
    monkeypatch.setattr(package, "is_signed", lambda *_: True)

    taken(post(platform.answer_body(package_id, ticket.number), key=bytes(32)))

    assert as_it_stands(ticket.id)[0] == steps + 1


def test_a_door_that_takes_every_age_is_seen_through(handed, post, monkeypatch):
    """The control: with the check of age gone, an old signature opens."""
    ticket, package_id = handed
    monkeypatch.setattr(package, "is_fresh", lambda *_: True)

    taken(
        post(
            platform.answer_body(package_id, ticket.number),
            at=clock.now() - timedelta(days=1),
        )
    )

    assert tickets.steps_of(ticket.id)[-1].action is Action.PLATFORM_ANSWER


def test_where_no_platform_is_set_up_there_is_no_such_address(world, post):
    refused(post(b"{}"), 404)
