"""Which grid holds a point: the stated rule against brute force, in any order of rows."""

import random
import time
from math import cos, hypot, radians

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from app.kernel.ids import new_id
from app.territory.atlas import EDGE_M, GAP_M, Atlas, CompoundView, GridView
from app.territory.datum import Datum, LatLon, to_gcj
from app.territory.geometry import Area, read_area
from tests.make.territory import at, box, boxes, ring

DISTRICT, STREET, HERE, THERE = (new_id() for _ in range(4))


def area(geometry):
    read = read_area(geometry, Datum.GCJ02)
    assert isinstance(read, Area), read
    return read


def grid(code, geometry, community=HERE):
    drawn = area(geometry)
    view = GridView(
        id=new_id(),
        code=code,
        name=f"{code}网格",
        district_id=DISTRICT,
        street_id=STREET,
        community_id=community,
        community_label="桂花社区",
        area_m2=drawn.area_m2,
    )
    return view, drawn.shape


def compound(code, geometry, community=HERE):
    drawn = area(geometry)
    view = CompoundView(
        id=new_id(),
        code=code,
        label=f"{code}苑",
        district_id=DISTRICT,
        street_id=STREET,
        community_id=community,
        area_m2=drawn.area_m2,
        management_mode="professional",
    )
    return view, drawn.shape


def point(x, y):
    return LatLon(*at(x, y))


def code_at(atlas, x, y, community=None):
    found = atlas.grid_at(point(x, y), community)
    return found.grid.code if found.grid else None


def brute_force(entries, spot):
    """Say the same rule once more, slowly and with shapely's own distances."""
    scale = 111_320.0 * cos(radians(spot.lat))

    def away(shape):
        near = shapely.shortest_line(shape, shapely.Point(spot.lon, spot.lat))
        (x0, y0), (x1, y1) = near.coords
        return hypot((x1 - x0) * scale, (y1 - y0) * 111_320.0)

    known = [(away(shape), view.area_m2, view.code) for view, shape in entries]
    inside = sorted((size, code) for far, size, code in known if far <= EDGE_M)
    if inside:
        return inside[0][1]
    near = sorted((round(far, 2), size, code) for far, size, code in known if far <= GAP_M)
    return near[0][2] if near else None


CELLS = st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(1, 4), st.integers(1, 4))
MAPS = st.lists(CELLS, min_size=1, max_size=8)
COORDINATE = st.one_of(
    st.integers(-1, 11).map(float),
    st.floats(-1, 11, allow_nan=False).map(lambda side: round(side, 3)),
)


