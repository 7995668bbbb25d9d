"""People, where they live, and what stands in the way of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.sql import ColumnElement

from app.identity.models import DwellingBinding, Person, Restriction, Session
from app.identity.rules import BindingKind, BindingStatus, LoginMethod, masked_name
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import DEFAULT_PAGE, Page, fetch
from app.territory import queries as territory
from app.territory.models import Place
from app.territory.rules import Level


@dataclass(frozen=True, slots=True)
class PersonView:
    """A person as rooms read them; ``shown_as`` is fit for other residents."""

    id: UUID
    name: str = field(repr=False)
    phone: str = field(repr=False)
    shown_as: str
    work_number: str | None
    is_active: bool
    is_phone_proven: bool = False


def has_persons() -> bool:
    """Tell whether anybody is known at all (a demo is loaded into nothing else)."""
    return session.scalar(select(Person.id).limit(1)) is not None


def person(person_id: UUID, *, hold: bool = False) -> Person:
    """Find a person, held for change if asked.

    Raises:
        NotFound: there is none (code ``unknown_person``).

    """
    found = session.get(Person, person_id, with_for_update=hold or None, populate_existing=hold)
    if found is None:
        raise NotFound("没有这个人。", code="unknown_person")
    return found


def people(person_ids: Collection[UUID]) -> dict[UUID, PersonView]:
    """Find people by id, those who left too, in one statement per 5,000."""
    found: dict[UUID, PersonView] = {}
    for part in territory.chunks(set(person_ids)):
        rows = session.scalars(select(Person).where(Person.id.in_(part)))
        found.update((row.id, person_view(row)) for row in rows)
    return found


def person_view(row: Person) -> PersonView:
    """Make the plain value of a person's row."""
    return PersonView(
        id=row.id,
        name=row.name or "",
        phone=row.phone or "",
        shown_as=masked_name(row.name),
        work_number=row.work_number,
        is_active=row.deactivated_at is None,
        is_phone_proven=row.phone_proven_at is not None,
    )


def restricted_until(person_id: UUID, at: datetime) -> datetime | None:
    """Say until when a person is held back (one open ticket; never for P0 or P1), or None."""
    until = session.scalar(select(Person.restricted_until).where(Person.id == person_id))
    return until if until and until > at else None


