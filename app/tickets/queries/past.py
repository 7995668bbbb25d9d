"""Read what happened to a ticket: its steps, who held it, what was said and promised."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select

from app.kernel.db import session
from app.tickets.models import Appointment, Holding, Quote, Step, Verdict
from app.tickets.states import Action


def steps_of(ticket_id: UUID, *, public_only: bool = False) -> Sequence[Step]:
    """Read the history of a ticket in order."""
    query = select(Step).where(Step.ticket_id == ticket_id).order_by(Step.seq)
    if public_only:
        query = query.where(Step.public)
    return session.scalars(query).all()


def returned_by(ticket_id: UUID) -> frozenset[UUID]:
    """Name the organisations that gave a ticket back with the desk's leave."""
    query = select(Step.facts).where(Step.ticket_id == ticket_id, Step.action == Action.RETURN)
    named = (facts.get("organisation") for facts in session.scalars(query))
    return frozenset(UUID(one) for one in named if one)


def was_accepted(ticket_id: UUID) -> bool:
    """Tell whether anybody ever took a ticket into hand."""
    query = select(Step.id).where(
        Step.ticket_id == ticket_id, Step.action.in_((Action.ACCEPT, Action.CLAIM))
    )
    return session.scalar(query.limit(1)) is not None


def has_reported_result(ticket_id: UUID, person_id: UUID | None) -> bool:
    """Tell whether a person was the one who said that a ticket is done."""
    query = select(Step.id).where(
        Step.ticket_id == ticket_id,
        Step.person_id == person_id,
        Step.action.in_((Action.RESOLVE, Action.SELF_HANDLE)),
    )
    return person_id is not None and session.scalar(query.limit(1)) is not None


def was_held(ticket_id: UUID) -> bool:
    """Tell whether a ticket has had a lead before."""
    query = select(Holding.id).where(Holding.ticket_id == ticket_id, Holding.role == "lead")
    return session.scalar(query.limit(1)) is not None


def lead_at(ticket_id: UUID, moment: datetime) -> UUID | None:
    """Name the organisation that led a ticket at a moment, or None if nobody did."""
    query = (
        select(Holding.organisation_id)
        .where(
            Holding.ticket_id == ticket_id,
            Holding.role == "lead",
            Holding.from_at <= moment,
            or_(Holding.to_at.is_(None), Holding.to_at > moment),
        )
        .order_by(Holding.from_at.desc())
        .limit(1)
    )
    return session.scalar(query)


def was_sampled(ticket_id: UUID, since: datetime) -> bool:
    """Tell whether a result given at ``since`` was drawn to be called about."""
    query = select(Step.id).where(
        Step.ticket_id == ticket_id, Step.action == Action.SAMPLE, Step.at >= since
    )
    return session.scalar(query.limit(1)) is not None


def was_contested(ticket_id: UUID, since: datetime) -> bool:
    """Tell whether "not solved" was said again to a result given at ``since``."""
    query = select(Step.id).where(
        Step.ticket_id == ticket_id, Step.action == Action.ASK_REWORK, Step.at >= since
    )
    return session.scalar(query.limit(1)) is not None


def holdings_of(ticket_id: UUID) -> Sequence[Holding]:
    """Read who held a ticket from when to when."""
    query = select(Holding).where(Holding.ticket_id == ticket_id).order_by(Holding.from_at)
    return session.scalars(query).all()


def verdicts_of(ticket_id: UUID) -> Sequence[Verdict]:
    """Read what people said about the result."""
    query = select(Verdict).where(Verdict.ticket_id == ticket_id).order_by(Verdict.at)
    return session.scalars(query).all()


def last_appointment(ticket_id: UUID) -> Appointment | None:
    """Read the visit promised last."""
    query = (
        select(Appointment)
        .where(Appointment.ticket_id == ticket_id)
        .order_by(Appointment.made_at.desc(), Appointment.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def last_quote(ticket_id: UUID) -> Quote | None:
    """Read the offer made last."""
    query = (
        select(Quote)
        .where(Quote.ticket_id == ticket_id)
        .order_by(Quote.made_at.desc(), Quote.id.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def steps_of_many(ticket_ids: Sequence[UUID]) -> dict[UUID, list[Step]]:
    """Read the histories of several tickets in one statement."""
    found: dict[UUID, list[Step]] = {}
    query = select(Step).where(Step.ticket_id.in_(ticket_ids)).order_by(Step.ticket_id, Step.seq)
    for step in session.scalars(query):
        found.setdefault(step.ticket_id, []).append(step)
    return found
