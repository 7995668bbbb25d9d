"""What every verb shares: take the row, check the act, know who is next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.kernel import clock
from app.kernel.actor import Actor, Permission
from app.kernel.errors import Invalid, NotFound
from app.media import service as media
from app.media.rules import MediaKind
from app.sla import ops
from app.sla import queries as sla_queries
from app.sla import service as sla
from app.sla.ops import Op
from app.sla.rules import ClockKind
from app.tickets import access, history, queries, workflow
from app.tickets.history import Note
from app.tickets.models import Step, Ticket
from app.tickets.states import OPEN, Action, Relation, State

MAX_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Words:
    """What a person wrote and attached to an act."""

    text: str = ""
    media: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A ticket in hand for one act: locked, allowed, timed."""

    actor: Actor
    ticket: Ticket
    action: Action
    relation: Relation
    at: datetime

    def move(
        self,
        words: Words | None = None,
        *,
        facts: dict[str, Any] | None = None,
        clocks: Sequence[Op] = (),
        public: bool = True,
        photo: bool = False,
        **changes: Any,
    ) -> Step:
        """Take the step, attach what came with it, let its clocks follow, set who is next.

        ``clocks`` is what the act does to the promises; it stands in the step, and
        nothing else moves a clock.

        Raises:
            Invalid: ``photo`` is asked for and none came (code ``photo_needed``).
        """
        said = words or Words()
        checked = check_words(said.text)
        if clocks:
            soon = catalog.limits(self.ticket.district_id, self.at).due_soon_percent
            clocks = [ops.warned_at(op, soon) for op in clocks]
            changes = self._keep_clocks(clocks, changes) | changes
            facts = {**(facts or {}), "clocks": list(clocks)}
        note = Note(
            words=checked,
            facts={**(facts or {}), **({"media": len(said.media)} if said.media else {})},
            public=public,
            organisation_id=_organisation(self.actor, self.ticket, self.relation),
        )
        step = history.move(
            self.ticket,
            self.action,
            self.actor,
            self.at,
            relation=self.relation,
            note=note,
            **changes,
        )
        attach(self.actor, self.ticket, step, said.media, photo=photo)
        set_next_due(self.ticket)
        return step

    def _keep_clocks(self, acts: Sequence[Op], changes: dict[str, Any]) -> dict[str, Any]:
        """Let the clocks follow an act; name the columns of the ticket that say so."""
        ticket = self.ticket
        kept = sla.keep(
            ticket.id,
            acts,
            self.at,
            district_id=changes.get("district_id", ticket.district_id),
            holder_at=partial(queries.lead_at, ticket.id),
        )
        watch(ticket, kept, changes.get("resume_at", ticket.resume_at))
        broken = {"breaches": ticket.breaches + kept.broken} if kept.broken else {}
        return kept.due_columns | broken


def watch(ticket: Ticket, kept: sla.Kept, resume_at: datetime | None) -> None:
    """Set when the watcher looks at a ticket next, and whether it is due soon.

    ``resume_at`` as it will be: a pause that ends now calls nobody to a second look.
    """
    ticket.look_at = min(kept.look_at or queries.FAR, resume_at or queries.FAR)
    ticket.due_soon = kept.due_soon


def take_as_staff(actor: Actor, ticket_id: UUID, action: Action) -> Taken:
    """Lock a ticket for an act of staff.

    Raises:
        NotFound: not one this actor may see.
        Forbidden, Conflict, RuleBroken: see ``history.require``.
    """
    at = clock.now()
    ticket = queries.hold(ticket_id)
    relations = access.require_staff(actor, ticket)
    return _taken(actor, ticket, action, relations - access.OWN, at)


def take_as_resident(actor: Actor, ticket_id: UUID, action: Action) -> Taken:
    """Lock a ticket for an act of the one who reported it, filed it or joined it.

    Raises:
        NotFound: not theirs.
        Forbidden, Conflict, RuleBroken: see ``history.require``.
    """
    at = clock.now()
    ticket = queries.hold(ticket_id)
    return _taken(actor, ticket, action, resident_relations(actor, ticket), at)


