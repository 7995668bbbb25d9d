"""Calls that are not made for a while, for all processes: used-up quotas and wrong settings."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from prometheus_client import Counter, Gauge
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.kernel import clock
from app.kernel.db import db, session
from app.kernel.metrics import REGISTRY
from app.kernel.work import unit_of_work
from app.wechat.errors import (
    DAILY,
    MINUTELY,
    TOKEN_REFUSED,
    Misconfigured,
    QuotaReached,
    TokenRefused,
    WechatFault,
)
from app.wechat.models import WechatPause

MISCONFIGURED = timedelta(minutes=5)
REFUSED = timedelta(seconds=30)

_log = structlog.get_logger("sandan.wechat")
_faults = Counter(
    "sandan_wechat_faults_total", "Calls that WeChat refused", ("api", "fault"), registry=REGISTRY
)
_paused = Gauge(
    "sandan_wechat_paused_until_seconds",
    "Until when (Unix time) a call of WeChat is not made",
    ("api",),
    registry=REGISTRY,
    multiprocess_mode="max",
)


def check(*apis: str) -> None:
    """Refuse a call that is paused.

    Raises:
        QuotaReached: its quota is used up; says until when.
        Misconfigured: WeChat refused the settings a short while ago.
        TokenRefused: a fresh token was refused a moment ago.

    """
    waiting = (
        select(WechatPause.errcode, WechatPause.rid, WechatPause.until)
        .where(WechatPause.api.in_(apis), WechatPause.until > clock.now())
        .order_by(WechatPause.until.desc())
        .limit(1)
    )
    found = session.execute(waiting).one_or_none()
    session.rollback()
    if found is None:
        return
    if found.errcode in (DAILY, MINUTELY):
        raise QuotaReached(found.until, found.errcode, found.rid)
    kind = TokenRefused if found.errcode in TOKEN_REFUSED else Misconfigured
    raise kind(found.errcode, found.rid)


def note(api: str, fault: WechatFault, *, only_this_user: bool = False) -> None:
    """Count a fault, and pause the call if asking again would be in vain.

    ``only_this_user``: the limit is of one user, so nobody else is held back.
    """
    name = type(fault).__name__
    _faults.labels(api, name).inc()
    told = {"api": api, "fault": name, "errcode": fault.errcode, "rid": fault.rid}
    until = None if only_this_user else _until(fault)
    if until is None:
        _log.info("wechat_refused", **told)
        return
    _log.error("wechat_paused", **told, until=until.isoformat())
    _pause(api, until, fault)


def _until(fault: WechatFault) -> datetime | None:
    if isinstance(fault, QuotaReached):
        return fault.until
    if isinstance(fault, Misconfigured):
        return clock.now() + MISCONFIGURED
    if isinstance(fault, TokenRefused):
        return clock.now() + REFUSED
    return None


def _pause(api: str, until: datetime, fault: WechatFault) -> None:
    _paused.labels(api).set(until.timestamp())
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    row = {"until": until, "errcode": fault.errcode or 0, "rid": fault.rid}
    statement = maker.insert(WechatPause).values(api=api, **row)
    with unit_of_work():
        session.execute(statement.on_conflict_do_update(index_elements=[WechatPause.api], set_=row))
