"""Who may reach what over HTTP: the matrix as data, and how one cell of it is tried.

``access_matrix.csv`` has one row for each (route, subject) and one column for
each person. A cell says how far that person gets:

- ``in``    past the gate: whatever follows is about the content, not the person
- ``401``   nobody is logged in
- ``403``   may see it, and this act is not theirs
- ``404``   there is no such thing (for them)
- ``seen`` / ``unseen``  for lists: whether the subject stands in it

Subjects are tickets of one small scene (:func:`make_scene`), ``-`` where a
route is about none.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.test import TestResponse

from app.escalation import service as escalation
from app.identity import service as identity
from app.identity.rules import LoginMethod, Role
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from app.signs import address
from app.signs import service as signs
from app.signs.service import Wanted
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from miniprogram_api.work import QUEUES
from tests.make import media
from tests.make import tickets as make
from tests.make.phone import PREFIX
from tests.make.world import World

MATRIX = Path(__file__).parent / "access_matrix.csv"
NOBODY = "nobody"
TICKET = "<uuid:ticket_id>"
LISTS = ("GET /mp/v1/tickets", "GET /mp/v1/work", "GET /mp/v1/work/briefs")
UNKNOWN = str(uuid4())


@dataclass
class Scene:
    """The people's tokens and the tickets that the matrix speaks of."""

    world: World
    tokens: dict[str, str]
    tickets: dict[str, UUID]
    photo: str = ""
    sheets: UUID | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the matrix."""

    route: str
    subject: str
    cells: dict[str, str]


def read_matrix() -> list[Row]:
    """Read the file."""
    with MATRIX.open(encoding="utf-8", newline="") as opened:
        lines = list(csv.DictReader(opened))
    return [
        Row(one["route"], one["subject"], {k: v for k, v in one.items() if k not in LEADING})
        for one in lines
    ]


LEADING = ("route", "subject")


def routes_of(app: Flask) -> set[str]:
    """Name every route that ``app`` answers, as ``METHOD rule``."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def undeclared(app: Flask, allowed: tuple[str, ...]) -> list[str]:
    """Name every endpoint that does not say who may call it."""
    return [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.startswith(allowed)
        and not hasattr(app.view_functions[rule.endpoint], "declared")
    ]


# --- the scene


def make_scene(world: World) -> Scene:
    """Set the scene: who the people are is in the world, here is what they have to do with.

    ``light``: reported by resident, joined by ``joined``, at the firm, which asks
    to return it. ``filed``: the same kind, filed by the building head for another.
    ``passed_on``: the firm had it first, the other firm did not accept it in time.
    ``complaint`` accuses the firm, ``staff_complaint`` the community; both wait for
    a second person, and a brief for the accused is written.
    """
    _two_hats(world)
    made = {"light": make.submitted(world), "complaint": make.submitted(world, make.GUARD)}
    made["staff_complaint"] = make.submitted(world, make.STAFF)
    made["filed"] = make.submitted(world, by="head", on_behalf=True)
    made["passed_on"] = _passed_on(world)
    with unit_of_work():
        tickets.join(world.actor("old_resident"), made["light"])
        repairer = world.actor("repairer")
        tickets.ask_return(repairer, made["light"], "other_party", Words("不归我们"))
        for subject, desk in (("complaint", "community2"), ("staff_complaint", "street2")):
            actor, why = world.actor(desk), Words("已立案")
            tickets.brief(actor, made[subject], Words("有居民反映"))
            tickets.ask_decline(actor, made[subject], "legal_procedure", why)
    address.install("https://sandan.example.cn")
    scene = Scene(world, {}, made, sheets=_sheets(world))
    with unit_of_work():
        for name in PEOPLE.values():
            opened = open_session(world.people[name], LoginMethod.WECHAT, clock.now())
            assert opened is not None
            scene.tokens[name] = opened.token
    return scene


def _passed_on(world: World) -> UUID:
    with clock.frozen(clock.now() - timedelta(days=1)):
        ticket_id = make.submitted(world, by="stranger")
        with unit_of_work():
            to = Target(organisation_id=world.organisations["rival_firm"])
            tickets.transfer(world.actor("community"), ticket_id, to, Words("请接手"))
    with unit_of_work():
        escalation.look(ticket_id)
    return ticket_id


