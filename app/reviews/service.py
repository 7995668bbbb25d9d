"""Ask a second person, decide, climb, cancel."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import audit, clock
from app.kernel.actor import Actor
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid
from app.reviews import access, queries
from app.reviews.models import Review, ReviewDesk
from app.reviews.rules import MAX_WORDS, ReviewDraft, Verdict


def ask(actor: Actor, draft: ReviewDraft) -> Review:
    """Put a question to a second person; one open question of a kind per subject.

    The caller has checked that ``actor`` may ask this about the subject.

    Raises:
        Invalid: no desk, no reason, or words too long.
        Conflict: such a question is open already (code ``review_open``).

    """
    _check(draft)
    now = clock.now()
    review = _insert(actor, draft, now)
    if review is None:
        raise Conflict("同样的申请正在等待审核，请不要重复提交。", code="review_open")
    _open_desk(review.id, draft.desk_nodes, climb=0, since=now)
    return review


def decide(
    actor: Actor, review_id: UUID, verdict: Verdict, words: str = "", *, reason: str | None = None
) -> Review:
    """Answer as the second person; of two at once the first counts.

    ``words`` are for people to read; ``reason`` is an optional code kept with
    them in the audit. The caller carries out what was approved.

    Raises:
        NotFound: no such review, or not this actor's desk.
        Forbidden: the asker, or one who belongs to a forbidden organisation.
        Invalid: a rejection without words, or words too long.
        Conflict: already answered or cancelled (code ``review_closed``).

    """
    review = queries.review(review_id)
    access.require_decider(actor, review, queries.desk_nodes(review_id))
    words = words.strip()
    if verdict is Verdict.REJECTED and not words:
        raise Invalid("不同意时请写明原因。", code="words_needed", errors={"words": "请写明原因"})
    if len(words) > MAX_WORDS:
        raise Invalid("意见太长。", code="words_too_long", errors={"words": "请写在1000字以内"})
    now = clock.now()
    decided = _close(
        review_id,
        closed_at=now,
        decided_at=now,
        decider_id=actor.person_id,
        verdict=verdict,
        words=words or None,
    )
    audit.record(
        actor, "review.decided", "review", review_id, verdict=verdict.value, reason=reason or ""
    )
    return decided


def climb(actor: Actor, review_id: UUID, nodes: Collection[UUID], *, due_at: datetime) -> Review:
    """Bring a late review to the desk above as well, with a new due time.

    The desk that was late may still answer. Whoever keeps the timetable names
    ``nodes`` and computes ``due_at``.

    Raises:
        NotFound: no such review.
        Invalid: no nodes, or a due time that is not ahead.
        Conflict: closed meanwhile, or not late (codes ``review_closed``, ``not_overdue``).

    """
    now = clock.now()
    if not nodes or due_at <= now:
        raise Invalid("上一级的审核位置和新的时限要同时给出。", code="bad_climb")
    review = queries.review(review_id)
    standing = queries.desk_nodes(review_id)
    moved = session.scalars(
        update(Review)
        .where(Review.id == review_id, Review.closed_at.is_(None), Review.due_at <= now)
        .values(due_at=due_at, climbed=Review.climbed + 1)
        .returning(Review),
        execution_options={"populate_existing": True, "synchronize_session": False},
    ).one_or_none()
    if moved is None:
        session.refresh(review)
        late = "not_overdue" if review.closed_at is None else "review_closed"
        raise Conflict("这项审核已有结果或还没有到时限。", code=late)
    fresh = [node for node in dict.fromkeys(nodes) if node not in standing]
    _open_desk(review_id, fresh, climb=moved.climbed, since=now)
    audit.record(actor, "review.climbed", "review", review_id, climbed=moved.climbed)
    return moved


def cancel(actor: Actor, review_id: UUID, *, reason: str = "") -> Review:
    """Take back a question that no longer stands (the asker, or the subject's room).

    Raises:
        NotFound: no such review.
        Forbidden: neither the asker nor the product itself (code ``not_the_asker``).
        Conflict: already answered or cancelled (code ``review_closed``).

    """
    review = queries.review(review_id)
    if not actor.is_system and review.asked_by != actor.person_id:
        raise Forbidden("只有提出申请的人可以撤回申请。", code="not_the_asker")
    cancelled = _close(review_id, closed_at=clock.now())
    audit.record(actor, "review.cancelled", "review", review_id, reason=reason)
    return cancelled


def _check(draft: ReviewDraft) -> None:
    if not draft.desk_nodes:
        raise Invalid("没有可以审核的一级。", code="no_desk")
    if not draft.reason_code or not draft.reason.strip():
        raise Invalid("请写明申请原因。", code="reason_needed", errors={"reason": "请写明原因"})
    if len(draft.reason) > MAX_WORDS:
        raise Invalid("原因太长。", code="words_too_long", errors={"reason": "请写在1000字以内"})


def _insert(actor: Actor, draft: ReviewDraft, now: datetime) -> Review | None:
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    statement = (
        maker.insert(Review)
        .values(
            subject_kind=draft.subject_kind,
            subject_id=draft.subject_id,
            kind=draft.kind,
            step=draft.step,
            permission=draft.permission.value,
            asked_at=now,
            asked_by=actor.person_id,
            asked_for=draft.asked_for,
            reason_code=draft.reason_code,
            reason=draft.reason.strip(),
            evidence=dict(draft.evidence),
            forbidden_organisations=sorted(str(one) for one in draft.forbidden_organisations),
            due_at=draft.due_at,
        )
        .on_conflict_do_nothing(
            index_elements=["subject_kind", "subject_id", "kind"],
            index_where=Review.closed_at.is_(None),
        )
        .returning(Review)
    )
    found: Review | None = session.scalars(statement).one_or_none()
    return found


def _open_desk(review_id: UUID, nodes: Collection[UUID], *, climb: int, since: datetime) -> None:
    rows = [
        {"review_id": review_id, "node_id": node, "climb": climb, "since": since}
        for node in dict.fromkeys(nodes)
    ]
    if rows:
        session.execute(insert(ReviewDesk), rows)


def _close(review_id: UUID, **values: Any) -> Review:
    """Close an open review; the condition in the statement makes one winner."""
    closed = session.scalars(
        update(Review)
        .where(Review.id == review_id, Review.closed_at.is_(None))
        .values(**values)
        .returning(Review),
        execution_options={"populate_existing": True, "synchronize_session": False},
    ).one_or_none()
    if closed is None:
        raise Conflict("这项审核已经有结果了，请刷新后再看。", code="review_closed")
    return closed
