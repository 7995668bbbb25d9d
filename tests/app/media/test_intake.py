"""Taking in: only safe variants are kept, and never a row without its files."""

import os
import resource
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import (
    Forbidden,
    Invalid,
    NotFound,
    SandanError,
    TooLarge,
    TooMany,
    Unavailable,
    Unsupported,
)
from app.kernel.work import unit_of_work
from app.media import queries, rules, service, store
from app.media.models import Media, MediaState
from app.media.rules import MediaKind
from tests.make import media as make


def files_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def rows() -> int:
    return session.scalar(select(func.count()).select_from(Media)) or 0


@pytest.mark.parametrize("file_format", make.PHOTOS)
def test_a_photo_is_kept_as_two_clean_variants(folder, monday, file_format):
    owner, data = make.person(), make.PHOTOS[file_format]()

    media = service.receive(owner, data)

    assert (media.kind, media.state, media.owner_id) == (
        MediaKind.PHOTO,
        MediaState.READY,
        owner.person_id,
    )
    assert (media.width, media.height, media.seconds) == (400, 300, None)
    assert media.created_at == monday
    kept = files_in(folder)
    assert [path.name for path in kept] == [f"{media.stem}-large.jpg", f"{media.stem}-thumb.jpg"]
    assert media.size == sum(path.stat().st_size for path in kept)
    assert not any(b"CANARY" in path.read_bytes() for path in kept)


@pytest.mark.parametrize("file_format", make.VOICES)
def test_a_voice_note_is_kept_as_one_clean_variant(folder, file_format):
    media = service.receive(make.person(), make.voice(file_format))

    assert media.kind is MediaKind.VOICE
    assert media.seconds == pytest.approx(2.0, abs=0.2)
    (kept,) = files_in(folder)
    assert kept.name == f"{media.stem}-voice.mp3"
    assert b"CANARY" not in kept.read_bytes()


def test_equal_uploads_lie_under_different_random_names(folder):
    owner, data = make.person(), make.jpeg()

    first, second = service.receive(owner, data), service.receive(owner, data)

    assert first.stem != second.stem
    assert first.sha256 == second.sha256
    assert len(files_in(folder)) == 4


