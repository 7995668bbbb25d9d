"""Changing the territory: who may, what follows, what is refused."""

import pytest
from sqlalchemy import func, select

from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.territory import queries, service
from app.territory.models import CompoundProfile, Grid, Place
from app.territory.rules import Datum, FacilityKind, Level, ManagementMode
from app.territory.service import FacilityDraft, GridDraft, PlaceDraft, ProfileDraft
from tests.make import territory as make

pytestmark = pytest.mark.usefixtures("app")


def count(model) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def label(place_id) -> str:
    session.expire_all()
    return queries.place(place_id).label


def test_a_place_carries_every_ancestor_and_itself():
    town = make.town()

    home = queries.place(town.dwelling)

    assert [getattr(home, level.column) for level in Level] == [
        town.district,
        town.street,
        town.community,
        town.compound,
        town.building,
        town.unit,
        town.dwelling,
    ]


def test_a_compound_without_a_code_gets_the_next_of_its_community():
    town = make.town()
    make.place(Level.COMPOUND, "梧桐苑", town.community, code="330199001001007")
    make.place(Level.COMPOUND, "邻苑", town.neighbour)

    following = make.place(Level.COMPOUND, "银杏苑", town.community)

    assert queries.place(town.compound).code == "330199001001001"
    assert following.code == "330199001001008"
    assert queries.compound_profile(following.id).management_mode is ManagementMode.NONE


def test_ten_thousand_dwellings_are_planted_in_a_few_statements(statements):
    town = make.town()
    homes = [PlaceDraft(Level.DWELLING, f"{n}室", town.unit) for n in range(1000, 3000)]

    with statements() as seen, unit_of_work():
        planted = service.add_places(SYSTEM, homes)

    assert len(planted) == 2000
    assert len(seen) <= 10
    assert count(Place) == 2009


def test_children_may_stand_before_their_parents_among_the_drafts():
    town = make.town()
    building = PlaceDraft(Level.BUILDING, "9幢", town.compound)
    home = PlaceDraft(Level.DWELLING, "101室", building.id)

    with unit_of_work():
        service.add_places(SYSTEM, [home, building])

    assert queries.place(home.id).label == "桂花苑 9幢 101室"


@pytest.mark.parametrize(
    ("level", "name", "extra", "code"),
    [
        (Level.UNIT, "1单元", {}, "bad_place"),
        (Level.BUILDING, " ", {}, "bad_place"),
        (Level.BUILDING, "4幢", {"code": "四幢"}, "bad_place"),
        (Level.BUILDING, "4幢", {"lat": 30.0}, "bad_place"),
        (Level.BUILDING, "4幢", {"lat": 30.0, "lon": 120.0}, "bad_place"),
        (Level.BUILDING, "4幢", {"lat": 30.0, "lon": 20.0, "datum": Datum.WGS84}, "bad_place"),
        (Level.BUILDING, "4幢", {"grid_id": new_id()}, "grid_elsewhere"),
        (Level.BUILDING, "3幢", {}, "place_exists"),
        (Level.BUILDING, "4幢", {"code": "330199001001"}, "place_exists"),
    ],
)
def test_a_bad_draft_is_refused_and_nothing_is_planted(level, name, extra, code):
    town = make.town()
    before = count(Place)
    drafts = [
        PlaceDraft(Level.BUILDING, "8幢", town.compound),
        PlaceDraft(level, name, town.compound, **extra),
    ]

    with pytest.raises((Invalid, Conflict)) as refused, unit_of_work():
        service.add_places(SYSTEM, drafts)

    assert refused.value.code == code
    assert count(Place) == before


def test_two_drafts_of_one_name_are_refused():
    town = make.town()
    twice = [PlaceDraft(Level.BUILDING, "8幢", town.compound) for _ in range(2)]

    with pytest.raises(Conflict), unit_of_work():
        service.add_places(SYSTEM, twice)


def test_a_parent_that_is_not_there_or_retired_is_not_found():
    town = make.town()
    with unit_of_work():
        service.retire(SYSTEM, town.building)

    for parent_id in (new_id(), town.building):
        with pytest.raises(NotFound), unit_of_work():
            service.add_place(SYSTEM, PlaceDraft(Level.UNIT, "5单元", parent_id))


def test_only_who_holds_the_node_may_plant_there():
    town = make.town()
    of_street, stranger = make.editor(town.street), make.editor(new_id())
    draft = PlaceDraft(Level.COMPOUND, "银杏苑", town.community)

    for actor in (stranger, Actor(person_id=new_id())):
        with pytest.raises(Forbidden) as refused, unit_of_work():
            service.add_place(actor, draft)
        assert refused.value.code == "not_your_territory"
    with pytest.raises(Forbidden), unit_of_work():
        service.add_place(of_street, PlaceDraft(Level.DISTRICT, "新区", code="330197000000"))
    with unit_of_work():
        assert service.add_place(of_street, draft).name == "银杏苑"


