"""Codes by text message: asked for, sent, tried. These open their own units of work."""

import hmac
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from app.identity import rules
from app.identity.models import SmsCode
from app.identity.rules import CodePurpose
from app.kernel import audit, clock, crypto, ids
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import Invalid, TooMany, Unauthenticated, Unavailable
from app.kernel.work import unit_of_work
from app.sms import gateway as sms

DIGITS = 6
_LONGEST_SPAN = rules.CODE_RATES[-1][0]


def ask_code(phone: str, purpose: CodePurpose) -> None:
    """Send a code to a phone, known here or not: nobody learns which.

    Raises:
        Invalid: no mobile number (code ``bad_phone``).
        TooMany: asked too often for this phone (``code_too_soon``, with ``retry_after``).
        Unavailable: no texts are sent here (``sms_not_configured``), or this one was not
            taken over (``sms_failed``).

    """
    number = checked_mobile(phone)
    code = _issue(number, purpose)
    text = f"验证码 {code}，5 分钟内有效。请不要告诉任何人，工作人员也不会向您索要。"
    try:
        sms.send(number, text, purpose="code")
    except sms.NotSetUp:
        raise Unavailable(
            "这里还没有开通短信，请用微信登录或到社区办理。", code="sms_not_configured"
        ) from None
    except sms.SmsFault:
        raise Unavailable("短信没有发出去，请稍后再试。", code="sms_failed") from None


def checked_mobile(phone: str) -> str:
    """Bring a mobile number into its one form.

    Raises:
        Invalid: it is none (code ``bad_phone``).

    """
    number = rules.normal_phone(phone)
    if not rules.mobile_is_good(number):
        raise Invalid("手机号不对，请重新填写。", code="bad_phone", errors={"phone": ["不对"]})
    return number


def _issue(number: str, purpose: CodePurpose) -> str:
    """Write a fresh code down in place of the one before, unless it is too soon."""
    code, at = ids.new_digits(DIGITS), clock.now()
    with unit_of_work():
        row = _held(number, purpose, at)
        asked = [datetime.fromisoformat(one) for one in row.asked]
        wait = rules.code_wait(asked, at)
        if wait is None:
            kept = [one for one in asked if at - one < _LONGEST_SPAN]
            row.asked = [one.isoformat() for one in (*kept, at)]
            row.purpose, row.code_hash = purpose, _hash(number, purpose, code)
            row.expires_at, row.tries, row.last_at = at + rules.CODE_LIFE, 0, at
    if wait is not None:
        seconds = int(wait.total_seconds()) + 1
        raise TooMany(
            f"验证码发得太频繁，请 {_span(seconds)}后再试。",
            code="code_too_soon",
            retry_after=seconds,
        )
    return code


def use_code(phone: str, purpose: CodePurpose, code: str) -> str:
    """Spend a code and name the phone it proves; a try is counted before it is judged.

    Raises:
        Invalid: no mobile number (code ``bad_phone``).
        Unauthenticated: wrong, used, too old or tried too often (``bad_sms_code``).

    """
    number, at = checked_mobile(phone), clock.now()
    with unit_of_work():
        row = _held(number, purpose, at)
        alive = row.code_hash is not None and at < row.expires_at and row.purpose is purpose
        row.tries += 1
        good = (
            alive
            and row.tries <= rules.CODE_TRIES
            and hmac.compare_digest(row.code_hash or "", _hash(number, purpose, code))
        )
        if good or row.tries >= rules.CODE_TRIES:
            row.code_hash = None
        if not good and alive:
            audit.record(SYSTEM, "sms_code.refused", "phone", None, tries=row.tries)
    if not good:
        raise Unauthenticated("验证码不对或已过期，请重新获取。", code="bad_sms_code")
    return number


def _held(number: str, purpose: CodePurpose, at: datetime) -> SmsCode:
    """Find or make the row of a phone and purpose and hold it: what comes at once queues up.

    Apart by purpose, so that nobody at the log-in page spends what a person binds by.
    """
    maker: Any = sqlite if db.engine.dialect.name == "sqlite" else postgresql
    key = crypto.blind_index("sms_phone", f"{number}\0{purpose.value}")
    fresh = maker.insert(SmsCode).values(
        phone_index=key, purpose=purpose, expires_at=at, tries=0, asked=[], last_at=at
    )
    session.execute(fresh.on_conflict_do_nothing(index_elements=[SmsCode.phone_index]))
    return session.scalars(
        select(SmsCode)
        .where(SmsCode.phone_index == key)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _hash(number: str, purpose: CodePurpose, code: str) -> str:
    return crypto.blind_index("sms_code", f"{number}\0{purpose.value}\0{code}")


def _span(seconds: int) -> str:
    return f"{seconds} 秒" if seconds <= 90 else f"{-(-seconds // 60)} 分钟"
