"""The history of a ticket: every change is a step, every step a link of a chain.

``move`` is the only writer of a ticket's replayed columns. It notes what
changed in the step, so folding the steps gives the present row: ``replay``.
A link signs, with a key kept outside the database, everything of the step but
its personal words; of those it signs a salted commitment, so they can be
erased without breaking the chain.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.kernel import crypto, outbox
from app.kernel.actor import Actor
from app.kernel.appending import append
from app.kernel.errors import Conflict, Forbidden, RuleBroken
from app.kernel.ids import new_id, new_token
from app.tickets import workflow
from app.tickets.events import TicketMoved
from app.tickets.models import Step, Ticket
from app.tickets.states import Action, Relation

NOT_REPLAYED = frozenset(
    {
        "id",
        "version",
        "contact_name",
        "contact_phone",
        "text",
        "handler_brief",
        "place_label",
        "chain_length",
        "chain_head",
        "next_due_at",
        "look_at",
        "due_soon",
    }
)
_PLAIN = frozenset({str, int, bool, float, type(None)})
_DEFAULTS = tuple(
    (column.name, column.default.arg if column.default.is_scalar else None)
    for column in Ticket.__table__.columns
    if column.default is not None and (column.default.is_scalar or column.name not in NOT_REPLAYED)
)
"""Column and default; None stands for a list of its own."""
REPLAYED = tuple(c.name for c in Ticket.__table__.columns if c.name not in NOT_REPLAYED)


@dataclass(frozen=True, slots=True)
class Note:
    """What a step says besides its changes.

    ``words`` are people's own (sealed, erasable); ``facts`` are codes, counts
    and times without personal data; ``public`` lets residents see the step.
    """

    words: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    public: bool = True
    organisation_id: UUID | None = None


def require(ticket: Ticket, action: Action, relations: frozenset[Relation], at: datetime) -> None:
    """Check an act against the table.

    Raises:
        Forbidden: the act is not this person's.
        Conflict: the ticket has moved on; the answer tells its state.
        RuleBroken: a guard says no.
    """
    numbers = catalog.limits(ticket.district_id, at)
    refused = workflow.refusal(ticket, action, relations, at, numbers)
    if refused is None:
        return
    code, words = refused
    if code == "not_your_act":
        raise Forbidden(words, code=code)
    if code == "wrong_state":
        raise Conflict(words, code=code, extra={"state": ticket.state.value})
    raise RuleBroken(words, code=code)


def begin(ticket: Ticket, actor: Actor, at: datetime, note: Note) -> Step:
    """Write the first step of a new ticket: everything it starts with."""
    _settle_defaults(ticket)
    columns = vars(ticket)  # of a new row: what is not there was never set
    changes = {name: _plain(columns[name]) for name in REPLAYED if columns.get(name) is not None}
    return _append(ticket, Action.SUBMIT, actor, at, _submitter(ticket, actor), changes, note)


def _submitter(ticket: Ticket, actor: Actor) -> Relation:
    """Tell as what somebody files: for oneself, for another, or as the desk that splits."""
    if actor.is_system:
        return Relation.SYSTEM
    if actor.person_id == ticket.reporter_id:
        return Relation.REPORTER
    return Relation.FILER if actor.person_id == ticket.filed_by_id else Relation.DISPATCHER


def _settle_defaults(ticket: Ticket) -> None:
    """Set column defaults now: the first step must name them before the flush does."""
    for name, default in _DEFAULTS:
        if vars(ticket).get(name) is None:
            setattr(ticket, name, [] if default is None else default)


def move(
    ticket: Ticket,
    action: Action,
    actor: Actor,
    at: datetime,
    *,
    relation: Relation,
    note: Note | None = None,
    **changes: Any,
) -> Step:
    """Take one step: set the columns, note the change, sign the link, tell the outbox.

    ``changes`` are replayed columns of the ticket; the state follows the table
    and needs not be named.

    Raises:
        LookupError: a column that is not replayed was named (a programming error).
    """
    row = workflow.transition(action)
    if row.to is not None:
        changes["state"] = row.to
    told: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in REPLAYED:
            raise LookupError(f"{name} is not a replayed column")
        if getattr(ticket, name) != value:
            setattr(ticket, name, value)
            told[name] = _plain(value)
    return _append(ticket, action, actor, at, relation, told, note or Note())


def _append(
    ticket: Ticket,
    action: Action,
    actor: Actor,
    at: datetime,
    relation: Relation,
    changes: dict[str, Any],
    note: Note,
) -> Step:
    salt = new_token(16)
    row = workflow.transition(action) if action is not Action.SUBMIT else None
    step = Step(
        id=new_id(),
        ticket_id=ticket.id,
        seq=ticket.chain_length + 1,
        at=at,
        action=action,
        person_id=actor.person_id,
        relation=relation.value,
        organisation_id=note.organisation_id,
        public=note.public and (row is None or bool(row.resident_zh)),
        changes=changes,
        facts={name: _plain(value) for name, value in note.facts.items()},
        commitment=crypto.commitment(salt, note.words),
        personal=json.dumps({"salt": salt, "words": note.words}, ensure_ascii=False),
        previous_hash=ticket.chain_head,
    )
    step.hash = crypto.chain_link(step.previous_hash, canonical(step))
    ticket.chain_length = step.seq
    ticket.chain_head = step.hash
    append(step)
    outbox.record(
        TicketMoved(
            ticket_id=ticket.id,
            step_id=step.id,
            seq=step.seq,
            action=action.value,
            state=ticket.state.value,
            urgency=ticket.urgency,
        )
    )
    return step


def canonical(step: Step) -> str:
    """Write the signed part of a step in one way only."""
    return json.dumps(
        {
            "id": step.id.hex,
            "ticket": step.ticket_id.hex,
            "seq": step.seq,
            "at": step.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "action": step.action.value,
            "person": step.person_id.hex if step.person_id else None,
            "relation": step.relation,
            "organisation": step.organisation_id.hex if step.organisation_id else None,
            "public": step.public,
            "changes": step.changes,
            "facts": step.facts,
            "commitment": step.commitment,
        },
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )


def words_of(step: Step) -> str:
    """Read a step's words; empty if there were none or they were erased."""
    if step.personal is None:
        return ""
    kept: dict[str, str] = json.loads(step.personal)
    return kept["words"]