def test_renaming_a_compound_renames_every_address_below_and_no_other():
    town = make.town()
    other = make.place(Level.COMPOUND, "桂花苑二期", town.community)
    noise = make.place(Level.BUILDING, "3幢", other.id)

    with unit_of_work():
        service.rename(SYSTEM, town.compound, "金桂苑")

    assert label(town.dwelling) == "金桂苑 3幢 2单元 301室"
    assert queries.place(town.dwelling).public_label == "金桂苑 3幢"
    assert queries.place(town.unit).searched == "金桂苑3幢2单元"
    assert queries.place(town.unit).initials == "jgy3z2dy"
    assert label(noise.id) == "桂花苑二期 3幢"
    assert [hit.id for hit in queries.search("jgy", limit=1)] == [town.compound]


def test_renaming_a_unit_leaves_the_public_label():
    town = make.town()

    with unit_of_work():
        service.rename(SYSTEM, town.unit, "东单元")

    assert label(town.dwelling) == "桂花苑 3幢 东单元 301室"
    assert queries.place(town.unit).public_label == "桂花苑 3幢"
    assert queries.place(town.dwelling).public_label == "桂花苑 3幢"


def test_renaming_a_community_renames_only_its_loose_buildings():
    town = make.town()
    loose = make.place(Level.BUILDING, "沿街楼", town.community)

    with unit_of_work():
        service.rename(SYSTEM, town.community, "丹桂社区")

    assert label(loose.id) == "丹桂社区 沿街楼"
    assert label(town.building) == "桂花苑 3幢"


def test_a_name_of_a_sibling_is_refused_and_ones_own_is_kept():
    town = make.town()
    make.place(Level.BUILDING, "4幢", town.compound)

    with pytest.raises(Conflict), unit_of_work():
        service.rename(SYSTEM, town.building, "4幢")
    with pytest.raises(Invalid), unit_of_work():
        service.rename(SYSTEM, town.building, "")
    with unit_of_work():
        assert service.rename(SYSTEM, town.building, "3幢").name == "3幢"


def test_a_compound_moves_with_all_below_it():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    home = make.place(Level.BUILDING, "5幢", town.compound, grid_id=drawn.id)

    with unit_of_work():
        service.move(SYSTEM, town.compound, town.neighbour)

    session.expire_all()
    moved = queries.place(town.dwelling)
    assert (moved.community_id, moved.compound_id) == (town.neighbour, town.compound)
    assert moved.label == "桂花苑 3幢 2单元 301室"
    assert queries.place(home.id).grid_id is None


def test_a_building_that_moves_out_of_its_compound_is_called_by_its_community():
    town = make.town()

    with unit_of_work():
        service.move(SYSTEM, town.building, town.neighbour)

    assert label(town.dwelling) == "梧桐社区 3幢 2单元 301室"
    assert queries.place(town.dwelling).compound_id is None


def test_a_place_does_not_move_under_a_wrong_level():
    town = make.town()

    with pytest.raises(RuleBroken), unit_of_work():
        service.move(SYSTEM, town.compound, town.street)


def test_retiring_a_building_retires_what_is_below_and_its_scenes():
    town = make.town()
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, place_id=town.unit).scene

    with unit_of_work():
        retired = service.retire(SYSTEM, town.building)

    assert retired == 3
    with pytest.raises(NotFound) as gone:
        queries.spot_of_scene(scene)
    assert gone.value.code == "scene_revoked"
    with pytest.raises(NotFound) as gone:
        queries.spot_of_place(town.dwelling)
    assert gone.value.code == "place_retired"
    assert queries.place(town.compound).retired_at is None


def test_a_retired_name_and_code_may_be_used_again():
    town = make.town()
    with unit_of_work():
        service.retire(SYSTEM, town.compound)

    again = make.place(Level.COMPOUND, "桂花苑", town.community, code="330199001001001")

    assert again.id != town.compound


def test_retiring_a_community_takes_its_grids_off_the_map():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    with unit_of_work():
        service.retire(SYSTEM, town.community)

    with pytest.raises(NotFound):
        queries.spot_at(*make.at(0.5, 0.5), Datum.GCJ02)


def test_a_profile_says_who_manages_a_compound():
    town = make.town()

    with unit_of_work():
        service.set_profile(
            make.editor(town.community),
            town.compound,
            ProfileDraft(ManagementMode.SELF_MANAGED, households=120, built_year=1998),
        )

    profile = queries.compound_profile(town.compound)
    assert (profile.management_mode, profile.households) == (ManagementMode.SELF_MANAGED, 120)
    assert queries.spot_of_place(town.dwelling).management_mode == "self_managed"
    assert count(CompoundProfile) == 1


