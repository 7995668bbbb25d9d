"""An unsafe request sent twice has one effect and one answer.

The first statement of the work claims (scope, key); whoever loses the claim
waits for the winner (PostgreSQL by the insert itself, SQLite by the writer's
turn) and replays. The claim commits or vanishes with the work, so a failure
leaves the key free. Work that commits by itself claims in a unit of its own,
with a lease that a crash lets run out.

Answers are sealed and kept for seven days.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock, crypto
from app.kernel.db import Model, db, fetch, session
from app.kernel.errors import Conflict, Invalid
from app.kernel.ids import new_id
from app.kernel.work import in_unit, unit_of_work

KEPT = timedelta(days=7)
LEASE = timedelta(minutes=2)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class IdempotentAnswer(Model):
    """What was answered to one key of one person."""

    __tablename__ = "idempotent_answer"

    scope: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    claim_id: Mapped[UUID]
    claimed_until: Mapped[datetime | None]
    status: Mapped[int | None]
    sealed_body: Mapped[str | None]
    made_at: Mapped[datetime] = mapped_column(index=True)


# Every unsafe request runs these two: written once, as writing costs more than running.
_ROW: Any = IdempotentAnswer.__table__
_INSERT = {
    name: dialect.insert(_ROW)
    .on_conflict_do_nothing(index_elements=["scope", "key"])
    .returning(_ROW.c.claim_id)
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_ANSWER = update(_ROW).where(
    _ROW.c.scope == bindparam("is_scope"),
    _ROW.c.key == bindparam("is_key"),
    _ROW.c.claim_id == bindparam("is_claim"),
)


@dataclass(frozen=True, slots=True)
class Request:
    """Which request this is: whose, its key, and the hash of all it says."""

    scope: str
    key: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or is to be, answered."""

    status: int
    body: str


def checked_key(text: str) -> str:
    """Hand back a key of 1 to 255 visible ASCII characters.

    Raises:
        Invalid: it is anything else (code ``bad_idempotency_key``).

    """
    if not _KEY.fullmatch(text):
        raise Invalid("防重复编号的格式不对。", code="bad_idempotency_key")
    return text


def within_unit(request: Request, work: Callable[[], Answer | None]) -> Answer | None:
    """Do ``work`` once inside the open unit; a stored answer if it was done before.

    ``work`` answers None when there is nothing to keep; then the key is free again.

    Raises:
        Invalid: the key was used for something else (code ``idempotency_key_reused``).
        Conflict: the first request is still at work (code ``still_working``).

    """
    if not in_unit():
        raise RuntimeError("an idempotent request claims its key inside a unit of work")
    claim_id = new_id()
    stored = _claim(request, claim_id, until=None)
    if stored is not None:
        return stored
    answer = work()
    if answer is None:
        _release(request, claim_id)
    else:
        _store(request, claim_id, answer)
    return None


def around_units(request: Request, work: Callable[[], Answer | None]) -> Answer | None:
    """As :func:`within_unit`, for work that opens its own units.

    A process that dies between leaves a claim that lapses after :data:`LEASE`;
    the work may then be done again, so it must leave nothing that hurts twice.
    """
    claim_id = new_id()
    with unit_of_work():
        stored = _claim(request, claim_id, until=clock.now() + LEASE)
    if stored is not None:
        return stored
    try:
        answer = work()
    except BaseException:
        with unit_of_work():
            _release(request, claim_id)
        raise
    with unit_of_work():
        if answer is None:
            _release(request, claim_id)
        else:
            _store(request, claim_id, answer)
    return None


def purge(before: datetime, *, limit: int = 500) -> int:
    """Drop up to ``limit`` answers made before ``before``; how many went.

    The timetable calls it with ``now - KEPT`` until nothing goes.
    """
    place = tuple_(IdempotentAnswer.scope, IdempotentAnswer.key)
    old = session.execute(
        select(IdempotentAnswer.scope, IdempotentAnswer.key)
        .where(IdempotentAnswer.made_at < before)
        .order_by(IdempotentAnswer.made_at)
        .limit(limit)
    ).all()
    session.execute(delete(IdempotentAnswer).where(place.in_([tuple(row) for row in old])))
    return len(old)


def _claim(request: Request, claim_id: UUID, *, until: datetime | None) -> Answer | None:
    """Take the key (None), or name the answer that it already has."""
    if _inserted(request, claim_id, until):
        return None
    row = session.execute(
        select(
            IdempotentAnswer.body_hash,
            IdempotentAnswer.status,
            IdempotentAnswer.sealed_body,
            IdempotentAnswer.claim_id,
            IdempotentAnswer.claimed_until,
        ).where(*_is(request))
    ).one_or_none()
    if row is None:  # it lapsed between the two statements
        return _claim(request, claim_id, until=until)
    if row.body_hash != request.body_hash:
        raise Invalid("这个防重复编号已用于另一次提交。", code="idempotency_key_reused")
    if row.status is not None:
        return Answer(row.status, crypto.open_sealed(row.sealed_body or ""))
    if row.claimed_until is not None and row.claimed_until < clock.now():
        taken = session.execute(
            update(IdempotentAnswer)
            .where(*_is(request), IdempotentAnswer.claim_id == row.claim_id)
            .values(claim_id=claim_id, claimed_until=until)
            .returning(IdempotentAnswer.claim_id)
        ).one_or_none()
        if taken is not None:
            return None
    raise Conflict("上一次提交还在处理，请稍等。", code="still_working", retry_after=2)


def _inserted(request: Request, claim_id: UUID, until: datetime | None) -> bool:
    row = {
        "scope": request.scope,
        "key": request.key,
        "body_hash": request.body_hash,
        "claim_id": claim_id,
        "claimed_until": until,
        "made_at": clock.now(),
    }
    return fetch(_INSERT[db.engine.dialect.name], row).one_or_none() is not None


def _store(request: Request, claim_id: UUID, answer: Answer) -> None:
    row = {
        "is_scope": request.scope,
        "is_key": request.key,
        "is_claim": claim_id,
        "status": answer.status,
        "sealed_body": crypto.seal(answer.body) if answer.body else None,
        "claimed_until": None,
    }
    fetch(_ANSWER, row)


def _release(request: Request, claim_id: UUID) -> None:
    session.execute(
        delete(IdempotentAnswer).where(
            *_is(request),
            IdempotentAnswer.claim_id == claim_id,
            IdempotentAnswer.status.is_(None),
        )
    )


def _is(request: Request) -> tuple[Any, Any]:
    return IdempotentAnswer.scope == request.scope, IdempotentAnswer.key == request.key
