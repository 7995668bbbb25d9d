"""Reading sheets, what hangs below a place, and what each sign says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from app.identity import queries as identity
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.signs.models import SheetJob, SheetSign
from app.signs.rules import MOST_SIGNS, SignState
from app.territory import queries as territory
from app.territory import rules as places
from app.territory.models import Facility, Place, PlaceScene
from app.territory.rules import Level

OUTDOORS = (Level.COMPOUND, Level.BUILDING)
"""What gets a scene when it has none; rooms and stairs keep those they were given."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place or a facility that hangs a sign; ``scene`` is None until it is given one."""

    place_id: UUID | None
    facility_id: UUID | None
    name: str
    scene: str | None


def place_targets(place: Place, *, alone: bool) -> list[Target]:
    """List the places at and below a place that hang a sign, at most one more than allowed."""
    wanted = or_(Place.level.in_(OUTDOORS), PlaceScene.scene.is_not(None))
    query = (
        select(Place.id, Place.label, PlaceScene.scene)
        .outerjoin(
            PlaceScene, and_(PlaceScene.place_id == Place.id, PlaceScene.revoked_at.is_(None))
        )
        .where(Place.retired_at.is_(None), wanted)
        .order_by(Place.sort_key, Place.id)
        .limit(MOST_SIGNS + 1)
    )
    here = Place.id == place.id if alone else territory.under(place.level, place.id)
    rows = session.execute(query.where(here)).all()
    found = [Target(place_id, None, label, scene) for place_id, label, scene in rows]
    return sorted(found, key=lambda one: places.sort_key(one.name))


def facility_targets(place: Place, facility_id: UUID | None = None) -> list[Target]:
    """List the facilities at and below a place, or one of them."""
    query = (
        select(Facility, Place.label, PlaceScene.scene)
        .join(Place, Place.id == Facility.place_id)
        .outerjoin(
            PlaceScene,
            and_(PlaceScene.facility_id == Facility.id, PlaceScene.revoked_at.is_(None)),
        )
        .where(Facility.retired_at.is_(None), Place.retired_at.is_(None))
        .where(territory.under(place.level, place.id))
        .order_by(Facility.number, Facility.id)
        .limit(MOST_SIGNS + 1)
    )
    if facility_id is not None:
        query = query.where(Facility.id == facility_id)
    rows = session.execute(query).all()
    found = [Target(None, one.id, _name(label, one), scene) for one, label, scene in rows]
    return sorted(found, key=lambda one: places.sort_key(one.name))


def _name(label: str, facility: Facility | None) -> str:
    if facility is None:
        return label
    return f"{label} {places.KIND_NAMES[facility.kind]} {facility.number}"


def job(job_id: UUID) -> SheetJob | None:
    """Find a sheet."""
    return session.get(SheetJob, job_id)


def job_at(place: Place, job_id: UUID) -> SheetJob:
    """Find a sheet of a place.

    Raises:
        NotFound: no such sheet, or another place's.

    """
    found = session.get(SheetJob, job_id)
    if found is None or found.place_id != place.id:
        raise NotFound
    return found


def open_job(place_id: UUID, facility_id: UUID | None, *, alone: bool) -> SheetJob | None:
    """Find the sheet of just this that is not drawn yet."""
    return session.scalar(
        select(SheetJob)
        .where(
            SheetJob.drawn_at.is_(None),
            SheetJob.place_id == place_id,
            SheetJob.facility_id == facility_id,
            SheetJob.alone == alone,
        )
        .order_by(SheetJob.asked_at.desc())
        .limit(1)
    )


def hold(job_id: UUID) -> SheetJob | None:
    """Take the row of a sheet until the end of the unit."""
    query = select(SheetJob).where(SheetJob.id == job_id).with_for_update()
    return session.scalar(query.execution_options(populate_existing=True))


def waiting(job_id: UUID, first: int, last: int) -> Sequence[SheetSign]:
    """List the signs of a batch whose code is still to be fetched."""
    return session.scalars(
        select(SheetSign)
        .where(
            SheetSign.job_id == job_id,
            SheetSign.position.between(first, last),
            SheetSign.state == SignState.WAITING,
        )
        .order_by(SheetSign.position)
    ).all()


@dataclass(frozen=True, slots=True)
class Counts:
    """How far the signs of a sheet have come; ``without`` counts plain ones by reason."""

    waiting: int
    without: dict[str, int]

    @property
    def failed(self) -> int:
        """Count the signs that go without a mini-program code."""
        return sum(self.without.values())


def counts(job_id: UUID) -> Counts:
    """Count the signs of a sheet by state."""
    rows = session.execute(
        select(SheetSign.state, SheetSign.reason, func.count())
        .where(SheetSign.job_id == job_id)
        .group_by(SheetSign.state, SheetSign.reason)
    ).all()
    plain = {reason or "": count for state, reason, count in rows if state is SignState.PLAIN}
    return Counts(sum(n for state, _, n in rows if state is SignState.WAITING), plain)


def revoked(job_id: UUID) -> int:
    """Count the signs of a sheet whose scene opens nothing any more."""
    query = (
        select(func.count())
        .select_from(SheetSign)
        .join(PlaceScene, PlaceScene.scene == SheetSign.scene)
        .where(SheetSign.job_id == job_id, PlaceScene.revoked_at.is_not(None))
    )
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class Lettering:
    """What stands on one sign."""

    name: str
    scene: str
    coded: bool
    phones: tuple[tuple[str, str], ...]


def letterings(job_id: UUID, at: datetime) -> list[Lettering]:
    """Say what stands on each sign of a sheet whose scene still opens something, in order."""
    rows = session.execute(
        select(SheetSign, Place, Facility)
        .join(PlaceScene, PlaceScene.scene == SheetSign.scene)
        .outerjoin(Facility, Facility.id == PlaceScene.facility_id)
        .join(Place, Place.id == func.coalesce(PlaceScene.place_id, Facility.place_id))
        .where(SheetSign.job_id == job_id, PlaceScene.revoked_at.is_(None))
        .order_by(SheetSign.position)
    ).all()
    return [
        Lettering(
            _name(place.label, facility),
            sign.scene,
            sign.state is SignState.CODED,
            _phones(place, facility.kind.value if facility else None, at),
        )
        for sign, place, facility in rows
    ]


def _phones(place: Place, kind: str | None, at: datetime) -> tuple[tuple[str, str], ...]:
    """Name whom to ring at a place: the firm on duty, then the community."""
    firms = identity.firms_serving(place.compound_id, place.building_id, kind, at)
    firm = next((one.duty_phone for one in firms if one.duty_phone), None)
    desk = identity.desk_of(Level.COMMUNITY.value, place.community_id, at=at)
    phones = (("物业电话", firm), ("社区电话", desk.duty_phone if desk else None))
    return tuple((what, phone) for what, phone in phones if phone)


def valid_scene(place_id: UUID, facility_id: UUID | None) -> PlaceScene | None:
    """Find the scene in use of a facility, or of a place itself."""
    own = (
        PlaceScene.facility_id == facility_id
        if facility_id is not None
        else PlaceScene.place_id == place_id
    )
    return session.scalar(select(PlaceScene).where(own, PlaceScene.revoked_at.is_(None)))


def to_erase(before: datetime, limit: int) -> Sequence[SheetJob]:
    """List old sheets whose files are still kept."""
    query = select(SheetJob).where(SheetJob.asked_at < before, SheetJob.erased_at.is_(None))
    return session.scalars(query.order_by(SheetJob.asked_at).limit(limit)).all()
