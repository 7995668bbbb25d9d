"""Conditions of the workflow: pure, over the ticket's columns and the time.

A guard answers None when the act may be done, else a stable code and the
sentence a person reads.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from app.catalog.limits import USUAL, Limits
from app.catalog.rules import TOP_TIER
from app.tickets.states import CloseReason, QuoteState, State

MAX_RETURNS = 2
REOPEN_WITHIN = timedelta(days=30)
SAMPLE_ONE_IN = 5
CONTEST = "contest"
"""The kind of review that does not hold up the work."""
BREACHES_TO_CALL = 2


class Subject(Protocol):
    """What guards may look at: columns of the ticket row, nothing else."""

    state: State
    returns: int
    ruled: bool
    reworks: int
    nudges: int
    last_nudged_at: datetime | None
    accept_due_at: datetime | None
    accepted_at: datetime | None
    closed_at: datetime | None
    close_reason: CloseReason | None
    quote_state: QuoteState
    confirm_due_at: datetime | None
    parts: int
    followers: int
    claimable: bool
    assignee_id: UUID | None
    review_kind: str | None
    lead_id: UUID | None
    merged_into_id: UUID | None
    respondent_id: UUID | None
    handed_from_id: UUID | None
    contest_until: datetime | None
    urgency: str
    resolve_due_at: datetime | None
    answer_due_at: datetime | None
    extensions: int
    excluded: str | None
    breaches: int
    tier: int
    ceiling_tier: int
    long_term: bool


Refusal = tuple[str, str]
"""A stable code and the Chinese sentence a person reads."""


class Guard(Protocol):
    """A condition; ``limits`` are the numbers that hold in the ticket's district."""

    __name__: str

    def __call__(self, ticket: Subject, at: datetime, limits: Limits = USUAL, /) -> Refusal | None:
        """Say why not, or None."""
        ...


