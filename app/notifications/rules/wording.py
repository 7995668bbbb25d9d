"""The words that are shipped; rows of ``message_template`` go before them.

They tell category, place, number, state and time, and nothing anybody wrote.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.notifications.rules.telling import Audience
from app.notifications.rules.ways import Way

ANY = "*"


@dataclass(frozen=True, slots=True)
class Wording:
    """What is said of one kind of news to one audience by one way (or ``*``)."""

    kind: str
    audience: str
    title: str
    text: str
    page: str
    channel: str = ANY
    template_id: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    long_term: bool = False
    valid_from: datetime | None = None


OWN, WORK, ME, HOME, BRIEFS, WORKLIST = (
    "pages/ticket/ticket",
    "staff/ticket/ticket",
    "pages/me/me",
    "pages/home/home",
    "staff/briefs/briefs",
    "staff/work/work",
)
_OF = "{place}的“{category}”（单号{number}）"

_RESIDENTS = {
    "received": ("已收到您的诉求", _OF + "已收到，最晚{time}有人接单。"),
    "dispatched": ("已派给办理单位", _OF + "已派单，等对方接单。"),
    "transferred": ("转给另一个单位办理", _OF + "转由另一个单位继续办理。"),
    "accepted": ("已接单", _OF + "已接单，将与您联系，最晚{time}办完。"),
    "started": ("正在处理", _OF + "已开始办理。"),
    "appointment": ("约好上门时间", _OF + "约好{time}上门，请留人。"),
    "no_show": ("约好的时间没有见到人", _OF + "约好的时间没有见到人，请看详情。"),
    "quoted": ("师傅报价，同意后再修", _OF + "需要您答复报价，同意后再修。"),
    "suspended": ("暂停办理", _OF + "暂停办理，预计{time}恢复。"),
    "resumed": ("恢复办理", _OF + "已恢复办理。"),
    "extended": ("办理时限延长", _OF + "办理时限延长，最晚{time}办完。"),
    "please_confirm": ("已处理，请您确认", _OF + "已处理，请在{time}前告诉我们解决了没有。"),
    "sampled": ("抽到回访", _OF + "抽到回访，工作人员会联系您。"),
    "closed": ("已结束", _OF + "已结束。问题又出现时可以重新办理。"),
    "declined": ("未受理", _OF + "未受理，原因和办理渠道请看详情。"),
    "merged": ("已并入同一问题", _OF + "已并入同一问题一起办理。"),
    "returned": ("换个单位办理", _OF + "换个单位办理，社区重新派单。"),
    "first_called": ("还没有单位接单", _OF + "还没有单位接单，已请最先收到的单位向您说明。"),
    "again": ("重新办理", _OF + "重新办理。"),
    "rework_refused": (
        "没有同意再次返工",
        _OF + "再次返工的申请没有通过，请在{time}前告诉我们解决了没有。",
    ),
    "overdue": ("超过了承诺的时间", _OF + "超过了承诺的时间，我们在催办。"),
    "escalated": ("上一级已介入", _OF + "上一级已介入。"),
    "supervised": ("上级督办", _OF + "上级已督办。"),
    "long_term": ("已转长期事项", _OF + "已转长期事项，每月公布进展。"),
}
_FOLLOWERS = {
    "please_confirm": ("一起反映的问题已处理", _OF + "已处理，请告诉我们解决了没有。"),
    "closed": ("一起反映的问题已结束", _OF + "已结束。"),
    "declined": ("一起反映的问题未受理", _OF + "未受理，原因请看详情。"),
}
_HANDLERS = {
    "dispatched": ("新工单待接单", _OF + "已派给你单位，请在{time}前接单。"),
    "assigned": ("工单指派给你", _OF + "指派给你办理，最晚{time}办完。"),
    "no_show": ("居民说没有见到人", _OF + "约好的时间没有见到人，请重新约时间。"),
    "quote_answered": ("居民已答复报价", _OF + "居民已答复报价。"),
    "suspended": ("暂停已同意", _OF + "同意暂停，{time}恢复办理。"),
    "extended": ("延期已同意", _OF + "同意延期，最晚{time}办完。"),
    "closed": ("工单已结束", _OF + "已结束。"),
    "withdrawn": ("居民撤回", _OF + "居民已撤回，不用再办。"),
    "review_refused": ("申请没有通过", _OF + "你单位的申请没有通过，请继续办理。"),
    "reopened": ("重新办理", _OF + "居民说没解决，请在{time}前办完。"),
    "nudged": ("居民催办", _OF + "居民催了一次，请尽快处理。"),
    "supplemented": ("居民补充情况", _OF + "居民补充了情况，请看详情。"),
    "overdue": ("工单超时", _OF + "有一项时限已超时，请马上处理。"),
    "escalated": ("上一级已介入", _OF + "上一级已介入，你单位继续负责办理。"),
    "supervised": ("督办", _OF + "被督办，请在{time}前答复。"),
    "contested": ("交接有异议", _OF + "的交接有人提出异议，等上级裁定，办理不停。"),
    "contest_over": ("交接异议已裁定", _OF + "仍由你单位办理。"),
}
_OTHERS = {
    ("returned", Audience.FORMER): ("退单已同意", _OF + "退单已同意，不再由你单位办理。"),
    ("first_duty", Audience.FIRST): (
        "首问负责：请说明情况",
        _OF + "还没有单位接单，请你单位先向居民说明情况。",
    ),
    ("handed_over", Audience.FORMER): (
        "工单已交接",
        _OF + "已交接给新单位；有异议请在{time}前提出。",
    ),
    ("contest_over", Audience.FORMER): ("交接异议已裁定", _OF + "不由你单位办理。"),
    ("contest_over", Audience.DESK): ("交接异议已裁定", _OF + "已裁定由谁办理，请看详情。"),
    ("called_in", Audience.CO_HANDLER): ("请到场或协办", _OF + "请你单位到场或协办，最晚{time}。"),
    ("submitted", Audience.DESK): ("新诉求待派单", _OF + "待派单，最晚{time}要有人接单。"),
    ("returned", Audience.DESK): ("退单，待重新派单", _OF + "退回，请重新派单。"),
    ("stuck", Audience.DESK): ("工单无法提级", _OF + "超时但不能提级，请查看原因。"),
    ("stuck", Audience.STREET): ("工单无法提级", _OF + "超时但不能提级，可能要放开层级。"),
    ("review_waiting", Audience.REVIEWER): ("有一件申请待审核", _OF + "有一件申请等你审核。"),
    ("came_in", Audience.TIER): ("工单提级到本级", _OF + "提级到本级，请在{time}前督促办好。"),
    ("called", Audience.DUTY): ("紧急：请马上接单", "紧急！" + _OF + "请马上接单并联系居民。"),
}
_PLAIN = {
    ("brief", Audience.ACCUSED): (
        "有一份情况说明请查看",
        "工作人员给你单位写了一份情况说明，请登录后查看。",
        BRIEFS,
    ),
    ("binding_confirmed", Audience.SELF): (
        "房屋绑定已通过",
        "社区已确认您绑定的房屋（{place}）。",
        ME,
    ),
    ("binding_refused", Audience.SELF): (
        "房屋绑定没有通过",
        "您绑定的房屋（{place}）没有通过，原因请看“我的”。",
        ME,
    ),
    ("restricted", Audience.SELF): (
        "提交受到限制",
        "您的提交受到限制，紧急情况不受影响。可以在“我的”里看原因和申诉。",
        ME,
    ),
    ("wrote", Audience.SELF): (
        "客服窗口的留言没有人看",
        "您在微信客服窗口的留言不会有人处理。要反映问题，请在小程序首页点“上报”；"
        "已经上报的，请打开那一件，点“补充情况”。",
        HOME,
    ),
    ("daily", Audience.STAFF): (
        "今日工单",
        "在办{open}件，即将到期{due_soon}件，超时{overdue}件，督办{supervised}件。",
        WORKLIST,
    ),
    ("weekly", Audience.STAFF): (
        "本周工单",
        "辖区在办{open}件，即将到期{due_soon}件，超时{overdue}件，督办{supervised}件。",
        WORKLIST,
    ),
}

SHIPPED: tuple[Wording, ...] = (
    *(Wording(k, Audience.RESIDENT, t, w, OWN) for k, (t, w) in _RESIDENTS.items()),
    *(Wording(k, Audience.FOLLOWER, t, w, OWN) for k, (t, w) in _FOLLOWERS.items()),
    *(Wording(k, Audience.HANDLER, t, w, WORK) for k, (t, w) in _HANDLERS.items()),
    *(Wording(k, a, t, w, WORK) for (k, a), (t, w) in _OTHERS.items()),
    *(Wording(k, a, t, w, page) for (k, a), (t, w, page) in _PLAIN.items()),
)
"""One for each kind of news and audience. WeChat's own templates are rows: their ids are
each installation's."""

KINDS = {(one.kind, one.audience): one.title for one in SHIPPED}


def best(
    wordings: Iterable[Wording], kind: str, audience: str, way: Way, at: datetime
) -> Wording | None:
    """Pick the words that hold: those of the way before those of any, rows before what is shipped.

    WeChat takes nothing but a template of its own.
    """
    fitting = [
        one
        for one in wordings
        if one.kind == kind
        and one.audience == audience
        and one.channel in ((way,) if way is Way.WECHAT else (way, ANY))
        and (one.valid_from is None or one.valid_from <= at)
    ]
    found = max(fitting, key=_rank, default=None)
    return None if way is Way.WECHAT and found and not found.template_id else found


def _rank(one: Wording) -> tuple[bool, bool, float]:
    dated = one.valid_from is not None
    return one.channel != ANY, dated, one.valid_from.timestamp() if one.valid_from else 0.0
