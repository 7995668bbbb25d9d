"""What holds of places whatever the database says: levels, codes, names, spots."""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from pypinyin import Style, lazy_pinyin, load_phrases_dict, load_single_dict

from app.territory import datum as _datum

Datum = _datum.Datum
LatLon = _datum.LatLon
convert = _datum.convert

LONGEST_NAME = 60
SCENE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""No 0 O 1 I: a scene is also read aloud and typed by hand."""
SCENE_LENGTH = 10

# In addresses these are read otherwise than in the dictionary's first place.
load_single_dict({ord("幢"): "zhuàng", ord("弄"): "lòng"})
load_phrases_dict({"朝阳": [["cháo"], ["yáng"]]})


class Level(StrEnum):
    """The levels of the tree, from the widest to the narrowest."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    COMPOUND = "compound"
    BUILDING = "building"
    UNIT = "unit"
    DWELLING = "dwelling"

    @property
    def column(self) -> str:
        """Name the column that holds the ancestor of this level."""
        return f"{self.value}_id"

    @property
    def depth(self) -> int:
        """Count the levels above."""
        return LEVELS.index(self)


LEVELS = tuple(Level)
COLUMNS = tuple(level.column for level in LEVELS)
DIVISIONS = (Level.DISTRICT, Level.STREET, Level.COMMUNITY)
INDOORS = (Level.UNIT, Level.DWELLING)

PARENTS: dict[Level, tuple[Level, ...]] = {
    Level.DISTRICT: (),
    Level.STREET: (Level.DISTRICT,),
    Level.COMMUNITY: (Level.STREET,),
    Level.COMPOUND: (Level.COMMUNITY,),
    # A building outside any compound (沿街楼) stands in its community.
    Level.BUILDING: (Level.COMPOUND, Level.COMMUNITY),
    Level.UNIT: (Level.BUILDING,),
    # Villas and old rows have no 单元.
    Level.DWELLING: (Level.UNIT, Level.BUILDING),
}

LEVEL_NAMES: dict[Level, str] = {
    Level.DISTRICT: "区",
    Level.STREET: "街道",
    Level.COMMUNITY: "社区",
    Level.COMPOUND: "小区",
    Level.BUILDING: "楼栋",
    Level.UNIT: "单元",
    Level.DWELLING: "房屋",
}
"""What the levels are called unless a row of ``level_name`` says otherwise."""


class ManagementMode(StrEnum):
    """Who looks after a compound."""

    PROFESSIONAL = "professional"
    CUSTODIAL = "custodial"
    SELF_MANAGED = "self_managed"
    UNIT_MANAGED = "unit_managed"
    DEVELOPER = "developer"
    NONE = "none"


MODE_NAMES: dict[ManagementMode, str] = {
    ManagementMode.PROFESSIONAL: "专业物业",
    ManagementMode.CUSTODIAL: "托管",
    ManagementMode.SELF_MANAGED: "业主自管",
    ManagementMode.UNIT_MANAGED: "单位自管",
    ManagementMode.DEVELOPER: "开发商代管",
    ManagementMode.NONE: "无物业",
}


class FacilityKind(StrEnum):
    """What stands in public and may break."""

    LAMP = "lamp"
    LIFT = "lift"
    MANHOLE = "manhole"
    PUMP = "pump"
    GATE = "gate"
    FITNESS = "fitness"
    FIRE = "fire"
    OTHER = "other"


