"""The accused reads, hears and guesses nothing of who complained: canaries over HTTP."""

import base64
import io
import logging
import re
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.identity import service as identity
from app.identity.rules import LoginMethod, Role
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.tickets import access, queries
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import ResultKind
from tests.access import LISTS, TICKET, Scene, call, routes_of
from tests.make import media
from tests.make import tickets as make
from tests.make.answers import refused, taken

WORDS = "门卫半夜睡觉，我家孩子回不来"
ACCUSED = ("repairer", "manager", "two_hats")
QUEUES = ("to_dispatch", "pool", "mine", "team", "overdue", "awaiting_review", "follow_up", "all")
ENDINGS = {"DELETE /mp/v1/session", "POST /mp/v1/session", "DELETE /mp/v1/me/sessions"}
"""What would end the log-in that the crawl goes by."""
PACKED = re.compile(r"[A-Za-z0-9_-]{24,}")


@pytest.fixture
def scene(world, client_for) -> Scene:
    """A complaint with a photo about the firm's guards, and the firm's own work beside it."""
    phone = client_for("resident")
    photo = taken(phone.upload(media.jpeg()), 201)["id"]
    body = {
        "category": make.GUARD,
        "place": {"scene": world.scenes["home"]},
        "text": WORDS,
        "media": [photo],
        "contact": {"name": "周桂芳", "phone": "10020000000"},
    }
    complaint = UUID(taken(phone.post("/tickets", body), 201)["id"])
    light = make.submitted(
        world, by="neighbour", text="灯不亮", contact_name=None, contact_phone=None
    )
    _hire_the_grid_officer(world)
    made = Scene(world, {}, {"complaint": complaint, "light": light, "filed": light})
    made.photo = taken(phone.get(f"/tickets/{complaint}"))["timeline"][0]["media"][0]["url"]
    with unit_of_work():
        for name in (*ACCUSED, "community", "resident"):
            opened = open_session(world.people[name], LoginMethod.WECHAT, clock.now())
            assert opened is not None
            made.tokens[name] = opened.token
    return made


def _hire_the_grid_officer(world):
    """One person works at the community's desk and for the firm."""
    with unit_of_work():
        person = identity.add_person(SYSTEM, name="双岗", phone="10030000001")
        world.people["two_hats"] = person.id
        for role, where in ((Role.COMMUNITY_STAFF, "community_desk"), (Role.REPAIRER, "firm")):
            identity.appoint(SYSTEM, person.id, role, world.organisations[where])


def canaries(scene: Scene) -> list[str]:
    """What tells who complained, in every form it might be written."""
    ticket = queries.get(scene.tickets["complaint"])
    resident = scene.world.people["resident"]
    carried = queries.steps_of(ticket.id)[0]
    return [
        "周桂芳",
        "周**",
        "10020000000",
        "100****0000",
        "301室",
        scene.world.scenes["home"],
        str(scene.world.places["home"]),
        WORDS[:6],
        WORDS[-6:],
        ticket.number,
        " ".join(ticket.number[at : at + 4] for at in (0, 4, 8)),
        "dev-resident",
        str(resident),
        resident.hex,
        str(carried.id),
    ]


def said_in(answer: TestResponse) -> str:
    """Everything an answer says: body, headers, and what is packed in tokens and cursors."""
    text = answer.data.decode("utf-8", "replace") + str(answer.headers)
    packed = [base64.urlsafe_b64decode(one + "=" * (-len(one) % 4)) for one in _packed(text)]
    return text + " ".join(raw.decode("utf-8", "replace") for raw in packed)


def _packed(text: str) -> list[str]:
    return [one for one in PACKED.findall(text) if len(one) % 4 != 1]


def crawl(app, scene: Scene, person: str) -> str:
    """Call every route as a person, about the complaint and about nothing; all that is said."""
    said = ""
    for route in sorted(routes_of(app) - ENDINGS):
        subjects = ("complaint", "missing") if TICKET in route else ("-",)
        for subject in subjects:
            said += said_in(call(app, scene, route, subject, person))
    for queue in QUEUES:
        said += said_in(call(app, scene, f"{LISTS[1]}?queue={queue}&limit=1", "-", person))
    return said + _merges(app, scene, person)


def _merges(app, scene: Scene, person: str) -> str:
    """Try to learn by merging one's own work into the complaint, and the other way."""
    into = {"master": str(scene.tickets["complaint"])}
    return said_in(call(app, scene, f"POST /mp/v1/work/{TICKET}/merge", "light", person, into))


def found(app, scene: Scene) -> dict[str, list[str]]:
    """Name the canaries that each of the accused comes to see."""
    told = {person: crawl(app, scene, person) for person in ACCUSED}
    hidden = canaries(scene)
    return {p: [one for one in hidden if one in said] for p, said in told.items()}


NOTHING: dict[str, list[str]] = {person: [] for person in ACCUSED}


def dispatched(scene):
    desk = Target(organisation_id=scene.world.organisations["community_desk"])
    tickets.dispatch(
        scene.world.actor("community"), scene.tickets["complaint"], desk, Words("我们办")
    )


