"""Giving a ticket to somebody: lead, co-handlers, and the record of who held it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update

from app.identity import queries as identity
from app.kernel.appending import append
from app.kernel.db import session
from app.kernel.errors import Invalid, RuleBroken
from app.routing.rules import Decision
from app.tickets.models import Holding, Ticket
from app.tickets.service import settling
from app.tickets.states import QuoteState, State

UNCONTESTED: Mapping[str, Any] = {"handed_from_id": None, "contest_until": None}
"""The columns of a ticket whose last hand-over is past quarrelling, or undone."""

RELEASED: dict[str, Any] = {
    "state": State.SUBMITTED,
    "lead_id": None,
    "project_id": None,
    "assignee_id": None,
    "claimable": False,
    "desk_acts": False,
    "co_ids": [],
    "accepted_at": None,
    "started_at": None,
    "dispatched_at": None,
    "quote_state": QuoteState.NONE,
    **UNCONTESTED,
}
"""The columns of a ticket that is in nobody's hands again."""


def lead_columns(decision: Decision) -> dict[str, Any]:
    """Name the ticket columns a routing decision sets when it dispatches."""
    return {
        "lead_id": decision.lead_id,
        "project_id": decision.project_id,
        "assignee_id": decision.assignee_id,
        "claimable": decision.mode == "claim",
        "mode": str(decision.mode),
        "co_ids": [co.hex for co in decision.co_ids],
        "desk_acts": not decision.lead_has_accounts,
        "parties": list(decision.parties_without_accounts),
        "why": list(decision.why),
    }


def first_columns(ticket: Ticket, lead_id: UUID | None) -> dict[str, Any]:
    """Name the columns that remember the first to get a report; as its lead it needs no call."""
    first = ticket.first_id or lead_id
    return {
        "first_id": first,
        "first_called_at": None if first == lead_id else ticket.first_called_at,
    }


def require_lead(ticket: Ticket, organisation_id: UUID) -> bool:
    """Check that an organisation may lead; tell whether the desk must act for it.

    Raises:
        Invalid: no such organisation is active (code ``unknown_organisation``).
        RuleBroken: it is the accused (code ``accused_never_leads``).
    """
    if organisation_id.hex in ticket.barred:
        raise RuleBroken("被反映的单位不能办理这张单。", code="accused_never_leads")
    organisation = identity.organisation(organisation_id)
    if organisation is None:
        raise Invalid("没有这个单位，或者它已停用。", code="unknown_organisation")
    return not organisation.has_accounts


def require_hands(ticket: Ticket, organisation_id: UUID, person_id: UUID, at: datetime) -> None:
    """Check that a person handles for an organisation and wears no hat of the accused.

    Raises:
        Invalid: not one of its handlers (code ``unknown_person``).
        RuleBroken: the person also belongs to the accused (code ``accused_never_leads``).
    """
    if person_id not in identity.handlers_of(organisation_id, at):
        raise Invalid("这个人不在该单位的办理人员里。", code="unknown_person")
    if any(person_id in identity.people_of(UUID(one), at) for one in ticket.barred.split()):
        raise RuleBroken("这个人也属于被反映的单位，不能办理。", code="accused_never_leads")


def project_of(ticket: Ticket, organisation_id: UUID, at: datetime) -> UUID | None:
    """Name the contract under which an organisation serves the place of a ticket, if it does."""
    kind = settling.spot_of(ticket).facility_kind
    firms = identity.firms_serving(ticket.compound_id, ticket.building_id, kind, at)
    return next((one.project_id for one in firms if one.organisation_id == organisation_id), None)


def desk_columns(ticket: Ticket) -> dict[str, Any]:
    """Name the columns that put a ticket into the hands of its own desk.

    Where no organisation stands there, or the one that does is accused, there is
    no lead and whoever dispatches acts.
    """
    desk = identity.desk_of(ticket.desk_level, ticket.desk_id) if ticket.desk_id else None
    if desk is not None and desk.id.hex in ticket.barred:
        desk = None
    return {
        "lead_id": desk.id if desk else None,
        "project_id": None,
        "assignee_id": None,
        "claimable": False,
        "co_ids": [],
        "desk_acts": desk is None or not desk.has_accounts,
        "quote_state": QuoteState.NONE,
        **UNCONTESTED,
    }


def begin_lead(
    ticket: Ticket, at: datetime, why: str, *, first: bool, with_helpers: bool = True
) -> None:
    """Open the lead's holding row and those of the co-handlers that came along.

    ``why`` is a phrase of ours: what people write belongs to the step, sealed.
    """
    if ticket.lead_id is not None:
        append(
            Holding(
                ticket_id=ticket.id,
                organisation_id=ticket.lead_id,
                project_id=ticket.project_id,
                role="lead",
                first_handler=first,
                from_at=at,
                due_at=ticket.resolve_due_at,
                why=why,
            )
        )
    for co in ticket.co_ids if with_helpers else ():
        add_co_handler(ticket, UUID(co), at, why, due_at=ticket.resolve_due_at)


def add_co_handler(
    ticket: Ticket, organisation_id: UUID, at: datetime, why: str, *, due_at: datetime | None
) -> None:
    """Open a co-handler's holding row."""
    append(
        Holding(
            ticket_id=ticket.id,
            organisation_id=organisation_id,
            role="co_handler",
            from_at=at,
            due_at=due_at,
            why=why,
        )
    )


def end_holdings(
    ticket: Ticket, at: datetime, *, role: str | None = None, organisation_id: UUID | None = None
) -> None:
    """Close the open holding rows of a ticket (of one role, of one organisation)."""
    query = update(Holding).where(Holding.ticket_id == ticket.id, Holding.to_at.is_(None))
    if role is not None:
        query = query.where(Holding.role == role)
    if organisation_id is not None:
        query = query.where(Holding.organisation_id == organisation_id)
    session.execute(query.values(to_at=at).execution_options(synchronize_session=False))
