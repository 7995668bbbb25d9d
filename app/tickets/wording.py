"""The words people read: states, acts and clocks, for residents and for staff.

The phrases are the decided ones of the field; names and times come in as
arguments, so nothing here reads a database or a clock.
"""

from datetime import datetime, timedelta

from app.kernel.clock import SHANGHAI
from app.tickets import workflow
from app.tickets.states import Action, CloseReason, State

STATE_STAFF = {
    State.SUBMITTED: "待派单",
    State.DISPATCHED: "待接单",
    State.ACCEPTED: "待联系/到场",
    State.IN_PROGRESS: "办理中",
    State.SUSPENDED: "已暂停",
    State.RESOLVED: "待居民确认",
    State.CLOSED: "已办结",
    State.DECLINED: "不予受理",
    State.WITHDRAWN: "居民撤回",
    State.MERGED: "已并单",
}

CLOSED_RESIDENT = {
    CloseReason.SOLVED: "已解决（您已确认）",
    CloseReason.PARTLY: "已结束（您确认部分解决）",
    CloseReason.UNSOLVED: "已结束（您确认未解决）",
    CloseReason.NO_ANSWER: "已结束（未收到评价）",
    CloseReason.ALONG: "已结束（随同一问题结束）",
}

CLOSED_STAFF = {
    CloseReason.SOLVED: "居民确认解决",
    CloseReason.PARTLY: "居民确认部分解决",
    CloseReason.UNSOLVED: "居民确认未解决",
    CloseReason.NO_ANSWER: "未收到评价",
    CloseReason.ALONG: "随主单结束",
}

ENDED = frozenset({State.CLOSED, State.WITHDRAWN})
"""Where the words tell what the reporter did."""

CLOCKS_RESIDENT = {"accept": "最晚接单", "respond": "最晚联系或到场", "resolve": "最晚办完"}
CLOCKS_STAFF = {"accept": "接单时限", "respond": "响应时限", "resolve": "办理时限"}

SOLVED = {"yes": "已解决", "partly": "部分解决", "no": "没解决"}
CLOSED_WORD = {"solved": "已解决", "partly": "部分解决", "unsolved": "没解决"}
RESULT = {
    "fixed": "已修好或办好",
    "partly": "部分办好",
    "explained": "已解释说明",
    "cannot": "办不了",
}
PAY = {"free": "免费", "paid": "收费", "warranty": "保修期内免费"}
MISSING = {"handler": "师傅没有到", "resident": "家里没有人"}


def number(digits: str) -> str:
    """Group a ticket number in fours, to read out on the phone."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def state_for_resident(
    state: State, *, reason: CloseReason | None, handler: str | None, own: bool = True
) -> str:
    """Say where a ticket stands, to the one who reported it or (not ``own``) joined it."""
    said = {
        State.SUBMITTED: "已收到，等社区派单",
        State.DISPATCHED: f"已派给{handler or '办理单位'}，等对方接单",
        State.ACCEPTED: "已接单，将与您联系",
        State.IN_PROGRESS: "正在处理",
        State.SUSPENDED: "暂停",
        State.RESOLVED: "已处理，请您确认",
        State.CLOSED: CLOSED_RESIDENT.get(reason, "已结束") if reason else "已结束",
        State.DECLINED: "未受理",
        State.WITHDRAWN: "您已撤回",
        State.MERGED: "已并入同一问题",
    }[state]
    return said if own or state not in ENDED else said.replace("您", "居民")


def state_for_staff(state: State, *, reason: CloseReason | None) -> str:
    """Say where a ticket stands, to staff."""
    if state is State.CLOSED and reason in CLOSED_STAFF:
        return f"{STATE_STAFF[state]}（{CLOSED_STAFF[reason]}）"
    return STATE_STAFF[state]


def step_for_resident(
    action: Action, facts: dict[str, object], *, handler: str | None, own: bool = True
) -> str:
    """Say what a step was, to whoever took it or (not ``own``) to another resident."""
    said = _step_for_resident(action, facts, handler)
    return said if own else said.replace("您", "居民")


def _step_for_resident(action: Action, facts: dict[str, object], handler: str | None) -> str:
    if action is Action.SUBMIT:
        return "代居民提交" if facts.get("on_behalf") else "您提交了"
    if action is Action.AUTO_CLOSE and facts.get("reason") == CloseReason.UNSOLVED:
        return "已结束（您说没有解决）"
    if action is Action.DISPATCH:
        return f"已派给{handler}" if handler else "已派单"
    if action is Action.VERDICT:
        return f"您确认：{CLOSED_WORD.get(str(facts.get('reason')), '已评价')}"
    if action is Action.NO_SHOW:
        return MISSING.get(str(facts.get("missing")), "约好的时间没有见到人")
    if action is Action.AGREE:
        return "您同意了报价" if facts.get("agreed") else "您没有同意报价"
    return workflow.transition(action).resident_zh


def step_for_staff(action: Action) -> str:
    """Say what a step was, to staff."""
    return "提交" if action is Action.SUBMIT else workflow.transition(action).staff_zh


def moment(at: datetime, now: datetime) -> str:
    """Say a time as people do: 今天 16:00, 明天 09:00, 11月23日 16:00."""
    local, today = at.astimezone(SHANGHAI), now.astimezone(SHANGHAI).date()
    names = {today: "今天", today + timedelta(days=1): "明天", today - timedelta(days=1): "昨天"}
    day = names.get(local.date(), f"{local.month}月{local.day}日")
    year = "" if local.year == today.year else f"{local.year}年"
    return f"{year}{day} {local:%H:%M}"


def overdue_for(due: datetime, now: datetime) -> str:
    """Say how long a promise is late: 已超时2小时."""
    late = now - due
    if late >= timedelta(days=1):
        return f"已超时{late.days}天"
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    return f"已超时{hours}小时" if hours else f"已超时{max(minutes, 1)}分钟"
