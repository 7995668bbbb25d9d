"""Every route says who may, and over HTTP exactly those get in: the access matrix."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, true

from app.kernel import clock, stamps
from app.kernel.db import db, session
from app.kernel.http import limits
from app.tickets import access, queries
from app.tickets.models import Step, Ticket
from app.tickets.service import intake
from app.tickets.states import Relation
from app.wechat import pushes
from config import Settings
from tests.access import (
    NOBODY,
    PEOPLE,
    TICKET,
    UNKNOWN,
    Scene,
    body_of,
    call,
    make_scene,
    mismatches,
    read_matrix,
    routes_of,
    undeclared,
)
from tests.conftest import MONDAY
from tests.databases import Database
from tests.make import tickets as make
from tests.make.answers import refused
from tests.make.phone import Phone
from tests.make.pushing import OURS
from tests.make.world import World

ROWS = read_matrix()
OPEN_TO_ALL = ("telemetry.", "mp_v1_papers.")
"""Health, metrics and the API's own description: no door of the house."""


@pytest.fixture(scope="module")
def scene(
    bare_app: Flask, database: Database, made_world: World, settings: Settings
) -> Iterator[Scene]:
    """The scene of the matrix, made once and kept."""
    limits.install(bare_app, settings)
    pushes.install(OURS)
    with bare_app.app_context(), clock.frozen(MONDAY):
        fresh(database, "world")
        made = make_scene(made_world)
        phone = Phone(bare_app.test_client(), made.tokens["resident"])
        photo = str(make.photo(made_world, "resident"))
        phone.post(f"/tickets/{made.tickets['light']}/supplement", {"media": [photo]})
        story = phone.get(f"/tickets/{made.tickets['light']}").get_json()["timeline"]
        made.photo = story[-1]["media"][0]["url"]
        session.remove()
        db.engine.dispose()
        database.keep("scene")
    yield made
    pushes.install(None)


def fresh(database: Database, template: str) -> None:
    session.remove()
    db.engine.dispose()
    database.reset(template)
    stamps.forget_all()


@pytest.fixture
def again(bare_app: Flask, database: Database, scene: Scene) -> Iterator[Callable[[], None]]:
    """The scene as it was made, and a way back to it."""
    with bare_app.app_context(), clock.frozen(MONDAY):
        fresh(database, "scene")
        yield lambda: fresh(database, "scene")
        session.remove()
        db.engine.dispose()


def test_every_route_of_every_door_declares_who_may(bare_app):
    assert undeclared(bare_app, OPEN_TO_ALL) == []


def test_a_route_that_declares_nothing_is_found():
    app = Flask("control")
    app.add_url_rule("/mp/v1/secrets", "secrets", lambda: "")

    assert undeclared(app, OPEN_TO_ALL) == ["static", "secrets"]


def test_the_matrix_has_every_route_and_no_other(bare_app):
    assert {row.route for row in ROWS} == routes_of(bare_app)


def test_a_route_missing_from_the_matrix_is_found(bare_app):
    without = {row.route for row in ROWS if not row.route.endswith("/accept")}

    assert routes_of(bare_app) - without == {"POST /mp/v1/work/<uuid:ticket_id>/accept"}


def test_the_matrix_speaks_of_everybody_and_of_each_ticket():
    assert {tuple(row.cells) for row in ROWS} == {(NOBODY, *PEOPLE)}
    subjects = {row.subject for row in ROWS if TICKET in row.route}
    assert subjects == {"light", "filed", "passed_on", "complaint", "staff_complaint"}


@pytest.mark.parametrize(
    "rows",
    [pytest.param(list(rows), id=route) for route, rows in groupby(ROWS, lambda row: row.route)],
)
def test_exactly_those_get_in_who_may(bare_app, scene, again, rows):
    assert list(mismatches(bare_app, scene, rows, again)) == []


@pytest.mark.parametrize("route", sorted({row.route for row in ROWS if TICKET in row.route}))
def test_what_is_not_yours_looks_like_what_does_not_exist(bare_app, scene, again, route):
    seen = set()
    for subject in ("missing", "complaint"):
        for person in ("neighbour", "repairer", "admin"):
            if route.endswith("/brief") and route.startswith("GET") and person == "repairer":
                continue
            answer = call(bare_app, scene, route, subject, person)
            body = {**answer.get_json(), "request_id": ""}
            seen.add((answer.status_code, answer.content_type, str(sorted(body.items()))))

    assert len(seen) == 1
    assert next(iter(seen))[0] == 404


