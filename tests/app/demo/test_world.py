"""The invented district: the right size, sound on the map, the same every time."""

import re
from collections import Counter

import pytest
from shapely import Point, STRtree, union_all
from shapely.geometry import shape

from app.demo.layout import plan
from app.demo.world import World, build_world
from app.identity.rules import SEATS, OrgKind, Role
from app.territory.rules import FacilityKind, ManagementMode

LOGINS = [
    "dev-resident",
    "dev-neighbour",
    "dev-stranger",
    "dev-head",
    "dev-grid",
    "dev-community",
    "dev-community2",
    "dev-repairer",
    "dev-manager",
    "dev-rival",
    "dev-committee",
    "dev-street",
    "dev-district",
    "dev-admin",
]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world()


def test_the_district_has_the_size_it_promises(world):
    ground = world.ground

    assert len(ground.streets) == 2
    assert len(ground.communities) == 6
    assert len(ground.compounds) == 24
    assert len(ground.grids) == 60
    firms = [body for body in world.organisations if body.kind is OrgKind.PROPERTY_FIRM]
    assert len(firms) == 5


def test_division_codes_are_twelve_digits_of_nobody(world):
    ground = world.ground
    codes = [each.code for each in (ground.district, *ground.streets, *ground.communities)]

    assert all(re.fullmatch(r"99\d{10}", code) for code in codes)
    assert len(set(codes)) == len(codes)
    assert {each.parent for each in ground.streets} == {ground.district.code}
    assert {each.parent for each in ground.communities} == {each.code for each in ground.streets}


def test_every_grid_is_a_valid_polygon_with_a_code_of_its_own(world):
    shapes = {grid.code: shape(grid.geojson()) for grid in world.ground.grids}

    assert len(shapes) == 60
    assert all(each.is_valid and each.area > 0 for each in shapes.values())


def test_grids_cover_the_ground_without_gap_or_overlap(world):
    shapes = [shape(grid.geojson()) for grid in world.ground.grids]
    whole = union_all(shapes)

    assert sum(each.area for each in shapes) == pytest.approx(whole.area, rel=1e-9)
    assert whole.geom_type == "Polygon"
    assert not whole.interiors
    tree = STRtree(shapes)
    touching = tree.query(shapes, predicate="overlaps")
    assert touching.size == 0


def test_some_grid_has_a_hole_and_some_grid_two_parts(world):
    grids = world.ground.grids

    assert any(len(polygon) > 1 for grid in grids for polygon in grid.polygons)
    assert any(len(grid.polygons) > 1 for grid in grids)


def test_some_grid_holds_several_compounds_and_some_compound_is_split(world):
    held = Counter(code for compound in world.ground.compounds for code in compound.grids)

    assert max(held.values()) > 1
    assert any(len(compound.grids) > 1 for compound in world.ground.compounds)


def test_every_building_lies_in_its_grid_and_no_other(world):
    shapes = {grid.code: shape(grid.geojson()) for grid in world.ground.grids}

    for compound in world.ground.compounds:
        outline = shape({"type": "Polygon", "coordinates": [compound.outline]})
        for building in compound.buildings:
            spot = Point(building.lon, building.lat)
            inside = {code for code, each in shapes.items() if each.contains(spot)}
            assert inside == {building.grid}, building.key
            assert outline.contains(spot), building.key
        assert {building.grid for building in compound.buildings} == set(compound.grids)


def test_a_compound_stays_within_the_grids_it_names(world):
    shapes = {grid.code: shape(grid.geojson()) for grid in world.ground.grids}

    for compound in world.ground.compounds:
        outline = shape({"type": "Polygon", "coordinates": [compound.outline]})
        home = union_all([shapes[code] for code in compound.grids])
        assert home.buffer(1e-7).contains(outline), compound.key
        assert all(code.startswith(compound.community) for code in compound.grids)


def test_compounds_do_not_stand_on_each_other(world):
    outlines = [
        shape({"type": "Polygon", "coordinates": [compound.outline]})
        for compound in world.ground.compounds
    ]

    assert STRtree(outlines).query(outlines, predicate="overlaps").size == 0
    assert sum(each.area for each in outlines) == pytest.approx(union_all(outlines).area)


def test_every_way_of_looking_after_a_compound_is_shown(world):
    modes = {compound.mode for compound in world.ground.compounds}

    assert modes == set(ManagementMode)


def test_a_firm_works_exactly_where_the_mode_says_so(world):
    with_firm = {ManagementMode.PROFESSIONAL, ManagementMode.CUSTODIAL, ManagementMode.DEVELOPER}

    for compound in world.ground.compounds:
        served = bool(world.firms_of(compound.key))
        assert served == (compound.mode in with_firm), compound.key
        fallbacks = [each for each in world.fallbacks if each.compound == compound.key]
        assert bool(fallbacks) != served, compound.key


def test_two_firms_share_one_compound_building_by_building(world):
    shared = [each for each in world.ground.compounds if len(world.firms_of(each.key)) == 2]

    assert [compound.name for compound in shared] == ["汀兰花园"]
    firms = {
        building.number: world.firms_of(shared[0].key, building.number)
        for building in shared[0].buildings
    }
    assert all(len(each) == 1 for each in firms.values())
    assert firms[1] != firms[16]


def test_every_log_in_of_the_demo_exists(world):
    assert [person.login for person in world.people if person.login] == LOGINS


