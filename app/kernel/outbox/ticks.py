"""Ticks of the timetable: each turn of a job is one row, so it is done once.

A slot is a whole number: how many periods have passed. Whoever inserts the
row runs the job; if it dies or fails, the row can be taken again, a few times,
while its slot lasts. Slots that passed while nobody ran are not made up for:
a job looks at what is due now.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.outbox.leases import LeaseLost
from app.kernel.outbox.models import TimetableTick
from app.kernel.work import unit_of_work

T = TimetableTick
MAX_ATTEMPTS = 5
RETRY_S = 30
_UNTRACKED = {"synchronize_session": False}


def open_slots(slots: Mapping[str, int]) -> Collection[str]:
    """Name the jobs whose present slot is still to be run, by anybody free."""
    if not slots:
        return ()
    rows = session.execute(
        select(T.name, T.done_at, T.attempts, T.claimed_until).where(
            tuple_(T.name, T.slot).in_(list(slots.items()))
        )
    ).all()
    now = clock.now()
    taken = {
        row.name
        for row in rows
        if row.done_at or row.attempts >= MAX_ATTEMPTS or row.claimed_until >= now
    }
    return [name for name in slots if name not in taken]


def claim_tick(name: str, slot: int, *, lease_s: float) -> UUID | None:
    """Take the turn of ``name`` in ``slot``, in a unit of its own; None if another has it."""
    now, claimed_by = clock.now(), new_id()
    mine: dict[str, Any] = {
        "claimed_by": claimed_by,
        "claimed_until": now + timedelta(seconds=lease_s),
    }
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    statement = (
        maker.insert(T)
        .values(name=name, slot=slot, started_at=now, attempts=1, **mine)
        .on_conflict_do_update(
            index_elements=[T.name, T.slot],
            set_={**mine, "attempts": T.attempts + 1},
            where=T.done_at.is_(None) & (T.claimed_until < now) & (T.attempts < MAX_ATTEMPTS),
        )
        .returning(T.claimed_by)
    )
    with unit_of_work():
        got: UUID | None = session.scalar(statement, execution_options=_UNTRACKED)
        return got


def finish_tick(name: str, slot: int, claimed_by: UUID) -> None:
    """Say that the turn is done, in the caller's unit.

    Raises:
        LeaseLost: another took it meanwhile.

    """
    _settle(name, slot, claimed_by, done_at=clock.now(), error=None)


def fail_tick(name: str, slot: int, claimed_by: UUID, error: str) -> None:
    """Write down why the turn failed and let it be taken again, in the caller's unit.

    Raises:
        LeaseLost: another took it meanwhile.

    """
    again = clock.now() + timedelta(seconds=RETRY_S)
    _settle(name, slot, claimed_by, claimed_until=again, error=error)


def purge_ticks(before: datetime) -> None:
    """Forget turns begun before ``before``."""
    session.execute(delete(T).where(T.started_at < before), execution_options=_UNTRACKED)


def _settle(name: str, slot: int, claimed_by: UUID, **values: Any) -> None:
    mine = (T.name == name, T.slot == slot, T.claimed_by == claimed_by, T.done_at.is_(None))
    changed = session.scalar(
        update(T).where(*mine).values(**values).returning(T.slot),
        execution_options=_UNTRACKED,
    )
    if changed is None:
        raise LeaseLost
