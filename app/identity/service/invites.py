"""Invites: staff fetch their role with a code and the phone it was made for, never by claim."""

from dataclasses import dataclass, field
from uuid import UUID

from app.identity import access, queries, rules
from app.identity.models import RoleGrant, StaffInvite
from app.identity.queries import invites, seats
from app.identity.rules import Role
from app.identity.service import codes, grants
from app.identity.service.grants import NewGrant
from app.identity.service.people import LONGEST_NAME
from app.kernel import audit, clock, crypto, ids
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RuleBroken,
    Unauthenticated,
)

CODE_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvite:
    """Whom to invite, and to what; exactly one of place, grid and organisation is named."""

    name: str = field(repr=False)
    phone: str = field(repr=False)
    role: Role
    place_id: UUID | None = None
    grid_id: UUID | None = None
    organisation_id: UUID | None = None
    work_number: str | None = None

    @property
    def seat(self) -> tuple[UUID | None, UUID | None, UUID | None]:
        """Name the seat: place, grid, organisation."""
        return self.place_id, self.grid_id, self.organisation_id


def invite(actor: Actor, new: NewInvite) -> tuple[StaffInvite, str]:
    """Make an invite that is good for seven days; its code is told this once.

    Raises:
        Forbidden, NotFound: not a seat this actor gives out.
        Invalid: name, phone or seat will not do (``bad_name``, ``bad_phone``, ``wrong_seat``).

    """
    if sum(one is not None for one in new.seat) != 1:
        raise Invalid("请选择一个地点、网格或单位。", code="wrong_seat")
    at = clock.now()
    access.require_giver(actor, new.role, new.organisation_id, seats.seat_nodes(*new.seat))
    level = seats.level_of_seat(new.place_id, new.grid_id)
    grants.check_seat(new.role, new.organisation_id, level, at)
    name = new.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid("姓名不对，请重新填写。", code="bad_name", errors={"name": ["不对"]})
    number, code = codes.checked_mobile(new.phone), ids.new_digits(CODE_DIGITS)
    assert actor.person_id is not None  # noqa: S101  (the door asks for a log-in)
    made = StaffInvite(
        id=ids.new_id(),
        code_hash=_hash(code),
        name=name,
        phone=number,
        phone_index=crypto.blind_index("phone", number),
        work_number=new.work_number,
        role=new.role,
        place_id=new.place_id,
        grid_id=new.grid_id,
        organisation_id=new.organisation_id,
        made_by_id=actor.person_id,
        made_at=at,
        expires_at=at + rules.INVITE_LIFE,
    )
    session.add(made)
    session.flush()
    audit.record(actor, "invite.made", "staff_invite", made.id, role=new.role.value)
    return made, code


def accept_invite(actor: Actor, code: str) -> list[RoleGrant]:
    """Fetch the role an invite holds, with the very phone it was made for.

    Whoever made it must still be entitled to give it. Name and work number of the
    invite are taken over: they are what colleagues and residents read.

    Raises:
        Unauthenticated: nobody acts.
        NotFound: no such invite, used, too old or taken back (code ``bad_invite``).
        RuleBroken: the phone is not proven, or another one (``phone_not_proven``,
            ``other_phone``).
        Conflict: the role is held already.

    """
    if actor.person_id is None:
        raise Unauthenticated
    at = clock.now()
    row = invites.held_by_code(_hash(code.strip().replace(" ", "")))
    if row is None or row.used_at or row.revoked_at or row.expires_at <= at:
        raise _bad_invite()
    person = queries.person(actor.person_id, hold=True)
    if person.phone_proven_at is None:
        raise RuleBroken("请先绑定手机号，再输入邀请码。", code="phone_not_proven")
    if person.phone_index != row.phone_index:
        raise RuleBroken(
            "邀请码是发给另一个手机号的，请用被邀请的手机号，或请单位重新邀请。", code="other_phone"
        )
    given = _give(row, person.id)
    person.name, person.name_index = row.name, crypto.blind_index("name", row.name)
    person.work_number = row.work_number or person.work_number
    row.used_at, row.used_by_id = at, person.id
    session.flush()
    audit.record(actor, "invite.accepted", "staff_invite", row.id)
    return given


def _give(row: StaffInvite, person_id: UUID) -> list[RoleGrant]:
    """Give the role as whoever made the invite, who may have lost the right since."""
    giver = queries.actor_of(row.made_by_id)
    if giver is None:
        raise _bad_invite()
    try:
        if row.organisation_id is not None:
            return grants.appoint(giver, person_id, row.role, row.organisation_id)
        new = NewGrant(
            person_id=person_id, role=row.role, place_id=row.place_id, grid_id=row.grid_id
        )
        return [grants.grant(giver, new)]
    except (Forbidden, NotFound) as refusal:
        raise _bad_invite() from refusal


def revoke_invite(actor: Actor, invite_id: UUID) -> StaffInvite:
    """Take an invite back before it is used.

    Raises:
        NotFound: not an invite to a seat this actor gives out.
        Conflict: used, or taken back already (code ``invite_over``).

    """
    row = invites.held(invite_id)
    nodes = seats.seat_nodes(row.place_id, row.grid_id, row.organisation_id)
    access.require_giver(actor, row.role, row.organisation_id, nodes)
    if row.used_at is not None or row.revoked_at is not None:
        raise Conflict("这个邀请已经用过或已撤回。", code="invite_over")
    row.revoked_at = clock.now()
    audit.record(actor, "invite.revoked", "staff_invite", row.id)
    return row


def _hash(code: str) -> str:
    return crypto.blind_index("invite", code)


def _bad_invite() -> NotFound:
    return NotFound("邀请码不对或已失效，请向邀请您的单位核对。", code="bad_invite")