def resident_relations(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    """Find what a person is to a ticket as a resident; the accused is no follower.

    Raises:
        NotFound: nothing.
    """
    own = access.own_relations(actor, ticket)
    if own:
        return own
    if access.is_accused(actor, ticket) or not queries.is_follower(actor.person_id, ticket.id):
        raise NotFound
    return frozenset({Relation.FOLLOWER})


def take_as_system(actor: Actor, ticket: Ticket, action: Action) -> Taken:
    """Prepare an act of the product itself on a ticket already locked or new."""
    return _taken(actor, ticket, action, frozenset({Relation.SYSTEM}), clock.now())


def _taken(
    actor: Actor,
    ticket: Ticket,
    action: Action,
    relations: frozenset[Relation],
    at: datetime,
) -> Taken:
    history.require(ticket, action, relations, at)
    who = workflow.transition(action).who
    relation = next(one for one in Relation if one in who and one in relations)
    return Taken(actor, ticket, action, relation, at)


def _organisation(actor: Actor, ticket: Ticket, relation: Relation) -> UUID | None:
    """Name the organisation a step speaks for, if it speaks for one."""
    if relation in (Relation.LEAD, Relation.ASSIGNEE, Relation.LEAD_MANAGER):
        return ticket.lead_id
    if relation is Relation.CO_HANDLER:
        helps = actor.organisations(Permission.TICKET_HANDLE)
        return next((UUID(co) for co in ticket.co_ids if UUID(co) in helps), None)
    if relation is Relation.FIRST_HANDLER:
        return ticket.first_id
    if relation is Relation.FORMER_LEAD:
        return ticket.handed_from_id
    return None


def check_words(text: str) -> str:
    """Trim a person's words.

    Raises:
        Invalid: longer than 2,000 characters (code ``text_too_long``).
    """
    text = text.strip()
    if len(text) > MAX_WORDS:
        raise Invalid(
            f"文字太长，请控制在{MAX_WORDS}字以内。",
            code="text_too_long",
            errors={"text": [f"最多{MAX_WORDS}字"]},
        )
    return text


def require_words(words: Words, *, or_media: bool = False) -> None:
    """Insist on words (or, where that is enough, a photo or a voice note).

    Raises:
        Invalid: nothing was said (code ``text_needed``).
    """
    if words.text.strip() or (or_media and words.media):
        return
    raise Invalid("请写一句说明。", code="text_needed", errors={"text": ["请写一句说明"]})


def attach(
    actor: Actor,
    ticket: Ticket,
    step: Step,
    media_ids: Sequence[UUID],
    *,
    photo: bool = False,
) -> None:
    """Bind uploads to the step they came with; with ``photo`` one must be a photo.

    Raises:
        Invalid: none is a photo (code ``photo_needed``), or see media.
    """
    bound = []
    if media_ids and actor.person_id is not None:
        bound = media.attach(
            media_ids,
            owner_id=actor.person_id,
            ticket_id=ticket.id,
            step_id=step.id,
            purpose=step.action.value,
        )
    if photo and not any(one.kind is MediaKind.PHOTO for one in bound):
        raise Invalid(
            "这类问题办完要拍一张照片。",
            code="photo_needed",
            errors={"media": ["请拍一张办完后的照片"]},
        )


def set_next_due(ticket: Ticket) -> None:
    """Set when somebody owes the next act; only tickets write this column."""
    result = None if _rests(ticket) else ticket.resolve_due_at
    waiting: tuple[datetime | None, ...] = {
        State.SUBMITTED: (ticket.accept_due_at, ticket.respond_due_at, result),
        State.DISPATCHED: (ticket.accept_due_at, ticket.respond_due_at, result),
        State.ACCEPTED: (ticket.respond_due_at, result),
        State.IN_PROGRESS: (result,),
        State.SUSPENDED: (ticket.resume_at,),
        State.RESOLVED: (ticket.confirm_due_at,),
    }.get(ticket.state, ())
    if ticket.state in OPEN:
        waiting = (*waiting, ticket.tier_due_at, ticket.answer_due_at)
    if ticket.parts:  # its parts are what somebody owes
        waiting = ()
    ticket.next_due_at = min((due for due in waiting if due), default=queries.FAR)


def _rests(ticket: Ticket) -> bool:
    """Tell whether no result is owed for now: a long-term matter owes a word every month."""
    return ticket.long_term and not any(
        one.running and one.kind is ClockKind.RESOLVE for one in sla_queries.clocks(ticket.id)
    )
