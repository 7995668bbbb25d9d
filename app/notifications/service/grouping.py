"""What the robot says in the group of the staff: that there is work, how much, and no more."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.dialects import postgresql, sqlite

from app.catalog.rules import Urgency
from app.kernel import clock, outbox
from app.kernel.db import db, session
from app.kernel.work import unit_of_work
from app.notifications import channels, queries
from app.notifications.events import GroupNews
from app.notifications.models import ChannelPause
from app.notifications.rules.settling import Result
from app.tickets.events import TicketMoved
from app.tickets.states import Action

_log = structlog.get_logger("sandan.notifications")

APART = timedelta(seconds=3)
"""Twenty a minute is what 企业微信 takes; all processes together keep this distance."""
_ROBOT = "robot"


class NotItsTurn(Exception):
    """The robot spoke just now, or was not heard; the outbox asks again."""


class RobotRefused(Exception):
    """The webhook is wrong or gone: an operator must look."""


def is_emergency(event: TicketMoved) -> bool:
    """Tell whether a step brings danger to life or limb."""
    return event.urgency == Urgency.P0 and event.action in (Action.SUBMIT, Action.RECLASSIFY)


def on_emergency(_event: TicketMoved) -> None:
    """Have the group told that there is an emergency; which one stands in the desk."""
    if channels.current().group is not None:
        words = "有新的紧急诉求1件，请值班人员马上登录处理。"
        outbox.record(GroupNews(words=words))


def tell_group(kind: str, now: datetime, until: datetime) -> bool:
    """Have the group told how the work stands, once until ``until``, in the caller's unit."""
    if channels.current().group is None or not _take_turn(f"{_ROBOT}:{kind}", now, until):
        return False
    tally = queries.standing(now)
    words = (
        f"工单情况：在办{tally.open}件，即将到期{tally.due_soon}件，"
        f"超时{tally.overdue}件，督办{tally.supervised}件。"
    )
    outbox.record(GroupNews(words=words))
    return True


def say(event: GroupNews) -> None:
    """Let the robot say a line; what may have been heard is not said again.

    Raises:
        NotItsTurn: too soon after the last one, or busy.
        RobotRefused: the webhook is refused.

    """
    group = channels.current().group
    if group is None:
        return
    now = clock.now()
    with unit_of_work():
        is_ours = _take_turn(_ROBOT, now, now + APART)
    if not is_ours:
        raise NotItsTurn
    outcome = group.say(event.words)
    if outcome.result is Result.BROKEN:
        raise RobotRefused(outcome.error)
    if outcome.result is Result.AGAIN and not outcome.maybe_sent:
        raise NotItsTurn(outcome.error)
    if outcome.maybe_sent:
        _log.warning("robot_maybe_unheard", error=outcome.error)


def _take_turn(name: str, now: datetime, until: datetime) -> bool:
    """Take a turn that lasts until a time; False while another one lasts."""
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    said = {"until": until, "why": "turn"}
    taken = session.execute(
        maker.insert(ChannelPause)
        .values(channel=name, **said)
        .on_conflict_do_update(
            index_elements=["channel"], set_=said, where=ChannelPause.until <= now
        )
        .returning(ChannelPause.channel),
        execution_options={"populate_existing": False},
    ).first()
    return taken is not None
