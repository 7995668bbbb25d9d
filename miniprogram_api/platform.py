"""Where the district's platform answers: signed by its key, no person logs in."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import request
from marshmallow import fields, validate

from app.escalation import exchange, package
from app.escalation import service as escalation
from app.escalation.exchange import Signed
from app.kernel import clock
from app.kernel.http import PUBLIC, Blueprint, Command, Limit, View
from app.kernel.http.schemas import ChineseText, OneLine
from app.kernel.work import unit_of_work

bp = Blueprint("platform", __name__, url_prefix="/platform")

Route = TypeVar("Route", bound=Callable[..., Any])


class PlatformAnswerIn(Command):
    """What the platform says about a ticket it was handed."""

    kind = fields.String(required=True, validate=validate.Equal(package.ANSWER))
    id = OneLine(required=True, max_length=100)
    package = fields.UUID(required=True)
    ticket = fields.String(required=True, validate=validate.Regexp(r"\d{12}\Z"))
    text = ChineseText(required=True, min_length=1, max_length=2000)
    reference = OneLine(max_length=exchange.MAX_REFERENCE)


class Taken(View):
    """Whether the answer is new; one that came before changed nothing."""

    new = fields.Boolean(required=True)


def signed(view: Route) -> Route:
    """Look at the signature before anything of the body is read."""

    @wraps(view)
    def checked(**values: Any) -> Any:
        exchange.require_signed(
            Signed(
                key_id=request.headers.get(package.KEY_ID, ""),
                timestamp=request.headers.get(package.TIMESTAMP, ""),
                signature=request.headers.get(package.SIGNATURE, ""),
            ),
            request.get_data(cache=True),
            clock.now(),
        )
        return view(**values)

    return checked  # type: ignore[return-value]


@bp.route(
    "/answers",
    methods=["POST"],
    access=PUBLIC,
    work=False,
    idempotent=False,
    limit=Limit("120/minute", per="address"),
)
@signed
@bp.arguments(PlatformAnswerIn)
@bp.response(200, Taken)
def answer(sent: dict[str, Any]) -> Any:
    """Post the district platform's answer to a ticket (X-Sandan-* headers, docs/platform.md)."""
    with unit_of_work():
        return {
            "new": escalation.take_answer(
                escalation.Answered(
                    answer_id=sent["id"],
                    package_id=sent["package"],
                    number=sent["ticket"],
                    text=sent["text"],
                    reference=sent.get("reference"),
                    raw=request.get_data(cache=True),
                )
            )
        }
