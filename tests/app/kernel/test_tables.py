"""Tables: read as people save them, written so that nothing runs."""

import csv
import io
import zipfile
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from app.kernel import tables
from app.kernel.errors import Invalid, TooLarge
from app.kernel.tables import Limits, neutral

TEXT = "名称,编号\n桂花苑,001\n\n松涛园, 002 \n"
ROWS = [(2, {"名称": "桂花苑", "编号": "001"}), (4, {"名称": "松涛园", "编号": "002"})]


def xlsx(*rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_is_read_however_it_was_saved(encoding):
    assert tables.read(TEXT.encode(encoding)) == ROWS


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_delimiters_and_line_ends_are_found_out(delimiter, line_end):
    text = TEXT.replace(",", delimiter).replace("\n", line_end)

    assert tables.read(text.encode()) == ROWS


def test_an_xlsx_is_read_as_text():
    content = xlsx(
        ["名称", "编号", "日期"], ["桂花苑", 1.0, date(2026, 11, 16)], [None], ["松涛园", 2.5]
    )

    assert tables.read(content) == [
        (2, {"名称": "桂花苑", "编号": "1", "日期": "2026-11-16 00:00:00"}),
        (4, {"名称": "松涛园", "编号": "2.5", "日期": ""}),
    ]


def test_a_line_break_in_a_cell_keeps_the_line_numbers():
    assert tables.read(b'a,b\n"x\ny",1\nz,2\n') == [
        (2, {"a": "x\ny", "b": "1"}),
        (4, {"a": "z", "b": "2"}),
    ]


BAD = {
    "nothing": b"",
    "blank": b"\n \n",
    "bytes": b"\xff\x00\xfe\x01\x80",
    "twice": b"a,a\n1,2\n",
    "wide row": b"a,b\n1,2,3\n",
    "quotes": b'a,b\n"x"y,2\n',
    "not a package": b"PK\x03\x04nonsense",
    "long cell": b"a\n" + b"x" * 6000 + b"\n",
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD.keys())
def test_what_is_not_a_table_is_refused_with_its_line(content):
    with pytest.raises(Invalid) as refusal:
        tables.read(content)

    assert refusal.value.code == "bad_table"
    assert all(line.isdigit() for line in refusal.value.errors)


def test_every_bad_line_is_named():
    with pytest.raises(Invalid) as refusal:
        tables.read(b"a,b\n1,2,3\n1,2\n1,2,3\n")

    assert list(refusal.value.errors) == ["2", "4"]


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (TEXT.encode(), Limits(octets=10)),
        (TEXT.encode(), Limits(rows=1)),
        (TEXT.encode(), Limits(columns=1)),
        (xlsx(["a", "b"], [1, 2]), Limits(columns=1)),
        (xlsx(["a"], [1], [2]), Limits(rows=1)),
    ],
)
def test_a_table_too_large_is_refused(content, limits):
    with pytest.raises(TooLarge):
        tables.read(content, limits)


def package(**parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out.getvalue()


def test_a_package_that_unpacks_to_too_much_is_refused():
    with pytest.raises(TooLarge):
        tables.read(package(sheet=b"0" * (65 * 1024 * 1024)))


def test_a_package_that_declares_entities_is_refused():
    content = package(sheet=b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>')

    with pytest.raises(Invalid):
        tables.read(content)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    try:
        rows = tables.read(content)
    except (Invalid, TooLarge):
        return

    assert all(line >= 1 for line, _ in rows)


FORMULAS = [
    "=1+1",
    '=HYPERLINK("//x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "\x00=1",
    "\x1b=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    "　=1",
    "|cmd",
    "%0A",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_nothing_starts_like_a_formula(text):
    assert neutral(text).startswith("'")


@pytest.mark.parametrize("text", ["桂花苑 3幢", "a=b", "3-2-501", "", "   ", "'x", "（-1）"])
def test_ordinary_words_stay_as_they_are(text):
    assert neutral(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-5, "-5"),
        (-1.5, "-1.5"),
        (3.0, "3"),
        (None, ""),
        (True, "是"),
        (datetime(2026, 11, 16, 2, tzinfo=UTC), "2026-11-16 10:00:00"),
        ("a\x07b\ud800", "ab"),
        ("字" * 40_000, "字" * 31_999 + "…"),
    ],
)
def test_values_are_written_as_people_read_them(value, shown):
    assert neutral(value) == shown


@pytest.mark.parametrize("text", FORMULAS)
def test_a_csv_holds_nothing_that_runs(text):
    content = tables.to_csv(["名称", text], [[text, "桂花苑\n=1"]])

    assert content.startswith(b"\xef\xbb\xbf")
    for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
        assert all(cell[:1] not in "=+-@＝＋－＠\t\r\n" for cell in row if cell)


@pytest.mark.parametrize("text", FORMULAS)
def test_an_xlsx_holds_text_alone(text):
    content = tables.to_xlsx(["名称"], [[text], [5]], title="a/b[c]:" + "长" * 40)

    sheet = load_workbook(io.BytesIO(content)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    assert sheet["A2"].value.startswith("'")


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_what_is_written_can_be_read_again(rows):
    headings = ["甲", "乙"]

    for content in (tables.to_csv(headings, rows), tables.to_xlsx(headings, rows)):
        read = tables.read(content)
        assert len(read) <= len(rows)
        assert all(set(cells) == {"甲", "乙"} for _, cells in read)
