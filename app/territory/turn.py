"""One writer at a time, reading afresh."""

from uuid import UUID

from app.kernel import stamps
from app.kernel.db import session
from app.territory import queries, spots
from app.territory.models import Place

WRITERS = "territory.writers"


def take_turn(*, redraw: bool) -> None:
    """Let one writer at a time change the tree; ``redraw`` if the map changes too.

    The row of the stamp is the lock (until commit), so that a child planted
    while its ancestor is renamed cannot keep the old name. Edits are rare.
    """
    stamps.bump(WRITERS)
    if redraw:
        stamps.bump(spots.STAMP)


def held(place_id: UUID) -> Place:
    """Read a live place afresh, after the turn was taken.

    Raises:
        NotFound: there is none.

    """
    session.flush()
    session.get(Place, place_id, populate_existing=True)
    return queries.place(place_id)
