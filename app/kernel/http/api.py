"""The OpenAPI face of a door: spec, security scheme, problem responses, a page."""

from http import HTTPStatus
from typing import Any

import flask_smorest
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint as PlainBlueprint
from flask import Flask

from app.kernel.http import page, problems

OPENAPI = "3.1.0"
SECURITY_SCHEME = "bearer"

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457: what went wrong, in words a resident understands.",
    "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable, for programs"},
        "detail": {"type": "string", "description": "Chinese, for people"},
        "errors": {
            "type": "object",
            "description": "complaints by field path",
            "additionalProperties": True,
        },
        "request_id": {"type": "string"},
    },
}


class Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest's Api without its own error shape."""

    def _register_error_handlers(self) -> None:
        """Leave failures to :mod:`app.kernel.http.problems`."""

    def _register_pagination_header(self) -> None:
        """Leave out flask-smorest's own paging; ours is by cursor."""

    def _register_responses(self) -> None:
        self.spec.components.schema("Problem", component=PROBLEM_SCHEMA)
        for status in HTTPStatus:
            answer: dict[str, Any] = {"description": status.phrase}
            if status >= 400:
                answer["content"] = {
                    problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
                }
            if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                answer["headers"] = {
                    "Retry-After": {"description": "seconds", "schema": {"type": "integer"}}
                }
            self.spec.components.response(status.name, answer, lazy=True)


def make_api(app: Flask, *, title: str, version: str, prefix: str) -> Api:
    """Open an API under ``prefix``; its spec and page stand at ``openapi.json`` and ``docs``."""
    name = prefix.strip("/").replace("/", "_") + "_"
    app.config.update(
        {
            f"{name.upper()}API_TITLE": title,
            f"{name.upper()}API_VERSION": version,
            f"{name.upper()}OPENAPI_VERSION": OPENAPI,
        }
    )
    api = Api(
        app,
        config_prefix=name.upper(),
        spec_kwargs={
            "marshmallow_plugin": MarshmallowPlugin(),
            "security": [{SECURITY_SCHEME: []}],
        },
    )
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.spec.components.security_scheme(SECURITY_SCHEME, {"type": "http", "scheme": "bearer"})
    papers: PlainBlueprint = page.blueprint(f"{name}papers", api.spec.to_dict)
    app.register_blueprint(papers, url_prefix=prefix)
    return api
