"""Write a slip, open it, and find out which ticket an open slip is for."""

import hmac
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.identity import queries as identity
from app.kernel import audit, clock, crypto, ids
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import NotFound, RuleBroken, TooMany, Unauthenticated
from app.kernel.work import unit_of_work
from app.slips import rules
from app.slips.models import Slip
from app.tickets import access, queries
from app.tickets.states import Relation

_PURPOSE = "slip"
_DAY_S = 24 * 60 * 60
_WRITERS = frozenset({Relation.FILER, Relation.DISPATCHER, Relation.CALLER})


@dataclass(frozen=True, slots=True)
class Opened:
    """An open slip: its token is good until ``expires_at``."""

    token: str = field(repr=False)
    ticket_id: UUID
    expires_at: datetime


def write(actor: Actor, ticket_id: UUID) -> str:
    """Write a slip for a ticket filed for another, and name its code, told this once.

    A slip written before opens nothing any more.

    Raises:
        NotFound: neither filed by this actor nor at a desk of theirs.
        RuleBroken: whoever reported it has it on their phone (code ``no_slip_needed``).

    """
    ticket = queries.hold(ticket_id)
    if not access.relations(actor, ticket) & _WRITERS:
        raise NotFound
    if ticket.filed_by_id is None:
        raise RuleBroken("这件事是居民自己报的，在手机上就能看到。", code="no_slip_needed")
    code = ids.new_digits(rules.DIGITS)
    slip = session.get(Slip, ticket_id, with_for_update=True, populate_existing=True)
    if slip is None:
        slip = Slip(ticket_id=ticket_id, edition=0)
        session.add(slip)
    slip.code_hash, slip.edition = _hash(ticket_id, code), slip.edition + 1
    slip.tries, slip.locked_until = 0, None
    slip.issued_at, slip.issued_by_id = clock.now(), actor.person_id
    session.flush()
    audit.record(actor, "slip.written", "ticket", ticket_id)
    return code


def open_with(number: str, code: str) -> Opened:
    """Open the slip of a ticket number by its code; a wrong try stays counted.

    Opens its own unit of work.

    Raises:
        Unauthenticated: no such number, or another code (code ``bad_slip``).
        TooMany: tried wrongly too often (``slip_locked``, with ``retry_after``).

    """
    at = clock.now()
    with unit_of_work():
        slip = _held("".join(one for one in number if one.isdigit()))
        locked_until = slip.locked_until if slip else None
        locked = rules.is_locked(locked_until, at)
        opened = None
        if slip is not None and not locked:
            opened = _open(slip, code, at)
    if locked and locked_until is not None:
        wait = int((locked_until - at).total_seconds()) + 1
        raise TooMany(
            f"查询码连续输错，请 {-(-wait // 60)} 分钟后再试。",
            code="slip_locked",
            retry_after=wait,
        )
    if opened is None:
        raise Unauthenticated("工单号或查询码不对，请看清回执单再输。", code="bad_slip")
    return opened


def _held(digits: str) -> Slip | None:
    """Find the slip of a ticket number, held for change."""
    ticket = queries.by_number(digits)
    if ticket is None:
        return None
    return session.get(Slip, ticket.id, with_for_update=True, populate_existing=True)


def _open(slip: Slip, code: str, at: datetime) -> Opened | None:
    if slip.code_hash is not None and hmac.compare_digest(
        slip.code_hash, _hash(slip.ticket_id, code)
    ):
        slip.tries, slip.locked_until = 0, None
        until = at + rules.OPEN_FOR
        payload = [slip.ticket_id.hex, slip.edition, until.timestamp()]
        audit.record(SYSTEM, "slip.opened", "ticket", slip.ticket_id)
        return Opened(crypto.sign_token(_PURPOSE, payload), slip.ticket_id, until)
    after = rules.after_wrong(slip.tries, at)
    slip.tries, slip.locked_until = after.tries, after.locked_until
    audit.record(SYSTEM, "slip.refused", "ticket", slip.ticket_id, tries=after.tries)
    return None


def authenticate(token: str) -> Actor | None:
    """Find which ticket an open slip is for; None if it opens nothing any more.

    Whoever wrote the slip knew its code, so what they belong to counts against it.
    """
    payload = crypto.read_token(_PURPOSE, token, max_age=_DAY_S)
    if not isinstance(payload, list):
        return None
    ticket_id, edition, until = UUID(payload[0]), payload[1], payload[2]
    slip = session.get(Slip, ticket_id, populate_existing=True)
    if slip is None or slip.edition != edition or clock.now().timestamp() >= until:
        return None
    writer = identity.actor_of(slip.issued_by_id) if slip.issued_by_id else None
    return Actor(
        person_id=None,
        organisation_ids=writer.organisation_ids if writer else frozenset(),
        slip_of=ticket_id,
        slip_by=slip.issued_by_id,
    )


def _hash(ticket_id: UUID, code: str) -> str:
    return crypto.blind_index("slip", f"{ticket_id.hex}\0{code}")
