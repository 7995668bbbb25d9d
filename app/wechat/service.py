"""Taking pushes: once each, and told upward in the same transaction."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock, outbox
from app.kernel.db import db, session
from app.wechat.events import told_by
from app.wechat.happenings import Push
from app.wechat.models import WechatPush


def take(push: Push) -> bool:
    """Tell upward what a push says, unless it came before; tell whether it is new.

    In the caller's unit of work, so that what is told and that it was told stand or fall together.
    """
    if not first_time(push.key, push.kind):
        return False
    for event in told_by(push):
        outbox.record(event)
    return True


def first_time(key: str, kind: str = "") -> bool:
    """Note that a push came, and tell whether it is the first time."""
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    statement = (
        maker.insert(WechatPush)
        .values(key=key, kind=kind, received_at=clock.now())
        .on_conflict_do_nothing()
        .returning(WechatPush.key)
    )
    return session.scalar(statement) is not None


def forget_pushes(before: datetime) -> int:
    """Forget pushes too old to be sent again; tell how many."""
    gone = delete(WechatPush).where(WechatPush.received_at < before).returning(WechatPush.key)
    return len(session.scalars(gone).all())
