"""The life of a ticket as one table of data.

States and acts follow the field's decided rules; a row says from where, by
whom, under which guard and with what, an act leads to which state. Service
verbs, the buttons of every client, the tests and the docs page all read this
table; none of them keeps a second copy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.catalog.limits import USUAL, Limits
from app.tickets.guards import (
    Guard,
    Refusal,
    Subject,
    accusing,
    always,
    answer_owed,
    below_the_top,
    claimable,
    contestable,
    first_rework,
    in_time_to_answer,
    later_rework,
    may_call_upon,
    may_climb,
    may_exclude,
    may_extend,
    may_go_long,
    may_resolve,
    may_return,
    may_start,
    may_suspend,
    may_withdraw,
    no_review_but_a_contest,
    no_review_open,
    nudge_allowed,
    quote_asked,
    reopen_allowed,
    review_open,
    whole,
    whole_and_unasked,
)
from app.tickets.states import ALIVE, HELD, OPEN, UNHELD, Action, Relation, State


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: an act, whence, by whom, under which guard, with what, whither."""

    action: Action
    sources: frozenset[State]
    to: State | None  # None: the state stays
    who: frozenset[Relation]
    guard: Guard = always
    needs: tuple[str, ...] = ()
    resident_zh: str = ""  # empty: residents do not see the step
    staff_zh: str = ""
    button: bool = True  # offered to people; False: a consequence of another act


R = Relation
_STAFF_DESK = frozenset({R.DISPATCHER})
_LEAD = frozenset({R.LEAD})
_ASKER = frozenset({R.REPORTER, R.FILER})
_SYSTEM = frozenset({R.SYSTEM})
_TELLERS = frozenset({R.LEAD, R.CO_HANDLER, R.VERIFIER, R.DISPATCHER, R.FIRST_HANDLER})
_LED = OPEN - {State.SUBMITTED}


def _row(
    action: Action,
    sources: Iterable[State],
    to: State | None,
    who: frozenset[Relation],
    /,
    guard: Guard = always,
    *,
    needs: tuple[str, ...] = (),
    resident: str = "",
    staff: str = "",
    button: bool = True,
) -> Transition:
    return Transition(action, frozenset(sources), to, who, guard, needs, resident, staff, button)


S = State
A = Action