# --- the matrix is sharp: each check taken away makes some cell of it wrong

READING = [row for row in ROWS if row.route.startswith("GET") and row.subject != "-"]
JOINING = [row for row in ROWS if row.route.endswith("/join")]


def _everything(*_: Any) -> frozenset[Relation]:
    return frozenset(Relation)


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "nobody is accused": (access, "is_accused", lambda *_: False),
    "everybody is staff": (access, "require_staff", _everything),
    "lists forget the accused": (access, "not_accused", lambda *_: true()),
    "every ticket is one's own": (access, "own_relations", lambda *_: {Relation.REPORTER}),
    "every level decides": (access, "RANK", dict.fromkeys(access.RANK, 9)),
    "whoever reads may ring": (access, "may_see_contact", lambda *_: True),
    "everybody follows": (queries, "is_follower", lambda *_: True),
    "everything may be joined": (intake, "_may_be_joined", lambda *_: True),
    "lists are led by anybody": (access, "led_by", lambda *_: true()),
    "lists reach every node": (access, "at_nodes", lambda *_, **__: true()),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_without_a_check_some_cell_is_wrong(bare_app, scene, again, monkeypatch, mutant):
    monkeypatch.setattr(*MUTANTS[mutant])

    assert next(mismatches(bare_app, scene, [*READING, *JOINING], again), None)


# --- nobody writes what is not theirs to write

FORBIDDEN = {
    "state": "closed",
    "number": "000000000000",
    "lead_id": UNKNOWN,
    "assignee_id": UNKNOWN,
    "tier": 4,
    "reporter_id": UNKNOWN,
    "filed_by_id": UNKNOWN,
    "role": "admin",
    "compound_id": UNKNOWN,
    "accept_due_at": "2030-01-01T00:00:00Z",
    "version": 99,
    "respondent_id": None,
    "barred": "",
    "close_reason": "solved",
}
NO_PLAIN_BODY = ("/media", "/platform")
"""A file; and a body that is read only under a signature (test_platform.py looks inside)."""
WRITES = sorted(
    {
        row.route
        for row in ROWS
        if row.route.startswith("POST")
        and not any(one in row.route for one in NO_PLAIN_BODY)
        # the slip's own routes are shut to every log-in (tests/miniprogram_api/test_slip.py)
        and set(row.cells.values()) != {"401"}
    }
)


def past_the_door(route):
    """Name two people whose body is read at all: a shut door reads none."""
    cells = next(row.cells for row in ROWS if row.route == route)
    order = ("resident", "community", "manager", "admin")
    return [person for person in order if cells[person] not in ("401", "403")][:2]


@pytest.mark.parametrize("route", WRITES)
def test_fields_that_are_ours_to_set_are_refused(bare_app, scene, again, route):
    before = footprint()
    subject = "light" if TICKET in route else "-"

    asked = body_of(scene, route.split(" ")[1], subject)
    for name, value in FORBIDDEN.items():
        if name in asked:
            continue
        for person in past_the_door(route):
            answer = call(bare_app, scene, route, subject, person, {name: value})
            said = refused(answer, 422, "invalid")
            assert said["errors"][name] == ["没有这一项，请去掉。"]

    assert footprint() == before


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("relocate", {"text": "这里", "place": {"scene": "ABCDEFGHJK", "compound_id": UNKNOWN}}),
        ("split", {"parts": [{"category": "A", "text": "一", "state": "closed"}] * 2}),
    ],
)
def test_fields_inside_are_refused_too(scene, again, bare_app, act, body):
    before = footprint()
    phone = Phone(bare_app.test_client(), scene.tokens["community"])

    refused(phone.post(f"/work/{scene.tickets['light']}/{act}", body), 422, "invalid")

    assert footprint() == before


def test_the_footprint_shows_a_change(scene, again, bare_app):
    before = footprint()
    phone = Phone(bare_app.test_client(), scene.tokens["resident"])

    phone.post(f"/tickets/{scene.tickets['light']}/supplement", {"text": "还是黑"})

    assert footprint() != before


def footprint() -> list[tuple[Any, ...]]:
    """Every ticket as it stands, with the length of its history."""
    session.rollback()
    rows = session.execute(select(Ticket.__table__).order_by(Ticket.id)).all()
    steps = session.scalar(select(func.count()).select_from(Step))
    return [*(tuple(row) for row in rows), (steps,)]
