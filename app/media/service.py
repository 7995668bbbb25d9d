"""Taking in, attaching, showing and taking away photos and voice notes."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import case, select, update

from app.kernel import clock, crypto
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import (
    Forbidden,
    Invalid,
    NotFound,
    SandanError,
    TooLarge,
    TooMany,
)
from app.kernel.work import in_unit, unit_of_work
from app.media import copies, decoding, queries, rules, store
from app.media.child import Refused, Repainted
from app.media.models import Media, MediaState
from app.media.rules import MediaKind, Sniffed

LINK_PURPOSE = "media-link"
BATCH = 500

copy = copies.copy


class Opened(NamedTuple):
    """What stands behind a link; the type is ours, never the sender's."""

    content_type: str
    data: bytes


def receive(actor: Actor, data: bytes) -> Media:
    """Take in a photo or a voice note: look, repaint, store, then write the row.

    Runs outside any unit of work and commits its own. Only repainted variants
    are ever stored; ``data`` itself never touches a disk, and the name it came
    with is not even asked for. Files are written before the row, so a row never
    points at nothing; a file left without its row is swept after an hour.

    Raises:
        Invalid: ``empty_file``, ``broken_photo``, ``broken_voice``.
        Unsupported: ``unsupported_media``.
        TooLarge: ``photo_too_large``, ``voice_too_large``, ``too_many_pixels``, ``voice_too_long``.
        TooMany: ``too_many_unattached``, ``too_many_uploads``.
        Unavailable: ``media_busy``, ``storage_unavailable``; nothing was kept.

    """
    if in_unit():
        raise RuntimeError("media is received outside any unit of work: decoding takes its time")
    if actor.person_id is None:
        raise Forbidden
    sniffed = rules.sniff(data)
    rules.require_size(sniffed.kind, len(data))
    _require_quota(actor.person_id)
    made = _repainted(sniffed, data)
    media = _row(actor.person_id, sniffed.kind, made)
    store.put(media.stem, made.variants)
    with unit_of_work():
        # Should this fail, the files stay for the sweep: after a lost
        # connection nobody knows whether the row was committed.
        session.add(media)
        session.flush()
    return media


def _require_quota(owner_id: UUID) -> None:
    """Refuse a person's next upload beyond the quota.

    Uploads that run at the very same moment may each pass: the overshoot is
    bounded by the number of web threads, and a lock would cost every upload.
    """
    tally = queries.tally(owner_id, clock.now())
    # Nothing may stay open while a picture is being decoded.
    session.rollback()
    if tally.unattached >= rules.MAX_UNATTACHED:
        raise TooMany(
            "您有较多照片或录音上传后还没有提交，请先提交，或明天再传。",
            code="too_many_unattached",
            retry_after=3600,
        )
    if tally.all >= rules.MAX_A_DAY:
        raise TooMany(
            f"一天最多上传 {rules.MAX_A_DAY} 份照片和录音，请明天再传。",
            code="too_many_uploads",
            retry_after=3600,
        )


def _repainted(sniffed: Sniffed, data: bytes) -> Repainted:
    module = decoding.PHOTOS if sniffed.kind is MediaKind.PHOTO else decoding.VOICES
    try:
        made = decoding.repaint(module, sniffed.file_format, data)
    except Refused as refusal:
        raise _refusal(sniffed.kind, str(refusal)) from None
    if set(made.variants) != set(rules.VARIANTS[sniffed.kind]):
        raise _refusal(sniffed.kind, "")
    return made


def _refusal(kind: MediaKind, code: str) -> SandanError:
    """Tell people what is wrong with their file and how to mend it."""
    match kind, code:
        case MediaKind.PHOTO, "too_big":
            return TooLarge(
                "照片的像素太多（最多 5000 万像素、每边 10000），请截图或缩小后再传。",
                code="too_many_pixels",
            )
        case MediaKind.PHOTO, _:
            return Invalid(
                "这张照片打不开，可能没有传完整，请重新拍照或换一张。", code="broken_photo"
            )
        case _, "too_long":
            return TooLarge("录音最长 60 秒，请分开说或录短一些。", code="voice_too_long")
        case _, "video":
            return rules.unsupported()
    return Invalid("这段录音听不了，可能太短或没有传完整，请重新录一段。", code="broken_voice")


def _row(owner_id: UUID, kind: MediaKind, made: Repainted) -> Media:
    main = made.variants[rules.VARIANTS[kind][0]]
    photo = kind is MediaKind.PHOTO
    return Media(
        owner_id=owner_id,
        kind=kind,
        stem=secrets.token_hex(16),
        sha256=hashlib.sha256(main).hexdigest(),
        size=sum(map(len, made.variants.values())),
        width=int(made.facts["width"]) if photo else None,
        height=int(made.facts["height"]) if photo else None,
        seconds=None if photo else made.facts["seconds"],
        created_at=clock.now(),
    )


