"""Who I am, where I live, and that a home's code can be reported from."""

import pytest

from app.identity import service as identity
from app.identity.rules import BindingKind
from app.kernel.work import unit_of_work
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX


def test_a_resident_has_homes_and_no_roles(world, client_for):
    me = taken(client_for("resident").get("/me"))

    assert me["person"]["name"] == "周桂芳"
    assert me["roles"] == []
    assert me["grants"] == []
    assert me["dwellings"] == [
        {
            "place_id": str(world.places["home"]),
            "label": "桂花苑 3幢 2单元 301室",
            "kind": "owner",
            "status": "confirmed",
            "scene": world.scenes["home"],
        }
    ]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("neighbour", "unit"), ("stranger", "rival_building"), ("old_resident", "old_building")],
)
def test_a_home_without_a_code_has_the_nearest_one_above(world, client_for, name, nearest):
    (home,) = taken(client_for(name).get("/me"))["dwellings"]

    assert home["scene"] == world.scenes[nearest]


@pytest.mark.parametrize("name", ["resident", "neighbour", "stranger", "old_resident"])
def test_the_code_of_a_home_is_good_for_a_report(client_for, name):
    phone = client_for(name)
    (home,) = taken(phone.get("/me"))["dwellings"]

    made = taken(
        phone.post(
            "/tickets",
            {"category": "WPE-LIGHT", "place": {"scene": home["scene"]}, "text": "灯不亮"},
        ),
        201,
    )

    assert made["number"]


def test_a_claimed_home_waits_for_the_community(world, client_for):
    with unit_of_work():
        identity.claim_dwelling(world.actor("head"), world.places["next_door"], BindingKind.FAMILY)

    me = taken(client_for("head").get("/me"))

    assert [home["status"] for home in me["dwellings"]] == ["claimed"]
    assert me["roles"] == ["building_head"]


@pytest.mark.parametrize(
    ("name", "role", "level", "organisation"),
    [
        ("repairer", "repairer", None, "安居物业"),
        ("grid", "compound_officer", "compound", None),
        ("admin", "admin", "district", None),
    ],
)
def test_staff_read_where_each_role_holds(client_for, name, role, level, organisation):
    grants = taken(client_for(name).get("/me"))["grants"]

    assert (role, level, organisation) in [
        (one["role"], one["level"], one["organisation"]) for one in grants
    ]


def test_nobody_is_nobody(bare_app, world):
    refused(bare_app.test_client().get(PREFIX + "/me"), 401, "unauthenticated")
