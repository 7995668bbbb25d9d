"""What organisations, contracts, scopes and shifts have in common: dates, a phone, a stamp.

Apart because three subjects use it.
"""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from app.identity import rules
from app.identity.models import DutyShift, Organisation, PropertyProject, ServiceScope
from app.identity.queries.organisations import STAMP
from app.kernel import audit, clock, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound

Row = TypeVar("Row", Organisation, PropertyProject, ServiceScope, DutyShift)
Lasting = TypeVar("Lasting", Organisation, PropertyProject, ServiceScope)


def hold(model: type[Row], row_id: UUID) -> Row:
    """Find a row, held for change.

    Raises:
        NotFound: there is none.

    """
    found = session.get(model, row_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def check(begins: datetime, ends: datetime | None) -> None:
    """Refuse dates that are crossed.

    Raises:
        Invalid: the end is not after the beginning (code ``crossed_dates``).

    """
    if ends is not None and ends <= begins:
        raise Invalid("结束时间要晚于开始时间。", code="crossed_dates")


def end(row: Lasting, at: datetime | None) -> None:
    """End what lasts at a time (default: now).

    Raises:
        Conflict: it has ended (code ``already_ended``).
        Invalid: before its beginning (code ``crossed_dates``).

    """
    moment = at or clock.now()
    if row.valid_to is not None and row.valid_to <= min(moment, clock.now()):
        raise Conflict("已经结束。", code="already_ended")
    check(row.valid_from, moment)
    row.valid_to = moment


def written(actor: Actor, action: str, row: Row) -> Row:
    """Write a row and its audit entry, and tell the caches."""
    kind: Any = type(row).__tablename__
    session.add(row)
    session.flush()
    stamps.bump(STAMP)
    audit.record(actor, action, kind, row.id)
    return row


def phone(text: str | None) -> str | None:
    """Bring a duty phone into digits; empty is None.

    Raises:
        Invalid: no such number can be (code ``bad_phone``).

    """
    number = rules.normal_phone(text or "")
    if number and not rules.duty_phone_is_good(number):
        raise Invalid("电话号码不对，请重新填写。", code="bad_phone", errors={"phone": ["不对"]})
    return number or None
