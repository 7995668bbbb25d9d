"""A person decides what other residents may read; nothing is ever deleted."""

from uuid import UUID

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid
from app.moderation import access, queries
from app.moderation.models import Check
from app.moderation.rules import Source, State

LONGEST_WHY = 500


def decide(actor: Actor, check_id: UUID, *, publish: bool, why: str) -> Check:
    """Let something be shown to other residents, or hide it; the report goes on untouched.

    Raises:
        NotFound: not there, or not at this actor's desk.
        Forbidden: the actor's own words (code ``second_person_needed``).
        Invalid: no reason given (code ``reason_needed``).
        Conflict: decided so already (code ``already_decided``).

    """
    row = queries.held(check_id)
    step = queries.step_of(row.step_id)
    access.require_desk(actor, queries.ticket_of(row.ticket_id), step.person_id)
    words = why.strip()
    if not words or len(words) > LONGEST_WHY:
        raise Invalid("请写明理由，不超过500字。", code="reason_needed", errors={"why": ["必填"]})
    to = State.SHOWN if publish else State.HIDDEN
    if row.state is to:
        raise Conflict("已经这样处理过了。", code="already_decided")
    row.state, row.source = to, Source.PERSON
    row.decided_by_id, row.decided_at, row.reason = actor.person_id, clock.now(), words
    session.flush()
    audit.record(
        actor, "content.decided", "ticket", row.ticket_id, kind=row.kind.value, publish=publish
    )
    return row
