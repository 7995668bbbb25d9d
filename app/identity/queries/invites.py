"""Reading invites: by code, and those a person may see."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import false, or_, select
from sqlalchemy.sql import ColumnElement

from app.identity.models import StaffInvite
from app.identity.rules import Role, masked_phone
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.kernel.paging import DEFAULT_PAGE, Page, fetch


@dataclass(frozen=True, slots=True)
class InviteView:
    """An invite as those who gave it out read it; the code is never shown again."""

    id: UUID
    name: str = field(repr=False)
    phone: str = field(repr=False)
    role: Role
    place_id: UUID | None
    grid_id: UUID | None
    organisation_id: UUID | None
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


def held(invite_id: UUID) -> StaffInvite:
    """Find an invite, held for change.

    Raises:
        NotFound: there is none.

    """
    found = session.get(StaffInvite, invite_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def held_by_code(code_hash: str) -> StaffInvite | None:
    """Find the invite a code opens, held for change."""
    return session.scalar(
        select(StaffInvite)
        .where(StaffInvite.code_hash == code_hash)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def page_of(
    actor: Actor, *, cursor: str | None = None, limit: int = DEFAULT_PAGE
) -> Page[InviteView]:
    """List the invites this actor made or that lead into a roster they keep, newest first."""
    columns = StaffInvite.__table__.c
    page = fetch(
        select(StaffInvite).where(_visible(actor)),
        keys=(columns.made_at, columns.id),
        key_of=lambda row: (row.made_at, row.id),
        cursor=cursor,
        limit=limit,
        descending=True,
    )
    return Page([_view(row) for row in page.items], page.next_cursor)


def _visible(actor: Actor) -> ColumnElement[bool]:
    if actor.person_id is None:
        return false()
    rosters = actor.organisations(Permission.STAFF_EDIT)
    return or_(
        StaffInvite.made_by_id == actor.person_id,
        *(StaffInvite.organisation_id == one for one in sorted(rosters)),
    )


def _view(row: StaffInvite) -> InviteView:
    return InviteView(
        id=row.id,
        name=row.name,
        phone=masked_phone(row.phone),
        role=row.role,
        place_id=row.place_id,
        grid_id=row.grid_id,
        organisation_id=row.organisation_id,
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
