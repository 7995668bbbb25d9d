"""Setting the ladder: rows with history, checked whole, told in advance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from uuid import UUID

from app.catalog import access
from app.catalog import queries as catalog
from app.catalog.rules import CategoryView, Urgency
from app.escalation import queries, rules, rungs
from app.escalation.events import LadderChanged
from app.escalation.models import LadderRung
from app.escalation.rules import HOLDER_LEVEL, Rung
from app.escalation.rungs import Checked, Known
from app.kernel import audit, clock, outbox, stamps
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Invalid
from app.territory import queries as territory
from app.territory.rules import Level


@dataclass(frozen=True, slots=True)
class Change:
    """One rung before and after; None: there was none, the wider one held."""

    before: Rung | None
    after: Rung


def check_ladder(lines: Sequence[dict[str, str]]) -> Checked:
    """Check the lines of a file against the districts and categories there are."""
    codes = {line["district"] for line in lines if line.get("district")}
    found = territory.codes_known(codes)
    districts = {
        code: place.id
        for code, place in found.items()
        if place.level is Level.DISTRICT and place.retired_at is None
    }
    return rungs.check(lines, Known(districts, _category))


def _category(code: str, district_id: UUID | None) -> CategoryView | None:
    try:
        return catalog.category(code, district_id=district_id, at=clock.now())
    except Invalid:
        return None


def set_ladder(
    actor: Actor, given: Sequence[Rung], *, why: str, valid_from: datetime | None = None
) -> list[Change]:
    """Let rungs hold from a time on; what stands already is no change.

    Raises:
        Forbidden: not an editor there.
        Invalid: a start in the past or before the rung that stands (``bad_ladder``), no
            reason, or a ladder with a missing rung.
    """
    now = clock.now()
    since = valid_from or now
    for district_id in {rung.district_id for rung in given}:
        access.require_edit(actor, district_id)
        access.require_district(district_id)
    if since < now or not why.strip():
        raise Invalid("开始时间不能早于现在，并请写明理由。", code="bad_ladder")
    standing = _standing()
    changes = []
    for rung in given:
        before = standing.get(rung.scope)
        if before is not None and before.since > since:
            raise Invalid("同一级已有更晚生效的规定。", code="bad_ladder")
        if _same(before, rung):
            continue
        after = replace(rung, valid_from=since)
        session.add(_row(actor, after, why, now))
        changes.append(Change(before, after))
    if changes:
        session.flush()
        _refuse_gaps([one.after for one in changes], since)
        audit.record(actor, "ladder.set", "ladder_rung", rungs=len(changes))
        outbox.record(LadderChanged(rungs=len(changes)), due=since)
        session.flush()
        stamps.bump(queries.STAMP)
    return changes


def _standing() -> dict[tuple[UUID | None, str | None, str | None, int], Rung]:
    """Name the newest rung of every place on the ladder, set or shipped."""
    newest: dict[tuple[UUID | None, str | None, str | None, int], Rung] = {}
    for rung in queries.read_ladder():
        kept = newest.get(rung.scope)
        if kept is None or rung.since >= kept.since:
            newest[rung.scope] = rung
    return newest


def _same(before: Rung | None, after: Rung) -> bool:
    if before is None:
        return after.withdrawn
    return replace(before, valid_from=None) == replace(after, valid_from=None)


def _row(actor: Actor, rung: Rung, why: str, now: datetime) -> LadderRung:
    return LadderRung(
        district_id=rung.district_id,
        category_code=rung.category_code,
        urgency=rung.urgency,
        tier=rung.tier,
        hold=rung.hold,
        share_percent=rung.share_percent,
        at_once=rung.at_once,
        effects=[str(one) for one in rung.effects],
        withdrawn=rung.withdrawn,
        valid_from=rung.valid_from,
        set_at=now,
        set_by_id=actor.person_id,
        why=why.strip(),
    )


def _refuse_gaps(changed: Sequence[Rung], since: datetime) -> None:
    """Refuse a ladder on which somebody could not climb tier by tier to the district."""
    ladder = queries.read_ladder()
    for rung, urgency in product(changed, map(str, Urgency)):
        if rung.urgency not in (None, urgency):
            continue
        for tier in HOLDER_LEVEL:
            found = rules.rung_of(
                ladder,
                tier,
                district_id=rung.district_id,
                category=rung.category_code or "",
                urgency=urgency,
                at=since,
            )
            if found is None:
                raise Invalid(f"{urgency} 的第{tier}级没有规定，不能跳级。", code="bad_ladder")
