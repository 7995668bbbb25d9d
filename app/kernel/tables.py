"""Tables in and out: CSV and XLSX, with what is unsafe taken away.

Reading answers (line number, {heading: text}) rows; every value is text. Writing
neutralises what a spreadsheet would run as a formula.
"""

import csv
import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.utils.exceptions import InvalidFileException

from app.kernel.clock import SHANGHAI
from app.kernel.errors import Invalid, TooLarge

Row = tuple[int, dict[str, str]]

XLSX_MAGIC = b"PK\x03\x04"
MAX_CELL_OUT = 32_000
_MAX_UNPACKED = 64 * 1024 * 1024
_MAX_PARTS = 200
_DELIMITERS = ",\t;"

_DROPPED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# Signs that start a formula in some spreadsheet, and their full-width twins.
_FORMULA = frozenset("=+-@\t\r\n＝＋－＠|%")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a table may be."""

    octets: int = 8 * 1024 * 1024
    rows: int = 20_000
    columns: int = 100
    cell: int = 5_000


def read(content: bytes, limits: Limits = Limits()) -> list[Row]:
    """Read a CSV or XLSX table; the first row that is not empty holds the headings.

    Empty rows are left out. Line numbers are those a person sees.

    Raises:
        TooLarge: more bytes, rows or columns than are taken.
        Invalid: not a table (code ``bad_table``); ``errors`` names the lines.

    """
    if len(content) > limits.octets:
        raise TooLarge(code="table_too_large")
    lines = _xlsx_lines(content, limits) if content.startswith(XLSX_MAGIC) else _csv_lines(content)
    return _with_headings(lines, limits)


def to_csv(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write UTF-8 CSV with a byte order mark, every cell quoted and neutralised."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in (headings, *rows):
        writer.writerow([neutral(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(headings: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str = "表") -> bytes:
    """Write an XLSX sheet of text cells, neutralised."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", _DROPPED.sub("", title))[:31] or "表")
    for row in (headings, *rows):
        sheet.append([_text_cell(sheet, value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def neutral(value: Any) -> str:
    """Write ``value`` as text that no spreadsheet runs.

    An apostrophe goes before what starts like a formula, invisible signs and
    spaces skipped; numbers proper stay as they are.
    """
    text = _said(value)
    if isinstance(value, int | float):
        return text
    text = _DROPPED.sub("", text)
    shown = (sign for sign in text if sign in _FORMULA or not _is_blank(sign))
    return f"'{text}" if next(shown, "") in _FORMULA else text


def _is_blank(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) == "Cf"


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, datetime):
        local = value.astimezone(SHANGHAI) if value.tzinfo else value
        return local.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return str(int(value))
    text = str(value)
    return text if len(text) <= MAX_CELL_OUT else text[: MAX_CELL_OUT - 1] + "…"


def _text_cell(sheet: Any, value: Any) -> Any:
    cell = WriteOnlyCell(sheet, value=neutral(value))
    cell.data_type = "s"
    cell.number_format = "@"
    return cell


def _csv_lines(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _bad({str(line): ["这一行的引号或分隔不对。"]}) from error
        yield line, cells
        line = reader.line_num + 1


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _bad({"1": ["文字编码认不出来，请存为 UTF-8 的 CSV。"]})


def _delimiter(text: str) -> str:
    head = text.lstrip("\r\n").partition("\n")[0]
    return max(_DELIMITERS, key=head.count)


def _xlsx_lines(content: bytes, limits: Limits) -> Iterator[tuple[int, list[str]]]:
    _check_package(content)
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        try:
            sheet: Any = book.worksheets[0]
            sheet.reset_dimensions()
            for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
                if len(cells) > limits.columns and any(
                    c is not None for c in cells[limits.columns :]
                ):
                    raise TooLarge(code="table_too_wide")
                yield line, [_said(cell) for cell in cells[: limits.columns]]
        finally:
            book.close()
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OSError) as error:
        raise _bad({"1": ["这个文件打不开，请另存为 XLSX 或 CSV。"]}) from error
    except (InvalidFileException, ParseError, zipfile.BadZipFile) as error:
        raise _bad({"1": ["这个文件打不开，请另存为 XLSX 或 CSV。"]}) from error


def _check_package(content: bytes) -> None:
    """Refuse packages that unpack to too much or declare XML entities."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
            if len(parts) > _MAX_PARTS or sum(one.file_size for one in parts) > _MAX_UNPACKED:
                raise TooLarge(code="table_too_large")
            for part in parts:
                with package.open(part) as opened:
                    head = opened.read(4096)
                if b"<!DOCTYPE" in head.replace(b"\x00", b""):
                    raise _bad({"1": ["这个文件打不开，请另存为 XLSX 或 CSV。"]})
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, OSError) as error:
        raise _bad({"1": ["这个文件打不开，请另存为 XLSX 或 CSV。"]}) from error


def _with_headings(lines: Iterable[tuple[int, list[str]]], limits: Limits) -> list[Row]:
    headings: list[str] = []
    rows: list[Row] = []
    wrong: dict[str, list[str]] = {}
    for line, raw in lines:
        cells = [_DROPPED.sub("", cell).strip() for cell in raw]
        if not any(cells):
            continue
        if not headings:
            headings = _headings(line, cells, limits)
            continue
        if len(rows) >= limits.rows:
            raise TooLarge(f"表格最多 {limits.rows} 行。", code="table_too_long")
        if any(len(cell) > limits.cell for cell in cells):
            wrong[str(line)] = [f"有一格超过 {limits.cell} 字。"]
        elif any(cells[len(headings) :]):
            wrong[str(line)] = ["这一行的格数比表头多。"]
        padded = [*cells, *[""] * (len(headings) - len(cells))]
        rows.append((line, {h: c for h, c in zip(headings, padded, strict=False) if h}))
    if wrong:
        raise _bad(wrong)
    if not headings:
        raise _bad({"1": ["表格是空的。"]})
    return rows


def _headings(line: int, cells: list[str], limits: Limits) -> list[str]:
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > limits.columns:
        raise TooLarge(f"表格最多 {limits.columns} 列。", code="table_too_wide")
    named = [cell for cell in cells if cell]
    if len(set(named)) != len(named):
        raise _bad({str(line): ["表头有重名的列。"]})
    return cells


def _bad(errors: dict[str, list[str]]) -> Invalid:
    return Invalid("表格读不了，请按提示修改后再传。", code="bad_table", errors=errors)
