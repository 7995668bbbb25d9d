"""What an import would do: every row judged, nothing changed.

Pure: rows and what is known go in, drafts and problems come out, so that a dry
run and a real run are the same judgement.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from uuid import UUID

from app.kernel.ids import new_id
from app.territory import rules
from app.territory.datum import Datum, LatLon, in_china
from app.territory.rules import Level, ManagementMode

HEADINGS: dict[str, tuple[str, ...]] = {
    "level": ("level", "级别", "层级"),
    "code": ("code", "编码", "代码", "区划代码"),
    "name": ("name", "名称"),
    "parent": ("parent", "上级编码", "上级代码", "上级"),
    "lat": ("lat", "纬度"),
    "lon": ("lon", "经度"),
    "datum": ("datum", "坐标系"),
    "mode": ("management_mode", "管理模式"),
    "households": ("households", "户数"),
}
"""The columns of an org tree, by the headings people write over them."""

LEVEL_WORDS: dict[str, Level] = {
    **{level.value: level for level in Level},
    **{name: level for level, name in rules.LEVEL_NAMES.items()},
    **dict.fromkeys(("区", "县", "市", "旗", "区县"), Level.DISTRICT),
    **dict.fromkeys(("街道", "镇", "乡", "乡镇"), Level.STREET),
    **dict.fromkeys(("社区", "村", "居委会"), Level.COMMUNITY),
    **dict.fromkeys(("楼栋", "楼", "幢", "栋"), Level.BUILDING),
    **dict.fromkeys(("房屋", "户", "室"), Level.DWELLING),
}
MODE_WORDS: dict[str, ManagementMode] = {
    **{mode.value: mode for mode in ManagementMode},
    **{name: mode for mode, name in rules.MODE_NAMES.items()},
    "自管": ManagementMode.SELF_MANAGED,
    "开发商": ManagementMode.DEVELOPER,
    "无": ManagementMode.NONE,
}
DATUM_WORDS: dict[str, Datum] = {
    **{datum.value: datum for datum in Datum},
    "火星坐标": Datum.GCJ02,
    "百度": Datum.BD09,
    "gps": Datum.WGS84,
}


@dataclass(frozen=True, slots=True)
class PlaceDraft:
    """A place to be made; its id is known before the row exists."""

    level: Level
    name: str
    parent_id: UUID | None = None
    code: str | None = None
    lat: float | None = None
    lon: float | None = None
    datum: Datum | None = None
    grid_id: UUID | None = None
    management_mode: ManagementMode | None = None
    households: int | None = None
    built_year: int | None = None
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one row: its line in the file, a stable code, words."""

    line: int
    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do."""

    rows: int
    added: int
    changed: int
    unchanged: int
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    dry_run: bool
    applied: bool


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A live place that is there already."""

    id: UUID
    level: Level
    name: str
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class TreePlan:
    """The drafts in an order that puts parents first, and all problems."""

    drafts: tuple[PlaceDraft, ...]
    unchanged: int
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(slots=True)
class Row:
    """One row of an org tree, read but not yet judged against the others."""

    line: int
    level: Level | None
    code: str
    name: str
    parent_code: str
    cells: Mapping[str, str]
    id: UUID = field(default_factory=new_id)


def read_rows(
    rows: Iterable[tuple[int, Mapping[str, str]]], words: Mapping[str, Level]
) -> list[Row]:
    """Read rows of (line, heading → text); blank rows are passed over."""
    read = []
    for line, raw in rows:
        cells = {name: _cell(raw, headings) for name, headings in HEADINGS.items()}
        if any(cells.values()):
            level = words.get(cells["level"]) or words.get(cells["level"].lower())
            code = cells["code"]
            parent = cells["parent"] or (level and rules.implied_parent_code(level, code)) or ""
            read.append(Row(line, level, code, cells["name"], parent, cells))
    return read


def missing_headings(rows: Sequence[tuple[int, Mapping[str, str]]]) -> list[Problem]:
    """Tell which columns a table must have and has not."""
    if not rows:
        return [Problem(1, "no_rows", "表里没有内容。")]
    line, first = rows[0]
    return [
        Problem(line, "missing_column", f"缺少“{HEADINGS[name][1]}”这一列。")
        for name in ("level", "code", "name")
        if not any(heading in first for heading in HEADINGS[name])
    ]


def _cell(raw: Mapping[str, str], headings: Iterable[str]) -> str:
    return next((str(raw[h]).strip() for h in headings if raw.get(h)), "")


def plan_tree(
    rows: Sequence[Row], known: Mapping[str, KnownPlace], names: set[tuple[UUID | None, str]]
) -> TreePlan:
    """Judge every row; ``known`` maps codes, ``names`` holds (parent, name) in use."""
    judge = _TreeJudge(rows, known, names)
    for row in rows:
        judge.look_at(row)
    order = {level: level.depth for level in Level}
    drafts = sorted(judge.drafts, key=lambda draft: order[draft.level])
    return TreePlan(tuple(drafts), judge.unchanged, tuple(judge.errors), tuple(judge.warnings))


