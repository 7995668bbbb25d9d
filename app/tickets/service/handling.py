"""What the handler does: take it, come, offer, work, report."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.sla import ops
from app.sla.rules import ClockKind
from app.tickets import queries
from app.tickets.models import Appointment, Quote, Ticket
from app.tickets.service import handover, reviewing, settling
from app.tickets.service.steps import Taken, Words, require_words, take_as_resident, take_as_staff
from app.tickets.states import Action, QuoteState, Relation, ResultKind

LONGEST_WINDOW = timedelta(hours=12)
MOST_FEN = 100_000_00
PAYMENTS = ("free", "paid", "warranty")


def accept(actor: Actor, ticket_id: UUID) -> Ticket:
    """Take a dispatched ticket into hand.

    Raises:
        NotFound: no such ticket, or not one this actor may see.
        Conflict: somebody was faster, or it has moved on.
    """
    return _accepted(take_as_staff(actor, ticket_id, Action.ACCEPT))


def claim(actor: Actor, ticket_id: UUID) -> Ticket:
    """Take a ticket out of the pool; of several at once one gets it."""
    return _accepted(take_as_staff(actor, ticket_id, Action.CLAIM))


def _accepted(taken: Taken) -> Ticket:
    ticket = taken.ticket
    taken.move(
        accepted_at=taken.at,
        assignee_id=ticket.assignee_id or taken.actor.person_id,
        claimable=False,
        first_called_at=None,
        clocks=[ops.meet(ClockKind.ACCEPT)],
    )
    return ticket


def assign(actor: Actor, ticket_id: UUID, person_id: UUID, words: Words) -> Ticket:
    """Put a ticket of one's organisation into one person's hands."""
    taken = take_as_staff(actor, ticket_id, Action.ASSIGN)
    ticket = taken.ticket
    assert ticket.lead_id is not None  # noqa: S101  (only the lead's manager assigns)
    handover.require_hands(ticket, ticket.lead_id, person_id, taken.at)
    taken.move(words, facts={"person": person_id}, assignee_id=person_id, claimable=False)
    return ticket


def start(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Note the first contact or the arrival: the respond clock is met."""
    taken = take_as_staff(actor, ticket_id, Action.START)
    taken.move(words, started_at=taken.at, clocks=[ops.meet(ClockKind.RESPOND)])
    return taken.ticket


def progress(actor: Actor, ticket_id: UUID, words: Words, *, public: bool) -> Ticket:
    """Add what was done or seen; internal notes stay with staff."""
    require_words(words, or_media=True)
    taken = take_as_staff(actor, ticket_id, Action.PROGRESS)
    owed = public and taken.ticket.long_term and taken.relation is Relation.LEAD
    taken.move(words, public=public, clocks=settling.next_month(taken.at) if owed else ())
    return taken.ticket


def assist(
    actor: Actor, ticket_id: UUID, organisation_id: UUID, due_at: datetime, words: Words
) -> Ticket:
    """Ask another organisation to help, with a due time of its own."""
    taken = take_as_staff(actor, ticket_id, Action.ASSIST)
    ticket = taken.ticket
    handover.require_lead(ticket, organisation_id)
    if due_at <= taken.at:
        raise Invalid("协办时限要晚于现在。", code="due_in_past", errors={"due": ["要晚于现在"]})
    if organisation_id.hex in ticket.co_ids or organisation_id == ticket.lead_id:
        raise Conflict("这个单位已经在办理。", code="already_handling")
    taken.move(
        words,
        facts={"organisation": organisation_id, "due": due_at},
        co_ids=[*ticket.co_ids, organisation_id.hex],
    )
    handover.add_co_handler(ticket, organisation_id, taken.at, "请求协办", due_at=due_at)
    return ticket


