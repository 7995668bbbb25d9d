"""What the desk does: dispatch, transfer, correct, merge, split, explain."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Invalid, NotFound, RuleBroken
from app.sla import ops
from app.tickets import access, queries
from app.tickets.models import Follower, Ticket
from app.tickets.service import handover, intake, settling
from app.tickets.service.steps import Taken, Words, require_words, take_as_staff
from app.tickets.states import OPEN, Action, QuoteState


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """To whom: an organisation, perhaps one of its people, perhaps its pool."""

    organisation_id: UUID
    person_id: UUID | None = None
    claimable: bool = False


def dispatch(actor: Actor, ticket_id: UUID, target: Target, words: Words) -> Ticket:
    """Give a waiting ticket to an organisation; after two returns this is a ruling."""
    taken = take_as_staff(actor, ticket_id, Action.DISPATCH)
    ticket = taken.ticket
    columns = _target_columns(ticket, target, taken)
    taken.move(
        words,
        facts={"organisation": target.organisation_id},
        dispatched_at=taken.at,
        ruled=ticket.returns >= 2,
        **columns,
        **handover.first_columns(ticket, target.organisation_id),
    )
    first = not queries.was_held(ticket.id)
    handover.begin_lead(ticket, taken.at, "由工作人员派单", first=first)
    return ticket


def transfer(actor: Actor, ticket_id: UUID, target: Target, words: Words) -> Ticket:
    """Move the lead to another organisation; it gets a new accept clock, the rest stays.

    Where the old lead had met the resident already, so must the new one: then the
    respond clock runs anew too. Who helps goes on helping.
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.TRANSFER)
    ticket = taken.ticket
    if target.organisation_id == ticket.lead_id:
        raise RuleBroken("已经是这个单位在办理。", code="same_lead")
    columns = _target_columns(ticket, target, taken)
    old, kept = ticket.lead_id, _helpers_after(ticket, target)
    handover.end_holdings(ticket, taken.at, role="lead")
    handover.end_holdings(ticket, taken.at, organisation_id=target.organisation_id)
    taken.move(
        words,
        facts={"organisation": target.organisation_id},
        dispatched_at=taken.at,
        accepted_at=None,
        started_at=None,
        quote_state=QuoteState.NONE,
        co_ids=kept,
        **handover.UNCONTESTED,
        clocks=settling.clocks_again(ticket, taken.at),
        **columns,
        **handover.first_columns(ticket, target.organisation_id),
    )
    handover.begin_lead(ticket, taken.at, "转派", first=False, with_helpers=False)
    if old is not None and old.hex in kept:
        handover.add_co_handler(
            ticket, old, taken.at, "提级后转派，原承办单位继续协办", due_at=ticket.resolve_due_at
        )
    return ticket


def _helpers_after(ticket: Ticket, target: Target) -> list[str]:
    """Name who helps after a transfer: who did before and, once it climbed, the old lead.

    A ticket that went up never lets go of who had it (rules of escalation); the
    accused never helps.
    """
    helpers = list(ticket.co_ids)
    old = ticket.lead_id
    if ticket.escalated_at is not None and old is not None and old.hex not in ticket.barred:
        helpers.append(old.hex)
    return [co for co in dict.fromkeys(helpers) if co != target.organisation_id.hex]


def _target_columns(ticket: Ticket, target: Target, taken: Taken) -> dict[str, Any]:
    desk_acts = handover.require_lead(ticket, target.organisation_id)
    person_id = target.person_id
    if person_id is not None:
        handover.require_hands(ticket, target.organisation_id, person_id, taken.at)
    return {
        "lead_id": target.organisation_id,
        "project_id": handover.project_of(ticket, target.organisation_id, taken.at),
        "assignee_id": person_id,
        "claimable": target.claimable and person_id is None,
        "mode": "claim" if target.claimable else "manual",
        "desk_acts": desk_acts,
    }