def test_the_first_four_live_in_or_next_to_what_the_repairer_serves(world):
    served = {each.compound for each in world.projects if each.firm == "hean"}
    shapes = {grid.code: shape(grid.geojson()) for grid in world.ground.grids}
    ground = union_all(
        [shapes[code] for code in world.compound("guihua").grids],
    )

    homes = [world.login(code).home for code in LOGINS[:4]]

    assert [home.compound for home in homes] == ["guihua", "guihua", "hetang", "guihua"]
    assert "guihua" in served
    assert "hetang" not in served
    beside = union_all([shapes[code] for code in world.compound("hetang").grids])
    assert ground.touches(beside)
    assert world.login("dev-repairer").member_of == ("hean",)
    assert world.login("dev-manager").member_of == ("hean",)
    assert world.login("dev-rival").member_of == ("zhiwei",)


def test_every_role_is_held_and_only_where_it_may_be(world):
    levels = levels_of(world)
    held = set()

    for person in world.people:
        for post in person.posts:
            held.add(post.role)
            seat = SEATS[post.role]
            where = levels[post.at]
            allowed = {str(each) for each in (*seat.levels, *seat.kinds)}
            assert where in allowed, post

    assert held == set(Role)


def test_no_person_both_administers_and_audits(world):
    for person in world.people:
        roles = {post.role for post in person.posts}
        assert not {Role.ADMIN, Role.AUDITOR} <= roles


def test_every_grid_has_a_worker_and_every_compound_an_officer(world):
    posts = [post for person in world.people for post in person.posts]
    walked = {post.at for post in posts if post.role is Role.GRID_WORKER}
    looked_after = {post.at for post in posts if post.role is Role.COMPOUND_OFFICER}

    assert walked == {grid.code for grid in world.ground.grids}
    assert looked_after == {compound.key for compound in world.ground.compounds}


def test_some_grid_worker_also_works_for_a_firm(world):
    firms = {body.key for body in world.organisations if body.kind is OrgKind.PROPERTY_FIRM}

    both = [
        person
        for person in world.people
        if firms & set(person.member_of)
        and any(post.role is Role.GRID_WORKER for post in person.posts)
    ]

    assert both


def test_homes_exist_and_nobody_shares_one(world):
    compounds = {compound.key: compound for compound in world.ground.compounds}
    homes = [person.home for person in world.people if person.home]

    assert len(homes) > 400
    assert len({(h.compound, h.building, h.unit, h.dwelling) for h in homes}) == len(homes)
    for home in homes:
        building = compounds[home.compound].buildings[home.building - 1]
        assert home.building == building.number
        assert 1 <= home.unit <= building.units
        assert 1 <= home.floor <= building.floors
        assert 1 <= int(home.dwelling[-2:]) <= building.doors
        assert int(home.dwelling[:-2]) == home.floor


def test_phones_are_nobodys_and_unlike_each_other(world):
    phones = [person.phone for person in world.people]
    phones += [body.duty_phone for body in world.organisations if body.duty_phone]
    phones += [project.duty_phone for project in world.projects]
    phones += [fallback.phone for fallback in world.fallbacks]

    assert all(re.fullmatch(r"100[34]\d{7}", phone) for phone in phones)
    assert len(set(phones)) == len(phones)


def test_parties_without_accounts_have_nobody_and_firms_are_on_duty(world):
    silent = {body.key for body in world.organisations if not body.has_accounts}
    on_duty = {duty.organisation for duty in world.duties}

    assert {"water", "gas", "fire", "police-wanghe", "pingbu"} <= silent
    assert not silent & on_duty
    assert not any(silent & set(person.member_of) for person in world.people)
    for body in world.organisations:
        if body.kind in {OrgKind.PROPERTY_FIRM, OrgKind.COMMUNITY, OrgKind.STREET}:
            orders = [duty.order for duty in world.duties if duty.organisation == body.key]
            assert len(orders) >= 2
            assert orders == list(range(1, len(orders) + 1))


def test_facilities_have_numbers_and_stand_in_their_grid(world):
    shapes = {grid.code: shape(grid.geojson()) for grid in world.ground.grids}
    numbers = [each.number for each in world.facilities]
    kinds = {each.kind for each in world.facilities}
    bodies = {body.key for body in world.organisations}

    assert len(set(numbers)) == len(numbers)
    lamp, lift, manhole, pump = (
        FacilityKind.LAMP,
        FacilityKind.LIFT,
        FacilityKind.MANHOLE,
        FacilityKind.PUMP,
    )
    assert {lamp, lift, manhole, pump} <= kinds
    for each in world.facilities:
        assert shapes[each.grid].contains(Point(each.lon, each.lat)), each.number
        assert each.responsible is None or each.responsible in bodies
        if each.compound is not None and each.responsible is not None:
            assert each.responsible in world.firms_of(each.compound)
    assert any(each.compound is None for each in world.facilities)


def test_a_lift_stands_in_every_unit_that_has_one_and_nowhere_else(world):
    lifts = {(f.building, f.unit) for f in world.facilities if f.kind is FacilityKind.LIFT}
    expected = {
        (building.key, unit)
        for compound in world.ground.compounds
        for building in compound.buildings
        if building.lift
        for unit in range(1, building.units + 1)
    }

    assert lifts == expected


def test_the_same_seed_makes_the_same_world_and_another_seed_other_people(world):
    assert build_world() == world
    other = build_world(seed=2)
    assert other.ground == world.ground
    assert [person.name for person in other.people] != [person.name for person in world.people]


def test_the_ground_does_not_depend_on_the_seed():
    assert plan() is plan()


def levels_of(world: World) -> dict[str, str]:
    """Name the level of every place and the kind of every organisation, by key."""
    ground = world.ground
    levels = {ground.district.code: "district"}
    levels |= {each.code: "street" for each in ground.streets}
    levels |= {each.code: "community" for each in ground.communities}
    levels |= {each.key: "compound" for each in ground.compounds}
    levels |= {each.key: "building" for place in ground.compounds for each in place.buildings}
    levels |= {each.code: "grid" for each in ground.grids}
    return levels | {each.key: each.kind.value for each in world.organisations}
