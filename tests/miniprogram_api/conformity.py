"""Holding every answer of the door against its own OpenAPI page."""

from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from tests.make.phone import PREFIX

BODILESS = (204, 304)
CONVERTERS = ("uuid:", "string:")


class Conformity:
    """Looks at each answer that passes; ``lies`` lists where the page was wrong."""

    def __init__(self, app: Flask) -> None:
        self.lies: list[str] = []
        self._spec = app.test_client().get(PREFIX + "/openapi.json").get_json()
        self._validators: dict[str, Any] = {}

    def look(self, response: Response) -> Response:
        """Compare one answer with what the page promises (an ``after_request`` hook)."""
        described = self._described()
        if described is None:
            return response
        name = f"{request.method} {request.url_rule} {response.status_code}"
        promised = described["responses"].get(str(response.status_code))
        if promised is None:
            self.lies.append(f"{name} is not on the page")
            return response
        self._compare(name, self._resolved(promised), response)
        return response

    def _described(self) -> dict[str, Any] | None:
        rule = str(request.url_rule or "")
        for converter in CONVERTERS:
            rule = rule.replace(f"<{converter}", "{")
        methods = self._spec["paths"].get(rule.replace(">", "}"), {})
        found: dict[str, Any] | None = methods.get(request.method.lower())
        return found

    def _resolved(self, promised: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in promised:
            return promised
        found: dict[str, Any] = self._spec["components"]["responses"][
            promised["$ref"].rpartition("/")[2]
        ]
        return found

    def _compare(self, name: str, promised: dict[str, Any], response: Response) -> None:
        content = promised.get("content")
        if not content:
            if response.data and response.status_code not in BODILESS:
                self.lies.append(f"{name} has a body that the page does not speak of")
            return
        if response.mimetype not in content:
            self.lies.append(f"{name} is {response.mimetype}, the page says {list(content)}")
        elif response.is_json:
            wrong = [
                f"{name}: {error.message} at {list(error.instance_path)}"
                for error in self._validator(name, content).iter_errors(response.get_json())
            ]
            self.lies.extend(wrong)

    def _validator(self, name: str, content: dict[str, Any]) -> Any:
        if name not in self._validators:
            (described,) = content.values()
            schema = {**described["schema"], "components": self._spec["components"]}
            self._validators[name] = jsonschema_rs.Draft202012Validator(
                schema, validate_formats=True
            )
        return self._validators[name]
