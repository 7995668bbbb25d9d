"""Everything identity keeps about one person, for that person."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.identity.models import (
    DwellingBinding,
    Membership,
    Restriction,
    RoleGrant,
    Session,
    WechatIdentity,
)
from app.identity.queries.persons import person
from app.kernel.db import session


def personal(person_id: UUID) -> dict[str, Any]:
    """Gather a person's account as plain values."""
    own = person(person_id)
    return {
        "name": own.name,
        "phone": own.phone,
        "phone_proven_at": own.phone_proven_at,
        "work_number": own.work_number,
        "created_at": own.created_at,
        "restricted_until": own.restricted_until,
        "wechat": _rows(WechatIdentity, person_id, "appid", "openid", "linked_at"),
        "sessions": _rows(Session, person_id, "method", "created_at", "last_seen_at", "revoked_at"),
        "dwellings": _rows(
            DwellingBinding, person_id, "place_id", "kind", "status", "claimed_at", "ended_at"
        ),
        "roles": _rows(RoleGrant, person_id, "role", "valid_from", "valid_to"),
        "memberships": _rows(Membership, person_id, "post", "valid_from", "valid_to"),
        "restrictions": _rows(
            Restriction, person_id, "reason", "starts_at", "ends_at", "appeal", "lifted_why"
        ),
    }


def _rows(table: Any, person_id: UUID, *columns: str) -> list[dict[str, Any]]:
    found = session.scalars(select(table).where(table.person_id == person_id).order_by(table.id))
    return [{name: getattr(row, name) for name in columns} for row in found]