KIND_NAMES: dict[FacilityKind, str] = {
    FacilityKind.LAMP: "路灯",
    FacilityKind.LIFT: "电梯",
    FacilityKind.MANHOLE: "井盖",
    FacilityKind.PUMP: "水泵",
    FacilityKind.GATE: "门禁",
    FacilityKind.FITNESS: "健身器材",
    FacilityKind.FIRE: "消防设施",
    FacilityKind.OTHER: "设施",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where something is: its places, its grid, and how that was found.

    ``label`` is the address as people say it, ``public_label`` never goes
    deeper than the building. ``lat`` and ``lon`` are GCJ-02 degrees.
    ``responsible_id`` is the organisation that answers for the facility.
    """

    district_id: UUID | None = None
    street_id: UUID | None = None
    community_id: UUID | None = None
    compound_id: UUID | None = None
    building_id: UUID | None = None
    unit_id: UUID | None = None
    dwelling_id: UUID | None = None
    facility_id: UUID | None = None
    grid_id: UUID | None = None
    facility_kind: str | None = None
    facility_number: str | None = None
    responsible_id: UUID | None = None
    warranty_until: date | None = None
    label: str
    public_label: str
    lat: float | None = None
    lon: float | None = None
    why: str
    management_mode: str | None = None

    @property
    def nodes(self) -> frozenset[UUID]:
        """Name every place the spot lies in, and its grid: what grants are held at."""
        held = (getattr(self, column) for column in (*COLUMNS, "grid_id"))
        return frozenset(node for node in held if node is not None)

    @property
    def place_id(self) -> UUID | None:
        """Name the narrowest place."""
        return next((getattr(self, c) for c in reversed(COLUMNS) if getattr(self, c)), None)


@dataclass(frozen=True, slots=True)
class Naming:
    """How one place is called, shown and found; built on its parent's naming."""

    label: str = ""
    public_label: str = ""
    searched: str | None = ""
    pinyin: str | None = ""
    initials: str | None = ""


def naming(level: Level, name: str, parent: Naming | None) -> Naming:
    """Name a place under ``parent``: addresses begin at the compound.

    A building outside any compound begins at its community. Dwellings carry
    nothing to be searched by: nobody finds a home by typing.
    """
    under = parent if parent is not None and level.depth > Level.COMPOUND.depth else Naming()
    label = f"{under.label} {name}".strip()
    if level is Level.DWELLING:
        return Naming(label, under.public_label, None, None, None)
    public_label = under.public_label if level is Level.UNIT else label
    spoken = searchable(name)
    return Naming(
        label,
        public_label,
        (under.searched or "") + spoken,
        (under.pinyin or "") + "".join(lazy_pinyin(spoken)),
        (under.initials or "") + _initials(spoken),
    )


def _initials(spoken: str) -> str:
    """Take first letters of syllables; Latin letters and digits stay whole."""
    return "".join(lazy_pinyin(spoken, style=Style.FIRST_LETTER))


def searchable(text: str) -> str:
    """Fold ``text`` to what searching compares: NFKC, lower case, no white space."""
    return "".join(unicodedata.normalize("NFKC", text).lower().split())


def sort_key(name: str) -> str:
    """Order names as people count: 2幢 before 10幢."""
    folded = unicodedata.normalize("NFKC", name)
    return re.sub(r"\d+", lambda found: found.group().zfill(6)[-12:], folded)


def name_flaw(name: str) -> str | None:
    """Say what is wrong with a place's name, or None."""
    if not name.strip():
        return "名称不能为空。"
    if len(name) > LONGEST_NAME:
        return f"名称太长，最多 {LONGEST_NAME} 个字。"
    if any(unicodedata.category(letter) in ("Cc", "Cf", "Co", "Cs") for letter in name):
        return "名称里有看不见的字符。"
    return None


_OWN_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")
_DIVISION = {
    Level.DISTRICT: re.compile(r"[1-9][0-9]{5}0{6}"),
    Level.STREET: re.compile(r"[1-9][0-9]{5}(?!000)[0-9]{3}000"),
    Level.COMMUNITY: re.compile(r"[1-9][0-9]{5}(?!000)[0-9]{3}(?!000)[0-9]{3}"),
}
_SHARED_DIGITS = {Level.STREET: 6, Level.COMMUNITY: 9, Level.COMPOUND: 12}


def code_flaw(level: Level, code: str) -> str | None:
    """Say what is wrong with a place's code, or None.

    Districts, streets and communities carry the 12-digit statistical division
    code (2 province, 2 city, 2 county, 3 street, 3 community digits, zeros
    below); compounds and what is in them carry a code of our own or none.
    """
    if level not in _DIVISION:
        good = not code or _OWN_CODE.fullmatch(code) is not None
        return None if good else "编码只能用字母、数字和短横线，最多 40 位。"
    if _DIVISION[level].fullmatch(code):
        return None
    shape = {
        Level.DISTRICT: "后 6 位为 0",
        Level.STREET: "第 7 到 9 位不全为 0、后 3 位为 0",
        Level.COMMUNITY: "第 7 到 9 位和后 3 位都不全为 0",
    }[level]
    return f"统计区划代码应为 12 位数字，{shape}。"


def code_misfit(level: Level, code: str, parent_code: str) -> str | None:
    """Warn that a code does not continue its parent's (zones of development do so)."""
    shared = _SHARED_DIGITS.get(level)
    if not shared or not code or not parent_code or code[:shared] == parent_code[:shared]:
        return None
    return f"编码前 {shared} 位与上级编码 {parent_code} 不同，请核对。"


def implied_parent_code(level: Level, code: str) -> str | None:
    """Read the parent's code out of a division code or a compound's code."""
    shared = _SHARED_DIGITS.get(level)
    if not shared or len(code) < 12 or not code[:12].isdigit():
        return None
    return code[:shared].ljust(12, "0")


def new_scene() -> str:
    """Draw a scene: ten letters, fifty random bits, saying nothing of the place."""
    return "".join(secrets.choice(SCENE_LETTERS) for _ in range(SCENE_LENGTH))


def read_scene(text: str) -> str | None:
    """Read a scanned or typed scene, or None if it cannot be one.

    Signs print it in groups, so spaces and hyphens between letters do not count.
    """
    scene = re.sub(r"[\s-]", "", text).upper()
    good = len(scene) == SCENE_LENGTH and all(letter in SCENE_LETTERS for letter in scene)
    return scene if good else None
