"""What the database holds after a fault, against what the server had promised."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import select

from app.kernel.db import session
from app.kernel.idempotency import IdempotentAnswer
from app.kernel.outbox.models import OutboxEvent
from app.sla.models import SlaClock
from app.tickets import history, queries
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.models import Holding, Step, Ticket
from tests.faults.crowd import Ack


@dataclass(frozen=True, slots=True)
class Findings:
    """How much of each is wrong; all zero is sound."""

    lost: int
    """Acknowledged, and no such ticket."""
    doubled: int
    """Tickets too many for one key."""
    mistaken: int
    """Acknowledged under another ticket's id."""
    stepless: int
    """Tickets without any history."""
    miscounted: int
    """Tickets that count other steps than they have."""
    untold: int
    """Steps without their outbox row."""
    overtold: int
    """Outbox rows too many for a step, or for no step."""
    flawed: int
    """Tickets whose chain does not hold or does not replay to the row."""
    halves: int
    """Tickets without three clocks, dispatched ones without one holding lead."""
    keys: int
    """Keys whose stored answer and whose ticket do not both stand."""

    @property
    def sound(self) -> bool:
        return not any(asdict(self).values())

    def __str__(self) -> str:
        wrong = {name: count for name, count in asdict(self).items() if count}
        return ", ".join(f"{count} {name}" for name, count in wrong.items()) or "sound"


def examine(acks: Sequence[Ack], besides: Collection[UUID] = ()) -> Findings:
    """Compare every ticket that stands with every promise that was made.

    Every ticket but those ``besides`` must have come from a
    :class:`~tests.faults.crowd.Crowd`, whose reports carry their key in their words.
    """
    session.rollback()
    session.expire_all()
    rows = [ticket for ticket in session.scalars(select(Ticket)) if ticket.id not in besides]
    try:
        return _examine(acks, rows)
    finally:
        session.rollback()


def _examine(acks: Sequence[Ack], rows: Sequence[Ticket]) -> Findings:
    made: dict[str, list[UUID]] = {}
    for ticket in rows:
        made.setdefault((ticket.text or "").rpartition(" ")[2], []).append(ticket.id)
    steps = Counter(session.scalars(select(Step.ticket_id)))
    untold, overtold = _told()
    return Findings(
        lost=sum(ack.key not in made for ack in acks),
        doubled=sum(len(ids) - 1 for ids in made.values()),
        mistaken=sum(ack.key in made and ack.ticket_id not in made[ack.key] for ack in acks),
        stepless=sum(not steps[ticket.id] for ticket in rows),
        miscounted=sum(steps[ticket.id] != ticket.chain_length for ticket in rows),
        untold=untold,
        overtold=overtold,
        flawed=sum(bool(flaws) for _, flaws in tickets.verify()),
        halves=_halves(rows),
        keys=len(_answered() ^ set(made)),
    )


def unsound(ticket_ids: Collection[UUID]) -> list[str]:
    """List what is wrong with the histories of these tickets as they stand now."""
    session.rollback()
    session.expire_all()
    steps = queries.steps_of_many(ticket_ids)
    found = [
        f"{ticket.number}: {flaw}"
        for ticket in queries.by_ids(ticket_ids).values()
        for flaw in history.flaws(ticket, steps.get(ticket.id, []))
    ]
    untold, overtold = _told(ticket_ids)
    if untold or overtold:
        found.append(f"{untold} steps untold, {overtold} told too often")
    return found


def _told(ticket_ids: Collection[UUID] | None = None) -> tuple[int, int]:
    """Count the steps without an outbox row, and the rows too many."""
    moved = select(OutboxEvent.payload).where(OutboxEvent.topic == TicketMoved.topic)
    mine = None if ticket_ids is None else {str(one) for one in ticket_ids}
    told = Counter(
        UUID(payload["step_id"])
        for payload in session.scalars(moved)
        if mine is None or payload["ticket_id"] in mine
    )
    query = select(Step.id)
    if ticket_ids is not None:
        query = query.where(Step.ticket_id.in_(ticket_ids))
    step_ids = set(session.scalars(query))
    return len(step_ids - set(told)), told.total() - len(step_ids & set(told))


def _halves(rows: Sequence[Ticket]) -> int:
    clocks = Counter(session.scalars(select(SlaClock.ticket_id)))
    leading = Holding.role == "lead", Holding.to_at.is_(None)
    leads = Counter(session.scalars(select(Holding.ticket_id).where(*leading)))
    return sum(
        clocks[ticket.id] != 3 or leads[ticket.id] != (ticket.lead_id is not None)
        for ticket in rows
    )


def _answered() -> set[str]:
    """Name the keys of submits that have a stored answer."""
    found = select(IdempotentAnswer.key).where(IdempotentAnswer.status == 201)
    return set(session.scalars(found))