def transferred(scene):
    dispatched(scene)
    street = Target(organisation_id=scene.world.organisations["street_desk"])
    community = scene.world.actor("community")
    tickets.transfer(community, scene.tickets["complaint"], street, Words(f"请街道办：{WORDS}"))


def resolved(scene):
    dispatched(scene)
    community, ticket_id = scene.world.actor("community"), scene.tickets["complaint"]
    tickets.accept(community, ticket_id)
    tickets.start(community, ticket_id, Words("联系了周桂芳"))
    tickets.progress(community, ticket_id, Words(WORDS), public=True)
    tickets.resolve(community, ticket_id, ResultKind.FIXED, Words("已要求整改"))


def reopened(scene):
    resolved(scene)
    resident, ticket_id = scene.world.actor("resident"), scene.tickets["complaint"]
    tickets.verdict(resident, ticket_id, "no", Words(WORDS))
    tickets.reopen(resident, ticket_id, Words(WORDS))


def declined(scene):
    community = scene.world.actor("community")
    ticket_id = scene.tickets["complaint"]
    tickets.ask_decline(community, ticket_id, "legal_procedure", Words(WORDS))


def briefed(scene):
    community = scene.world.actor("community")
    tickets.brief(community, scene.tickets["complaint"], Words("有居民反映夜间门岗无人"))


STAGES: dict[str, Callable[[Scene], None]] = {
    "fresh": lambda scene: None,
    "dispatched": dispatched,
    "transferred": transferred,
    "resolved": resolved,
    "reopened": reopened,
    "a decline asked": declined,
    "briefed": briefed,
}


@pytest.mark.parametrize("stage", STAGES)
def test_at_no_stage_anything_tells_who_complained(bare_app, scene, stage):
    with unit_of_work():
        STAGES[stage](scene)

    assert found(bare_app, scene) == NOTHING


def test_a_report_that_turns_into_a_complaint_is_taken_from_the_firm(bare_app, scene, client_for):
    world = scene.world
    once = make.accepted(
        world, make.submitted(world, text=WORDS, scene="home", contact_name="周桂芳")
    )
    assert taken(client_for("repairer").get(f"/work/{once}"))["text"] == WORDS
    with unit_of_work():
        words = Words("其实是投诉门卫")
        tickets.reclassify(world.actor("community"), once, make.GUARD, words)
    scene.tickets["complaint"] = once

    assert found(bare_app, scene) == NOTHING


def test_merged_complaints_tell_no_more_than_one(bare_app, scene):
    world = scene.world
    again = make.submitted(world, make.GUARD, scene="home", by="neighbour", text="门岗没有人")
    with unit_of_work():
        community = world.actor("community")
        tickets.merge(community, again, scene.tickets["complaint"], Words("同一件事"))

    assert found(bare_app, scene) == NOTHING


def test_the_brief_is_all_the_accused_reads(bare_app, scene):
    with unit_of_work():
        briefed(scene)

    said = crawl(bare_app, scene, "manager")

    assert said.count("有居民反映夜间门岗无人") == 2


def test_a_link_to_the_photo_does_not_open_for_the_accused(scene, client_for):
    path = scene.photo.removeprefix("/mp/v1")

    refused(client_for("manager").get(path), 404, "link_expired")
    assert client_for("resident").get(path).status_code == 200


# --- controls: the crawl does find what is there to be found


def test_the_desk_finds_the_canaries(bare_app, scene):
    said = crawl(bare_app, scene, "community")

    missing = [one for one in canaries(scene) if one not in said]
    assert set(missing) <= {
        "周桂芳",
        "周**",
        "10020000000",
        "dev-resident",
        *(str(one) for one in (scene.world.people["resident"], scene.world.places["home"])),
        scene.world.people["resident"].hex,
        scene.world.scenes["home"],
        str(queries.steps_of(scene.tickets["complaint"])[0].id),
        queries.get(scene.tickets["complaint"]).number,
    }


def test_without_the_rule_the_accused_would_find_them(bare_app, scene, monkeypatch):
    monkeypatch.setattr(access, "is_accused", lambda *_: False)

    seen = found(bare_app, scene)["two_hats"]

    assert {"100****0000", "301室", WORDS[:6], WORDS[-6:]} <= set(seen)


# --- logs


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the product writes to its log meanwhile."""
    (handler,) = [one for one in logging.getLogger().handlers if one.get_name() == "sandan"]
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def test_the_log_names_nobody(bare_app, scene, log):
    with unit_of_work():
        briefed(scene)

    for person in (*ACCUSED, "community", "resident"):
        crawl(bare_app, scene, person)

    lines = log.getvalue()
    assert lines.count('"event": "request"') > 100
    assert [one for one in canaries(scene) if one in lines] == []
    assert str(scene.tickets["complaint"]) not in lines


def test_the_log_is_really_read(log):
    logging.getLogger("control").warning("12")

    assert '"event": "12"' in log.getvalue()
