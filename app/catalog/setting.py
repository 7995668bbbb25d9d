"""Setting a number of a district: a new row, never a changed one."""

from datetime import datetime
from uuid import UUID

from app.catalog import access, limits, queries
from app.catalog.models import DistrictSetting
from app.kernel import audit, clock, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Invalid


def set_limit(
    actor: Actor,
    key: str,
    text: str | None,
    *,
    why: str,
    district_id: UUID | None = None,
    valid_from: datetime | None = None,
) -> DistrictSetting:
    """Let a number hold from a time on, in a district or (None) everywhere; None takes it back.

    Raises:
        Forbidden: not an editor there.
        NotFound: no such district.
        Invalid: no such key, out of bounds, no reason, or a start in the past or before
            what stands (``bad_setting``).
    """
    access.require_edit(actor, district_id)
    access.require_district(district_id)
    now = clock.now()
    since = valid_from or now
    if key not in limits.BOUNDS:
        raise _bad("没有这一项")
    try:
        value = None if text is None else limits.read_value(key, text)
    except ValueError as error:
        raise _bad(str(error)) from error
    if since < now or not why.strip():
        raise _bad("开始时间不能早于现在，并请写明理由")
    same = (one for one in queries.settings() if (one.key, one.district_id) == (key, district_id))
    if any(one.valid_from > since for one in same):
        raise _bad("这一项已有更晚生效的规定")
    row = DistrictSetting(
        key=key,
        district_id=district_id,
        value={"is": value},
        valid_from=since,
        set_at=now,
        set_by_id=actor.person_id,
        why=why.strip(),
    )
    session.add(row)
    audit.record(actor, "setting.set", "district_setting", district_id, key=key)
    session.flush()
    stamps.bump(queries.SETTINGS)
    return row


def _bad(words: str) -> Invalid:
    return Invalid(f"{words}。", code="bad_setting")
