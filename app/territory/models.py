"""Tables of the territory."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel.db import Model, kept
from app.kernel.ids import new_id
from app.territory.datum import Datum, LatLon
from app.territory.rules import FacilityKind, Level, ManagementMode

_LIVE = text("retired_at IS NULL")
_FINDABLE = text("searched IS NOT NULL")
_VALID = text("revoked_at IS NULL")


class Located:
    """A point as it was given, with its datum, and the same point in GCJ-02."""

    lat: Mapped[float | None]
    lon: Mapped[float | None]
    datum: Mapped[Datum | None]
    gcj_lat: Mapped[float | None]
    gcj_lon: Mapped[float | None]

    @property
    def point(self) -> LatLon | None:
        """Give the point in GCJ-02, if there is one."""
        if self.gcj_lat is None or self.gcj_lon is None:
            return None
        return LatLon(self.gcj_lat, self.gcj_lon)


class Place(Located, Model):
    """One node of the tree.

    Every ancestor and the node itself stand as columns, so that a subtree is
    one equality. The names to show and to search by are kept in the row and
    rewritten for the subtree when an ancestor is renamed.
    """

    __tablename__ = "place"
    __table_args__ = (
        Index("uq_place_code", "code", unique=True, postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index(
            "uq_place_parent_id_name",
            "parent_id",
            "name",
            unique=True,
            postgresql_where=_LIVE,
            sqlite_where=_LIVE,
        ),
        Index("ix_place_parent_id_sort_key", "parent_id", "sort_key", "id"),
        Index(
            "ix_place_findable", "district_id", postgresql_where=_FINDABLE, sqlite_where=_FINDABLE
        ),
        Index("ix_place_street_id_level", "street_id", "level"),
        Index("ix_place_community_id_level", "community_id", "level"),
        Index("ix_place_compound_id_level", "compound_id", "level"),
        Index("ix_place_building_id", "building_id"),
        Index("ix_place_unit_id", "unit_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    level: Mapped[Level]
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    name: Mapped[str]
    code: Mapped[str | None]
    sort_key: Mapped[str]

    district_id: Mapped[UUID]
    street_id: Mapped[UUID | None]
    community_id: Mapped[UUID | None]
    compound_id: Mapped[UUID | None]
    building_id: Mapped[UUID | None]
    unit_id: Mapped[UUID | None]
    dwelling_id: Mapped[UUID | None]
    # No foreign key: grids point at communities, and a circle of tables is not worth one check.
    # Validated by the service; a grid that is gone is read as none.
    grid_id: Mapped[UUID | None]

    label: Mapped[str]
    public_label: Mapped[str]
    searched: Mapped[str | None]
    pinyin: Mapped[str | None]
    initials: Mapped[str | None]

    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


kept(Place.__table__)  # type: ignore[arg-type]


class CompoundProfile(Model):
    """What is special about a compound: who manages it, and where it ends."""

    __tablename__ = "compound_profile"

    compound_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), primary_key=True)
    management_mode: Mapped[ManagementMode]
    households: Mapped[int | None]
    built_year: Mapped[int | None]
    boundary: Mapped[dict[str, Any] | None]
    boundary_datum: Mapped[Datum | None]
    boundary_gcj: Mapped[dict[str, Any] | None]
    area_m2: Mapped[float | None]


class Grid(Model):
    """An area of a community that one grid worker looks after.

    ``geometry`` is GeoJSON as it was given, in ``datum``; ``geometry_gcj`` is
    the same in GCJ-02, the datum in which points are tested.
    """

    __tablename__ = "grid"
    __table_args__ = (
        Index("uq_grid_code", "code", unique=True, postgresql_where=_LIVE, sqlite_where=_LIVE),
        Index("ix_grid_community_id", "community_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    community_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"))
    name: Mapped[str]
    code: Mapped[str]
    geometry: Mapped[dict[str, Any]]
    datum: Mapped[Datum]
    geometry_gcj: Mapped[dict[str, Any]]
    area_m2: Mapped[float]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}


kept(Grid.__table__)  # type: ignore[arg-type]


class Facility(Located, Model):
    """A lamp, a lift, a manhole: numbered, and somebody answers for it."""

    __tablename__ = "facility"
    __table_args__ = (
        # Numbers are painted on by several owners, so they are unique per place only.
        Index(
            "uq_facility_place_id_number",
            "place_id",
            "number",
            unique=True,
            postgresql_where=_LIVE,
            sqlite_where=_LIVE,
        ),
        Index("ix_facility_number", "number"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str]
    kind: Mapped[FacilityKind]
    name: Mapped[str]
    place_id: Mapped[UUID] = mapped_column(ForeignKey("place.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"))
    warranty_until: Mapped[date | None]
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


kept(Facility.__table__)  # type: ignore[arg-type]


class PlaceScene(Model):
    """What a QR code says: a random word that stands for a place or a facility."""

    __tablename__ = "place_scene"
    __table_args__ = (
        CheckConstraint("(place_id IS NULL) <> (facility_id IS NULL)", name="one_target"),
        Index(
            "uq_place_scene_place_id",
            "place_id",
            unique=True,
            postgresql_where=_VALID,
            sqlite_where=_VALID,
        ),
        Index(
            "uq_place_scene_facility_id",
            "facility_id",
            unique=True,
            postgresql_where=_VALID,
            sqlite_where=_VALID,
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    scene: Mapped[str] = mapped_column(unique=True)
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    facility_id: Mapped[UUID | None] = mapped_column(ForeignKey("facility.id"))
    issued_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class LevelName(Model):
    """What a level is called at a place and below it, or everywhere: 县, 镇, 村."""

    __tablename__ = "level_name"
    __table_args__ = (
        Index("uq_level_name_level_place_id", "level", "place_id", unique=True),
        Index(
            "uq_level_name_everywhere",
            "level",
            unique=True,
            postgresql_where=text("place_id IS NULL"),
            sqlite_where=text("place_id IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    level: Mapped[Level]
    place_id: Mapped[UUID | None] = mapped_column(ForeignKey("place.id"))
    name: Mapped[str]
