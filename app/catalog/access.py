"""Who may change time limits, parties and calendars."""

from uuid import UUID

from app.kernel.actor import Actor, Permission
from app.kernel.errors import Forbidden, NotFound
from app.territory import queries as territory
from app.territory.rules import Level


def require_edit(actor: Actor, district_id: UUID | None = None) -> None:
    """Let pass who may edit for ``district_id``, or for the whole product if it is None.

    Raises:
        Forbidden: a district's editor touches what holds everywhere, or another district.

    """
    everywhere = actor.holds(Permission.CATALOG_EDIT) and actor.holds(Permission.SYSTEM_ADMIN)
    if everywhere or (
        district_id is not None and actor.may(Permission.CATALOG_EDIT, nodes=(district_id,))
    ):
        return
    raise Forbidden("您没有权限修改这里的类别和时限。", code="catalog_edit_forbidden")


def require_district(district_id: UUID | None) -> None:
    """Let pass a live district, or none at all.

    Raises:
        NotFound: some other place, or no place (``unknown_district``).

    """
    if district_id is not None and territory.place(district_id).level is not Level.DISTRICT:
        raise NotFound("没有这个区。", code="unknown_district")