def assist_done(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Report one's part done; the whole stays with the lead."""
    require_words(words, or_media=True)
    taken = take_as_staff(actor, ticket_id, Action.ASSIST_DONE)
    ticket = taken.ticket
    helps = actor.organisations(Permission.TICKET_HANDLE)
    mine = next(co for co in ticket.co_ids if UUID(co) in helps)
    taken.move(words, co_ids=[co for co in ticket.co_ids if co != mine])
    handover.end_holdings(ticket, taken.at, role="co_handler", organisation_id=UUID(mine))
    return ticket


def appoint(
    actor: Actor, ticket_id: UUID, from_at: datetime, to_at: datetime, words: Words
) -> Ticket:
    """Promise a visit within a window of at most 12 hours."""
    taken = take_as_staff(actor, ticket_id, Action.APPOINT)
    if not taken.at < to_at or not timedelta() < to_at - from_at <= LONGEST_WINDOW:
        raise Invalid(
            "上门时间要在现在之后，时段不超过12小时。",
            code="bad_window",
            errors={"from": ["请检查起止时间"]},
        )
    session.add(Appointment(ticket_id=ticket_id, from_at=from_at, to_at=to_at, made_at=taken.at))
    taken.move(words, facts={"from": from_at, "to": to_at})
    return taken.ticket


def no_show(actor: Actor, ticket_id: UUID, words: Words, *, as_resident: bool) -> Ticket:
    """Record that the other side did not keep the appointment.

    The handler may say so from the beginning of the window, who waits at home
    only when it is over.
    """
    require_words(words, or_media=True)
    take = take_as_resident if as_resident else take_as_staff
    taken = take(actor, ticket_id, Action.NO_SHOW)
    appointment = queries.last_appointment(ticket_id)
    if appointment is None:
        raise RuleBroken("还没有约过上门时间。", code="no_appointment")
    if (appointment.to_at if as_resident else appointment.from_at) > taken.at:
        raise RuleBroken("约好的时间还没有到，或者还没有过完。", code="no_appointment")
    if appointment.no_show_by is not None:
        raise Conflict("这次预约已经登记过失约。", code="already_recorded")
    missing = "handler" if as_resident else "resident"
    appointment.no_show_by, appointment.no_show_at = missing, taken.at
    taken.move(words, facts={"missing": missing})
    return taken.ticket


def quote(actor: Actor, ticket_id: UUID, pay: str, amount_fen: int, words: Words) -> Ticket:
    """Offer a repair: free, paid or under warranty; a paid one waits for consent."""
    require_words(words)
    paid = pay == "paid"
    if pay not in PAYMENTS or paid != (amount_fen > 0) or not 0 <= amount_fen <= MOST_FEN:
        raise Invalid(
            "请写清是否收费和金额。", code="bad_quote", errors={"amount_fen": ["金额不对"]}
        )
    taken = take_as_staff(actor, ticket_id, Action.QUOTE)
    session.add(Quote(ticket_id=ticket_id, pay=pay, amount_fen=amount_fen, made_at=taken.at))
    state = QuoteState.ASKED if paid else QuoteState.NONE
    taken.move(words, facts={"pay": pay, "amount_fen": amount_fen}, quote_state=state)
    return taken.ticket


def self_handle(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Solve it on the spot (当场解决): outside every firm's score.

    The desk answers for it from then on: it does not also ask the resident how it
    was, and has it again if it was not solved. Nobody takes a ticket out of their
    own firm's score this way.

    Raises:
        RuleBroken: the actor belongs to the firm that leads it (code ``own_ticket``).
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.SELF_HANDLE)
    ticket = taken.ticket
    columns = handover.desk_columns(ticket)
    if ticket.lead_id in actor.organisation_ids and ticket.lead_id != columns["lead_id"]:
        raise RuleBroken("这张单由您单位承办，请接单后办理。", code="own_ticket")
    handover.end_holdings(ticket, taken.at)
    columns |= dict.fromkeys(("dispatched_at", "accepted_at", "started_at"), taken.at)
    _report(
        taken,
        words,
        ResultKind.FIXED,
        met=(ClockKind.ACCEPT, ClockKind.RESPOND),
        self_handled=True,
        first_called_at=None,
        **columns,
    )
    handover.begin_lead(ticket, taken.at, "当场解决", first=False)
    return ticket


def resolve(actor: Actor, ticket_id: UUID, result: ResultKind, words: Words) -> Ticket:
    """Report the result; whether it is solved the resident says.

    Raises:
        Invalid: the category asks for a photo and none came (code ``photo_needed``).
    """
    require_words(words)
    taken = take_as_staff(actor, ticket_id, Action.RESOLVE)
    ticket = taken.ticket
    reviewing.cancel_open(ticket)  # whose it should have been is settled by the work done
    _report(taken, words, result, photo=ticket.photo_required, self_handled=False, review_kind=None)
    return ticket


def _report(
    taken: Taken,
    words: Words,
    result: ResultKind,
    *,
    met: Sequence[ClockKind] = (),
    photo: bool = False,
    **changes: Any,
) -> None:
    ticket = taken.ticket
    confirm = settling.due_after(taken.at, ticket.confirm_within, ticket.district_id)
    taken.move(
        words,
        facts={"result": result},
        photo=photo,
        resolved_at=taken.at,
        result=result,
        confirm_due_at=confirm,
        clocks=[ops.meet(*met, ClockKind.RESOLVE, ClockKind.ANSWER)],
        **changes,
    )
