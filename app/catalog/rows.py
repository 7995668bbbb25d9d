"""The catalogue as a file: reading its lines, and telling every one that is wrong.

Apart from ``rules`` because it knows columns, lines and Y/N, which nothing else does.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from app.catalog.rules import (
    ACCUSED_PARTY,
    Accused,
    CategoryView,
    Kind,
    Party,
    Provenance,
    Token,
    Urgency,
    WorkCalendar,
    contradictions,
)

COLUMNS = (
    "l1_code",
    "l1_zh",
    "code",
    "name_zh",
    "name_en",
    "kind",
    "accuses",
    "default_party",
    "co_parties",
    "urgency",
    "calendar",
    "accept_by",
    "respond_by",
    "resolve_by",
    "confirm_within",
    "start_tier",
    "ceiling_tier",
    "anonymous_ok",
    "callback_phone",
    "publishable",
    "sensitive",
    "prov_accept",
    "prov_respond",
    "prov_resolve",
    "source_note",
)
OPTIONAL_COLUMNS = ("in_home", "photo_on_resolve")
"""Y or N; left out or empty, they follow from the category (see below)."""

BEYOND = "beyond"
"""Stands for the cells of a line that has more of them than the header."""

IN_HOME = frozenset({"WPE-HOMEPLMB", "BLD-HOMEMINOR", "BLD-NBRLEAK", "BLD-WARRANTY"})
"""Work behind a resident's door: no similar-ticket offers, "费用自理" without a firm."""

_CODE = re.compile(r"[A-Z]{3}-[A-Z0-9]{2,20}")
_FILE_COLUMN = {"name": "name_zh", "callback_phone_required": "callback_phone"}

E = TypeVar("E", bound=StrEnum)
SourceLine = tuple[int, Mapping[str, str]]
"""A line number (the header is line 1) and the cells by column."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong (or, as a notice, put right) in one line of the file."""

    line: int
    column: str
    words: str

    def __str__(self) -> str:
        return f"第{self.line}行 {self.column}：{self.words}"


@dataclass(frozen=True, slots=True)
class CategoryRow:
    """One good line; the fields are those of the category table."""

    code: str
    group_code: str
    group_name: str
    position: int
    name: str
    name_en: str
    kind: Kind
    accuses: Accused
    default_party: Party
    co_parties: tuple[Party, ...]
    urgency: Urgency
    calendar: WorkCalendar
    accept_by: str
    respond_by: str
    resolve_by: str
    confirm_within: str
    start_tier: int
    ceiling_tier: int
    anonymous_ok: bool
    callback_phone_required: bool
    publishable: bool
    sensitive: bool
    in_home: bool
    photo_on_resolve: bool
    prov_accept: Provenance
    prov_respond: Provenance
    prov_resolve: Provenance
    source_note: str

    def columns(self) -> dict[str, Any]:
        """Give the values for the category table, JSON-able."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "group_name"}
        return values | {"co_parties": [str(party) for party in self.co_parties]}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a file holds: good rows, what is wrong, and what was put right."""

    rows: tuple[CategoryRow, ...]
    problems: tuple[Problem, ...]
    notices: tuple[Problem, ...]


