"""The OpenAPI page tells the truth: no failure, no undocumented status, no other shape.

Requests are made up from the page itself, good ones and bad ones, as a
resident, a repairer and a member of the community's staff; ids and codes that
nobody would guess are put in now and then, so that the requests go deep.
"""

import dataclasses
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.kernel import clock
from app.kernel.http import limits
from tests.access import read_matrix
from tests.make import tickets as make
from tests.make.phone import PREFIX

ROUTES = sorted({row.route for row in read_matrix() if f" {PREFIX}/" in row.route})
PAPERS = ("/openapi.json", "/docs")
OPERATIONS = [
    re.sub(r"<\w+:(\w+)>", r"{\1}", route)
    for route in ROUTES
    if not any(paper in route for paper in PAPERS)
]
PEOPLE = ("resident", "repairer", "community")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FEW = pytest.param(4, id="few")
MANY = pytest.param(40, id="many", marks=pytest.mark.deep)


@pytest.fixture
def schema(bare_app, world, settings, wechat):
    """The page of the door, over the small world, without rate limits."""
    limits.install(bare_app, dataclasses.replace(settings, rate_limits=False))
    return schemathesis.openapi.from_wsgi(PREFIX + "/openapi.json", bare_app)


@pytest.fixture
def known(world) -> dict[str, list[Any]]:
    """Values that nobody would guess, by the names of fields."""
    light = make.submitted(world)
    done = make.resolved(world, make.submitted(world))
    complaint = make.submitted(world, make.GUARD)
    started = make.started(world, make.submitted(world))
    later = [(clock.now() + timedelta(hours=hours)).isoformat() for hours in (1, 2)]
    return {
        "ticket_id": [str(one) for one in (light, done, complaint, started)],
        "scene": [world.scenes["building"], world.scenes["unit"]],
        "category": ["WPE-LIGHT", "ENV-CLEAN", make.GUARD],
        "organisation": [str(world.organisations[one]) for one in ("rival_firm", "firm")],
        "person": [str(world.people["repairer2"]), None],
        "reason": ["other_party", "legal_procedure"],
        "master": [str(light)],
        "place": [{"scene": world.scenes["building2"]}],
        "parts": [
            [{"category": "WPE-LIGHT", "text": "一"}, {"category": "ENV-CLEAN", "text": "二"}]
        ],
        "media": [[]],
        "text": ["说明", ""],
        "contact": ["10020000000", {"name": "周"}, None],
        "due": later,
        "from": later[:1],
        "to": later[1:],
        "happened_at": [None],
        "on_behalf": [False],
        "accuse": [None, "property"],
        "lat": [30.0],
        "lon": [120.0],
        "number": [None],
        "cursor": [None],
    }


def deepened(case: Any, known: dict[str, list[Any]], fields: set[str], draw: Any) -> Any:
    """Put known values in the places where they belong; ``fields`` are those of the body."""
    _fill(case.path_parameters, set(case.path_parameters or ()), known, draw)
    _fill(case.query, set(case.query or ()), known, draw)
    _fill(case.body, fields, known, draw)
    return case


def _fill(container: Any, names: set[str], known: dict[str, list[Any]], draw: Any) -> None:
    if not isinstance(container, dict):
        return
    for name in sorted(known.keys() & names):
        value = draw(st.sampled_from(known[name]))
        if value is None:
            container.pop(name, None)
        else:
            container[name] = value


def fields_of(spec: dict[str, Any], path: str, method: str) -> set[str]:
    """Name the fields of an operation's JSON body."""
    content = spec["paths"][path][method.lower()].get("requestBody", {}).get("content", {})
    ref = content.get("application/json", {}).get("schema", {}).get("$ref", "")
    named = spec["components"]["schemas"].get(ref.rpartition("/")[2], {})
    return set(named.get("properties", ()))


@pytest.mark.parametrize("examples", [FEW, MANY])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_page_tells_the_truth(schema, known, client_for, operation, examples):
    method, _, path = operation.partition(" ")
    tokens = {name: client_for(name).token for name in PEOPLE}
    described = schema[path][method]
    fields = fields_of(schema.raw_schema, path, method)
    people = PEOPLE[::-1] if "/work" in path else PEOPLE
    cases = st.one_of(
        described.as_strategy(generation_mode=GenerationMode.POSITIVE),
        described.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @settings(
        max_examples=examples * len(PEOPLE),
        deadline=None,
        database=None,
        derandomize=examples < 10,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, st.data())
    def tell(case, data):
        headers = {"Authorization": f"Bearer {tokens[data.draw(st.sampled_from(people))]}"}
        if data.draw(st.integers(0, 3)) < 3:
            case = deepened(case, known, fields, data.draw)
            headers["Idempotency-Key"] = uuid4().hex
        case.call_and_validate(headers=headers, checks=CHECKS)

    tell()


def test_every_operation_of_the_page_is_tried(schema):
    described = {result.ok().label for result in schema.get_all_operations()}

    assert described == set(OPERATIONS)


def test_a_page_that_lies_is_found(schema, known, client_for):
    described = schema[PREFIX + "/me"]["GET"]
    case = described.Case()
    answer = case.call(headers={"Authorization": f"Bearer {client_for('resident').token}"})
    case.validate_response(answer, checks=CHECKS)

    schema.raw_schema["components"]["schemas"]["Me"]["properties"]["roles"] = {"type": "integer"}
    lying = schemathesis.openapi.from_dict(schema.raw_schema)[PREFIX + "/me"]["GET"].Case()

    with pytest.raises(BaseException, match="roles"):
        lying.validate_response(answer, checks=CHECKS)