@pytest.mark.parametrize(
    ("data", "kind", "code", "says"),
    [
        (b"", Invalid, "empty_file", "空"),
        (make.gif(), Unsupported, "unsupported_media", "JPG"),
        (make.html(), Unsupported, "unsupported_media", "JPG"),
        (make.svg(), Unsupported, "unsupported_media", "JPG"),
        (make.video(), Unsupported, "unsupported_media", "录音"),
        (make.bomb(), TooLarge, "too_many_pixels", "像素"),
        (make.jpeg() + bytes(10 * 1024 * 1024), TooLarge, "photo_too_large", "10 MB"),
        (make.truncated(), Invalid, "broken_photo", "重新拍照"),
        (make.voice("mp3") + bytes(3 * 1024 * 1024), TooLarge, "voice_too_large", "3 MB"),
        (make.voice("mp3", seconds=62.0), TooLarge, "voice_too_long", "60 秒"),
        (b"#!AMR\n" + make.html(), Invalid, "broken_voice", "重新录"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_not_taken_says_why_and_leaves_nothing(folder, data, kind, code, says):
    with pytest.raises(kind) as refusal:
        service.receive(make.person(), data)

    assert refusal.value.code == code
    assert says in refusal.value.detail
    assert 400 <= refusal.value.status < 500
    assert files_in(folder) == []
    assert rows() == 0


def test_nobody_but_a_person_uploads(folder):
    with pytest.raises(Forbidden):
        service.receive(SYSTEM, make.jpeg())


def test_taking_in_refuses_to_run_inside_a_unit_of_work(folder):
    with unit_of_work(), pytest.raises(RuntimeError, match="outside"):
        service.receive(make.person(), make.jpeg())


def given(owner_id, count, *, at, ticket_id=None, gone=False):
    """Write rows as earlier uploads left them."""
    with unit_of_work():
        for number in range(count):
            session.add(
                Media(
                    owner_id=owner_id,
                    kind=MediaKind.PHOTO,
                    state=MediaState.GONE if gone else MediaState.READY,
                    stem=f"{owner_id.hex}-{at.isoformat()}-{number}-{ticket_id}-{gone}",
                    sha256="0" * 64,
                    size=1,
                    created_at=at,
                    ticket_id=ticket_id,
                    attached_at=at if ticket_id else None,
                    gone_at=at if gone else None,
                )
            )


def test_forty_unattached_uploads_are_enough(folder, monday):
    owner, other = make.person(), make.person("李芳")
    given(owner.person_id, 38, at=monday - timedelta(hours=20))
    given(owner.person_id, 5, at=monday - timedelta(hours=20), ticket_id=make.person().person_id)
    given(owner.person_id, 5, at=monday - timedelta(hours=20), gone=True)
    given(other.person_id, 40, at=monday)

    service.receive(owner, make.palette())
    service.receive(owner, make.palette())

    with pytest.raises(TooMany) as refusal:
        service.receive(owner, make.palette())
    assert refusal.value.code == "too_many_unattached"
    assert refusal.value.retry_after


def test_two_hundred_uploads_a_day_are_enough(folder, monday):
    owner, ticket_id = make.person(), make.person().person_id
    given(owner.person_id, 190, at=monday - timedelta(hours=23), ticket_id=ticket_id)
    given(owner.person_id, 9, at=monday - timedelta(hours=1), gone=True)
    given(owner.person_id, 50, at=monday - timedelta(hours=25), ticket_id=ticket_id)

    service.receive(owner, make.palette())

    with pytest.raises(TooMany) as refusal:
        service.receive(owner, make.palette())
    assert refusal.value.code == "too_many_uploads"
    with clock.frozen(monday + timedelta(hours=2)):
        assert service.receive(owner, make.palette()).id


def test_a_store_that_is_away_keeps_nothing_and_writes_no_row(folder):
    folder.write_text("a file where the folder should be")

    with pytest.raises(Unavailable) as refusal:
        service.receive(make.person(), make.jpeg())

    assert refusal.value.status == 503
    assert rows() == 0
    folder.unlink()
    assert service.receive(make.person(), make.jpeg()).id


def test_a_disk_that_fills_up_half_way_leaves_no_piece(folder):
    stem, variants = "ab" * 16, {"thumb": bytes(500), "large": bytes(5000)}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(Unavailable):
            store.put(stem, variants)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert files_in(folder) == []
    store.put(stem, variants)
    assert len(files_in(folder)) == 2


def refuse_rows() -> None:
    """Make the database refuse every new media row."""
    if db.engine.dialect.name == "sqlite":
        statements = [
            "CREATE TRIGGER full BEFORE INSERT ON media "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        ]
    else:
        statements = [
            "CREATE FUNCTION full_() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'database or disk is full'; END $$",
            'CREATE TRIGGER "full" BEFORE INSERT ON media FOR EACH ROW EXECUTE FUNCTION full_()',
        ]
    with unit_of_work():
        for statement in statements:
            session.execute(text(statement))


def test_a_row_that_fails_leaves_files_that_the_sweep_takes(folder):
    refuse_rows()

    with pytest.raises(DBAPIError):
        service.receive(make.person(), make.jpeg())

    now = clock.now()
    assert rows() == 0
    assert len(files_in(folder)) == 2
    early = service.sweep(now, shards=rules.SHARDS)
    assert early.strays == 0, "within the hour the row may still come"
    for path in files_in(folder):
        age(path, hours=2)
    late = service.sweep(now, shards=rules.SHARDS)
    assert late.strays == 2
    assert files_in(folder) == []


def age(path, *, hours: float) -> None:
    then = path.stat().st_mtime - hours * 3600
    os.utime(path, (then, then))


def test_only_the_owner_finds_an_upload(folder):
    owner, other = make.person(), make.person("李芳")
    mine, theirs = service.receive(owner, make.palette()), service.receive(other, make.palette())

    assert queries.own(owner.person_id, mine.id).id == mine.id

    with pytest.raises(NotFound):
        queries.own(owner.person_id, theirs.id)
    with unit_of_work():
        service.delete([mine.id])
    with pytest.raises(NotFound):
        queries.own(owner.person_id, mine.id)


def test_every_refusal_of_a_file_has_words_and_a_code():
    for kind in MediaKind:
        for code in ("too_big", "too_long", "video", "broken", "unheard of"):
            refusal = service._refusal(kind, code)

            assert isinstance(refusal, SandanError)
            assert refusal.code != refusal.default_code
            assert "请" in refusal.detail