PEOPLE = {
    "resident": "resident",
    "joined": "old_resident",
    "neighbour": "neighbour",
    "stranger": "stranger",
    "head": "head",
    "grid": "grid",
    "community": "community",
    "other_community": "other_community",
    "repairer": "repairer",
    "manager": "manager",
    "rival": "rival",
    "committee": "committee_chair",
    "street": "street",
    "district": "district",
    "admin": "admin",
    "two_hats": "two_hats",
    "two_desks": "two_desks",
}
"""Column → person of the world."""


def _sheets(world: World) -> UUID:
    """Ask for the sign of a building, as its desk."""
    with unit_of_work():
        return signs.ask(world.actor("community"), Wanted(world.places["building"])).id


def _two_hats(world: World) -> None:
    """Add who works for the desk and for the accused: deny must win."""
    hats = {
        "two_hats": ((Role.COMMUNITY_STAFF, "community_desk"), (Role.REPAIRER, "firm")),
        "two_desks": ((Role.STREET_STAFF, "street_desk"), (Role.COMMUNITY_STAFF, "community_desk")),
    }
    with unit_of_work():
        for name, roles in hats.items():
            person = identity.add_person(SYSTEM, name=name, phone=f"1003000{len(name):04}")
            world.people[name] = person.id
            for role, organisation in roles:
                identity.appoint(SYSTEM, person.id, role, world.organisations[organisation])


# --- trying a cell


def try_cell(app: Flask, scene: Scene, row: Row, person: str) -> tuple[str, bool]:
    """Try one cell; tell what came of it, and whether something may have changed."""
    if row.route in LISTS and person != NOBODY:
        return ("seen" if _stands_in(app, scene, row, person) else "unseen"), False
    answer = call(app, scene, row.route, row.subject, person)
    changed = answer.status_code < 300 and not row.route.startswith("GET ")
    return reached(answer), changed


def reached(answer: TestResponse) -> str:
    """Tell from an answer how far its caller got."""
    assert answer.status_code != 500, answer.get_data(as_text=True)
    if answer.status_code == 401:
        return "401"
    if answer.status_code == 403:
        return "403"
    code = (answer.get_json(silent=True) or {}).get("code")
    gate = answer.status_code == 404 and code in ("not_found", "link_expired")
    return "404" if gate else "in"


def call(
    app: Flask,
    scene: Scene,
    route: str,
    subject: str,
    person: str,
    more: dict[str, Any] | None = None,
) -> TestResponse:
    """Send one request as a person, with a body that the schema takes, and ``more`` in it."""
    method, rule = route.split(" ", 1)
    headers = {"Idempotency-Key": uuid4().hex}
    if person != NOBODY:
        headers["Authorization"] = f"Bearer {scene.tokens[PEOPLE.get(person, person)]}"
    options: dict[str, Any] = {"headers": headers}
    if rule.endswith("/media"):
        options["data"] = {"file": (BytesIO(media.html()), "a.png")}
    elif method in ("POST", "PUT"):
        options["json"] = {**body_of(scene, rule, subject), **(more or {})}
    return app.test_client().open(path_of(scene, rule, subject), method=method, **options)


def path_of(scene: Scene, rule: str, subject: str) -> str:
    """Fill in an address; ``missing`` is a ticket that does not exist."""
    ticket_id = scene.tickets.get(subject, UNKNOWN)
    path = rule.replace(TICKET, str(ticket_id))
    path = path.replace("<string:scene>", scene.world.scenes["building"])
    path = re.sub("<uuid:(?:session|invite|check)_id>", UNKNOWN, path)
    path = path.replace("<uuid:place_id>", str(scene.world.places["building"]))
    path = path.replace("<uuid:job_id>/file", "<uuid:job_id>/file?size=a4")
    path = path.replace("<uuid:job_id>", str(scene.sheets))
    path = path.replace("<string:token>", scene.photo.rpartition("/")[2])
    return re.sub(r"<any\('(\w+\.\w+)'.*>", r"\1", path)