def attach(
    media_ids: Sequence[UUID], *, owner_id: UUID, ticket_id: UUID, step_id: UUID, purpose: str
) -> list[Media]:
    """Make uploads part of a step, in the order given; call it once for each step.

    One statement takes them all: of two steps reaching for one upload, one gets it.

    Raises:
        Invalid: ``bad_media`` (not there, not the owner's, used already, named twice),
            ``too_many_photos``, ``too_many_voices``.

    """
    if not media_ids:
        return []
    order = {media_id: place for place, media_id in enumerate(media_ids)}
    taken = session.scalars(
        update(Media)
        .where(
            Media.id.in_(order),
            Media.owner_id == owner_id,
            Media.attached_at.is_(None),
            Media.gone_at.is_(None),
        )
        .values(
            state=MediaState.ATTACHED,
            ticket_id=ticket_id,
            step_id=step_id,
            purpose=purpose,
            attached_at=clock.now(),
            position=case(order, value=Media.id),
        )
        .returning(Media)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
    if len(taken) != len(media_ids):
        raise Invalid(
            "有照片或录音已失效或用过，请删掉后重新上传再提交。",
            code="bad_media",
            errors={"media": ["请重新上传。"]},
        )
    rules.require_few(media.kind for media in taken)
    return sorted(taken, key=lambda media: media.position)


def delete(media_ids: Collection[UUID]) -> int:
    """Take media away, telling how many: links close now, the next sweep erases the files.

    The row goes first and the files follow, so that a failure between leaves a
    file nobody can reach instead of a row that points at nothing.
    """
    if not media_ids:
        return 0
    gone = session.scalars(
        update(Media)
        .where(Media.id.in_(media_ids), Media.gone_at.is_(None))
        .values(state=MediaState.GONE, gone_at=clock.now())
        .returning(Media)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return len(gone.all())


def link(media: Media, variant: str, viewer_id: UUID) -> str:
    """Sign a link to one variant for one viewer, good for ten minutes.

    The caller has checked that the viewer may see it. An image tag sends no
    bearer token, so the link itself opens; it names its viewer for the log, and
    a viewer that is known must match. Taking the media away closes every link.

    Raises:
        ValueError: this kind has no such variant.

    """
    if variant not in rules.VARIANTS[media.kind]:
        raise ValueError(f"{media.kind} has no variant {variant!r}")
    return crypto.sign_token(LINK_PURPOSE, rules.link_payload(media.id, variant, viewer_id))


def open_link(token: str, viewer_id: UUID | None = None) -> Opened:
    """Open a signed link; ``viewer_id`` is whoever is logged in, if anybody is.

    Raises:
        NotFound: forged, too old, another viewer's, or taken away (code ``link_expired``).
        Unavailable: the storage does not answer.

    """
    payload = crypto.read_token(LINK_PURPOSE, token, max_age=rules.LINK_SECONDS)
    said = rules.read_link(payload)
    if said is None or viewer_id not in {None, said[2]}:
        raise expired()
    media_id, variant, _ = said
    media = queries.live(media_id)
    if media is None or variant not in rules.VARIANTS[media.kind]:
        raise expired()
    return Opened(rules.CONTENT_TYPES[variant], store.get(media.stem, variant))


def expired() -> NotFound:
    """Say that a link no longer opens."""
    return NotFound("图片或录音的链接已过期，请返回上一页刷新后再看。", code="link_expired")


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did; ``stubborn`` counts files that could not be deleted this time."""

    orphans: int
    erased: int
    strays: int
    stubborn: int


def sweep(now: datetime, *, shards: Sequence[str] | None = None) -> Swept:
    """Give up uploads nobody used for a day, erase what is gone, delete stray files.

    For the timetable, hourly, outside any unit of work. It works in short units of
    ``BATCH`` rows and remembers nothing, so that it may be killed anywhere and run
    again. Without ``shards`` the hour chooses a 24th of the folders.
    """
    orphans = _give_up_orphans(now)
    erased, stubborn = _erase_gone(now)
    strays = 0
    for shard in rules.shards_of_hour(now.hour) if shards is None else shards:
        gone, kept = _delete_strays(shard, now)
        strays, stubborn = strays + gone, stubborn + kept
    return Swept(orphans=orphans, erased=erased, strays=strays, stubborn=stubborn)


def _give_up_orphans(now: datetime) -> int:
    """Mark as gone what was uploaded a day ago and never became part of a step."""
    total = 0
    while True:
        with unit_of_work():
            old = (
                select(Media.id)
                .where(
                    Media.attached_at.is_(None),
                    Media.gone_at.is_(None),
                    Media.created_at < now - rules.ORPHAN_AFTER,
                )
                .limit(BATCH)
            )
            # The outer conditions stand again: an upload attached since stays.
            gone = session.scalars(
                update(Media)
                .where(Media.id.in_(old), Media.attached_at.is_(None), Media.gone_at.is_(None))
                .values(state=MediaState.GONE, gone_at=now)
                .returning(Media.id)
                .execution_options(synchronize_session=False)
            ).all()
        total += len(gone)
        if len(gone) < BATCH:
            return total


def _erase_gone(now: datetime) -> tuple[int, int]:
    """Delete the files of what is gone; tell how many rows were done and how many not."""
    done = stubborn = 0
    last = UUID(int=0)
    while True:
        rows = queries.to_erase(after=last, limit=BATCH)
        session.rollback()
        if not rows:
            return done, stubborn
        erased = [row.id for row in rows if store.erase(row.stem, rules.VARIANTS[row.kind])]
        with unit_of_work():
            session.execute(
                update(Media)
                .where(Media.id.in_(erased))
                .values(erased_at=now)
                .execution_options(synchronize_session=False)
            )
        done, stubborn = done + len(erased), stubborn + len(rows) - len(erased)
        last = rows[-1].id


def _delete_strays(shard: str, now: datetime) -> tuple[int, int]:
    """Delete the files of one folder that no living row knows; count gone and stubborn."""
    keys = list(store.older_than(shard, now - rules.FILE_GRACE))
    gone = stubborn = 0
    for start in range(0, len(keys), BATCH):
        some = keys[start : start + BATCH]
        known = queries.known_stems({rules.stem_of(key) for key in some})
        session.rollback()
        for key in some:
            if rules.stem_of(key) in known:
                continue
            if store.erase_file(key):
                gone += 1
            else:
                stubborn += 1
    return gone, stubborn
