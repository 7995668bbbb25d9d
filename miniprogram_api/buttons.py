"""The buttons of a person: what may be done now, under the name it is posted to."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from marshmallow import fields

from app.catalog import queries as catalog
from app.kernel.actor import Actor
from app.kernel.http import View
from app.reviews import access as review_access
from app.reviews import queries as reviews
from app.tickets import access, workflow
from app.tickets.states import Action, Relation

if TYPE_CHECKING:
    from app.tickets.models import Ticket

RESIDENT_ROUTES: Mapping[Action, str] = {
    Action.VERDICT: "rate",
    Action.FOLLOWER_VERDICT: "rate",
    Action.ASK_REWORK: "rework",
    Action.ASK_ESCALATE: "escalate",
}
STAFF_ROUTES: Mapping[Action, str] = {
    Action.ASK_DECLINE: "decline",
    Action.ASK_RETURN: "return",
    Action.FOLLOW_UP_NOTE: "follow_up",
    Action.ASK_REWORK: "rework",
    Action.ASK_SUSPEND: "suspend",
    Action.ASK_EXTEND: "extend",
    Action.ASK_EXCLUDE: "exclude",
    Action.ASK_LONG_TERM: "long_term",
}
"""Where an act is not posted to under its own name."""

REVIEW = {"action": "review", "words": "审核", "needs": ["approved", "text"]}


class ActionView(View):
    """Something this person may do now: POST to the ticket's address + ``/`` + ``action``."""

    action = fields.String(required=True)
    words = fields.String(required=True)
    needs = fields.List(fields.String(), required=True)


def for_resident(
    ticket: "Ticket", relations: frozenset[Relation], now: datetime
) -> list[dict[str, Any]]:
    """List the buttons of who reported, filed or joined a ticket."""
    return [
        {
            "action": RESIDENT_ROUTES.get(row.action, row.action.value),
            "words": WORDS.get(row.action, row.staff_zh),
            "needs": list(row.needs),
        }
        for row in workflow.actions_for(
            ticket, relations, now, catalog.limits(ticket.district_id, now)
        )
    ]


def for_staff(
    actor: Actor, ticket: "Ticket", relations: frozenset[Relation], now: datetime
) -> list[dict[str, Any]]:
    """List the buttons of a member of staff, the second person's answer among them."""
    found = [
        {
            "action": STAFF_ROUTES.get(row.action, row.action.value),
            "words": row.staff_zh,
            "needs": list(row.needs),
        }
        for row in workflow.actions_for(
            ticket, relations - access.OWN, now, catalog.limits(ticket.district_id, now)
        )
    ]
    return [*found, REVIEW] if _may_review(actor, ticket, relations, now) else found


def _may_review(
    actor: Actor, ticket: "Ticket", relations: frozenset[Relation], now: datetime
) -> bool:
    if workflow.refusal(ticket, Action.REFUSE_REVIEW, relations - access.OWN, now):
        return False
    return any(
        review_access.may_decide(actor, review, reviews.desk_nodes(review.id))
        for review in reviews.open_for("ticket", ticket.id)
    )


WORDS: Mapping[Action, str] = {
    Action.NO_SHOW: "师傅没有来",
    Action.AGREE: "答复报价",
    Action.VERDICT: "评价",
    Action.FOLLOWER_VERDICT: "评价",
    Action.REWORK: "没解决，重新办理",
    Action.ASK_REWORK: "没解决，重新办理",
    Action.REOPEN: "问题又出现了",
    Action.NUDGE: "催一催",
    Action.WITHDRAW: "撤回",
    Action.SUPPLEMENT: "补充情况",
    Action.ASK_ESCALATE: "请上级处理",
}
"""What residents read on a button."""