def restriction(restriction_id: UUID) -> Restriction:
    """Find a restriction, held for change.

    Raises:
        NotFound: there is none.

    """
    found = session.get(Restriction, restriction_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def restrictions_of(person_id: UUID, at: datetime) -> list[Restriction]:
    """List the restrictions of a person in force, the one that lasts longest first."""
    query = select(Restriction).where(
        Restriction.person_id == person_id,
        Restriction.lifted_at.is_(None),
        Restriction.ends_at > at,
    )
    return list(session.scalars(query.order_by(Restriction.ends_at.desc())))


@dataclass(frozen=True, slots=True)
class SessionView:
    """A log-in that still opens, as its person reads it."""

    id: UUID
    method: LoginMethod
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


def sessions_of(person_id: UUID, at: datetime) -> list[SessionView]:
    """List where a person is logged in, the one used last first."""
    query = select(Session).where(
        Session.person_id == person_id, Session.revoked_at.is_(None), Session.expires_at > at
    )
    rows = session.scalars(query.order_by(Session.last_seen_at.desc(), Session.id).limit(50))
    return [
        SessionView(row.id, row.method, row.created_at, row.last_seen_at, row.expires_at)
        for row in rows
    ]


# Homes


@dataclass(frozen=True, slots=True)
class HomeView:
    """A dwelling a person claims, as they read it; ``words`` say why it was refused."""

    binding_id: UUID
    place_id: UUID
    compound_id: UUID | None
    label: str
    kind: BindingKind
    status: BindingStatus
    claimed_at: datetime
    words: str


def homes(person_id: UUID) -> list[HomeView]:
    """List a person's dwellings: confirmed, waiting, and refused unless claimed anew."""
    rows = session.execute(
        select(DwellingBinding, Place.compound_id, Place.label)
        .join(Place, Place.id == DwellingBinding.place_id)
        .where(
            DwellingBinding.person_id == person_id,
            DwellingBinding.status != BindingStatus.ENDED,
        )
        .order_by(DwellingBinding.claimed_at.desc(), DwellingBinding.id.desc())
    ).all()
    newest: dict[UUID, HomeView] = {}
    for binding, compound_id, label in rows:
        view = HomeView(
            binding_id=binding.id,
            place_id=binding.place_id,
            compound_id=compound_id,
            label=label,
            kind=binding.kind,
            status=binding.status,
            claimed_at=binding.claimed_at,
            words=binding.words,
        )
        newest.setdefault(binding.place_id, view)
    order = [BindingStatus.CONFIRMED, BindingStatus.CLAIMED, BindingStatus.REJECTED]
    return sorted(newest.values(), key=lambda view: order.index(view.status))


def is_verified_at(person_id: UUID, compound_id: UUID | None) -> bool:
    """Tell whether the community has confirmed that a person belongs to a compound."""
    if compound_id is None:
        return False
    query = (
        select(DwellingBinding.id)
        .join(Place, Place.id == DwellingBinding.place_id)
        .where(
            DwellingBinding.person_id == person_id,
            DwellingBinding.status == BindingStatus.CONFIRMED,
            DwellingBinding.ended_at.is_(None),
            Place.compound_id == compound_id,
        )
    )
    return session.scalar(query.limit(1)) is not None


def open_bindings(person_id: UUID) -> list[DwellingBinding]:
    """List the dwellings of a person that are claimed or confirmed."""
    query = select(DwellingBinding).where(
        DwellingBinding.person_id == person_id, DwellingBinding.ended_at.is_(None)
    )
    return list(session.scalars(query))


def held_binding(binding_id: UUID) -> DwellingBinding:
    """Find a dwelling binding, held for change.

    Raises:
        NotFound: there is none.

    """
    found = session.get(DwellingBinding, binding_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class PendingBinding:
    """A claim as the community reads it before deciding."""

    binding_id: UUID
    person_id: UUID
    name: str = field(repr=False)
    phone: str = field(repr=False)
    kind: BindingKind
    label: str
    claimed_at: datetime


def pending_bindings(
    actor: Actor, *, cursor: str | None = None, limit: int = DEFAULT_PAGE
) -> Page[PendingBinding]:
    """List the claims waiting where this actor verifies, the oldest first; never one's own."""
    covered = _covers(actor)
    if covered is None:
        return Page([])
    query = (
        select(DwellingBinding)
        .join(Place, Place.id == DwellingBinding.place_id)
        .where(
            DwellingBinding.decided_at.is_(None),
            DwellingBinding.ended_at.is_(None),
            covered,
        )
    )
    if actor.person_id is not None:
        query = query.where(DwellingBinding.person_id != actor.person_id)
    columns = DwellingBinding.__table__.c
    page = fetch(
        query,
        keys=(columns.claimed_at, columns.id),
        key_of=lambda row: (row.claimed_at, row.id),
        cursor=cursor,
        limit=limit,
    )
    return Page(_as_pending(page.items), page.next_cursor)


def _covers(actor: Actor) -> ColumnElement[bool] | None:
    if actor.is_system:
        return Place.id.is_not(None)
    held = actor.nodes(Permission.PERSON_VERIFY)
    levels = {level.value for level in Level}
    parts = [territory.under(Level(level), node) for level, node in held if level in levels]
    return or_(*parts) if parts else None


def _as_pending(bindings: Collection[DwellingBinding]) -> list[PendingBinding]:
    who = people([one.person_id for one in bindings])
    where = territory.places([one.place_id for one in bindings])
    return [
        PendingBinding(
            binding_id=one.id,
            person_id=one.person_id,
            name=who[one.person_id].name,
            phone=who[one.person_id].phone,
            kind=one.kind,
            label=where[one.place_id].label,
            claimed_at=one.claimed_at,
        )
        for one in bindings
    ]