def test_a_boundary_needs_a_datum_and_a_good_shape():
    town = make.town()
    bow = make.box(0, 0, 1, 1, make.ring(3, 3, 4, 4))

    for boundary, datum in ((make.box(0, 0, 1, 1), None), (bow, Datum.GCJ02)):
        draft = ProfileDraft(ManagementMode.NONE, boundary=boundary, boundary_datum=datum)
        with pytest.raises(Invalid), unit_of_work():
            service.set_profile(SYSTEM, town.compound, draft)
    with pytest.raises(NotFound), unit_of_work():
        service.set_profile(SYSTEM, town.building, ProfileDraft(ManagementMode.NONE))


def test_a_bad_grid_is_refused():
    town = make.town()
    make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    good = make.box(0, 0, 1, 1)
    cases = [
        (town.community, "一格", "G1", good, "grid_exists"),
        (town.community, "", "G2", good, "bad_grid"),
        (town.community, "一格", "", good, "bad_grid"),
        (town.compound, "一格", "G2", good, "not_a_community"),
        (new_id(), "一格", "G2", good, "unknown_place"),
        (town.community, "一格", "G2", {"type": "Point"}, "bad_geometry"),
    ]

    for community, name, code, shape, told in cases:
        with pytest.raises((Invalid, Conflict, NotFound)) as refused, unit_of_work():
            service.add_grid(SYSTEM, GridDraft(community, name, code, shape, Datum.GCJ02))
        assert refused.value.code == told
    assert count(Grid) == 1


def test_a_redrawn_grid_answers_with_its_new_shape_and_counts_versions():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))
    before = queries.spot_at(*make.at(0.5, 0.5), Datum.GCJ02).grid_id

    with unit_of_work():
        service.redraw_grid(SYSTEM, drawn.id, make.box(5, 5, 6, 6), Datum.GCJ02, name="五格")

    with pytest.raises(NotFound):
        queries.spot_at(*make.at(0.5, 0.5), Datum.GCJ02)
    assert before == drawn.id
    assert "五格" in queries.spot_at(*make.at(5.5, 5.5), Datum.GCJ02).why
    assert queries.grid(drawn.id).version == 2


def test_a_retired_grid_is_off_the_map_and_its_code_is_free():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    with unit_of_work():
        service.retire_grid(SYSTEM, drawn.id)

    with pytest.raises(NotFound):
        queries.grid(drawn.id)
    assert make.grid(town.community, "G1", make.box(0, 0, 1, 1)).id != drawn.id


def test_only_who_holds_the_node_may_redraw():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    with pytest.raises(Forbidden), unit_of_work():
        service.redraw_grid(
            make.editor(town.neighbour), drawn.id, make.box(0, 0, 2, 2), Datum.GCJ02
        )
    with pytest.raises(Forbidden), unit_of_work():
        service.retire_grid(make.editor(town.neighbour), drawn.id)


def test_a_rolled_back_change_is_forgotten_by_the_map():
    town = make.town()
    drawn = make.grid(town.community, "G1", make.box(0, 0, 1, 1))

    def redraw_and_fail():
        service.redraw_grid(SYSTEM, drawn.id, make.box(5, 5, 6, 6), Datum.GCJ02)
        queries.spot_at(*make.at(5.5, 5.5), Datum.GCJ02)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), unit_of_work():
        redraw_and_fail()
    with unit_of_work():
        service.redraw_grid(SYSTEM, drawn.id, make.box(8, 8, 9, 9), Datum.GCJ02)

    assert queries.spot_at(*make.at(8.5, 8.5), Datum.GCJ02).grid_id == drawn.id
    with pytest.raises(NotFound):
        queries.spot_at(*make.at(5.5, 5.5), Datum.GCJ02)


def test_levels_are_called_by_the_nearest_row():
    town = make.town()
    other = make.place(Level.STREET, "望山镇", town.district, code="330199100000")

    with unit_of_work():
        service.name_level(SYSTEM, Level.DWELLING, "住户")
        service.name_level(SYSTEM, Level.DISTRICT, "县", place_id=town.district)
        service.name_level(SYSTEM, Level.STREET, "镇", place_id=other.id)
        service.name_level(SYSTEM, Level.STREET, "乡", place_id=other.id)

    assert queries.level_names()[Level.DISTRICT] == "区"
    assert queries.level_names()[Level.DWELLING] == "住户"
    here = queries.level_names(town.building)
    assert (here[Level.DISTRICT], here[Level.STREET], here[Level.DWELLING]) == (
        "县",
        "街道",
        "住户",
    )
    assert queries.level_names(other.id)[Level.STREET] == "乡"