def body_of(scene: Scene, rule: str, subject: str = "-") -> dict[str, Any]:
    """Write a body that is well formed and mostly cannot succeed beyond the gate."""
    act = rule.rpartition("/")[2]
    own: dict[str, dict[str, Any]] = {
        "rate": {"solved": "yes"},
        "agree": {"agreed": True},
        "return": {"reason": "other_party"},
        "decline": {"reason": "legal_procedure"},
        "assign": {"person": UNKNOWN},
        "assist": {"organisation": UNKNOWN, "due": "2026-11-17T02:00:00Z"},
        "appoint": {"from": "2026-11-16T01:00:00Z", "to": "2026-11-16T01:30:00Z"},
        "quote": {"pay": "free"},
        "dispatch": {"organisation": UNKNOWN},
        "transfer": {"organisation": UNKNOWN},
        "review": {"approved": False, "text": ""},
        "reclassify": {"category": "NO-SUCH"},
        "relocate": {"place": {"scene": "ABCDEFGHJK"}},
        "merge": {"master": str(scene.tickets["filed" if subject == "light" else "light"])},
        "split": {"parts": [{"category": "NO-SUCH", "text": "一"}] * 2},
        "follow_up": {"solved": "yes"},
        "session": {"code": "dev-resident"},
        "slip": {} if TICKET in rule else {"number": "1000 0000 0000", "code": "12345"},
        "consents": {"version": 1, "agreed": True},
        "erasure": {"confirm": "注销"},
        "sms_code": {"phone": "10011112222"},
        "sms": {"phone": "12", "sms_code": "123456"},
        "phone": {"code": "a-code"},
        "code": {"phone": "10011112222"},
        "hat": {"hat": None},
        "invite": {"code": "1" * 12},
        "invites": {
            "name": "石一",
            "phone": "10011112222",
            "role": "repairer",
            "organisation_id": str(scene.world.organisations["firm"]),
        },
        "suspend": {"reason": "parts", "until": "2026-11-20T02:00:00Z"},
        "extend": {"reason": "complex", "days": 2},
        "exclude": {"reason": "force_majeure"},
        "supervise": {"level": "remind"},
        "whistle": {"organisation": UNKNOWN, "due": "2026-11-17T02:00:00Z"},
        "report_in": {"organisation": UNKNOWN},
        "sheets": {"alone": True},
        "renew": {"reason": "damaged"},
        "revoke": {"reason": "damaged"},
        "read": {"ids": [UNKNOWN]},
        "<uuid:check_id>": {"publish": True, "why": "看过了"},
        "subscriptions": {"id": UNKNOWN, "results": [{"template_id": "x", "status": "accept"}]},
        "notify": {
            "channels": [],
            "quiet_from": "22:00",
            "quiet_to": "07:00",
            "digest": True,
        },
    }
    silent = ("slip", "accept", "claim", "join", "split", "session", "review")
    words = {} if act in silent or TICKET not in rule else {"text": "说明"}
    return {**words, **own.get(act, {})}


def _stands_in(app: Flask, scene: Scene, row: Row, person: str) -> bool:
    queries = QUEUES if row.route.endswith("/work") else [""]
    wanted = str(scene.tickets[row.subject])
    for queue in queries:
        rule = row.route + (f"?queue={queue}" if queue else "")
        answer = call(app, scene, rule, row.subject, person)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        if wanted in {one["id"] for one in answer.get_json()["items"]}:
            return True
    return False


def mismatches(
    app: Flask, scene: Scene, rows: list[Row], again: Any
) -> Iterator[tuple[str, str, str, str, str]]:
    """Try rows and yield (route, subject, person, expected, found) of each cell that is not so.

    ``again`` brings the scene back after a row in which something may have changed:
    how far one person gets does not hang on what another did before.
    """
    for row in rows:
        touched = False
        for person, expected in row.cells.items():
            found, changed = try_cell(app, scene, row, person)
            touched = touched or changed
            if found != expected:
                yield row.route, row.subject, person, expected, found
        if touched:
            again()


assert PREFIX == "/mp/v1"