def merge(actor: Actor, ticket_id: UUID, master_id: UUID, words: Words) -> Ticket:
    """Put a ticket into an open one about the same thing; its people follow the master.

    Raises:
        RuleBroken: not the same compound and category, or the master is over.
    """
    if ticket_id == master_id:
        raise Invalid("不能并入自己。", code="same_ticket")
    with suppress(NotFound):  # whether the master exists is for who may merge to learn
        queries.hold_all([ticket_id, master_id])
    taken = take_as_staff(actor, ticket_id, Action.MERGE)
    into = take_as_staff(actor, master_id, Action.ABSORB)
    ticket, master = taken.ticket, into.ticket
    if master.state not in OPEN or master.merged_into_id is not None:
        raise RuleBroken("只能并入还在办理的单。", code="master_over")
    if not _about_the_same(ticket, master):
        raise RuleBroken("地点和类别都相同的单才能合并。", code="not_the_same")
    taken.move(words, facts={"master": master.id}, merged_into_id=master.id, clocks=[ops.stop()])
    handover.end_holdings(ticket, taken.at)
    gained = _bring_people(ticket, master, taken)
    into.move(facts={"absorbed": ticket.id}, followers=master.followers + gained)
    return ticket


def _about_the_same(ticket: Ticket, master: Ticket) -> bool:
    """Compare what is reported: category, place, home and who is accused.

    Two homes never merge. Outside compounds the grid says what one place is.
    """
    if ticket.compound_id is None and ticket.grid_id is None:
        return False
    return all(
        getattr(ticket, name) == getattr(master, name)
        for name in ("compound_id", "category_code", "dwelling_id", "respondent_id")
    ) and (ticket.compound_id is not None or ticket.grid_id == master.grid_id)


def _bring_people(ticket: Ticket, master: Ticket, taken: Taken) -> int:
    """Let the reporter and all who joined follow the master; tell how many are new there."""
    known = {master.reporter_id, None, *queries.follower_ids(master.id)}
    own = {ticket.reporter_id: ticket.id}
    coming = dict.fromkeys((ticket.reporter_id, *queries.follower_ids(ticket.id)))
    fresh = [one for one in coming if one not in known]
    session.add_all(
        Follower(
            ticket_id=master.id,
            person_id=one,
            joined_at=taken.at,
            own_ticket_id=own.get(one),
        )
        for one in fresh
    )
    return len(fresh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing to be done of a report that named several."""

    category: str
    text: str


def split(actor: Actor, ticket_id: UUID, parts: Sequence[Part]) -> list[Ticket]:
    """Make own tickets of the parts; the parent closes when they do."""
    if not 2 <= len(parts) <= 9:
        raise Invalid("请拆成2到9件。", code="bad_parts", errors={"parts": ["2到9件"]})
    taken = take_as_staff(actor, ticket_id, Action.SPLIT)
    parent = taken.ticket
    spot = settling.spot_of(parent)
    children = [intake.submit_part(actor, parent, p.category, p.text, spot) for p in parts]
    handover.end_holdings(parent, taken.at)
    taken.move(
        facts={"parts": [child.id for child in children]},
        parts=len(children),
        clocks=[ops.stop()],
        **{k: v for k, v in handover.RELEASED.items() if k != "state"},
    )
    return children


def brief(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Write what the accused may read of an accusing ticket."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.BRIEF)
    taken.ticket.handler_brief = words.text.strip()
    taken.move(words, public=False)
    return taken.ticket


def transcript(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Write down a voice note, for those who read."""
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.TRANSCRIPT)
    taken.move(words, public=False)
    return taken.ticket


def read(actor: Actor, ticket_id: UUID) -> Ticket:
    """Read a ticket as staff.

    Raises:
        NotFound: not one this actor may see.
    """
    ticket = queries.get(ticket_id)
    access.require_staff(actor, ticket)
    return ticket
