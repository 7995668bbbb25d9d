"""A step was taken: what it carries is to be looked at before others read it."""

from uuid import UUID

from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock, outbox
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.media import queries as media
from app.media.rules import MediaKind
from app.moderation import queries
from app.moderation.events import CheckDue
from app.moderation.models import Check
from app.moderation.rules import Kind, State, Suggest
from app.tickets import history
from app.tickets.events import TicketMoved
from app.tickets.states import Action

BY_CLOCK = frozenset(
    {
        Action.AUTO_CLOSE,
        Action.BREACH,
        Action.CLOSE_ALONG,
        Action.ESCALATE,
        Action.HAND_OVER,
        Action.LAPSE,
        Action.RECOUNT,
        Action.SAMPLE,
        Action.BRIEF,  # written for the accused alone, by the desk that decides
    }
)
"""Steps in which nobody writes to anybody."""


def may_carry(event: TicketMoved) -> bool:
    """Tell whether a step may hold something that somebody wrote, took or said."""
    return event.action not in BY_CLOCK


def on_moved(event: TicketMoved) -> None:
    """Open the looks of one step; told again it opens nothing twice."""
    look_at_step(event.ticket_id, event.step_id)


def look_at_step(ticket_id: UUID, step_id: UUID) -> int:
    """Open a look for the words and each file of a step, in the caller's unit; count the new."""
    step = queries.step_of(step_id)
    wanted: list[tuple[Kind, UUID]] = []
    if history.words_of(step):
        wanted.append((Kind.TEXT if step.action is Action.SUBMIT else Kind.WORDS, step_id))
    for one in media.of_steps([step_id]).get(step_id, []):
        wanted.append((Kind.PHOTO if one.kind is MediaKind.PHOTO else Kind.VOICE, one.id))
    now = clock.now()
    rows = [
        {
            "id": new_id(),
            "kind": kind,
            "target_id": target_id,
            "ticket_id": ticket_id,
            "step_id": step_id,
            "made_at": step.at,
            "state": State.WAITING,
            "suggest": Suggest.UNKNOWN,
            "due_at": now,
        }
        for kind, target_id in wanted
    ]
    return _open(rows)


def _open(rows: list[dict[str, object]]) -> int:
    if not rows:
        return 0
    maker = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    statement = (
        maker(Check)
        .values(rows)
        .on_conflict_do_nothing(index_elements=["kind", "target_id"])
        .returning(Check.id)
    )
    fresh = session.scalars(statement).all()
    for check_id in fresh:
        outbox.record(CheckDue(check_id=check_id))
    return len(fresh)
