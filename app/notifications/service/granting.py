"""The ledger of what people allow WeChat to send: each change a row, the balance their sum."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db, session
from app.kernel.errors import Unauthenticated
from app.notifications import channels, queries
from app.notifications.models import GrantEntry, SubscriptionGrant
from app.notifications.rules.telling import MOST_GRANTS

G = SubscriptionGrant
ACCEPTED = "accept"
_UNTRACKED = {"synchronize_session": False}
Answers = Sequence[tuple[str, str]]
"""(template id, ``accept`` | ``reject`` | ``ban`` | ``filter``) as the person answered."""


def note_subscription(actor: Actor, report_id: UUID, answers: Answers) -> int:
    """Take a client's word for what a person answered; count what was taken.

    With WeChat's pushes set up theirs is the word, and this one is left aside.
    """
    if actor.person_id is None:
        raise Unauthenticated
    if channels.current().pushed:
        return 0
    return _note(actor.person_id, "client", f"{actor.person_id}:{report_id}", answers)


def on_push_popup(openid_index: str, occurred: int | str, answers: Answers) -> int:
    """Take WeChat's word for what a person answered (``occurred``: what names the push)."""
    person_id = queries.person_of_openid(openid_index)
    if person_id is None:
        return 0
    return _note(person_id, "push", f"{openid_index}:{occurred}", answers)


def on_push_change(openid_index: str, occurred: int | str, answers: Answers) -> int:
    """Take WeChat's word that a person changed the switch of a template: off ends all grants."""
    person_id = queries.person_of_openid(openid_index)
    if person_id is None:
        return 0
    refused = [one for one in answers if one[1] != ACCEPTED]
    marks = (f"change:{openid_index}:{occurred}:{template_id}" for template_id, _ in refused)
    return sum(zero(person_id, one[0], mark) for one, mark in zip(refused, marks, strict=True))


def reserve(person_id: UUID, template_id: str) -> bool:
    """Spend one grant before sending; False if there is none, however many ask at once."""
    spent = session.execute(
        update(G)
        .where(
            G.person_id == person_id,
            G.template_id == template_id,
            G.long_term | (G.granted > G.used),
        )
        .values(used=G.used + 1, updated_at=clock.now())
        .returning(G.id),
        execution_options=_UNTRACKED,
    ).first()
    if spent is None:
        return False
    _enter(person_id, template_id, "send", "spent", -1)
    return True


def refund(person_id: UUID, template_id: str) -> None:
    """Give back what was spent for a message that surely did not go."""
    given = session.execute(
        update(G)
        .where(G.person_id == person_id, G.template_id == template_id, G.used > 0)
        .values(used=G.used - 1, updated_at=clock.now())
        .returning(G.id),
        execution_options=_UNTRACKED,
    ).first()
    if given is not None:
        _enter(person_id, template_id, "refund", "returned", 1)


def zero(person_id: UUID, template_id: str, heard: str | None = None) -> bool:
    """Write down that nothing (more) is allowed, whatever we counted; False if known already."""
    row = _held(person_id, template_id)
    if row is None:
        return False
    delta = row.used - row.granted
    if not _enter(person_id, template_id, "refusal", "refused", delta, heard=heard):
        return False
    row.granted, row.long_term = row.used, False
    row.last_status, row.updated_at = "refused", clock.now()
    session.flush()
    return True


def _note(person_id: UUID, source: str, heard: str, answers: Answers) -> int:
    taken = 0
    for template_id, status in dict(answers).items():
        asked_for = queries.known_template(template_id, clock.now())
        if asked_for is None:
            continue
        row = _opened(person_id, template_id)
        balance = row.granted - row.used
        delta = 1 if status == ACCEPTED and balance < MOST_GRANTS else 0
        mark = f"{source}:{heard}:{template_id}"
        if not _enter(person_id, template_id, source, status, delta, heard=mark):
            continue
        row.granted += delta
        row.long_term = asked_for.long_term and status == ACCEPTED
        row.last_status, row.updated_at = status, clock.now()
        taken += 1
    session.flush()
    return taken


def _opened(person_id: UUID, template_id: str) -> SubscriptionGrant:
    """Take the row of a balance for change, making it on first use."""
    maker = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    session.execute(
        maker(G)
        .values(
            person_id=person_id, template_id=template_id, last_status="", updated_at=clock.now()
        )
        .on_conflict_do_nothing(index_elements=["person_id", "template_id"])
    )
    row = _held(person_id, template_id)
    assert row is not None  # noqa: S101  (just made)
    return row


def _held(person_id: UUID, template_id: str) -> SubscriptionGrant | None:
    query = select(G).where(G.person_id == person_id, G.template_id == template_id)
    held = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(held).one_or_none()


def _enter(
    person_id: UUID,
    template_id: str,
    source: str,
    status: str,
    delta: int,
    *,
    heard: str | None = None,
) -> bool:
    """Write one change down; False if it was heard before."""
    maker = sqlite.insert if db.engine.dialect.name == "sqlite" else postgresql.insert
    entered = session.execute(
        maker(GrantEntry)
        .values(
            person_id=person_id,
            template_id=template_id,
            source=source,
            status=status,
            delta=delta,
            at=clock.now(),
            heard=heard,
        )
        .on_conflict_do_nothing(index_elements=["heard"])
        .returning(GrantEntry.id)
    ).first()
    return entered is not None
