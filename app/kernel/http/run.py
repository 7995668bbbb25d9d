"""How one declared route runs; see :mod:`app.kernel.http.blueprint` for the order."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import structlog
from flask import Response, current_app, json, request
from sqlalchemy.exc import SQLAlchemyError

from app.kernel import audit, clock, crypto, idempotency
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid, NotFound, Unauthenticated
from app.kernel.http import bodies, limits, strict
from app.kernel.http.limits import Limit
from app.kernel.http.seat import (
    Authenticate,
    bearer_token,
    current_or_none,
    sit_down,
    what_was_looked_at,
)
from app.kernel.work import unit_of_work

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

_log = structlog.get_logger("sandan.http")
Answer = Callable[[], Response]


@dataclass(frozen=True, slots=True)
class Declared:
    """What a route declares."""

    methods: frozenset[str]
    access: frozenset[Permission] | str
    work: bool
    audit: str | None
    idempotent: bool | str
    limits: tuple[Limit, ...]
    authenticate: Authenticate | None

    @property
    def is_safe(self) -> bool:
        """Tell whether the route only reads."""
        return "GET" in self.methods

    @property
    def takes_key(self) -> bool:
        """Tell whether an Idempotency-Key is honoured."""
        return not self.is_safe and self.idempotent is not False

    def problem_statuses(self) -> list[HTTPStatus]:
        """Name every status a refusal of this route may carry."""
        found = [
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ]
        if not self.is_safe:
            found += [
                HTTPStatus.CONFLICT,
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            ]
        return sorted(found)


def run(declared: Declared, answer: Answer) -> Response:
    """Run one request of a declared route."""
    _check_address()
    with clock.frozen():
        try:
            if declared.is_safe:
                return _read(declared, answer)
            bodies.read_whole_body(current_app.config["MAX_CONTENT_LENGTH"])
            limits.before_work(declared.limits)
            return _work(declared, answer) if declared.work else _own_work(declared, answer)
        except Forbidden as refusal:
            _write_down(refusal)
            raise


def _check_address() -> None:
    for value in (request.view_args or {}).values():
        if isinstance(value, str) and not strict.is_clean(value):
            raise NotFound


def _read(declared: Declared, answer: Answer) -> Response:
    limits.before_work(declared.limits)
    try:
        _let_in(declared)
        response = _counted(declared, answer)
    finally:
        session.rollback()
    if declared.audit and response.status_code < 300:
        with unit_of_work():
            _looked_at(declared.audit)
    return response


def _work(declared: Declared, answer: Answer) -> Response:
    with unit_of_work():
        _let_in(declared)
        key = _key(declared)
        if key is None:
            return _counted(declared, answer)
        return _once(key, declared, answer, idempotency.within_unit)


def _own_work(declared: Declared, answer: Answer) -> Response:
    try:
        _let_in(declared)
    finally:
        session.rollback()
    key = _key(declared)
    if key is None:
        return _counted(declared, answer)
    return _once(key, declared, answer, idempotency.around_units)


def _counted(declared: Declared, answer: Answer) -> Response:
    """Count what is really done: a repeat that gets its stored answer is not refused."""
    limits.once_known(declared.limits)
    return answer()


def _let_in(declared: Declared) -> None:
    actor = sit_down(declared.authenticate)
    if declared.access != "public":
        if actor is None:
            raise Unauthenticated
        _check_permission(actor, declared.access)


def _check_permission(actor: Actor, access: frozenset[Permission] | str) -> None:
    if isinstance(access, frozenset) and not any(actor.holds(one) for one in access):
        raise Forbidden


def _key(declared: Declared) -> idempotency.Request | None:
    if not declared.takes_key:
        return None
    given = request.headers.get(KEY_HEADER)
    if given is None:
        if declared.idempotent == "required":
            raise Invalid("缺少防重复编号，请更新后再试。", code="idempotency_key_missing")
        return None
    return idempotency.Request(
        scope=_scope(), key=idempotency.checked_key(given), body_hash=bodies.body_hash()
    )


def _scope() -> str:
    actor = current_or_none()
    if actor is not None and actor.person_id is not None:
        return f"person:{actor.person_id.hex}"
    somebody = bearer_token() or request.remote_addr or ""
    return f"anonymous:{crypto.blind_index('idempotency', somebody)}"


def _once(
    key: idempotency.Request,
    declared: Declared,
    answer: Answer,
    claim: Callable[..., idempotency.Answer | None],
) -> Response:
    made: list[Response] = []
    only_id = declared.idempotent == "id"

    def work() -> idempotency.Answer | None:
        response = _counted(declared, answer)
        made.append(response)
        if not 200 <= response.status_code < 300 or response.is_streamed:
            return None
        return idempotency.Answer(response.status_code, _kept(response, only_id=only_id))

    stored = claim(key, work)
    if stored is None:
        return made[0]
    response = current_app.response_class(
        stored.body, status=stored.status, mimetype="application/json" if stored.body else None
    )
    response.headers[REPLAYED_HEADER] = "true"
    return response


def _kept(response: Response, *, only_id: bool) -> str:
    if not only_id:
        return response.get_data(as_text=True)
    body: Any = response.get_json()
    return json.dumps({"id": body["id"]})


def _looked_at(act: str) -> None:
    actor = current_or_none()
    subject_id, facts = what_was_looked_at()
    if actor is not None:
        audit.record(actor, act, act.partition(".")[0], subject_id, **facts)


def _write_down(refusal: Forbidden) -> None:
    """Keep a refusal, in a unit of its own; failing to must not hide the refusal."""
    actor = current_or_none()
    if actor is None:
        return
    try:
        with unit_of_work():
            audit.record(
                actor, "refused", request.endpoint or "", what_was_looked_at()[0], code=refusal.code
            )
    except SQLAlchemyError as error:
        _log.error("refusal_not_written", kind=type(error).__name__)
