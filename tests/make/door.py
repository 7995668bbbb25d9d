"""A small door for testing the manners of HTTP: a few routes of every kind."""

from uuid import UUID, uuid4

from flask import Flask, request
from marshmallow import fields, validate
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from app.factory import create_app
from app.kernel import audit, clock, errors
from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.db import session
from app.kernel.http import (
    PUBLIC,
    SIGNED_IN,
    Blueprint,
    Command,
    Limit,
    PageQuery,
    Query,
    View,
    current,
    current_or_none,
    looked_at,
    make_api,
)
from app.kernel.http.schemas import ChineseText, OneLine
from app.kernel.work import unit_of_work
from config import Settings

RESIDENT = UUID(int=1)
NEIGHBOUR = UUID(int=2)
AUDITOR = UUID(int=3)
TOKENS = {
    "resident-token": Actor(RESIDENT),
    "neighbour-token": Actor(NEIGHBOUR),
    "auditor-token": Actor(
        AUDITOR,
        grants=(Grant("auditor", frozenset({Permission.AUDIT_READ}), organisation_id=uuid4()),),
    ),
}
EFFECT = "effect"

FAILURES = {
    "conflict": lambda: errors.Conflict(extra={"state": "closed"}),
    "broken": lambda: errors.RuleBroken(code="too_late"),
    "busy": errors.Unavailable,
    "often": lambda: errors.TooMany(retry_after=7),
    "stale": lambda: StaleDataError("stale"),
    "pool": lambda: PoolTimeout("QueuePool limit"),
    "lost": lambda: OperationalError(
        "SELECT 1", {}, Exception("server closed"), connection_invalidated=True
    ),
    "bug": lambda: ValueError("桂花苑 3幢 王小明 10012345678 does not fit"),
}


class Part(Command):
    """An inner command."""

    name = OneLine(required=True, max_length=10)


class Draft(Command):
    """A command with every kind of field."""

    text = ChineseText(required=True, min_length=2, max_length=20)
    code = fields.String(validate=validate.OneOf(["a", "b"]))
    count = fields.Integer(validate=validate.Range(min=1, max=9))
    any_count = fields.Integer()
    share = fields.Float()
    sure = fields.Boolean()
    ids = fields.List(fields.UUID(), validate=validate.Length(max=2))
    at = fields.AwareDateTime()
    loose_at = fields.DateTime()
    day = fields.Date()
    part = fields.Nested(Part)
    more = fields.Dict()
    plain = fields.String()


class Answer(View):
    """What comes back."""

    id = fields.UUID()
    text = fields.String()
    done = fields.Integer()


class Search(Query):
    """A query string."""

    q = OneLine(required=True, max_length=10)
    near = fields.Boolean()


def effects() -> int:
    """Count the effects that were committed, as the open session sees them."""
    session.rollback()
    made = select(func.count()).where(audit.AuditEntry.action == EFFECT)
    return session.scalar(made) or 0


def blueprint() -> Blueprint:
    """Make the routes."""
    bp = Blueprint("t", __name__, url_prefix="/mp/v1", authenticate=TOKENS.get)
    _unsafe_routes(bp)
    _safe_routes(bp)
    return bp