@given(cells=MAPS, x=COORDINATE, y=COORDINATE, seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_the_tree_agrees_with_brute_force_in_any_order_of_rows(cells, x, y, seed):
    entries = [
        grid(f"G{number:02d}", box(left, low, left + wide, low + high))
        for number, (left, low, wide, high) in enumerate(cells)
    ]
    shuffled = random.Random(seed).sample(entries, len(entries))  # noqa: S311

    answers = {code_at(Atlas(order, ()), x, y) for order in (entries, shuffled)}

    edge = {brute_force(entries, point(x + dx, y)) for dx in (0, 1e-6, -1e-6)}
    assert len(answers) == 1
    assert answers <= edge


def test_a_shared_edge_belongs_to_the_smaller_grid_then_to_the_lower_code():
    small, large, twin = (
        grid("C", box(0, 0, 1, 1)),
        grid("A", box(1, 0, 3, 1)),
        grid("B", box(0, 1, 1, 2)),
    )
    atlas = Atlas([large, small, twin], ())

    assert code_at(atlas, 1, 0.5) == "C"
    assert code_at(atlas, 0.5, 1) == "B"
    assert "交界" in atlas.grid_at(point(1, 0.5)).why


def test_within_half_a_metre_of_an_edge_both_grids_count():
    atlas = Atlas([grid("A", box(0, 0, 1, 1)), grid("B", box(1, 0, 3, 1))], ())

    assert code_at(atlas, 1.003, 0.5) == "A"
    assert code_at(atlas, 1.008, 0.5) == "B"


def test_an_overlap_belongs_to_the_smaller_grid():
    atlas = Atlas([grid("A", box(0, 0, 4, 4)), grid("B", box(1, 1, 2, 2))], ())

    assert code_at(atlas, 1.5, 1.5) == "B"
    assert code_at(atlas, 3, 3) == "A"


def test_a_hole_is_outside_and_may_be_another_grids():
    ringed = grid("A", box(0, 0, 6, 6, ring(2, 2, 4, 4)))
    core = grid("B", box(2, 2, 4, 4))

    assert code_at(Atlas([ringed], ()), 3, 3) is None
    assert code_at(Atlas([ringed, core], ()), 3, 3) == "B"
    assert code_at(Atlas([ringed, core], ()), 1, 1) == "A"


def test_a_grid_of_two_parts_holds_both_and_not_what_is_between():
    atlas = Atlas([grid("A", boxes((0, 0, 1, 1), (4, 0, 5, 1)))], ())

    assert [code_at(atlas, x, 0.5) for x in (0.5, 4.5, 2.5)] == ["A", "A", None]


def test_a_gap_belongs_to_the_nearest_grid_up_to_fifty_metres():
    atlas = Atlas([grid("A", box(0, 0, 1, 1)), grid("B", box(1.4, 0, 3, 1))], ())

    assert code_at(atlas, 1.1, 0.5) == "A"
    assert code_at(atlas, 1.3, 0.5) == "B"
    assert "最近" in atlas.grid_at(point(1.1, 0.5)).why
    assert code_at(atlas, 0.5, 1.4) == "A"
    assert code_at(atlas, 0.5, 1.5) is None
    assert atlas.spot(point(0.5, 1.5)) is None


def test_the_middle_of_a_gap_belongs_to_the_smaller_grid():
    atlas = Atlas([grid("A", box(1.4, 0, 3, 1)), grid("Z", box(0, 0, 1, 1))], ())

    assert code_at(atlas, 1.2, 0.5) == "Z"


def test_a_grid_of_another_community_does_not_answer_for_this_one():
    atlas = Atlas([grid("A", box(0, 0, 1, 1), THERE), grid("B", box(1.2, 0, 2, 1), HERE)], ())

    assert code_at(atlas, 0.9, 0.5, HERE) == "B"
    assert code_at(atlas, 0.9, 0.5) == "A"


def test_a_point_knows_its_compound_by_the_compounds_own_boundary():
    atlas = Atlas(
        [grid("A", box(0, 0, 4, 4))],
        [compound("桂花", box(0, 0, 1, 1)), compound("梧桐", box(2, 2, 3, 3))],
    )

    inside, between = atlas.spot(point(2.5, 2.5)), atlas.spot(point(1.5, 1.5))

    assert inside is not None
    assert between is not None
    assert inside.label == "梧桐苑"
    assert inside.management_mode == "professional"
    assert (between.compound_id, between.label) == (None, "桂花社区（地图位置）")
    assert between.grid_id == inside.grid_id


def test_one_compound_split_by_two_grids_keeps_its_name_in_both():
    west, east = grid("A", box(0, 0, 1, 2)), grid("B", box(1, 0, 2, 2))
    split = compound("桂花", box(0.5, 0.5, 1.5, 1.5))
    atlas = Atlas([west, east], [split])

    spots = [atlas.spot(point(x, 1)) for x in (0.7, 1.3)]

    assert [spot and spot.grid_id for spot in spots] == [west[0].id, east[0].id]
    assert {spot and spot.compound_id for spot in spots} == {split[0].id}
    assert atlas.grid_of_compound(split[0].id, HERE, None).grid is None


def test_a_compound_whose_rim_crosses_a_grid_a_little_is_not_split():
    west, east = grid("A", box(0, 0, 1, 2)), grid("B", box(1, 0, 2, 2))
    atlas = Atlas([west, east], [compound("桂花", box(0, 0, 1.004, 1))])

    found = atlas.grid_of_compound(atlas.compounds.views[0].id, HERE, None)

    assert found.grid is west[0]


def test_a_point_of_a_compound_in_a_gap_takes_the_compounds_grid():
    atlas = Atlas([grid("A", box(0, 0, 1, 1))], [compound("桂花", box(0, 0, 3, 1))])

    spot = atlas.spot(point(2.9, 0.5))

    assert spot is not None
    assert spot.grid_id == atlas.grids.views[0].id
    assert spot.label == "桂花苑"


def test_a_compound_without_any_grid_still_tells_its_community():
    atlas = Atlas([], [compound("桂花", box(0, 0, 3, 1))])

    spot = atlas.spot(point(1, 0.5))

    assert spot is not None
    assert (spot.grid_id, spot.community_id) == (None, HERE)


def test_a_compound_of_another_community_does_not_overrule_the_grid():
    atlas = Atlas([grid("A", box(0, 0, 2, 2))], [compound("梧桐", box(0, 0, 2, 2), THERE)])

    spot = atlas.spot(point(1, 1))

    assert spot is not None
    assert (spot.community_id, spot.compound_id) == (HERE, None)


def test_an_empty_map_holds_nothing():
    assert Atlas([], []).spot(point(0, 0)) is None


@given(x=st.floats(0.01, 2.99), y=st.floats(0.01, 0.99))
@settings(max_examples=100, deadline=None)
def test_a_point_in_a_tiled_map_always_has_a_grid_in_every_datum(x, y):
    tiles = [box(left, 0, left + 1, 1) for left in range(3)]
    drawn = [read_area(tile, Datum.WGS84) for tile in tiles]
    views = [
        (grid(f"G{number}", tile)[0], drawn[number].shape) for number, tile in enumerate(tiles)
    ]
    atlas = Atlas(views, ())
    lat, lon = at(x, y)

    from_wgs = atlas.grid_at(to_gcj(LatLon(lat, lon), Datum.WGS84))

    assert from_wgs.grid is not None
    if min(abs(x - edge) for edge in range(4)) > 0.01:
        assert from_wgs.grid.code == f"G{int(x)}"


def test_ties_of_equal_areas_are_broken_by_code_whatever_comes_first():
    one, other = grid("A", box(0, 0, 1, 1)), grid("B", box(0, 0, 1, 1))

    assert code_at(Atlas([one, other], ()), 0.5, 0.5) == "A"
    assert code_at(Atlas([other, one], ()), 0.5, 0.5) == "A"


def test_a_city_of_grids_answers_fast():
    count = 2000
    side = int(count**0.5)
    atlas = Atlas(
        (
            grid(f"G{n:05d}", box(n % side, n // side, n % side + 1, n // side + 1))
            for n in range(count)
        ),
        (),
    )
    spots = [point(random.random() * side, random.random() * side) for _ in range(300)]  # noqa: S311

    begin = time.perf_counter()
    for spot in spots:
        atlas.spot(spot)
    each = (time.perf_counter() - begin) / len(spots)

    assert each < 0.005
