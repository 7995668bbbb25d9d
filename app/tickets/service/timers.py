"""What happens by itself: silence closes, masters take theirs along, heads are anchored."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from uuid import UUID

from app.catalog.rules import Kind
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.storage import Storage
from app.sla import ops
from app.tickets import guards, history, queries
from app.tickets.events import TicketMoved
from app.tickets.models import Ticket
from app.tickets.service import handover, settling
from app.tickets.service.steps import take_as_system
from app.tickets.states import Action, CloseReason, State

BATCH = 500
TRIES = 3
ENDS = frozenset({State.CLOSED.value, State.DECLINED.value, State.WITHDRAWN.value})


def auto_close(ticket_id: UUID) -> bool:
    """Close one resolved ticket that nobody answered; silence is not satisfaction.

    One complaint in five waits once more as long, to be called about (domain.md D2,
    step 15). Who said "not solved" and was refused has answered: that ends unsolved.
    Tells whether it closed: the condition is checked again under the lock.
    """
    ticket = queries.hold(ticket_id)
    now = clock.now()
    due, since = ticket.confirm_due_at, ticket.resolved_at
    if ticket.state is not State.RESOLVED or ticket.review_kind or due is None or due > now:
        return False
    assert since is not None  # noqa: S101  (a resolved ticket says since when)
    if _is_to_be_called(ticket, since):
        later = settling.due_after(now, ticket.confirm_within, ticket.district_id)
        take_as_system(SYSTEM, ticket, Action.SAMPLE).move(confirm_due_at=later)
        return False
    contested = queries.was_contested(ticket_id, since)
    reason = CloseReason.UNSOLVED if contested else CloseReason.NO_ANSWER
    taken = take_as_system(SYSTEM, ticket, Action.AUTO_CLOSE)
    taken.move(facts={"reason": reason}, closed_at=now, close_reason=reason)
    handover.end_holdings(ticket, now)
    return True


def _is_to_be_called(ticket: Ticket, since: datetime) -> bool:
    if ticket.kind != Kind.COMPLAINT or not guards.sampled(ticket.submitted_at):
        return False
    return not queries.was_sampled(ticket.id, since)


def is_end(event: TicketMoved) -> bool:
    """Tell whether a step ended its ticket."""
    return event.state in ENDS


def close_along(event: TicketMoved) -> None:
    """When a ticket ends, end those merged into it; when the last part ends, its parent."""
    if not is_end(event):
        return
    merged = queries.merged_into(event.ticket_id)
    parent_id = queries.get(event.ticket_id).parent_id
    waiting = [*merged, *([parent_id] if parent_id else [])]
    for ticket in queries.hold_all(waiting) if waiting else ():  # in id order, all at once
        if ticket.id != parent_id or not queries.has_open_parts(ticket.id):
            _close_along(ticket)


def _close_along(ticket: Ticket) -> None:
    if ticket.closed_at is not None:
        return
    taken = take_as_system(SYSTEM, ticket, Action.CLOSE_ALONG)
    taken.move(closed_at=taken.at, close_reason=CloseReason.ALONG, clocks=[ops.stop()])
    handover.end_holdings(ticket, taken.at)


def verify() -> Iterator[tuple[str, list[str]]]:
    """Walk through every ticket and yield (number, flaws) of each.

    A batch at a time, in a session that forgets it afterwards. What looks unsound
    is read again: somebody may have acted between the two statements.
    """
    last: UUID | None = None
    while batch := queries.after(last, BATCH):
        steps = queries.steps_of_many([ticket.id for ticket in batch])
        for ticket in batch:
            found = history.flaws(ticket, steps.get(ticket.id, []))
            yield ticket.number, _still_unsound(ticket.id) if found else found
        last = batch[-1].id


def _still_unsound(ticket_id: UUID) -> list[str]:
    found: list[str] = []
    for _ in range(TRIES):
        found = history.flaws(queries.fresh(ticket_id), queries.steps_of(ticket_id))
        if not found:
            break
    return found


def anchor(storage: Storage, now: datetime) -> str:
    """Write all chain heads outside the database; name the file.

    One JSON line per ticket: id, length, head. A tail cut off afterwards, which
    a chain alone cannot show, is then seen by :func:`check_anchor`.
    """
    lines: list[str] = []
    last: UUID | None = None
    while batch := queries.heads_after(last, BATCH * 10):
        lines += [json.dumps([ticket_id.hex, length, head]) for ticket_id, length, head in batch]
        last = batch[-1][0]
    key = f"anchors/{now:%Y-%m-%d}.jsonl"
    storage.put(key, "\n".join(lines).encode())
    return key


def check_anchor(storage: Storage, key: str) -> list[str]:
    """Compare an anchored file with the steps that stand; list what is missing or changed."""
    found: list[str] = []
    lines = iter(storage.get(key).decode().splitlines())
    while batch := [json.loads(line) for line in islice(lines, BATCH)]:
        stands = queries.hashes_of([UUID(ticket_hex) for ticket_hex, _, _ in batch])
        found += [
            f"ticket {ticket_hex}: step {length} is not the anchored one"
            for ticket_hex, length, head in batch
            if length and stands.get((UUID(ticket_hex), length)) != head
        ]
    return found
