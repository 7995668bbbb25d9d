"""One lead follows another by order from outside: a hand-over of firms, or a ruling about it.

What the firm that goes had under way binds nobody; a hand-over may be contested for some
days, and the street decides (rules.md).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.kernel.errors import Invalid
from app.sla import ops
from app.tickets.service import handover, settling
from app.tickets.service.steps import Taken, Words
from app.tickets.states import QuoteState

_LEFT_BEHIND: Mapping[str, Any] = {
    "accepted_at": None,
    "started_at": None,
    "assignee_id": None,
    "claimable": False,
    "suspended_for": None,
    "resume_at": None,
    "quote_state": QuoteState.NONE,
    "review_kind": None,
    "first_called_at": None,
}
"""What the firm that goes had under way on a ticket: none of it binds the firm that comes."""


def contest_columns(taken: Taken, organisation_id: UUID) -> dict[str, Any]:
    """Name the columns that let a hand-over be contested for as long as the district says."""
    going = taken.ticket.lead_id
    if going is None or going == organisation_id:
        return dict(handover.UNCONTESTED)
    days = contest_days(taken)
    return {"handed_from_id": going, "contest_until": taken.at + timedelta(days=days)}


def contest_days(taken: Taken) -> int:
    """Tell how many days there are to contest a hand-over where the ticket lies."""
    return catalog.limits(taken.ticket.district_id, taken.at).contest_days


def pass_on(
    taken: Taken,
    organisation_id: UUID,
    why: str,
    *,
    words: Words | None = None,
    facts: Mapping[str, Any],
    **columns: Any,
) -> None:
    """Give a ticket to the next lead: the old holding ends now, accept clocks begin anew.

    Who had the report first goes with its duty, and whoever comes takes that over.
    """
    ticket, at = taken.ticket, taken.at
    desk_acts = handover.require_lead(ticket, organisation_id)
    old = ticket.lead_id
    handover.end_holdings(ticket, at, role="lead")
    handover.end_holdings(ticket, at, organisation_id=organisation_id)
    taken.move(
        words,
        facts={**facts, "organisation": organisation_id, "from": old},
        lead_id=organisation_id,
        first_id=organisation_id if ticket.first_id in (None, old) else ticket.first_id,
        co_ids=[co for co in ticket.co_ids if co != organisation_id.hex],
        desk_acts=desk_acts,
        clocks=[ops.resume(), *settling.clocks_again(ticket, at)],
        **_LEFT_BEHIND,
        **columns,
        dispatched_at=at,
    )
    handover.begin_lead(ticket, at, why, first=False, with_helpers=False)


def give_back(
    taken: Taken, words: Words, facts: dict[str, Any], evidence: Mapping[str, Any]
) -> None:
    """Carry out that the hand-over of a ticket does not hold: another leads it.

    Raises:
        Invalid: whoever has it is named (code ``same_lead``), or see handover.
        RuleBroken: see handover.
    """
    ticket = taken.ticket
    to = evidence.get("organisation") or ticket.handed_from_id
    assert to is not None  # noqa: S101  (only what was handed over is contested)
    if to == ticket.lead_id:
        raise Invalid(
            "这个单位正在办理；要维持交接请选不同意。",
            code="same_lead",
            errors={"organisation": ["正在办理"]},
        )
    pass_on(
        taken,
        to,
        "交接异议裁定",
        words=words,
        facts=facts,
        project_id=handover.project_of(ticket, to, taken.at),
        **handover.UNCONTESTED,
    )


def uphold(taken: Taken, words: Words, facts: dict[str, Any]) -> None:
    """Carry out that the hand-over holds; it is not contested again."""
    taken.move(
        words,
        facts=facts | {"from": taken.ticket.handed_from_id},
        review_kind=None,
        **handover.UNCONTESTED,
    )