def flaws(ticket: Ticket, steps: Sequence[Step]) -> list[str]:
    """List what is wrong with a ticket's history, in order; empty is sound.

    ``steps`` are all steps of the ticket by ``seq``. Checks the numbering, every
    link, every commitment whose words still stand, the head and length kept in
    the row, and that replaying the steps gives the row.
    """
    found: list[str] = []
    head = ""
    for expected, step in enumerate(steps, start=1):
        if step.seq != expected:
            found.append(f"step {expected} is missing (found {step.seq})")
            break
        if step.previous_hash != head:
            found.append(f"step {step.seq} does not follow the step before it")
        if step.hash != crypto.chain_link(step.previous_hash, canonical(step)):
            found.append(f"step {step.seq} was changed")
        found.extend(_commitment_flaws(step))
        head = step.hash
    if ticket.chain_length != len(steps):
        found.append(f"the ticket counts {ticket.chain_length} steps, there are {len(steps)}")
    if ticket.chain_head != head:
        found.append("the ticket's head is not the last step")
    return found + _replay_flaws(ticket, steps)


def _commitment_flaws(step: Step) -> list[str]:
    if step.personal is None:
        return []
    kept = json.loads(step.personal)
    if crypto.commitment(kept["salt"], kept["words"]) == step.commitment:
        return []
    return [f"step {step.seq}: the words were changed"]


def replay(steps: Sequence[Step]) -> dict[str, Any]:
    """Fold the steps into the state they lead to (plain JSON values).

    A column that a history never named, because it is older than the column, stands at
    its default.
    """
    state: dict[str, Any] = {
        name: [] if default is None else _plain(default) for name, default in _DEFAULTS
    }
    for step in steps:
        state.update(step.changes)
    return state


def _replay_flaws(ticket: Ticket, steps: Sequence[Step]) -> list[str]:
    state = replay(steps)
    return [
        f"{name} is {_plain(getattr(ticket, name))!r}, its history says {state.get(name)!r}"
        for name in REPLAYED
        if _plain(getattr(ticket, name)) != state.get(name)
    ]


def _plain(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
