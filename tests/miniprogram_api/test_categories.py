"""The category tree over HTTP: whole, and free of charge when nothing changed."""

import pytest

from app.catalog import queries as catalog
from app.catalog import service
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.work import unit_of_work
from tests.make.answers import refused, taken
from tests.make.catalog import with_cells


@pytest.fixture
def phone(client_for):
    return client_for("resident")


def again(phone, etag, **query):
    return phone.client.get(
        "/mp/v1/categories",
        query_string=query,
        headers={"Authorization": f"Bearer {phone.token}", "If-None-Match": etag},
    )


def test_the_tree_is_whole_and_in_order(phone):
    groups = taken(phone.get("/categories"))["groups"]

    assert [
        (group["code"], [leaf["code"] for leaf in group["categories"]]) for group in groups
    ] == [
        (group.code, [leaf.code for leaf in group.categories])
        for group in catalog.tree(at=clock.now())
    ]
    assert sum(len(group["categories"]) for group in groups) == 83


def test_a_leaf_says_how_soon_and_what_it_asks_for(phone):
    groups = taken(phone.get("/categories"))["groups"]
    leaves = {leaf["code"]: leaf for group in groups for leaf in group["categories"]}

    light, gas = leaves["WPE-LIGHT"], leaves["EMG-GAS"]
    assert light["name"] == "楼道灯不亮"
    assert (light["accept_by"], light["photo_on_resolve"]) == ("2sh", True)
    assert (light["phone_needed"], gas["phone_needed"]) == (False, True)
    assert leaves["SEC-PATROL"]["accuses"] == "property"


@pytest.mark.parametrize("weak", ["", "W/"])
def test_asked_again_it_answers_with_nothing(phone, weak):
    first = phone.get("/categories")

    second = again(phone, weak + first.headers["ETag"])

    assert (second.status_code, second.data) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"


def test_a_change_makes_a_new_etag(phone):
    before = phone.get("/categories").headers["ETag"]
    with unit_of_work():
        service.load(SYSTEM, with_cells("WPE-LIGHT", resolve_by="3d"))

    answer = again(phone, before)

    assert answer.status_code == 200
    assert answer.headers["ETag"] != before


def test_a_district_that_is_none_is_refused(phone):
    refused(phone.get("/categories", district_id="none"), 422, "invalid")


def test_a_district_without_numbers_of_its_own_has_the_products(phone, world):
    everywhere = phone.get("/categories")
    here = phone.get("/categories", district_id=str(world.places["district"]))

    assert here.get_json() == everywhere.get_json()