def read_csv(text: str) -> list[SourceLine]:
    """Split a CSV with a header into lines.

    A missing cell is empty; cells beyond the header stand under :data:`BEYOND`.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restval="")
    return [
        (
            reader.line_num,
            {k or BEYOND: v.strip() if isinstance(v, str) else ",".join(v) for k, v in c.items()},
        )
        for c in reader
    ]


def check(lines: Sequence[SourceLine], retired: Iterable[str] = ()) -> Checked:
    """Check every line; a code in ``retired`` may not come back.

    No row is given while there is a problem with its line.
    """
    missing = [column for column in COLUMNS if not lines or column not in lines[0][1]]
    if missing:
        words = "文件是空的" if not lines else "缺少列：" + "、".join(missing)
        return Checked((), (Problem(1, "header", words),), ())
    known = {*COLUMNS, *OPTIONAL_COLUMNS}
    problems = [Problem(1, c, "不认识的列") for c in lines[0][1] if c not in known | {BEYOND}]
    notices: list[Problem] = []
    rows: list[CategoryRow] = []
    for position, (line, cells) in enumerate(lines):
        reading = _Line(line, cells, position)
        row = reading.row()
        problems += reading.problems
        notices += reading.notices
        if row is not None:
            rows.append(row)
    problems += _across(lines, frozenset(retired))
    return Checked(tuple(rows), tuple(sorted(problems, key=lambda p: p.line)), tuple(notices))


def _across(lines: Sequence[SourceLine], retired: frozenset[str]) -> list[Problem]:
    """Find what is wrong only beside other lines."""
    problems: list[Problem] = []
    first_line: dict[str, int] = {}
    group_names: dict[str, str] = {}
    for line, cells in lines:
        code, group = cells["code"], cells["l1_code"]
        if code in first_line:
            problems.append(Problem(line, "code", f"与第{first_line[code]}行重复"))
        first_line.setdefault(code, line)
        if code in retired:
            problems.append(Problem(line, "code", f"{code} 已停用，编码不能再用"))
        if group_names.setdefault(group, cells["l1_zh"]) != cells["l1_zh"]:
            problems.append(Problem(line, "l1_zh", f"{group} 前面叫“{group_names[group]}”"))
    return problems


@dataclass(slots=True)
class _Line:
    """One line being read; complaints gather instead of stopping at the first."""

    number: int
    cells: Mapping[str, str]
    position: int
    problems: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    def row(self) -> CategoryRow | None:
        """Read the line, or None after noting what is wrong."""
        group, code = self._code()
        kind, accuses = self._one_of(Kind, "kind"), self._one_of(Accused, "accuses")
        default_party, co_parties = self._parties(accuses)
        row = CategoryRow(
            code=code,
            group_code=group,
            group_name=self._text("l1_zh"),
            position=self.position,
            name=self._text("name_zh"),
            name_en=self._text("name_en"),
            kind=kind,
            accuses=accuses,
            default_party=default_party,
            co_parties=co_parties,
            urgency=self._one_of(Urgency, "urgency"),
            calendar=self._one_of(WorkCalendar, "calendar"),
            accept_by=self._token("accept_by"),
            respond_by=self._token("respond_by"),
            resolve_by=self._token("resolve_by"),
            confirm_within=self._token("confirm_within"),
            start_tier=self._number("start_tier"),
            ceiling_tier=self._number("ceiling_tier"),
            anonymous_ok=self._flag("anonymous_ok"),
            callback_phone_required=self._flag("callback_phone", yes="required", no="optional"),
            publishable=self._flag("publishable"),
            sensitive=self._flag("sensitive"),
            in_home=self._derived("in_home", code in IN_HOME),
            photo_on_resolve=self._derived(
                "photo_on_resolve", _asks_photo(kind, group, {default_party, *co_parties})
            ),
            prov_accept=self._one_of(Provenance, "prov_accept"),
            prov_respond=self._one_of(Provenance, "prov_respond"),
            prov_resolve=self._one_of(Provenance, "prov_resolve"),
            source_note=self.cells.get("source_note", ""),
        )
        if not self.problems:
            self._contradictions(row)
        return None if self.problems else row

    def _code(self) -> tuple[str, str]:
        group, code = self._text("l1_code"), self._text("code")
        if not _CODE.fullmatch(code) or not code.startswith(f"{group}-"):
            self._complain("code", "编码应是“三位大写分组-名称”，并与 l1_code 一致")
        if BEYOND in self.cells:
            self._complain(BEYOND, "这一行的列数比表头多，含逗号的内容要加引号")
        return group, code

    def _contradictions(self, row: CategoryRow) -> None:
        for name, words in contradictions(view_of(row)):
            self._complain(_FILE_COLUMN.get(name, name), words)

    def _complain(self, column: str, words: str) -> None:
        self.problems.append(Problem(self.number, column, words))

    def _text(self, column: str) -> str:
        value = self.cells.get(column, "")
        if not value:
            self._complain(column, "不能为空")
        return value

    def _one_of(self, kind: type[E], column: str, value: str | None = None) -> E:
        given = self.cells.get(column, "") if value is None else value
        try:
            return kind(given)
        except ValueError:
            self._complain(column, f"不认识“{given}”，可填：{'、'.join(kind)}")
            return next(iter(kind))

    def _token(self, column: str) -> str:
        value = self.cells.get(column, "")
        try:
            return str(Token.parse(value))
        except ValueError:
            self._complain(column, f"不认识时限“{value}”，应像 30m、2h、7d、2sh、4wh、5wd")
            return "1m"

    def _number(self, column: str) -> int:
        value = self.cells.get(column, "")
        if re.fullmatch(r"[0-9]", value):
            return int(value)
        self._complain(column, f"应是数字，不是“{value}”")
        return 0

    def _flag(self, column: str, *, yes: str = "Y", no: str = "N") -> bool:
        value = self.cells.get(column, "")
        if value not in (yes, no):
            self._complain(column, f"应填 {yes} 或 {no}，不是“{value}”")
        return value == yes

    def _derived(self, column: str, default: bool) -> bool:
        return self._flag(column) if self.cells.get(column, "") else default

    def _parties(self, accuses: Accused) -> tuple[Party, tuple[Party, ...]]:
        """Read who leads and who joins.

        The accused joins in nothing (rules.md, "The accused") and the lead need not, so
        both are dropped from those who join.
        """
        lead = self._one_of(Party, "default_party")
        named = [part.strip() for part in self.cells.get("co_parties", "").split(";")]
        joining = [self._one_of(Party, "co_parties", part) for part in named if part]
        accused = ACCUSED_PARTY.get(accuses)
        if accused is not None and accused in joining:
            self._notice("co_parties", f"{accused} 是被投诉的一方，已从协办中去掉")
        kept = dict.fromkeys(p for p in joining if p not in (lead, accused))
        return lead, tuple(kept)

    def _notice(self, column: str, words: str) -> None:
        self.notices.append(Problem(self.number, column, words))


def _asks_photo(kind: Kind, group: str, parties: set[Party]) -> bool:
    """Repairs, the environment and enforcement show their result (domain.md D2, step 13)."""
    return kind is Kind.REPAIR or group == "ENV" or Party.JOINT_ENFORCEMENT in parties


def view_of(row: CategoryRow, policy_version: int = 0) -> CategoryView:
    """See a good line as lookups will."""
    shared = {name: getattr(row, name) for name in row.__slots__ if name in CategoryView.__slots__}
    return CategoryView(**shared, policy_version=policy_version)
