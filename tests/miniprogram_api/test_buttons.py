"""What a client is told it may do leads to a route that takes what is needed."""

import pytest

from app.tickets import workflow
from app.tickets.states import Relation
from miniprogram_api.buttons import RESIDENT_ROUTES, REVIEW, STAFF_ROUTES, WORDS
from tests.make.phone import PREFIX

RESIDENT = {Relation.REPORTER, Relation.FILER, Relation.FOLLOWER}
STAFF = {
    Relation.LEAD,
    Relation.ASSIGNEE,
    Relation.LEAD_MANAGER,
    Relation.CO_HANDLER,
    Relation.DISPATCHER,
    Relation.REVIEWER,
    Relation.VERIFIER,
    Relation.CALLER,
    Relation.FORMER_LEAD,
    Relation.FIRST_HANDLER,
}
BUTTONS = [row for row in workflow.TABLE if row.button]
OWN = [row for row in BUTTONS if row.who & RESIDENT]
WORK = [row for row in BUTTONS if row.who & STAFF]


@pytest.fixture(scope="module")
def spec(bare_app):
    return bare_app.test_client().get(PREFIX + "/openapi.json").get_json()


def fields_of(spec, path):
    """The fields that a POST to ``path`` takes, as the OpenAPI page says."""
    body = spec["paths"][PREFIX + path]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    return set(spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])


@pytest.mark.parametrize("row", OWN, ids=lambda row: row.action.value)
def test_a_residents_button_leads_to_a_route_and_says_so_in_words(spec, row):
    name = RESIDENT_ROUTES.get(row.action, row.action.value)

    assert set(row.needs) <= fields_of(spec, f"/tickets/{{ticket_id}}/{name}")
    assert row.action in WORDS


@pytest.mark.parametrize("row", WORK, ids=lambda row: row.action.value)
def test_a_button_of_staff_leads_to_a_route(spec, row):
    name = STAFF_ROUTES.get(row.action, row.action.value)

    assert set(row.needs) <= fields_of(spec, f"/work/{{ticket_id}}/{name}")
    assert row.staff_zh


def test_the_second_persons_button_leads_to_a_route(spec):
    assert set(REVIEW["needs"]) <= fields_of(spec, f"/work/{{ticket_id}}/{REVIEW['action']}")


def test_every_act_of_the_door_stands_on_some_button(spec):
    acts = {path.rpartition("/")[2] for path in spec["paths"] if "{ticket_id}/" in path}
    named = {RESIDENT_ROUTES.get(row.action, row.action.value) for row in OWN}
    named |= {STAFF_ROUTES.get(row.action, row.action.value) for row in WORK}

    assert acts - named == {"review", "join", "contact", "messages", "slip", "calls"}


def test_names_of_acts_and_fields_are_written_with_underscores(spec):
    assert [path for path in spec["paths"] if "-" in path] == []
