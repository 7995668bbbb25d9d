"""What residents do: confirm, send back, nudge, add, withdraw; and who asks them."""

from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, RuleBroken
from app.sla import ops
from app.tickets import access, queries
from app.tickets.models import Ticket, Verdict
from app.tickets.service import asking, handover, reviewing
from app.tickets.service.steps import (
    Taken,
    Words,
    require_words,
    take_as_resident,
    take_as_staff,
)
from app.tickets.states import Action, CloseReason, QuoteState, Relation, State

SOLVED = {
    "yes": CloseReason.SOLVED,
    "partly": CloseReason.PARTLY,
    "no": CloseReason.UNSOLVED,
}


def verdict(
    actor: Actor, ticket_id: UUID, solved: str, words: Words, *, channel: str = "mini_program"
) -> Ticket:
    """Say whether it is solved: the reporter's word closes, a follower's is counted.

    ``channel`` is the one the answer came by, kept with it.

    Raises:
        Invalid: not yes, partly or no (code ``bad_verdict``).
        Conflict: this person has answered already in this round.
        RuleBroken: the person belongs to who did the work (code ``own_work``); the
            desk calls, or silence ends it.
    """
    _check_solved(solved)
    ticket = queries.get(ticket_id)
    follows = ticket.reporter_id != actor.person_id
    action = Action.FOLLOWER_VERDICT if follows else Action.VERDICT
    taken = take_as_resident(actor, ticket_id, action)
    decisive = action is Action.VERDICT
    _refuse_own_work(taken)
    _record(taken, actor.person_id, solved, channel=channel, decisive=decisive)
    if not decisive:
        taken.move(words, facts={"solved": solved}, public=False)
        return taken.ticket
    _close(taken, words, SOLVED[solved])
    return taken.ticket


def follow_up(actor: Actor, ticket_id: UUID, solved: str | None, words: Words) -> Ticket:
    """Enter what the resident said on the phone; never entered by the handler.

    On a resolved ticket it is the verdict; on an ended one it is kept beside it.
    """
    require_words(words)
    if solved is not None:
        _check_solved(solved)
    ticket = queries.get(ticket_id)
    if ticket.state is not State.RESOLVED:
        taken = take_as_staff(actor, ticket_id, Action.FOLLOW_UP_NOTE)
        taken.move(words, facts={"solved": solved} if solved else None)
        return taken.ticket
    taken = take_as_staff(actor, ticket_id, Action.FOLLOW_UP)
    _check_solved(solved)
    assert solved is not None  # noqa: S101  (checked above)
    _record(taken, taken.ticket.reporter_id, solved, channel="phone", decisive=True)
    _close(taken, words, SOLVED[solved])
    return taken.ticket


def _refuse_own_work(taken: Taken) -> None:
    """Keep who did the work, in whatever hat, from saying how it was.

    A slip says nothing for whoever wrote it either: it was in the hands of those who did
    the work, of the accused, or of the one who reported the result.
    """
    actor, ticket = taken.actor, taken.ticket
    own = ticket.lead_id in actor.organisation_ids
    if actor.slip_of is not None:
        own = own or access.is_accused(actor, ticket)
        own = own or queries.has_reported_result(ticket.id, actor.slip_by)
    if own:
        raise RuleBroken(
            "这件事由您所在的单位办理，请由其他人确认，或等工作人员回访。", code="own_work"
        )


def _check_solved(solved: str | None) -> None:
    if solved not in SOLVED:
        raise Invalid(
            "请选择：已解决、部分解决或没解决。",
            code="bad_verdict",
            errors={"solved": ["三选一"]},
        )


