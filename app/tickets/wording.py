"""The words people read: states, acts and clocks, for residents and for staff.

The phrases are the decided ones of the field; names and times come in as
arguments, so nothing here reads a database or a clock.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

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

CLOCKS_RESIDENT = {
    "accept": "最晚接单",
    "respond": "最晚联系或到场",
    "resolve": "最晚办完",
    "tier": "上级最晚督促办好",
    "answer": "最晚答复",
}
CLOCKS_STAFF = {
    "accept": "接单时限",
    "respond": "响应时限",
    "resolve": "办理时限",
    "tier": "本级时限",
    "answer": "答复时限",
}
OWED = {
    "accept": "接单",
    "respond": "联系您或到场",
    "resolve": "办完",
    "tier": "督促办好",
    "answer": "答复督办",
}
TIERS = {2: "社区", 3: "街道", 4: "区里"}
SUSPENDED_FOR = {
    "resident": "等居民",
    "parts": "等配件",
    "owners_vote": "等业主表决",
    "fund": "等维修资金审批",
    "weather": "等天气",
    "third_party": "等第三方",
    "legal": "等法律程序",
}
SUPERVISION = {
    "remind": "提醒",
    "supervise": "督办",
    "listed": "挂牌督办",
    "interview": "约谈",
}

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


def pause(reason: str | None, until: datetime | None) -> str:
    """Say why a ticket stands still and when it goes on: 暂停：等配件，预计12月3日恢复."""
    why = f"：{SUSPENDED_FOR[reason]}" if reason in SUSPENDED_FOR else ""
    local = until.astimezone(SHANGHAI) if until else None
    when = f"，预计{local.month}月{local.day}日恢复" if local else ""
    return f"暂停{why}{when}"


def came_in(tier: int) -> str:
    """Say which tier has come in; empty for the compound itself."""
    return f"{TIERS[tier]}已介入" if tier in TIERS else ""


def state_for_resident(
    state: State,
    *,
    reason: CloseReason | None,
    handler: str | None,
    own: bool = True,
    standstill: str = "暂停",
) -> str:
    """Say where a ticket stands, to the one who reported it or (not ``own``) joined it."""
    said = {
        State.SUBMITTED: "已收到，等社区派单",
        State.DISPATCHED: f"已派给{handler or '办理单位'}，等对方接单",
        State.ACCEPTED: "已接单，将与您联系",
        State.IN_PROGRESS: "正在处理",
        State.SUSPENDED: standstill,
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
    action: Action, facts: Mapping[str, Any], *, handler: str | None, own: bool = True
) -> str:
    """Say what a step was, to whoever took it or (not ``own``) to another resident."""
    said = _step_for_resident(action, facts, handler)
    return said if own else said.replace("您", "居民")


def _step_for_resident(action: Action, facts: Mapping[str, Any], handler: str | None) -> str:
    if action is Action.SUBMIT:
        return "代居民提交" if facts.get("on_behalf") else "您提交了"
    if action is Action.AUTO_CLOSE and facts.get("reason") == CloseReason.UNSOLVED:
        return "已结束（您说没有解决）"
    if action is Action.DISPATCH:
        return f"已派给{handler}" if handler else "已派单"
    if action is Action.GIVE_BACK and handler:
        return f"上级裁定，改由{handler}办理"
    if action is Action.VERDICT:
        return f"您确认：{CLOSED_WORD.get(str(facts.get('reason')), '已评价')}"
    if action is Action.NO_SHOW:
        return MISSING.get(str(facts.get("missing")), "约好的时间没有见到人")
    if action in _TOLD:
        return _TOLD[action](facts)
    if action is Action.AGREE:
        return "您同意了报价" if facts.get("agreed") else "您没有同意报价"
    return workflow.transition(action).resident_zh


def _told_pause(facts: Mapping[str, Any]) -> str:
    until = datetime.fromisoformat(facts["until"]) if "until" in facts else None
    return pause(facts.get("reason"), until)


def _told_breach(facts: Mapping[str, Any]) -> str:
    return f"超过了承诺的时间：{CLOCKS_RESIDENT.get(str(facts.get('clock')), '办理')}"


def _told_rise(facts: Mapping[str, Any]) -> str:
    tier = facts.get("tier")
    return came_in(tier) if isinstance(tier, int) and tier in TIERS else "上一级已介入"


def _told_call(facts: Mapping[str, Any]) -> str:
    return f"您请上级处理，{_told_rise(facts)}"


def _told_supervision(facts: Mapping[str, Any]) -> str:
    return f"上级{SUPERVISION.get(str(facts.get('level')), '督办')}"


_TOLD: Mapping[Action, Callable[[Mapping[str, Any]], str]] = {
    Action.SUSPEND: _told_pause,
    Action.BREACH: _told_breach,
    Action.ESCALATE: _told_rise,
    Action.ASK_ESCALATE: _told_call,
    Action.SUPERVISE: _told_supervision,
}


def step_for_staff(action: Action, facts: Mapping[str, Any]) -> str:
    """Say what a step was, to staff."""
    if action is Action.SUBMIT:
        return "提交"
    said = workflow.transition(action).staff_zh
    if action is Action.BREACH:
        return f"{CLOCKS_STAFF.get(str(facts.get('clock')), '办理时限')}{said}"
    if action in (Action.ESCALATE, Action.ASK_ESCALATE) and facts.get("tier") in TIERS:
        return f"{said}：{TIERS[facts['tier']]}"
    if action is Action.SUPERVISE:
        return SUPERVISION.get(str(facts.get("level")), said)
    return said


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
