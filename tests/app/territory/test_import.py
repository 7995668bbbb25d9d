"""Imports: every bad row by its line, all or nothing, the same report dry or real."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from app.kernel import stamps
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.territory import plan, queries, service
from app.territory.models import Grid, Place
from app.territory.plan import KnownPlace
from app.territory.rules import Datum, Level, ManagementMode
from tests.make import territory as make

pytestmark = pytest.mark.usefixtures("app")

HEADINGS = ("级别", "编码", "名称", "上级编码", "纬度", "经度", "坐标系", "管理模式", "户数")


def rows(*lines):
    """Number rows of cells from line 2 on, as under a heading."""
    return [
        (number, dict(zip(HEADINGS, [*line, *[""] * (len(HEADINGS) - len(line))], strict=True)))
        for number, line in enumerate(lines, start=2)
    ]


GOOD = rows(
    ("县", "330196000000", "青山县"),
    ("镇", "330196100000", "白水镇", "330196000000"),
    ("社区", "330196100001", "桃园社区"),
    ("房屋", "", "101室", "H1"),
    ("小区", "C1", "桃园里", "330196100001", "30.1", "120.2", "WGS-84", "业主自管", "88"),
    ("楼栋", "H1", "1幢", "C1"),
)


def count(model) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def bring(lines, *, dry_run=False, actor=SYSTEM):
    if dry_run:
        return service.import_tree(actor, lines, dry_run=True)
    with unit_of_work():
        return service.import_tree(actor, lines, dry_run=False)


def test_a_good_tree_is_brought_in_whatever_the_order_of_its_rows():
    make.town()

    report = bring(GOOD)

    assert (report.rows, report.added, report.errors, report.applied) == (6, 6, (), True)
    compound = queries.search("桃园里")[0]
    assert queries.place(compound.id).datum is Datum.WGS84
    profile = queries.compound_profile(compound.id)
    assert (profile.management_mode, profile.households) == (ManagementMode.SELF_MANAGED, 88)
    assert count(Place) == 9 + 6


def test_an_import_may_be_repeated():
    make.town()
    bring(GOOD[:3])

    again = bring(GOOD[:3])

    assert (again.added, again.unchanged, again.errors) == (0, 3, ())


def test_a_dry_run_reports_the_same_and_changes_nothing():
    make.town()
    before = count(Place), stamps.version("territory")

    report = bring(GOOD, dry_run=True)

    assert (report.added, report.applied, report.dry_run) == (6, False, True)
    assert (count(Place), stamps.version("territory")) == before
    assert not session.new
    assert not session.dirty


BAD = rows(
    ("省", "330196000000", "青山省"),
    ("县", "3301960000", "青山县"),
    ("街道", "330199003000", "南街", "330199000000"),
    ("街道", "330199003000", "北街", "330199000000"),
    ("社区", "330199001009", "", "330199001000"),
    ("小区", "C9", "孤苑", "330199009009"),
    ("小区", "C8", "错苑", "330199001000"),
    ("小区", "", "桂花苑", "330199001001"),
    ("小区", "C7", "远苑", "330199001001", "51.5", "-0.1", "WGS-84"),
    ("小区", "C6", "反苑", "330199001001", "120.1", "30.1", "GCJ-02"),
    ("小区", "C5", "无系苑", "330199001001", "30.1", "120.1", ""),
    ("小区", "C4", "怪苑", "330199001001", "三十", "120.1", "百度", "不知道", "很多"),
    ("楼栋", "C6", "一幢", "C6"),
    ("小区", "C3", "好苑", "330199001001"),
    ("小区", "C2", "好苑", "330199001001"),
    ("社区", "330199001002", "别的社区", "330199001000"),
    ("街道", "", "", ""),
    ("", "", "", ""),
)


def test_every_bad_row_is_told_by_its_line_and_nothing_changes():
    make.town()
    before = count(Place)

    dry = bring(BAD, dry_run=True)
    real = bring(BAD)

    told = {(problem.line, problem.code) for problem in real.errors}
    assert told == {
        (2, "bad_level"),
        (3, "bad_code"),
        (5, "duplicate_code"),
        (6, "bad_name"),
        (7, "missing_parent"),
        (8, "wrong_level_order"),
        (9, "duplicate_name"),
        (10, "out_of_range"),
        (11, "out_of_range"),
        (12, "bad_datum"),
        (13, "bad_coordinates"),
        (13, "bad_mode"),
        (13, "bad_number"),
        (14, "duplicate_code"),
        (16, "duplicate_name"),
        (17, "code_taken"),
        (18, "bad_name"),
        (18, "bad_code"),
        (18, "missing_parent"),
    }
    assert dry.errors == real.errors
    assert (real.applied, count(Place)) == (False, before)


def test_a_code_that_does_not_continue_its_parents_is_a_warning():
    make.town()

    report = bring(rows(("社区", "330188001001", "开发区社区", "330199001000")))

    assert [(one.line, one.code) for one in report.warnings] == [(2, "code_misfit")]
    assert report.applied


def test_missing_columns_are_told_once():
    make.town()

    report = bring([(2, {"级别": "县", "编码": "1"}), (3, {"级别": "县", "编码": "2"})])

    assert [(one.line, one.code) for one in report.errors] == [(2, "missing_column")]
    assert [one.code for one in bring([]).errors] == ["no_rows"]


def test_levels_may_be_written_with_names_of_this_house():
    town = make.town()
    with unit_of_work():
        service.name_level(SYSTEM, Level.STREET, "苏木")

    report = bring(rows(("苏木", "330199200000", "北苏木", "330199000000")))

    assert report.applied
    assert queries.search("北苏木")[0].level is Level.STREET
    assert queries.children(town.district).items[0].parent_id == town.district


def test_english_headings_do_as_well():
    make.town()
    line = {"level": "community", "code": "330199001005", "name": "新社区", "parent": ""}

    assert bring([(2, line)]).applied


def test_an_editor_imports_into_the_own_street_only():
    town = make.town()
    mine = rows(("社区", "330199001005", "新社区"))
    theirs = rows(("街道", "330198001000", "远街道"))

    assert bring(mine, actor=make.editor(town.street)).applied
    for lines, dry_run in ((theirs, False), (theirs, True), (GOOD, True)):
        with pytest.raises(Forbidden):
            bring(lines, actor=make.editor(town.street), dry_run=dry_run)


CELL = st.sampled_from(
    ["", "区", "街道", "社区", "小区", "楼", "330199001001", "330199001000", "A", "甲"]
)


@given(st.lists(st.tuples(*[CELL] * 4), max_size=6))
@settings(max_examples=150, deadline=None)
def test_any_rows_are_judged_without_a_crash_and_good_drafts_have_parents(lines):
    home = KnownPlace(new_id(), Level.COMMUNITY, "社区", None)
    read = plan.read_rows(rows(*lines), plan.LEVEL_WORDS)

    made = plan.plan_tree(read, {"330199001001": home}, set())

    planned = {home.id} | {draft.id for draft in made.drafts}
    assert len(made.drafts) + made.unchanged <= len(read)
    if not made.errors:
        assert {draft.parent_id for draft in made.drafts} - {None} <= planned


# --- grids


def bring_grids(text, *, dry_run=False, actor=SYSTEM, datum=Datum.GCJ02):
    if dry_run:
        return service.import_grids(actor, text, datum=datum, dry_run=True)
    with unit_of_work():
        return service.import_grids(actor, text, datum=datum, dry_run=False)


def test_grids_are_brought_in_redrawn_and_left_alone():
    make.town()
    first = make.feature(make.box(0, 0, 1, 1), "G1")
    second = make.feature(make.box(1, 0, 2, 1), "G2", "330199001002")

    new = bring_grids(make.collection(first, second))
    moved = make.feature(make.boxes((0, 0, 1, 1), (0, 2, 1, 3)), "G1")
    again = bring_grids(make.collection(moved, second))

    assert (new.added, new.applied, new.warnings) == (2, True, ())
    assert (again.added, again.changed, again.unchanged) == (0, 1, 1)
    assert queries.spot_at(*make.at(0.5, 2.5), Datum.GCJ02).community_id is not None
    assert count(Grid) == 2


def test_a_dry_run_of_grids_changes_nothing():
    make.town()
    before = stamps.version("territory")

    report = bring_grids(make.collection(make.feature(make.box(0, 0, 1, 1), "G1")), dry_run=True)

    assert (report.added, report.applied) == (1, False)
    assert (count(Grid), stamps.version("territory")) == (0, before)


def test_every_bad_grid_is_told_by_its_line_and_nothing_changes():
    town = make.town()
    make.grid(town.neighbour, "OLD", make.box(8, 8, 9, 9))
    bow = {"type": "Polygon", "coordinates": [make.ring(0, 0, 1, 1)]}
    bow["coordinates"][0][1:3] = bow["coordinates"][0][2:0:-1]
    swapped = [[[lat, lon] for lon, lat in make.ring(0, 0, 1, 1)]]
    text = make.collection(
        make.feature(make.box(0, 0, 1, 1), "G1"),
        make.feature(make.box(1, 0, 2, 1), "G1", name="二格"),
        make.feature(make.box(1, 0, 2, 1), "", name="三格"),
        make.feature(make.box(1, 0, 2, 1), "G4", "330199001000", name=" "),
        make.feature(bow, "G5"),
        make.feature({"type": "Polygon", "coordinates": [make.ring(0, 0, 1, 1)[:4]]}, "G6"),
        make.feature({"type": "Polygon", "coordinates": swapped}, "G7"),
        make.feature(make.box(1, 0, 2, 1), "OLD"),
        make.feature(make.box(2, 0, 3, 1), "G9", name="G1网格"),
        {"type": "Feature"},
    )

    dry, real = bring_grids(text, dry_run=True), bring_grids(text)

    assert [(one.line, one.code) for one in real.errors] == [
        (4, "duplicate_code"),
        (5, "bad_code"),
        (6, "bad_name"),
        (6, "missing_community"),
        (7, "invalid_polygon"),
        (8, "open_ring"),
        (9, "out_of_range"),
        (10, "code_taken"),
        (11, "duplicate_name"),
        (12, "bad_name"),
        (12, "bad_code"),
        (12, "missing_community"),
        (12, "bad_geometry"),
    ]
    assert dry.errors == real.errors
    assert "写反" in next(one.words for one in real.errors if one.line == 9)
    assert (real.applied, count(Grid)) == (False, 1)


def test_overlaps_are_warnings_and_shared_edges_are_not():
    town = make.town()
    make.grid(town.neighbour, "OLD", make.box(2, 0, 3, 1))
    text = make.collection(
        make.feature(make.box(0, 0, 1, 1), "G1"),
        make.feature(make.box(1, 0, 2, 1), "G2"),
        make.feature(make.box(0.5, 0, 1, 1), "G3"),
        make.feature(make.box(2.5, 0, 4, 1), "G4"),
    )

    report = bring_grids(text)

    assert [(one.line, one.code) for one in report.warnings] == [(5, "overlap"), (6, "overlap")]
    assert "OLD网格" in report.warnings[1].words
    assert report.applied
    assert "重叠" in queries.spot_at(*make.at(0.75, 0.5), Datum.GCJ02).why


def test_a_file_that_is_no_map_is_one_error():
    make.town()

    for text in ("", "{}", "[1]"):
        report = bring_grids(text)
        assert len(report.errors) == 1
        assert not report.applied


def test_grids_are_imported_where_one_may_edit_only():
    town = make.town()
    text = make.collection(make.feature(make.box(0, 0, 1, 1), "G1"))

    with pytest.raises(Forbidden):
        bring_grids(text, actor=make.editor(town.neighbour), dry_run=True)
    assert bring_grids(text, actor=make.editor(town.community)).applied
