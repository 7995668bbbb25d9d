"""Codes, names, search keys and scenes: rules without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.ids import new_id
from app.territory import rules
from app.territory.rules import Level, Naming, Spot


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (Level.DISTRICT, "330102000000"),
        (Level.STREET, "330102001000"),
        (Level.STREET, "330102100000"),
        (Level.COMMUNITY, "330102001003"),
        (Level.COMPOUND, "330102001003007"),
        (Level.BUILDING, ""),
        (Level.DWELLING, "A-3-2-301"),
    ],
)
def test_good_codes_pass(level, code):
    assert rules.code_flaw(level, code) is None


@pytest.mark.parametrize(
    ("level", "code"),
    [
        (Level.DISTRICT, ""),
        (Level.DISTRICT, "330102"),
        (Level.DISTRICT, "330102001000"),
        (Level.DISTRICT, "030102000000"),
        (Level.STREET, "330102000000"),
        (Level.STREET, "330102001001"),
        (Level.COMMUNITY, "330102001000"),
        (Level.COMMUNITY, "33010200100a"),
        (Level.COMMUNITY, "３３０１０２００１００１"),
        (Level.COMPOUND, "桂花苑"),
        (Level.BUILDING, "x" * 41),
    ],
)
def test_bad_codes_are_told_in_chinese(level, code):
    assert "码" in (rules.code_flaw(level, code) or "")


def test_the_parents_code_is_read_out_of_a_division_code():
    assert rules.implied_parent_code(Level.COMMUNITY, "330102001003") == "330102001000"
    assert rules.implied_parent_code(Level.STREET, "330102001000") == "330102000000"
    assert rules.implied_parent_code(Level.COMPOUND, "330102001003007") == "330102001003"
    assert rules.implied_parent_code(Level.BUILDING, "330102001003007-1") is None


def test_a_code_that_does_not_continue_its_parents_is_only_a_misfit():
    assert rules.code_misfit(Level.COMMUNITY, "330199009001", "330102001000")
    assert rules.code_misfit(Level.COMMUNITY, "330102001001", "330102001000") is None


@pytest.mark.parametrize("name", ["", "   ", "好" * 61, "桂花\u200b苑", "桂花\n苑"])
def test_bad_names_are_told(name):
    assert rules.name_flaw(name)


def test_an_address_begins_at_the_compound_and_the_public_one_ends_at_the_building():
    community = rules.naming(Level.COMMUNITY, "桂花社区", None)
    compound = rules.naming(Level.COMPOUND, "桂花苑", community)
    building = rules.naming(Level.BUILDING, "3幢", compound)
    unit = rules.naming(Level.UNIT, "2单元", building)
    dwelling = rules.naming(Level.DWELLING, "301室", unit)

    assert compound == Naming("桂花苑", "桂花苑", "桂花苑", "guihuayuan", "ghy")
    assert (unit.label, unit.public_label) == ("桂花苑 3幢 2单元", "桂花苑 3幢")
    assert unit.initials == "ghy3z2dy"
    assert (dwelling.label, dwelling.public_label) == ("桂花苑 3幢 2单元 301室", "桂花苑 3幢")
    assert dwelling.searched is None


def test_a_building_outside_any_compound_begins_at_its_community():
    community = rules.naming(Level.COMMUNITY, "桂花社区", None)

    assert rules.naming(Level.BUILDING, "沿街楼", community).label == "桂花社区 沿街楼"


def test_buildings_sort_as_people_count():
    names = ["10幢", "2幢", "1幢", "２幢甲"]

    assert sorted(names, key=rules.sort_key) == ["1幢", "2幢", "２幢甲", "10幢"]


@given(st.text(max_size=40))
def test_sorting_and_folding_take_any_text(text):
    assert isinstance(rules.sort_key(text), str)
    assert not any(letter.isspace() for letter in rules.searchable(text))


def test_scenes_are_ten_plain_letters_and_differ():
    scenes = {rules.new_scene() for _ in range(500)}

    assert len(scenes) == 500
    assert all(rules.read_scene(scene.lower() + " ") == scene for scene in scenes)
    assert not any(letter in scene for scene in scenes for letter in "01IO")


@pytest.mark.parametrize("text", ["", "ABC", "ABCDEFGHJ0", "ABCDEFGHJKL", "桂花苑桂花苑桂花苑花"])
def test_what_cannot_be_a_scene_is_none(text):
    assert rules.read_scene(text) is None


def test_a_spots_nodes_are_its_places_and_its_grid():
    district, community, grid, facility = (new_id() for _ in range(4))
    spot = Spot(
        district_id=district,
        community_id=community,
        grid_id=grid,
        facility_id=facility,
        label="",
        public_label="",
        why="",
    )

    assert spot.nodes == {district, community, grid}
    assert spot.place_id == community
