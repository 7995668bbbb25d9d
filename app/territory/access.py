"""Who may change the territory."""

from collections.abc import Collection
from uuid import UUID

from app.kernel.actor import Actor, Permission
from app.kernel.errors import Forbidden
from app.territory.models import Place
from app.territory.rules import COLUMNS


def nodes_of(place: Place) -> frozenset[UUID]:
    """Name a place and everything it lies in: what grants are held at."""
    held = (getattr(place, column) for column in COLUMNS)
    return frozenset(node for node in held if node is not None)


def require_edit(actor: Actor, nodes: Collection[UUID]) -> None:
    """Let pass who may edit the territory at one of ``nodes``.

    Without nodes (a new district, a name for everywhere) only the system and
    its administrators pass.

    Raises:
        Forbidden: the actor may not (code ``not_your_territory``).

    """
    everywhere = actor.holds(Permission.SYSTEM_ADMIN)
    if not everywhere and not actor.may(Permission.TERRITORY_EDIT, nodes=nodes):
        raise Forbidden("您不能修改这里的地址和网格。", code="not_your_territory")
