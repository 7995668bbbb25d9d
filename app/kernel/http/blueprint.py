"""Routes with declarations: who may, how often, in a unit of work, once only.

Order of an unsafe request: body read, clock held, unit of work, log-in, access,
Idempotency-Key, rate limit, view, serialisation, stored answer, commit. A GET
reads in a transaction that is rolled back; its ``audit=`` entry is written in a
unit of its own once the answer stands.
"""

import inspect
from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

import flask_smorest
import marshmallow as ma
from flask import Response, current_app, make_response

from app.kernel.actor import Permission
from app.kernel.http import run
from app.kernel.http.bodies import Parser
from app.kernel.http.limits import Limit
from app.kernel.http.run import Declared
from app.kernel.http.schemas import Command, Query
from app.kernel.http.seat import Authenticate

View = TypeVar("View", bound=Callable[..., Any])

SAFE = frozenset({"GET"})
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
IDEMPOTENT = (True, False, "required", "id")
_BODY = "json"
_TEXT_LOCATIONS = ("query", "querystring", "form")


class Access(StrEnum):
    """Who may call a route, short of a permission."""

    PUBLIC = "public"
    SIGNED_IN = "signed_in"


PUBLIC = Access.PUBLIC
SIGNED_IN = Access.SIGNED_IN


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """A blueprint whose every route says who may call it."""

    ARGUMENTS_PARSER = Parser()

    def __init__(
        self,
        name: str,
        import_name: str,
        *,
        url_prefix: str | None = None,
        authenticate: Authenticate | None = None,
        description: str = "",
    ) -> None:
        super().__init__(name, import_name, url_prefix=url_prefix, description=description)
        self._authenticate = authenticate

    def route(
        self,
        rule: str,
        *,
        access: Access | Permission | tuple[Permission, ...],
        methods: Sequence[str] = ("GET",),
        work: bool = True,
        audit: str | None = None,
        idempotent: bool | str = True,
        limit: Limit | str | Sequence[Limit] = (),
        endpoint: str | None = None,
    ) -> Callable[[View], View]:
        """Declare a route of a plain function.

        ``access`` is PUBLIC, SIGNED_IN, a permission, or several of which any
        will do. ``work=False`` leaves units of work to the function.
        ``audit`` names the act that a GET writes down (``"ticket.viewed"``).
        ``idempotent`` is True (honoured when sent), ``"required"``, ``"id"`` (keep
        only the id of the answer) or False (log-in).

        Raises:
            TypeError: a declaration is missing or makes no sense; at import.

        """
        declared = Declared(
            methods=frozenset(methods),
            access=_checked_access(access),
            work=work,
            audit=audit,
            idempotent=idempotent,
            limits=_limits(limit),
            authenticate=self._authenticate,
        )
        _check(rule, declared)

        def decorator(view: View) -> View:
            @wraps(view)
            def run_declared(**values: Any) -> Response:
                def answer() -> Response:
                    return make_response(current_app.ensure_sync(view)(**values))

                return run.run(declared, answer)

            run_declared.declared = declared  # type: ignore[attr-defined]
            run_declared._apidoc = _documented(view, declared)  # type: ignore[attr-defined]
            self.add_url_rule(rule, endpoint, run_declared, methods=sorted(declared.methods))
            return view

        return decorator

    def add_url_rule(
        self, rule: str, endpoint: str | None = None, view_func: Any = None, *args: Any, **more: Any
    ) -> None:
        """Refuse views that did not come through :meth:`route`."""
        if not hasattr(view_func, "declared"):
            raise TypeError(f"{rule} declares no access; use route()")
        super().add_url_rule(rule, endpoint, view_func, *args, **more)

    def arguments(
        self, schema: type[ma.Schema] | ma.Schema, *, location: str = _BODY, **more: Any
    ) -> Callable[[View], View]:
        """Read arguments with a Command, or from text (query, form) with a Query."""
        one = schema() if inspect.isclass(schema) else schema
        wanted = Query if location in _TEXT_LOCATIONS else Command
        if location != "files" and not isinstance(one, wanted):
            raise TypeError(f"{type(one).__name__} must be a {wanted.__name__} to read {location}")
        decorator: Callable[[View], View] = super().arguments(one, location=location, **more)
        return decorator

    def response(self, status_code: int, schema: Any = None, **more: Any) -> Callable[[View], View]:
        """Answer with ``status_code`` through a View."""
        decorator: Callable[[View], View] = super().response(status_code, schema, **more)
        return decorator

    def doc(self, **words: Any) -> Callable[[View], View]:
        """Add words to the OpenAPI page."""
        decorator: Callable[[View], View] = flask_smorest.Blueprint.doc(**words)
        return decorator


def _checked_access(access: Any) -> frozenset[Permission] | Access:
    if isinstance(access, Access):
        return access
    permissions = access if isinstance(access, tuple | list | set | frozenset) else (access,)
    if not permissions or not all(isinstance(one, Permission) for one in permissions):
        raise TypeError("access= is PUBLIC, SIGNED_IN, a Permission or several")
    return frozenset(permissions)


def _limits(limit: Limit | str | Sequence[Limit]) -> tuple[Limit, ...]:
    if isinstance(limit, Limit):
        return (limit,)
    return (Limit(limit),) if isinstance(limit, str) else tuple(limit)


def _check(rule: str, declared: Declared) -> None:
    methods = declared.methods
    if not methods or not (methods <= SAFE or methods <= UNSAFE):
        raise TypeError(f"{rule}: methods are GET alone, or unsafe ones")
    if declared.audit and methods <= UNSAFE:
        raise TypeError(f"{rule}: audit= is for GET; a change records itself in its service")
    if not isinstance(declared.idempotent, bool) and declared.idempotent not in IDEMPOTENT:
        raise TypeError(f"{rule}: idempotent= is True, False, 'required' or 'id'")
    if declared.idempotent == "id" and declared.work:
        raise TypeError(f"{rule}: idempotent='id' is for work=False; a unit keeps the answer")
    if declared.access is not PUBLIC and declared.authenticate is None:
        raise TypeError(f"{rule}: the Blueprint has no authenticate=")


def _documented(view: Any, declared: Declared) -> dict[str, Any]:
    """Add to what the decorators wrote: problems, security, the key's header."""
    doc = dict(getattr(view, "_apidoc", {}))
    manual = dict(doc.get("manual_doc", {}))
    responses = {str(s): r for s, r in manual.get("responses", {}).items()}
    for status in declared.problem_statuses():
        responses.setdefault(str(int(status)), status.name)
    manual["responses"] = responses
    if declared.access is PUBLIC:
        manual.setdefault("security", [])
    if declared.takes_key:
        arguments = dict(doc.get("arguments", {}))
        arguments["parameters"] = [*arguments.get("parameters", []), _key_parameter(declared)]
        doc["arguments"] = arguments
    doc["manual_doc"] = manual
    return doc


def _key_parameter(declared: Declared) -> dict[str, Any]:
    return {
        "in": "header",
        "name": "Idempotency-Key",
        "required": declared.idempotent == "required",
        "description": "made when the form opens, the same on every retry",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    }