def returns_left(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Allow at most two returns and, after a ruling, none (Weifang 12345 rules, art. 22)."""
    if ticket.ruled or ticket.returns >= MAX_RETURNS:
        return "returns_used_up", "这张单已经裁定由您单位办理，不能再退。"
    return None


def no_review_open(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """One question to a second person at a time."""
    if ticket.review_kind:
        return "review_open", "已有一项申请在等第二个人审核，请先等结果。"
    return None


def no_review_but_a_contest(
    ticket: Subject, at: datetime, limits: Limits = USUAL
) -> Refusal | None:
    """Let the work go on while the street decides whose it is: residents do not wait for that."""
    return None if ticket.review_kind == CONTEST else no_review_open(ticket, at, limits)


def review_open(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """There is something to decide."""
    return None if ticket.review_kind else ("no_review", "没有等待审核的申请。")


def nudge_allowed(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """After the accept time has passed or once in 24 hours, at most five times (usually)."""
    if ticket.nudges >= limits.nudges:
        said = f"已经催过{ticket.nudges}次，社区都能看到；您也可以直接打电话。"
        return "nudges_used_up", said
    late = ticket.accept_due_at is not None and at > ticket.accept_due_at
    unsigned = ticket.accepted_at is None
    last = ticket.last_nudged_at
    if last is not None and at - last < limits.nudge_every:
        return "nudged_lately", f"{limits.nudge_hours}小时内已经催过一次，对方已收到。"
    if last is None and unsigned and not late:
        return "nudge_too_early", "还没到最晚接单时间，请再等一等。"
    return None


def reopen_allowed(ticket: Subject, at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Within 30 days of an end that was about the matter itself."""
    if ticket.close_reason in (CloseReason.DECLINED, CloseReason.WITHDRAWN):
        return "not_reopenable", "这张单没有办理过，请重新提交。"
    if ticket.merged_into_id is not None:
        return "merged", "这张单已并入同一问题，请在那张单里反映，或者重新提交。"
    if ticket.parts:
        return "split", "这张单已拆分，请在拆出的单里反映。"
    if ticket.closed_at is None or at - ticket.closed_at > REOPEN_WITHIN:
        return "reopen_too_late", "结束超过30天了，请重新提交一张。"
    return None


def first_rework(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Let the first redo pass without anybody's leave."""
    return ("rework_needs_review", "再次返工需要社区确认。") if ticket.reworks else None


def later_rework(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """From the second redo on the community confirms."""
    if not ticket.reworks:
        return "rework_free", "第一次返工不用申请。"
    return no_review_open(ticket, at, limits)


def may_resolve(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """No unanswered offer, no open parts, no pending question."""
    if ticket.quote_state is QuoteState.ASKED:
        return "quote_open", "报价还没有得到居民同意，请先联系居民。"
    return whole(ticket, at, limits) or no_review_but_a_contest(ticket, at, limits)


def whole(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Refuse work on a split ticket: its parts are worked on."""
    return ("split", "这张单已拆分，请在拆出的单里办理。") if ticket.parts else None


def whole_and_unasked(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Not split, and nothing waiting for a second person."""
    return whole(ticket, at, limits) or no_review_open(ticket, at, limits)


def may_start(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Not split, and nothing waiting but a quarrel about who should do it."""
    return whole(ticket, at, limits) or no_review_but_a_contest(ticket, at, limits)


def may_withdraw(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Nobody takes back what others have joined: theirs would end with it."""
    if ticket.followers:
        return "others_joined", "还有其他居民反映同一问题，不能撤回；办完后请您评价。"
    return whole(ticket, at, limits)


def in_time_to_answer(ticket: Subject, at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Let followers answer while the reporter could have; then the result is frozen."""
    if ticket.state is State.RESOLVED:
        return None
    if ticket.confirm_due_at is None or at > ticket.confirm_due_at:
        return "answer_too_late", "评价时间已过。问题还在的话，请重新提交。"
    return None


def sampled(submitted_at: datetime) -> bool:
    """Tell whether a complaint is one of those that are called before silence ends it.

    One in five, by a hash of the moment it came in: nobody chooses which, and
    anybody can check it.
    """
    moment = submitted_at.astimezone(UTC).isoformat(timespec="microseconds")
    digest = hashlib.sha256(moment.encode()).digest()
    return int.from_bytes(digest[:8]) % SAMPLE_ONE_IN == 0


def claimable(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """In a pool and in nobody's hands."""
    if not ticket.claimable or ticket.assignee_id is not None:
        return "not_claimable", "这张单不在抢单池里，或者已被别人抢走。"
    return None


def quote_asked(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """There is an offer to answer."""
    if ticket.quote_state is not QuoteState.ASKED:
        return "no_quote", "现在没有等您答复的报价。"
    return None


def accusing(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Somebody is accused, for whom a brief may be written."""
    return None if ticket.respondent_id else ("no_respondent", "这张单没有被反映的单位。")


def may_return(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Allow a return while some are left and no question is pending."""
    return returns_left(ticket, at, limits) or whole_and_unasked(ticket, at, limits)


def may_suspend(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Never for the most urgent (domain.md D2, step 11), never for what is late already."""
    if ticket.long_term:
        return "long_term", "长期事项没有办理时限，请每月公布进展。"
    if ticket.urgency == "P0":
        return "never_paused", "紧急险情不能暂停。"
    if ticket.resolve_due_at is not None and at > ticket.resolve_due_at:
        return "late_already", "已经超过办理时限，不能再申请暂停。"
    return whole_and_unasked(ticket, at, limits)


def may_extend(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Before the deadline only, at most twice (domain.md D2, step 12)."""
    if ticket.long_term:
        return "long_term", "长期事项没有办理时限，请每月公布进展。"
    if ticket.extensions >= limits.extensions:
        return "extensions_used_up", f"已经延期{ticket.extensions}次，不能再延。"
    if ticket.resolve_due_at is None or at > ticket.resolve_due_at:
        return "late_already", "已经超过办理时限，不能再申请延期。"
    return whole_and_unasked(ticket, at, limits)


def may_exclude(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Once, and with nothing else pending."""
    if ticket.excluded:
        return "excluded_already", "这张单已经不计分。"
    return no_review_open(ticket, at, limits)


def may_climb(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Up to the ceiling; what is split climbs by its parts."""
    if ticket.tier >= ticket.ceiling_tier:
        return "at_ceiling", "已经到了这类问题的最高层级；需要再往上，请街道放开层级。"
    return whole(ticket, at, limits)


def may_call_upon(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Let residents call upon the next tier after two broken promises."""
    if ticket.breaches < BREACHES_TO_CALL:
        return "not_late_enough", "两次超过时限后，您可以请上级处理；现在可以先催一催。"
    return may_climb(ticket, at, limits)


def below_the_top(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """There is something left to lift."""
    return ("at_the_top", "已经是最高层级。") if ticket.ceiling_tier >= TOP_TIER else None


def answer_owed(ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """Tell whether a supervision, or a monthly report, waits for its answer."""
    return None if ticket.answer_due_at else ("no_supervision", "没有等待答复的督办。")


def may_go_long(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Once, with nothing pending."""
    if ticket.long_term:
        return "long_term_already", "已经转为长期事项。"
    return whole_and_unasked(ticket, at, limits)


def contestable(ticket: Subject, at: datetime, limits: Limits = USUAL) -> Refusal | None:
    """Allow it some days after a hand-over, once, with nothing else pending."""
    until = ticket.contest_until
    if ticket.handed_from_id is None or until is None:
        return "not_handed_over", "这张单没有可以提出异议的物业交接。"
    if at > until:
        return "contest_too_late", "交接异议要在规定的天数内提出，现在已经过了。"
    return whole_and_unasked(ticket, at, limits)


def always(_ticket: Subject, _at: datetime, _limits: Limits = USUAL) -> Refusal | None:
    """No condition beyond state and person."""
    return None
