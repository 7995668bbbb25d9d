"""Signs over HTTP: from the desk's request to the printed file."""

import pytest

from tests.app.signs.conftest import furnished, wechat
from tests.make import signs as make
from tests.make.answers import refused

__all__ = ["furnished", "wechat"]


@pytest.fixture
def desk(client_for, wechat):
    return client_for("community")


def test_a_desk_gets_its_sheets_as_a_file(world, desk):
    compound = world.places["compound"]
    asked = desk.post(f"/places/{compound}/sheets", {})
    assert asked.status_code == 202, asked.get_json()
    job = f"/places/{compound}/sheets/{asked.get_json()['id']}"
    refused(desk.get(f"{job}/file", size="a4"), 409, "sheets_not_ready")

    make.work()

    shown = desk.get(job).get_json()
    assert (shown["total"], shown["done"], shown["failed"], shown["ready"]) == (5, 5, 0, True)
    url = desk.get(f"{job}/file", size="a6").get_json()["url"]
    answer = desk.get(url.removeprefix("/mp/v1"))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert "sandan-a6.pdf" in answer.headers["Content-Disposition"]
    assert len(make.pages(answer.data)) == 5


def test_a_link_of_another_person_is_none(world, desk, client_for):
    building = world.places["building"]
    made = desk.post(f"/places/{building}/sheets", {"alone": True}).get_json()
    make.work()
    job = f"/places/{building}/sheets/{made['id']}"
    given = desk.get(f"{job}/file", size="a4", format="png").get_json()
    path = given["url"].removeprefix("/mp/v1")

    refused(client_for("resident").get(path), 404, "link_expired")
    assert desk.get(path).headers["Content-Type"] == "image/png"


def test_a_renewed_sign_opens_and_the_old_one_says_so(world, desk, client_for):
    building, old = world.places["building"], world.scenes["building"]

    new = desk.post(f"/places/{building}/sign/renew", {"reason": "lost"}).get_json()["scene"]

    resident = client_for("resident")
    assert resident.get(f"/places/scene/{new}").get_json()["building_id"] == str(building)
    refused(resident.get(f"/places/scene/{old}"), 404, "scene_revoked")
    assert desk.post(f"/places/{building}/sign/revoke", {"reason": "lost"}).status_code == 204
    refused(resident.get(f"/places/scene/{new}"), 404, "scene_revoked")


@pytest.mark.parametrize("body", [{}, {"reason": "because"}, {"reason": ""}])
def test_a_sign_is_not_renewed_without_a_reason(world, desk, body):
    answer = desk.post(f"/places/{world.places['building']}/sign/renew", body)

    assert answer.status_code == 422


@pytest.mark.parametrize("query", [{}, {"size": "a3"}, {"size": "a4", "format": "svg"}])
def test_only_known_papers_and_kinds_are_given(world, desk, query):
    building = world.places["building"]
    made = desk.post(f"/places/{building}/sheets", {"alone": True}).get_json()

    assert desk.get(f"/places/{building}/sheets/{made['id']}/file", **query).status_code == 422