class _TreeJudge:
    """One pass over the rows of a file, remembering what it has seen."""

    def __init__(
        self,
        rows: Sequence[Row],
        known: Mapping[str, KnownPlace],
        names: set[tuple[UUID | None, str]],
    ) -> None:
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self.drafts: list[PlaceDraft] = []
        self.unchanged = 0
        self._known = known
        self._names: dict[tuple[UUID | None, str], int] = dict.fromkeys(names, 0)
        self._first: dict[str, Row] = {}
        for row in rows:
            if row.code:
                self._first.setdefault(row.code, row)

    def look_at(self, row: Row) -> None:
        before = len(self.errors)
        if row.level is None:
            said = row.cells["level"]
            self._wrong(row, "bad_level", f"不认识的级别“{said}”。" if said else "没有写级别。")
            return
        self._check_words(row, row.level)
        parent_id = self._parent_id(row, row.level)
        if self._is_there(row, parent_id):
            return
        self._check_twice(row, parent_id)
        self._check_place(row)
        self._check_profile(row, row.level)
        if len(self.errors) == before:
            self.drafts.append(_draft(row, row.level, parent_id))

    def _wrong(self, row: Row, code: str, words: str) -> None:
        self.errors.append(Problem(row.line, code, words))

    def _check_words(self, row: Row, level: Level) -> None:
        flaw = rules.name_flaw(row.name)
        if flaw:
            self._wrong(row, "bad_name", flaw)
        flaw = rules.code_flaw(level, row.code)
        if flaw:
            self._wrong(row, "bad_code", f"编码“{row.code}”不对：{flaw}")
        odd = rules.code_misfit(level, row.code, row.parent_code)
        if odd and not flaw:
            self.warnings.append(Problem(row.line, "code_misfit", odd))

    def _parent_id(self, row: Row, level: Level) -> UUID | None:
        """Find the parent in the file or in the house; a bad parent row is told there."""
        allowed = rules.PARENTS[level]
        if not allowed:
            if row.parent_code:
                self._wrong(row, "wrong_level_order", "最高一级不能再有上级。")
            return None
        if not row.parent_code:
            self._wrong(row, "missing_parent", "没有写上级编码。")
            return None
        known = self._known.get(row.parent_code)
        parent = known or self._first.get(row.parent_code)
        if parent is None:
            self._wrong(row, "missing_parent", f"找不到上级“{row.parent_code}”。")
            return None
        if parent.level is not None and parent.level not in allowed:
            above = "或".join(rules.LEVEL_NAMES[one] for one in allowed)
            words = f"{rules.LEVEL_NAMES[level]}的上级应为{above}，不能是"
            self._wrong(row, "wrong_level_order", f"{words}{rules.LEVEL_NAMES[parent.level]}。")
        return parent.id

    def _is_there(self, row: Row, parent_id: UUID | None) -> bool:
        """Pass over a place that stands already just as the row says; tell any other clash."""
        known = self._known.get(row.code) if row.code else None
        if known is None:
            return False
        if self._first[row.code] is not row:
            self._twice(row)
        elif (known.level, known.name, known.parent_id) == (row.level, row.name, parent_id):
            self.unchanged += 1
        else:
            words = f"编码“{row.code}”已用于“{known.name}”，级别、名称或上级不同。"
            self._wrong(row, "code_taken", words)
        return True

    def _check_twice(self, row: Row, parent_id: UUID | None) -> None:
        if row.code and self._first[row.code] is not row:
            self._twice(row)
            return
        if parent_id is None and row.level is not Level.DISTRICT:
            return
        earlier = self._names.setdefault((parent_id, row.name), row.line)
        if earlier != row.line:
            where = f"与第 {earlier} 行重复" if earlier else "已经存在"
            self._wrong(row, "duplicate_name", f"同一上级下的“{row.name}”{where}。")

    def _twice(self, row: Row) -> None:
        earlier = self._first[row.code].line
        self._wrong(row, "duplicate_code", f"编码“{row.code}”与第 {earlier} 行重复。")

    def _check_place(self, row: Row) -> None:
        lat, lon, datum = (row.cells[name] for name in ("lat", "lon", "datum"))
        if not lat and not lon:
            return
        point = read_point(lat, lon)
        if point is None:
            self._wrong(row, "bad_coordinates", f"经纬度“{lon}, {lat}”不对，应为十进制的度。")
        elif not in_china(point):
            hint = "经度和纬度好像写反了。" if in_china(LatLon(point.lon, point.lat)) else ""
            self._wrong(row, "out_of_range", f"坐标（{lon}, {lat}）不在中国范围内。{hint}")
        if read_datum(datum) is None:
            self._wrong(row, "bad_datum", "请写明坐标系：GCJ-02、WGS-84 或 BD-09。")

    def _check_profile(self, row: Row, level: Level) -> None:
        mode, households = row.cells["mode"], row.cells["households"]
        if level is not Level.COMPOUND:
            return
        if mode and mode.lower() not in MODE_WORDS:
            self._wrong(row, "bad_mode", f"不认识的管理模式“{mode}”。")
        if households and not re.fullmatch(r"[0-9]{1,6}", households):
            self._wrong(row, "bad_number", f"户数“{households}”应为整数。")


def _draft(row: Row, level: Level, parent_id: UUID | None) -> PlaceDraft:
    cells = row.cells
    point = read_point(cells["lat"], cells["lon"])
    is_compound = level is Level.COMPOUND
    return PlaceDraft(
        level=level,
        name=row.name,
        parent_id=parent_id,
        code=row.code or None,
        lat=point.lat if point else None,
        lon=point.lon if point else None,
        datum=read_datum(cells["datum"]) if point else None,
        management_mode=MODE_WORDS.get(cells["mode"].lower()) if is_compound else None,
        households=int(cells["households"]) if is_compound and cells["households"] else None,
        id=row.id,
    )


def read_point(lat: str, lon: str) -> LatLon | None:
    """Read a point of decimal degrees, wherever it is, or None if it is none."""
    try:
        point = LatLon(float(lat), float(lon))
    except ValueError:
        return None
    return point if isfinite(point.lat) and isfinite(point.lon) else None


def read_datum(words: str) -> Datum | None:
    """Read the name of a datum as people write it, or None."""
    return DATUM_WORDS.get(words.strip().lower().replace("-", "").replace("_", ""))