def _record(
    taken: Taken, person_id: UUID | None, solved: str, *, channel: str, decisive: bool
) -> None:
    said = queries.verdicts_of(taken.ticket.id)
    work_round = taken.ticket.reworks + taken.ticket.reopens
    if any(one.person_id == person_id and one.round == work_round for one in said):
        raise Conflict("您已经评价过了。", code="already_rated")
    session.add(
        Verdict(
            ticket_id=taken.ticket.id,
            person_id=person_id,
            round=work_round,
            solved=solved,
            channel=channel,
            entered_by_id=taken.actor.person_id,
            decisive=decisive,
            at=taken.at,
        )
    )


def _close(taken: Taken, words: Words, reason: CloseReason) -> None:
    taken.move(words, facts={"reason": reason}, closed_at=taken.at, close_reason=reason)
    handover.end_holdings(taken.ticket, taken.at)


def rework(actor: Actor, ticket_id: UUID, words: Words, *, as_caller: bool = False) -> Ticket:
    """Say "not solved" and have it done again: freely once, then with the community's leave."""
    require_words(words)
    ticket = queries.get(ticket_id)
    if ticket.reworks and ticket.state is State.RESOLVED:
        return asking.ask_rework(actor, ticket_id, words, as_caller=as_caller)
    take = take_as_staff if as_caller else take_as_resident
    taken = take(actor, ticket_id, Action.REWORK)
    reviewing.intake_again(taken, words, {}, reworks=taken.ticket.reworks + 1)
    return taken.ticket


def reopen(actor: Actor, ticket_id: UUID, words: Words, *, as_staff: bool = False) -> Ticket:
    """Say the trouble is back within 30 days; the former handler has it again."""
    require_words(words)
    take = take_as_staff if as_staff else take_as_resident
    taken = take(actor, ticket_id, Action.REOPEN)
    ticket = taken.ticket
    reviewing.intake_again(
        taken,
        words,
        {"earlier": ticket.close_reason},
        closed_at=None,
        close_reason=None,
        reopens=ticket.reopens + 1,
    )
    handover.begin_lead(ticket, taken.at, "问题又出现", first=False)
    return ticket


def nudge(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Press once: after the accept time, or once in 24 hours, at most five times."""
    taken = take_as_resident(actor, ticket_id, Action.NUDGE)
    taken.move(words, nudges=taken.ticket.nudges + 1, last_nudged_at=taken.at)
    return taken.ticket


def withdraw(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Take a report back: freely before acceptance, with a reason after.

    After acceptance it stays in the base of every rate until a follow-up
    confirms that it was free.
    """
    taken = take_as_resident(actor, ticket_id, Action.WITHDRAW)
    ticket = taken.ticket
    accepted = queries.was_accepted(ticket_id)  # by anybody: a transfer does not undo it
    if accepted:
        require_words(words)
    taken.move(
        words,
        closed_at=taken.at,
        close_reason=CloseReason.WITHDRAWN,
        withdrawn_after_accept=accepted,
        review_kind=None,
        clocks=[ops.stop()],
    )
    handover.end_holdings(ticket, taken.at)
    reviewing.cancel_open(ticket)
    return ticket


def supplement(actor: Actor, ticket_id: UUID, words: Words) -> Ticket:
    """Add words, photos or a voice note; no clock moves for it."""
    require_words(words, or_media=True)
    taken = take_as_resident(actor, ticket_id, Action.SUPPLEMENT)
    taken.move(words)
    return taken.ticket


def agree(actor: Actor, ticket_id: UUID, *, agreed: bool, words: Words) -> Ticket:
    """Answer an offer; work that costs money starts only after a yes."""
    taken = take_as_resident(actor, ticket_id, Action.AGREE)
    if taken.relation is Relation.FILER:
        _refuse_own_work(taken)  # nobody agrees to their own offer for another
    offer = queries.last_quote(ticket_id)
    assert offer is not None  # noqa: S101  (the guard saw an open offer)
    offer.agreed, offer.answered_at = agreed, taken.at
    state = QuoteState.AGREED if agreed else QuoteState.REFUSED
    taken.move(words, facts={"agreed": agreed}, quote_state=state)
    return taken.ticket