# fmt: off
TABLE: tuple[Transition, ...] = (
    _row(A.DISPATCH, {S.SUBMITTED}, S.DISPATCHED, _STAFF_DESK | _SYSTEM, whole_and_unasked,
         needs=("organisation",), resident="已派单", staff="派单"),
    _row(A.ASK_DECLINE, {S.SUBMITTED}, None, _STAFF_DESK, whole_and_unasked,
         needs=("reason", "text"), staff="申请不予受理"),
    _row(A.DECLINE, {S.SUBMITTED}, S.DECLINED, frozenset({R.REVIEWER}), review_open,
         resident="未受理", staff="不予受理", button=False),
    _row(A.MERGE, UNHELD | HELD, S.MERGED, _STAFF_DESK, whole_and_unasked, needs=("master",),
         resident="已并入同一问题", staff="并单"),
    _row(A.ABSORB, ALIVE, None, _STAFF_DESK, always, resident="又有居民反映同一问题",
         staff="并入一单", button=False),
    _row(A.JOIN, OPEN, None, frozenset({R.NEIGHBOUR}), always, resident="又有居民反映同一问题",
         staff="居民加入", button=False),
    _row(A.ACCEPT, {S.DISPATCHED}, S.ACCEPTED, _LEAD, no_review_but_a_contest,
         resident="已接单", staff="接单"),
    _row(A.CLAIM, {S.DISPATCHED}, S.ACCEPTED, _LEAD, claimable, resident="已接单", staff="抢单"),
    _row(A.ASSIGN, {S.DISPATCHED} | HELD, None, frozenset({R.LEAD_MANAGER}), whole,
         needs=("person",), resident="已安排人员", staff="指派人员"),
    _row(A.ASK_RETURN, {S.DISPATCHED, S.ACCEPTED}, None, _LEAD, may_return,
         needs=("reason", "text"), staff="申请退单"),
    _row(A.RETURN, {S.DISPATCHED, S.ACCEPTED}, S.SUBMITTED, frozenset({R.REVIEWER}), review_open,
         resident="换个单位办理，社区重新派单", staff="同意退单", button=False),
    _row(A.REFUSE_REVIEW, ALIVE, None, frozenset({R.REVIEWER}), review_open, staff="审核不同意",
         button=False),
    _row(A.START, {S.ACCEPTED}, S.IN_PROGRESS, _LEAD, may_start,
         resident="已联系或到场，开始办理", staff="开始办理"),
    _row(A.PROGRESS, OPEN, None, _TELLERS,
         needs=("text",), resident="办理进展", staff="记进展"),
    _row(A.CALL_FIRST, UNHELD, None, _SYSTEM, resident="还没有单位接单，已请最先收到的单位向您说明",
         staff="首问负责：请首问单位说明情况", button=False),
    _row(A.ASSIST, {S.DISPATCHED} | HELD, None, frozenset({R.LEAD, R.DISPATCHER}), whole,
         needs=("organisation", "due"), resident="请其他单位一起办理", staff="请求协办"),
    _row(A.ASSIST_DONE, OPEN, None, frozenset({R.CO_HANDLER}), needs=("text",),
         resident="协办单位已完成", staff="协办完成"),
    _row(A.TRANSFER, {S.DISPATCHED} | HELD, S.DISPATCHED, _STAFF_DESK, whole_and_unasked,
         needs=("organisation", "text"), resident="转给另一个单位办理", staff="转派"),
    _row(A.RECLASSIFY, UNHELD | HELD, None, _STAFF_DESK, whole_and_unasked,
         needs=("category", "text"), resident="问题类别已更正", staff="改分类"),
    _row(A.RELOCATE, UNHELD | HELD, None, _STAFF_DESK, whole_and_unasked, needs=("place", "text"),
         resident="地点已更正", staff="改地点"),
    _row(A.SPLIT, UNHELD | HELD, S.IN_PROGRESS, _STAFF_DESK, whole_and_unasked, needs=("parts",),
         resident="拆成几件分别办理", staff="拆单"),
    _row(A.APPOINT, HELD, None, _LEAD, whole, needs=("from", "to"), resident="约好上门时间",
         staff="预约上门"),
    _row(A.NO_SHOW, HELD, None, _LEAD | _ASKER, whole, needs=("text",),
         resident="约好的时间没有见到人", staff="失约登记"),
    _row(A.QUOTE, HELD, None, _LEAD, whole, needs=("pay", "amount_fen", "text"),
         resident="师傅报价，同意后再修", staff="报价"),
    _row(A.AGREE, HELD, None, _ASKER, quote_asked, needs=("agreed",),
         resident="已答复报价", staff="居民答复报价"),
    _row(A.SELF_HANDLE, UNHELD, S.RESOLVED, frozenset({R.VERIFIER, R.DISPATCHER}),
         whole_and_unasked, needs=("text",), resident="当场处理，请您确认", staff="当场解决"),
    _row(A.RESOLVE, {S.IN_PROGRESS}, S.RESOLVED, _LEAD, may_resolve, needs=("result", "text"),
         resident="已处理，请您确认", staff="报告办理结果"),
    _row(A.VERDICT, {S.RESOLVED}, S.CLOSED, frozenset({R.REPORTER, R.SLIP_HOLDER}),
         no_review_open, needs=("solved",), resident="您已确认", staff="居民评价"),
    _row(A.FOLLOWER_VERDICT, {S.RESOLVED, S.CLOSED}, None, frozenset({R.FOLLOWER}),
         in_time_to_answer, needs=("solved",), staff="一起反映的居民评价"),
    _row(A.REWORK, {S.RESOLVED}, S.IN_PROGRESS,
         frozenset({R.REPORTER, R.SLIP_HOLDER, R.CALLER, R.VERIFIER}), first_rework,
         needs=("text",), resident="没解决，重新办理", staff="返工"),
    _row(A.GRANT_REWORK, {S.RESOLVED}, S.IN_PROGRESS, frozenset({R.REVIEWER}), review_open,
         resident="社区同意，重新办理", staff="同意返工", button=False),
    _row(A.ASK_REWORK, {S.RESOLVED}, None, frozenset({R.REPORTER, R.SLIP_HOLDER, R.CALLER}),
         later_rework, needs=("text",), resident="您再次说没解决，等社区确认",
         staff="居民再次要求返工"),
    _row(A.REOPEN, {S.CLOSED}, S.IN_PROGRESS, frozenset({R.REPORTER, R.DISPATCHER}),
         reopen_allowed, needs=("text",), resident="问题又出现，重新办理", staff="重新办理"),
    _row(A.NUDGE, OPEN, None, _ASKER | {R.FOLLOWER}, nudge_allowed,
         resident="您催了一次", staff="居民催办"),
    _row(A.WITHDRAW, OPEN, S.WITHDRAWN, frozenset({R.REPORTER}), may_withdraw, resident="您已撤回",
         staff="居民撤回"),
    _row(A.SUPPLEMENT, ALIVE, None, _ASKER | {R.SLIP_HOLDER}, needs=("text",),
         resident="您补充了情况", staff="居民补充情况"),
    _row(A.TRANSCRIPT, ALIVE, None, frozenset({R.DISPATCHER, R.VERIFIER}), needs=("text",),
         staff="语音转写"),
    _row(A.BRIEF, ALIVE, None, _STAFF_DESK, accusing, needs=("text",),
         staff="写给被反映单位的说明"),
    _row(A.FOLLOW_UP, {S.RESOLVED}, S.CLOSED, frozenset({R.CALLER}), no_review_open,
         needs=("solved", "text"), resident="工作人员回访，您的答复已记下", staff="回访"),
    _row(A.FOLLOW_UP_NOTE, {S.CLOSED, S.WITHDRAWN}, None, frozenset({R.CALLER}), needs=("text",),
         resident="工作人员回访", staff="回访记录"),
    _row(A.SAMPLE, {S.RESOLVED}, None, _SYSTEM, no_review_open,
         resident="抽到回访，工作人员会联系您", staff="抽中回访", button=False),
    _row(A.AUTO_CLOSE, {S.RESOLVED}, S.CLOSED, _SYSTEM, no_review_open,
         resident="已结束（未收到评价）", staff="到期自动结束", button=False),
    _row(A.CLOSE_ALONG, OPEN | {S.MERGED}, S.CLOSED, _SYSTEM, resident="同一问题已结束",
         staff="随主单结束", button=False),
    _row(A.ASK_SUSPEND, {S.IN_PROGRESS}, None, _LEAD, may_suspend,
         needs=("reason", "until", "text"), staff="申请暂停"),
    _row(A.SUSPEND, {S.IN_PROGRESS}, S.SUSPENDED, frozenset({R.REVIEWER}), review_open,
         resident="暂停办理", staff="同意暂停", button=False),
    _row(A.RESUME, {S.SUSPENDED}, S.IN_PROGRESS, _LEAD | _STAFF_DESK | _SYSTEM,
         resident="恢复办理", staff="恢复办理"),
    _row(A.ASK_EXTEND, HELD, None, _LEAD, may_extend, needs=("reason", "days", "text"),
         staff="申请延期"),
    _row(A.EXTEND, HELD, None, frozenset({R.REVIEWER}), review_open, resident="办理时限延长",
         staff="同意延期", button=False),
    _row(A.ASK_EXCLUDE, {S.RESOLVED, S.CLOSED}, None, _STAFF_DESK, may_exclude,
         needs=("reason", "text"), staff="申请不计分"),
    _row(A.EXCLUDE, {S.RESOLVED, S.CLOSED}, None, frozenset({R.REVIEWER}), review_open,
         staff="同意不计分", button=False),
    _row(A.LAPSE, ALIVE | {S.CLOSED}, None, _SYSTEM, review_open, staff="申请无人答复，自动退回",
         button=False),
    _row(A.BREACH, OPEN, None, _SYSTEM, resident="超过了承诺的时间", staff="超时",
         button=False),
    _row(A.ESCALATE, OPEN - {S.SUSPENDED}, None, _LEAD | _STAFF_DESK | _SYSTEM, may_climb,
         needs=("text",), resident="上一级已介入", staff="提级"),
    _row(A.ASK_ESCALATE, OPEN - {S.SUSPENDED}, None, _ASKER, may_call_upon, needs=("text",),
         resident="您请上级处理，上一级已介入", staff="居民请上级处理"),
    _row(A.LIFT_CEILING, OPEN, None, _STAFF_DESK, below_the_top, needs=("text",),
         staff="放开层级"),
    _row(A.SUPERVISE, OPEN - {S.SUBMITTED}, None, _STAFF_DESK, whole, needs=("level", "text"),
         resident="上级督办", staff="督办"),
    _row(A.ANSWER, OPEN - {S.SUBMITTED}, None, _LEAD, answer_owed, needs=("text",),
         resident="办理单位答复督办",
         staff="答复督办"),
    _row(A.WHISTLE, {S.DISPATCHED} | HELD, None, _STAFF_DESK, whole,
         needs=("organisation", "due", "text"), resident="社区请有关部门到场", staff="吹哨"),
    _row(A.REPORT_IN, {S.DISPATCHED} | HELD, None, frozenset({R.CO_HANDLER, R.DISPATCHER}), whole,
         needs=("organisation", "text"), resident="有关部门已报到", staff="报到"),
    _row(A.ASK_LONG_TERM, HELD, None, _STAFF_DESK, may_go_long, needs=("text",),
         staff="申请转长期事项"),
    _row(A.LONG_TERM, HELD, None, frozenset({R.REVIEWER}), review_open,
         resident="已转长期事项，每月公布进展", staff="转为长期事项", button=False),
    _row(A.HAND_OVER, _LED, S.DISPATCHED, _SYSTEM,
         resident="物业交接，由新单位继续办理", staff="物业交接", button=False),
    _row(A.CONTEST, _LED, None, frozenset({R.LEAD, R.DISPATCHER, R.FORMER_LEAD}), contestable,
         needs=("text",), resident="对由哪家单位办理有不同意见，等上级裁定，办理不停",
         staff="对交接提出异议"),
    _row(A.GIVE_BACK, _LED, S.DISPATCHED, frozenset({R.REVIEWER}), review_open,
         resident="上级裁定，改由另一个单位办理", staff="裁定改由其他单位办理", button=False),
    _row(A.UPHOLD, _LED, None, frozenset({R.REVIEWER}), review_open,
         resident="上级裁定，仍由现在的单位办理", staff="裁定维持交接", button=False),
    _row(A.RECOUNT, OPEN, None, _SYSTEM, resident="工作日安排有调整，时限重新计算",
         staff="时限重新计算", button=False),
    _row(A.PLATFORM_ANSWER, S, None, _SYSTEM, resident="区平台已答复", staff="区平台答复",
         button=False),
)
# fmt: on


_BY_ACTION: Mapping[Action, Transition] = {row.action: row for row in TABLE}


def transition(action: Action) -> Transition:
    """Look an act up in the table."""
    return _BY_ACTION[action]


def refusal(
    ticket: Subject,
    action: Action,
    relations: frozenset[Relation],
    at: datetime,
    limits: Limits = USUAL,
) -> Refusal | None:
    """Say why ``action`` may not be done now, or None if it may."""
    row = _BY_ACTION[action]
    if not row.who & relations:
        return "not_your_act", "这一步不由您来做。"
    if ticket.state not in row.sources:
        return "wrong_state", "工单已经往下走了，请刷新后再看。"
    return row.guard(ticket, at, limits)


def actions_for(
    ticket: Subject, relations: frozenset[Relation], at: datetime, limits: Limits = USUAL
) -> tuple[Transition, ...]:
    """List the acts a person with ``relations`` may do now: exactly the buttons to show."""
    return tuple(
        row
        for row in TABLE
        if row.button and refusal(ticket, row.action, relations, at, limits) is None
    )
