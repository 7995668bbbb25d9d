"""The catalogue file: every number is kept, every wrong line is told."""

import csv

import pytest

from app.catalog import rows, service
from tests.make.catalog import shipped_lines, with_cells

KEPT_AS_WRITTEN = (
    "kind",
    "accuses",
    "default_party",
    "urgency",
    "calendar",
    "accept_by",
    "respond_by",
    "resolve_by",
    "confirm_within",
    "prov_accept",
    "prov_respond",
    "prov_resolve",
    "source_note",
)


def problems(lines, **options):
    return [(p.line, p.column) for p in rows.check(lines, **options).problems]


def test_the_shipped_file_is_whole_and_right():
    checked = rows.check(shipped_lines())

    assert checked.problems == ()
    assert len(checked.rows) == 83
    assert len({row.group_code for row in checked.rows}) == 14


def test_every_cell_of_the_shipped_file_is_kept():
    with service.SHIPPED.open(encoding="utf-8-sig", newline="") as file:
        told = {cells["code"]: cells for cells in csv.DictReader(file)}

    kept = {row.code: row for row in rows.check(shipped_lines()).rows}

    assert kept.keys() == told.keys()
    for code, cells in told.items():
        row = kept[code]
        for column in KEPT_AS_WRITTEN:
            assert getattr(row, column) == cells[column].strip(), (code, column)
        assert (str(row.start_tier), str(row.ceiling_tier)) == (
            cells["start_tier"],
            cells["ceiling_tier"],
        )
        assert row.anonymous_ok == (cells["anonymous_ok"] == "Y")
        assert row.callback_phone_required == (cells["callback_phone"] == "required")


def test_the_accused_is_dropped_from_those_who_join_and_it_is_said():
    checked = rows.check(shipped_lines())
    fund = next(row for row in checked.rows if row.code == "FIN-FUND")

    assert fund.co_parties == ("property",)
    assert {notice.column for notice in checked.notices} == {"co_parties"}
    assert len(checked.notices) == 2


def test_work_at_home_and_photos_follow_from_the_category():
    by_code = {row.code: row for row in rows.check(shipped_lines()).rows}

    at_home = {code for code, row in by_code.items() if row.in_home}

    assert at_home == {"WPE-HOMEPLMB", "BLD-HOMEMINOR", "BLD-NBRLEAK", "BLD-WARRANTY"}
    assert by_code["WPE-LIGHT"].photo_on_resolve
    assert by_code["ENV-CLEAN"].photo_on_resolve
    assert by_code["NBR-STALL"].photo_on_resolve
    assert not by_code["SVC-ATTITUDE"].photo_on_resolve
    assert not by_code["HLP-ELDER"].photo_on_resolve


def test_a_file_may_say_itself_what_would_follow():
    lines = [
        (
            line,
            {
                **cells,
                "in_home": "",
                "photo_on_resolve": "N" if cells["code"] == "WPE-LIGHT" else "",
            },
        )
        for line, cells in shipped_lines()
    ]

    by_code = {row.code: row for row in rows.check(lines).rows}

    assert not by_code["WPE-LIGHT"].photo_on_resolve
    assert by_code["ENV-CLEAN"].photo_on_resolve


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"urgency": "P9"}, "urgency"),
        ({"accept_by": "2x"}, "accept_by"),
        ({"resolve_by": ""}, "resolve_by"),
        ({"calendar": "night"}, "calendar"),
        ({"default_party": "mayor"}, "default_party"),
        ({"co_parties": "property;mayor"}, "co_parties"),
        ({"kind": "wish"}, "kind"),
        ({"accuses": "mayor"}, "accuses"),
        ({"start_tier": "x"}, "start_tier"),
        ({"start_tier": "2"}, "ceiling_tier"),
        ({"anonymous_ok": "yes"}, "anonymous_ok"),
        ({"callback_phone": "Y"}, "callback_phone"),
        ({"prov_accept": "Q"}, "prov_accept"),
        ({"name_zh": ""}, "name_zh"),
        ({"l1_code": "EMG"}, "code"),
        ({"accuses": "property"}, "default_party"),
        ({"urgency": "P0"}, "calendar"),
        ({"callback_phone": "optional", "urgency": "P0", "calendar": "24x7"}, "accept_by"),
    ],
)
def test_a_wrong_cell_is_told_by_line_and_column(cells, column):
    line = next(line for line, told in shipped_lines() if told["code"] == "WPE-LIGHT")

    assert (line, column) in problems(with_cells("WPE-LIGHT", **cells))


def test_all_errors_of_all_lines_are_told_at_once():
    lines = shipped_lines()
    lines[3] = (lines[3][0], {**lines[3][1], "urgency": "P9", "accept_by": "soon"})
    lines[70] = (lines[70][0], {**lines[70][1], "calendar": "moon"})

    assert problems(lines) == [
        (lines[3][0], "urgency"),
        (lines[3][0], "accept_by"),
        (lines[70][0], "calendar"),
    ]


def test_a_code_stands_once_and_a_retired_one_never_again():
    lines = shipped_lines()

    assert problems([*lines, (85, lines[0][1])]) == [(85, "code")]
    assert problems(lines, retired=["WPE-LIGHT"]) != []


def test_a_group_has_one_name():
    lines = with_cells("EMG-FIRE", l1_zh="别的名字")

    assert problems(lines) == [(3, "l1_zh")]


@pytest.mark.parametrize("text", ["", "\ufeff", "code,name\nWPE-LIGHT,灯\n"])
def test_a_file_that_is_no_catalogue_is_one_clear_problem(text):
    assert problems(rows.read_csv(text)) == [(1, "header")]


def test_unknown_columns_and_too_many_cells_are_told():
    header = ",".join([*rows.COLUMNS, "colour"])
    line = ",".join([*shipped_lines()[0][1].values(), "red", "blue"]).replace("Law says", "")
    lines = rows.read_csv(f"{header}\n{line}\n")

    assert (1, "colour") in problems(lines)
    assert (2, rows.BEYOND) in problems(lines)