def _unsafe_routes(bp: Blueprint) -> None:
    @bp.route("/things", methods=["POST"], access=SIGNED_IN)
    @bp.arguments(Draft)
    @bp.response(201, Answer)
    def make_thing(draft):
        """Make a thing."""
        audit.record(SYSTEM, EFFECT, "thing")
        return {"id": uuid4(), "text": draft["text"], "done": 1}

    @bp.route("/required", methods=["POST"], access=SIGNED_IN, idempotent="required")
    @bp.response(201, Answer)
    def make_once():
        """Make a thing; the key is a must."""
        audit.record(SYSTEM, EFFECT, "thing")
        return {"id": uuid4()}

    @bp.route("/fails/<kind>", methods=["POST"], access=SIGNED_IN)
    @bp.response(204)
    def fail(kind):
        """Change something, then fail."""
        audit.record(SYSTEM, EFFECT, "thing")
        session.flush()
        if kind in FAILURES and request.headers.get("X-Mend") is None:
            raise FAILURES[kind]()

    @bp.route("/unserialisable", methods=["POST"], access=SIGNED_IN)
    @bp.response(201, Answer)
    def unserialisable():
        """Change something, then hand back what the View cannot show."""
        audit.record(SYSTEM, EFFECT, "thing")
        return {"done": object()}

    @bp.route("/own", methods=["POST"], access=SIGNED_IN, work=False, idempotent="id")
    @bp.response(201, Answer)
    def own_units():
        """Work in one's own unit."""
        with unit_of_work():
            audit.record(SYSTEM, EFFECT, "thing")
        if request.headers.get("X-Break"):
            raise errors.Unavailable
        return {"id": uuid4(), "text": "only the first answer says this"}

    @bp.route("/files", methods=["POST"], access=SIGNED_IN)
    @bp.response(201, Answer)
    def take_file():
        """Take a file."""
        audit.record(SYSTEM, EFFECT, "thing")
        return {"id": uuid4(), "done": len(request.files["file"].read())}

    @bp.route(
        "/log-in",
        methods=["POST"],
        access=PUBLIC,
        work=False,
        idempotent=False,
        limit=Limit("2 per minute", per=lambda: request.headers.get("X-Account")),
    )
    @bp.response(200, Answer)
    def log_in():
        """Pretend to log in."""
        return {"done": 1}

    @bp.route("/limited", methods=["POST"], access=SIGNED_IN, limit="2 per minute")
    @bp.response(204)
    def limited():
        """Do something that one may do twice."""

    @bp.route("/by-address", methods=["POST"], access=PUBLIC, limit=Limit("2/minute", "address"))
    @bp.response(204)
    def by_address():
        """Do something that an address may do twice."""


def _safe_routes(bp: Blueprint) -> None:
    @bp.route("/whoami", access=PUBLIC)
    @bp.response(200, Answer)
    def whoami():
        """Say who asks."""
        actor = current_or_none()
        return {"id": actor.person_id if actor else None}

    @bp.route("/me", access=SIGNED_IN)
    @bp.response(200, Answer)
    def me():
        """Say who asks, or refuse."""
        return {"id": current().person_id, "text": clock.now().isoformat()}

    @bp.route("/writes", access=SIGNED_IN)
    @bp.response(200, Answer)
    def writes():
        """Try to write in a GET."""
        audit.record(SYSTEM, EFFECT, "thing")
        return {"done": 1}

    @bp.route("/audit", access=(Permission.AUDIT_READ, Permission.SYSTEM_ADMIN))
    @bp.response(200, Answer)
    def audit_page():
        """Show what only an auditor sees."""
        return {"done": 1}

    @bp.route("/seen/<uuid:thing_id>", access=SIGNED_IN, audit="thing.viewed")
    @bp.response(200, Answer)
    def seen(thing_id):
        """Show personal data."""
        if thing_id.int == 404:
            raise errors.NotFound
        if thing_id.int == 7:
            looked_at(NEIGHBOUR, fields=2)
        return {"id": thing_id}

    @bp.route("/search", access=SIGNED_IN)
    @bp.arguments(Search, location="query")
    @bp.response(200, Answer)
    def search(query):
        """Search."""
        return {"text": query["q"]}

    @bp.route("/list", access=SIGNED_IN)
    @bp.arguments(PageQuery, location="query")
    @bp.response(200, Answer(many=True))
    def page(query):
        """List."""
        return [{"done": query["limit"]}]

    @bp.route("/named/<name>", access=SIGNED_IN)
    @bp.response(200, Answer)
    def named(name):
        """Take text from the address."""
        return {"text": name}


def open_door(app: Flask) -> None:
    """Put the routes on ``app``."""
    api = make_api(app, title="Test", version="v1", prefix="/mp/v1")
    api.register_blueprint(blueprint())


def build(settings: Settings) -> Flask:
    """Make an app with this door."""
    return create_app(settings, [open_door])


def bearer(who: str = "resident", **more: str) -> dict[str, str]:
    """Make the headers of a request by ``who``."""
    return {"Authorization": f"Bearer {who}-token"} | {
        name.replace("_", "-"): value for name, value in more.items()
    }
