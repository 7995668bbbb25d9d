"""Packages to the district's platform, and its answers.

A package is claimed in one unit of work, sent with none open and settled in another.
Nothing is ever given up unseen: it waits, was delivered, was refused or is dead, and
each of these is listed (``flask platform list``).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from app.escalation import exchange, package, queries, rules
from app.escalation.events import PackageDue
from app.escalation.exchange import Sent
from app.escalation.models import OutboundPackage, PlatformAnswer
from app.escalation.package import Photo
from app.escalation.rules import NOT_CONFIGURED, Delivery
from app.escalation.service import packing
from app.kernel import audit, clock, outbox
from app.kernel.actor import Actor
from app.kernel.appending import append
from app.kernel.db import session
from app.kernel.errors import Conflict, NotFound, Unavailable
from app.kernel.work import unit_of_work
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.tickets.service import Words
from config import Platform

if TYPE_CHECKING:
    from app.tickets.models import Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What the platform says about a ticket it was handed."""

    answer_id: str
    package_id: UUID
    number: str
    text: str
    reference: str | None = None
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Claimed:
    id: UUID
    attempt: int
    document: dict[str, Any]
    photos: tuple[Photo, ...]


def call_for(ticket: "Ticket", tier: int, now: datetime) -> None:
    """Let a package about a locked ticket go to the platform; once for each tier."""
    reason = f"tier_{tier}"
    if queries.package_of(ticket.id, reason) is not None:
        return
    row = OutboundPackage(
        ticket_id=ticket.id, tier=tier, reason=reason, called_at=now, touched_at=now
    )
    session.add(row)
    session.flush()
    outbox.record(PackageDue(package_id=row.id))


def deliver(event: PackageDue) -> None:
    """Send a package; without a platform it waits where everybody can see it.

    Raises:
        Unavailable: nobody answered, or "later": the outbox tries again.
    """
    platform = exchange.current()
    with unit_of_work():
        claimed = _claim(event.package_id, platform)
    if platform is None or claimed is None:
        return
    body = package.write(claimed.document, packing.load(claimed.photos))
    sent = exchange.send(platform, body, clock.now())
    with unit_of_work():
        _settle(claimed, sent, hashlib.sha256(body).hexdigest())
    if sent.again:
        raise Unavailable(code="platform_unavailable")


def _claim(package_id: UUID, platform: Platform | None) -> _Claimed | None:
    row = queries.hold_package(package_id)
    if row.state not in (Delivery.WAITING, Delivery.DEAD):
        return None
    row.state, row.touched_at = Delivery.WAITING, clock.now()
    if platform is None:
        row.last_error = NOT_CONFIGURED
        return None
    row.attempts += 1
    row.last_error = None
    session.flush()
    ticket = ticket_queries.get(row.ticket_id)
    told, photos = packing.document(row, ticket, platform.shares)
    return _Claimed(row.id, row.attempts, told, photos)


def _settle(claimed: _Claimed, sent: Sent, body_sha256: str) -> None:
    """Write down how sending went, unless somebody was faster (an answer, another try)."""
    row = queries.hold_package(claimed.id)
    if row.state is not Delivery.WAITING or row.attempts != claimed.attempt:
        return
    now = clock.now()
    row.touched_at, row.body_sha256 = now, body_sha256
    row.last_error = sent.error or None
    if sent.arrived:
        row.state, row.delivered_at = Delivery.DELIVERED, now
        row.remote_reference = sent.reference
    elif not sent.again:
        row.state = Delivery.REFUSED
    elif row.attempts >= rules.MAX_TRIES:
        row.state = Delivery.DEAD


def resend(actor: Actor, package_id: UUID) -> OutboundPackage:
    """Let a package that waits, was refused or is dead go out again.

    Raises:
        NotFound: no such package.
        Conflict: it has arrived (code ``delivered_already``).
    """
    row = queries.hold_package(package_id)
    if row.state is Delivery.DELIVERED:
        raise Conflict("这份材料已经送达。", code="delivered_already")
    _again(row)
    audit.record(actor, "platform.resend", "outbound_package", row.id)
    return row


def _again(row: OutboundPackage) -> None:
    row.state, row.attempts, row.last_error = Delivery.WAITING, 0, None
    row.touched_at = clock.now()
    session.flush()
    outbox.record(PackageDue(package_id=row.id))


def go_on(package_id: UUID) -> None:
    """Send what waited for a platform once there is one; declare dead what waits for nobody."""
    row = queries.hold_package(package_id)
    if row.state is not Delivery.WAITING:
        return
    if row.last_error == NOT_CONFIGURED:
        if exchange.current() is not None:
            _again(row)
    elif clock.now() - row.touched_at > rules.GIVEN_UP_AFTER:
        row.state = Delivery.DEAD
        row.last_error = row.last_error or "no_attempt_ended"


def take_answer(answered: Answered) -> bool:
    """Post the platform's answer to the ticket; tells whether it is new.

    The same answer again changes nothing. That it came proves that the package arrived.

    Raises:
        NotFound: no such package was sent, or it is of another ticket.
        Conflict: the id was used for other words (code ``answer_differs``).
    """
    row = queries.hold_package(answered.package_id)
    ticket = ticket_queries.get(row.ticket_id)
    if row.attempts == 0 and row.delivered_at is None:
        raise NotFound
    if ticket.number != answered.number:
        raise NotFound
    digest = hashlib.sha256(answered.raw).hexdigest()
    known = queries.answer_of(row.id, answered.answer_id)
    if known is not None:
        if known.body_sha256 != digest:
            raise Conflict("这个答复编号已经用过，内容不同。", code="answer_differs")
        return False
    now = clock.now()
    step = tickets.note_platform_answer(ticket.id, row.id, Words(answered.text))
    append(
        PlatformAnswer(
            package_id=row.id,
            answer_id=answered.answer_id,
            step_id=step.id,
            body_sha256=digest,
            received_at=now,
        )
    )
    if row.state is not Delivery.DELIVERED:
        row.state, row.delivered_at, row.last_error = Delivery.DELIVERED, now, None
    row.remote_reference = answered.reference or row.remote_reference
    row.touched_at = now
    return True
