"""Who may print, renew and revoke the signs of a place."""

from typing import TYPE_CHECKING

from app.kernel.actor import Actor, Permission
from app.kernel.errors import NotFound
from app.territory import access as territory

if TYPE_CHECKING:
    from app.territory.models import Place

PRINTS = (Permission.TICKET_DISPATCH, Permission.TERRITORY_EDIT)
"""The desk of a place hangs its signs; so does whoever edits its addresses."""


def require_print(actor: Actor, place: "Place") -> None:
    """Let pass who prints the signs of this place.

    Raises:
        NotFound: somebody else; they do not learn whether there is such a place.

    """
    nodes = territory.nodes_of(place)
    if actor.holds(Permission.SYSTEM_ADMIN) or any(actor.may(one, nodes=nodes) for one in PRINTS):
        return
    raise NotFound("没有这个地址。")