def test_facilities_are_numbered_once_per_place():
    town = make.town()
    make.facility(town.compound, "LD-001")
    elsewhere = make.facility(town.community, "LD-001")

    with pytest.raises(Conflict):
        make.facility(town.compound, " LD-001 ")
    with pytest.raises(Invalid):
        make.facility(town.compound, "")
    with pytest.raises(Invalid):
        make.facility(town.dwelling, "LD-002")
    found = queries.facilities_numbered("LD-001", district_id=town.district)

    assert len(found) == 2
    assert elsewhere.id in {one.id for one in found}


def test_a_retired_facility_is_not_found_and_its_scene_says_so():
    town = make.town()
    lamp = make.facility(town.compound)
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, facility_id=lamp.id).scene

    with unit_of_work():
        service.retire_facility(SYSTEM, lamp.id)

    with pytest.raises(NotFound) as gone:
        queries.spot_of_scene(scene)
    assert gone.value.code == "scene_revoked"
    with pytest.raises(NotFound):
        queries.facility(lamp.id)
    with pytest.raises(NotFound) as gone:
        queries.spot_of_facility(lamp.id)
    assert gone.value.code == "place_retired"


def test_a_stranger_may_not_add_facilities_or_scenes():
    town = make.town()
    stranger = make.editor(town.neighbour)
    draft = FacilityDraft("LD-9", FacilityKind.LAMP, town.compound)

    for act in (
        lambda: service.add_facility(stranger, draft),
        lambda: service.issue_scene(stranger, place_id=town.compound),
        lambda: service.issue_scenes(stranger, [town.building]),
    ):
        with pytest.raises(Forbidden), unit_of_work():
            act()
    with pytest.raises(RuleBroken), unit_of_work():
        service.issue_scene(SYSTEM)


def test_a_reissued_scene_replaces_the_old_one():
    town = make.town()
    with unit_of_work():
        old = service.issue_scene(SYSTEM, place_id=town.building).scene

    with unit_of_work():
        new = service.issue_scene(SYSTEM, place_id=town.building).scene

    assert old != new
    assert queries.spot_of_scene(new).building_id == town.building
    with pytest.raises(NotFound) as gone:
        queries.spot_of_scene(old)
    assert gone.value.code == "scene_revoked"


def test_a_revoked_scene_is_told_apart_from_an_unknown_one():
    town = make.town()
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, place_id=town.building).scene

    with unit_of_work():
        service.revoke_scene(SYSTEM, scene.lower())

    for said, code in (
        (scene, "scene_revoked"),
        ("2222222222", "unknown_scene"),
        ("?", "unknown_scene"),
    ):
        with pytest.raises(NotFound) as gone:
            queries.spot_of_scene(said)
        assert gone.value.code == code
    with pytest.raises(NotFound), unit_of_work():
        service.revoke_scene(SYSTEM, "2222222222")


def test_many_scenes_are_issued_at_once_and_none_twice(statements):
    town = make.town()
    with unit_of_work():
        service.issue_scene(SYSTEM, place_id=town.building)

    with statements() as seen, unit_of_work():
        fresh = service.issue_scenes(SYSTEM, [town.compound, town.building, town.unit])

    assert set(fresh) == {town.compound, town.unit}
    assert len(seen) <= 6
    assert queries.scene_of([town.unit])[town.unit] == fresh[town.unit]


def test_a_facilitys_scene_is_revoked_by_who_may_edit_there_only():
    town = make.town()
    lamp = make.facility(town.compound)
    with unit_of_work():
        scene = service.issue_scene(SYSTEM, facility_id=lamp.id).scene

    with pytest.raises(Forbidden), unit_of_work():
        service.revoke_scene(make.editor(town.neighbour), scene)
    assert queries.spot_of_scene(scene).facility_id == lamp.id
    with unit_of_work():
        service.revoke_scene(make.editor(town.community), scene)

    with pytest.raises(NotFound):
        queries.spot_of_scene(scene)


def test_scenes_and_level_names_are_refused_where_they_make_no_sense():
    town = make.town()
    with unit_of_work():
        service.retire(SYSTEM, town.unit)

    for place_id in (new_id(), town.unit):
        with pytest.raises(NotFound), unit_of_work():
            service.issue_scenes(SYSTEM, [town.building, place_id])
    with pytest.raises(Invalid), unit_of_work():
        service.name_level(SYSTEM, Level.STREET, " ")
    with pytest.raises(Forbidden), unit_of_work():
        service.name_level(make.editor(town.street), Level.STREET, "镇")
    assert queries.scene_of([town.building]) == {}
