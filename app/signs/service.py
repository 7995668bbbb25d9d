"""Asking for sheets, fetching them, and giving a place a new sign for an old one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from app.kernel import audit, clock, crypto, outbox
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.media import store
from app.signs import access, address, making, queries, rules
from app.signs.events import CodesDue, SheetsDue
from app.signs.models import SheetJob, SheetSign
from app.signs.queries import Target
from app.signs.rules import SheetFile, SignState
from app.territory import access as territory_access
from app.territory import queries as territory
from app.territory import service as territory_service

if TYPE_CHECKING:
    from app.territory.models import PlaceScene

LINK_PURPOSE = "sheet-file"
BATCH = 50

fetch = making.fetch
draw = making.draw


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which signs: all at and below a place, the place's own ``alone``, or one facility's."""

    place_id: UUID
    facility_id: UUID | None = None
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sheet has come; ``failed`` signs of ``done`` have no mini-program code."""

    id: UUID
    place_id: UUID
    total: int
    done: int
    failed: int
    ready: bool
    note: str
    files: tuple[SheetFile, ...]


class Opened(NamedTuple):
    """What stands behind a link."""

    file: SheetFile
    data: bytes


# --- asking


def ask(actor: Actor, wanted: Wanted) -> Progress:
    """Start making sheets; while the same are being made, tell how far they are.

    Compounds, buildings and facilities without a scene get one.

    Raises:
        NotFound: no such place or facility, or not this actor's.
        RuleBroken: nothing hangs a sign here, too much does, or nobody can be led anywhere
            (codes ``no_signs``, ``too_many_signs``, ``no_public_url``).

    """
    place = territory.place(wanted.place_id)
    access.require_print(actor, place)
    address.require()
    _require_facility(wanted)
    targets = _with_scenes(_targets(wanted))
    known = queries.open_job(wanted.place_id, wanted.facility_id, alone=wanted.alone)
    if known is not None:
        _push_again(known)
        return _progress(known)
    now = clock.now()
    job = SheetJob(
        place_id=place.id,
        facility_id=wanted.facility_id,
        alone=wanted.alone,
        asked_by_id=actor.person_id,
        asked_at=now,
        pushed_at=now,
        total=len(targets),
    )
    session.add(job)
    session.flush()
    for position, one in enumerate(targets):
        session.add(
            SheetSign(job_id=job.id, position=position, scene=one, state=SignState.WAITING, tries=0)
        )
    session.flush()
    _push(job)
    audit.record(actor, "signs.sheets_asked", "place", place.id, signs=len(targets))
    return _progress(job)


def _require_facility(wanted: Wanted) -> None:
    if wanted.facility_id is not None:
        _facility_of(wanted.place_id, wanted.facility_id)


def _facility_of(place_id: UUID, facility_id: UUID) -> None:
    """Refuse a facility that does not stand at or below the place."""
    facility = territory.facility(facility_id)
    if place_id not in territory_access.nodes_of(territory.place(facility.place_id)):
        raise NotFound("没有这个设施。", code="unknown_facility")


def _targets(wanted: Wanted) -> list[Target]:
    place = territory.place(wanted.place_id)
    if wanted.facility_id is not None:
        return queries.facility_targets(place, wanted.facility_id)
    found = queries.place_targets(place, alone=wanted.alone)
    if not wanted.alone:
        found += queries.facility_targets(place)
    if not found:
        raise RuleBroken("这里没有可以挂牌的小区、楼栋或设施，请换一个地址。", code="no_signs")
    if len(found) > rules.MOST_SIGNS:
        raise RuleBroken(
            f"这里的牌子超过 {rules.MOST_SIGNS} 张，请按小区或楼栋分开生成。",
            code="too_many_signs",
        )
    return found


def _with_scenes(targets: Sequence[Target]) -> list[str]:
    """Name the scene of each target, issuing those that are missing.

    Who may print need not edit addresses: a first scene changes nothing that hangs.
    """
    bare = [one.place_id for one in targets if one.scene is None and one.place_id is not None]
    issued = territory_service.issue_scenes(SYSTEM, bare)
    scenes = []
    for one in targets:
        if one.scene is not None:
            scenes.append(one.scene)
        elif one.place_id is not None and one.place_id in issued:
            scenes.append(issued[one.place_id])
        elif one.facility_id is not None:
            made = territory_service.issue_scene(SYSTEM, facility_id=one.facility_id)
            scenes.append(made.scene)
    return scenes


def _push(job: SheetJob) -> None:
    for first, last in rules.batches(job.total):
        outbox.record(CodesDue(job_id=job.id, first=first, last=last))


def _push_again(job: SheetJob) -> None:
    """Hand out work anew that seems to have been lost."""
    now = clock.now()
    if now - job.pushed_at < rules.PUSH_AGAIN:
        return
    job.pushed_at = now
    if queries.counts(job.id).waiting:
        _push(job)
    else:
        outbox.record(SheetsDue(job_id=job.id))


# --- looking and fetching


def progress(actor: Actor, place_id: UUID, job_id: UUID) -> Progress:
    """Tell how far a sheet has come.

    Raises:
        NotFound: no such sheet, or not at a place of this actor's.

    """
    return _progress(_visible(actor, place_id, job_id))


def link(actor: Actor, place_id: UUID, job_id: UUID, file: SheetFile) -> str:
    """Sign a link to a sheet, good for ten minutes, and write down who took it.

    Raises:
        NotFound: no such sheet or not this actor's; too old (``sheets_gone``); a picture of
            a sheet with several signs (``one_sign_only``).
        Conflict: not drawn yet, or a scene was revoked since (``sheets_not_ready``,
            ``sheets_outdated``).

    """
    job = _visible(actor, place_id, job_id)
    if job.erased_at is not None:
        raise NotFound("这批牌子做好已久，文件已清理，请重新生成。", code="sheets_gone")
    if job.drawn_at is None:
        raise Conflict("牌子还在生成，请稍等一会儿再取。", code="sheets_not_ready")
    if queries.revoked(job.id):
        raise Conflict("有的二维码已经换新，请重新生成，不要再打印旧的。", code="sheets_outdated")
    if file not in _files(job):
        raise NotFound("只有单张牌子才有图片，请取 PDF。", code="one_sign_only")
    viewer = actor.person_id or job.id
    return crypto.sign_token(LINK_PURPOSE, rules.link_payload(job.id, file, viewer))


def open_link(token: str, viewer_id: UUID | None = None) -> Opened:
    """Open a signed link; ``viewer_id`` is whoever is logged in, if anybody is.

    Raises:
        NotFound: forged, too old, another viewer's, or cleared away (code ``link_expired``).
        Unavailable: the storage does not answer.

    """
    payload = crypto.read_token(LINK_PURPOSE, token, max_age=rules.LINK_SECONDS)
    said = rules.read_link(payload)
    if said is None or viewer_id not in {None, said[2]}:
        raise _expired()
    try:
        return Opened(said[1], store.current().get(rules.file_key(said[0], said[1])))
    except NotFound:
        raise _expired() from None


def _expired() -> NotFound:
    return NotFound("下载链接已过期，请返回上一页再取一次。", code="link_expired")


def _visible(actor: Actor, place_id: UUID, job_id: UUID) -> SheetJob:
    place = territory.place(place_id)
    access.require_print(actor, place)
    return queries.job_at(place, job_id)


def _files(job: SheetJob) -> tuple[SheetFile, ...]:
    if job.drawn_at is None or job.erased_at is not None:
        return ()
    return tuple(file for file in SheetFile if job.total == 1 or not file.is_picture)


def _progress(job: SheetJob) -> Progress:
    counted = queries.counts(job.id)
    return Progress(
        id=job.id,
        place_id=job.place_id,
        total=job.total,
        done=job.total - counted.waiting,
        failed=counted.failed,
        ready=job.drawn_at is not None and job.erased_at is None,
        note=rules.note(job.total, counted.without),
        files=_files(job),
    )


# --- a new sign for an old one


def renew(actor: Actor, wanted: Wanted, reason: str) -> str:
    """Give a place or facility a new scene; the old sign opens nothing from now on.

    Raises:
        NotFound: no such place or facility, or not this actor's.
        Invalid: no reason that is known (code ``unknown_reason``).

    """
    old = _guarded(actor, wanted, reason)
    own = None if wanted.facility_id else wanted.place_id
    made = territory_service.issue_scene(SYSTEM, place_id=own, facility_id=wanted.facility_id)
    subject = old.id if old else made.id
    facts = {"reason": reason, "new": str(made.id)}
    audit.record(actor, "signs.renewed", "place_scene", subject, **facts)
    return made.scene


def revoke(actor: Actor, wanted: Wanted, reason: str) -> None:
    """Take the sign of a place or facility out of use without a new one.

    Raises:
        NotFound: no such place or facility, not this actor's, or no sign (``no_signs``).
        Invalid: no reason that is known (code ``unknown_reason``).

    """
    old = _guarded(actor, wanted, reason)
    if old is None:
        raise NotFound("这里没有在用的二维码。", code="no_signs")
    territory_service.revoke_scene(SYSTEM, old.scene)
    audit.record(actor, "signs.revoked", "place_scene", old.id, reason=reason)


def _guarded(actor: Actor, wanted: Wanted, reason: str) -> "PlaceScene | None":
    access.require_print(actor, territory.place(wanted.place_id))
    _require_facility(wanted)
    if reason not in rules.REASONS:
        raise Invalid("请选择换牌或停用的原因。", code="unknown_reason")
    return queries.valid_scene(wanted.place_id, wanted.facility_id)


# --- clearing away


def forget_old(now: datetime) -> int:
    """Erase the files of sheets nobody needs any more; how many sheets."""
    cleared = 0
    while jobs := [one.id for one in queries.to_erase(now - rules.KEPT, BATCH)]:
        session.rollback()
        for job_id in jobs:
            for file in SheetFile:
                store.current().delete(rules.file_key(job_id, file))
            with unit_of_work():
                held = queries.hold(job_id)
                if held is not None:
                    held.erased_at = now
        cleared += len(jobs)
    session.rollback()
    return cleared
