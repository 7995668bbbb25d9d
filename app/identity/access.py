"""Who may change people, grants, organisations and homes."""

from collections.abc import Collection
from uuid import UUID

from app.identity.rules import ROSTER_ROLES, Role
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Forbidden, NotFound


def require_edit(actor: Actor, nodes: Collection[UUID]) -> None:
    """Let pass who may edit identity over one of ``nodes``.

    What stands nowhere (no nodes) is for the system and its administrators.

    Raises:
        Forbidden: the actor edits no identity at all.
        NotFound: the actor does, but not there.

    """
    if may_edit(actor, nodes):
        return
    if not actor.holds(Permission.IDENTITY_EDIT):
        raise Forbidden
    raise NotFound


def may_edit(actor: Actor, nodes: Collection[UUID]) -> bool:
    """Tell whether the actor may edit identity over one of ``nodes``."""
    if not nodes:
        return actor.holds(Permission.SYSTEM_ADMIN)
    return actor.may(Permission.IDENTITY_EDIT, nodes=nodes)


def keeps_roster(actor: Actor, organisation_id: UUID | None) -> bool:
    """Tell whether the actor keeps the roster of this organisation, being its staff."""
    return organisation_id is not None and actor.may(
        Permission.STAFF_EDIT, organisations=[organisation_id]
    )


def require_roster(actor: Actor, organisation_id: UUID, nodes: Collection[UUID]) -> None:
    """Let pass who keeps the roster of an organisation or edits identity over it.

    Raises:
        Forbidden: the actor may do neither, anywhere.
        NotFound: not this organisation.

    """
    if keeps_roster(actor, organisation_id):
        return
    if actor.holds(Permission.STAFF_EDIT) and not actor.holds(Permission.IDENTITY_EDIT):
        raise NotFound
    require_edit(actor, nodes)


def require_giver(
    actor: Actor, role: Role, organisation_id: UUID | None, nodes: Collection[UUID]
) -> None:
    """Let pass who may give a role at a seat: its administrator, for some roles its roster keeper.

    Raises:
        Forbidden: the actor gives no roles at all.
        NotFound: not this seat, or not this role.

    """
    if role in ROSTER_ROLES and keeps_roster(actor, organisation_id):
        return
    if actor.holds(Permission.STAFF_EDIT) and not actor.holds(Permission.IDENTITY_EDIT):
        raise NotFound
    require_edit(actor, nodes)


def require_verifier(actor: Actor, nodes: Collection[UUID]) -> None:
    """Let pass who confirms dwellings at one of ``nodes``.

    Raises:
        NotFound: the actor does not; nobody else learns that there is a claim.

    """
    if not actor.may(Permission.PERSON_VERIFY, nodes=nodes):
        raise NotFound


def require_not_oneself(actor: Actor, person_id: UUID) -> None:
    """Refuse an act on oneself that needs another person.

    Raises:
        Forbidden: the actor is that person (code ``not_to_oneself``).

    """
    if actor.person_id == person_id:
        raise Forbidden("这件事不能由本人办理，请由其他人办理。", code="not_to_oneself")
