"""What a file is, and how much is taken: pure rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import Invalid, TooLarge, Unsupported
from app.kernel.ids import new_id
from app.media import rules
from app.media.rules import MediaKind
from tests.make import media as make


@pytest.mark.parametrize("file_format", make.PHOTOS)
def test_a_photo_is_known_by_its_content(file_format):
    data = make.PHOTOS[file_format]()

    found = rules.sniff(data)

    assert found == rules.Sniffed(MediaKind.PHOTO, file_format)


@pytest.mark.parametrize("file_format", make.VOICES)
def test_a_voice_note_is_known_by_its_content(file_format):
    data = make.voice(file_format, seconds=0.5)

    found = rules.sniff(data)

    assert found == rules.Sniffed(MediaKind.VOICE, file_format)


@pytest.mark.parametrize(
    "data",
    [
        make.gif(),
        make.html(),
        make.svg(),
        b"%PDF-1.7\n",
        b"II*\0" + bytes(60),
        b"8BPS\0\1" + bytes(60),
        b"SIMPLE  =                    T",
        b"BM" + bytes(60),
        b"PK\3\4" + bytes(60),
        b"\0\0\0\x1cftypavif\0\0\0\0avifmif1",
        b"\0\0\0\x1cftypmif1\0\0\0\0avifmif1",
        b"RIFF\0\0\0\0AVI LIST",
        b"MZ" + bytes(60),
        b"\xff",
        b"\0",
        "很好".encode(),
    ],
)
def test_what_is_neither_photo_nor_voice_is_refused_with_a_hint(data):
    with pytest.raises(Unsupported) as refusal:
        rules.sniff(data)

    assert refusal.value.code == "unsupported_media"
    assert "重新拍照" in refusal.value.detail


def test_an_empty_file_says_that_it_is_empty():
    with pytest.raises(Invalid) as refusal:
        rules.sniff(b"")

    assert refusal.value.code == "empty_file"


@given(st.binary(max_size=80))
def test_no_bytes_at_all_upset_the_sniffing(data):
    try:
        found = rules.sniff(data)
    except (Invalid, Unsupported):
        return

    assert found.file_format


@pytest.mark.parametrize(
    ("kind", "limit", "code"),
    [
        (MediaKind.PHOTO, 10 * 1024 * 1024, "photo_too_large"),
        (MediaKind.VOICE, 3 * 1024 * 1024, "voice_too_large"),
    ],
)
def test_the_byte_cap_is_exact(kind, limit, code):
    rules.require_size(kind, limit)

    with pytest.raises(TooLarge) as refusal:
        rules.require_size(kind, limit + 1)
    assert refusal.value.code == code


def test_nine_photos_and_one_voice_note_are_a_full_step():
    full = [MediaKind.PHOTO] * 9 + [MediaKind.VOICE]

    rules.require_few(full)

    with pytest.raises(Invalid, match="too_many_photos"):
        rules.require_few([*full, MediaKind.PHOTO])
    with pytest.raises(Invalid, match="too_many_voices"):
        rules.require_few([*full, MediaKind.VOICE])


def test_a_day_of_sweeps_looks_into_every_folder_once():
    looked = [shard for hour in range(24) for shard in rules.shards_of_hour(hour)]

    assert sorted(looked) == sorted(rules.SHARDS)


def test_a_key_gives_its_stem_back():
    stem = "ab" + "0" * 30

    key = rules.key(stem, "thumb")

    assert key == f"media/ab/{stem}-thumb.jpg"
    assert rules.stem_of(key) == stem


def test_a_link_says_what_was_put_in_and_nothing_else_is_read():
    media_id, viewer_id = new_id(), new_id()

    payload = rules.link_payload(media_id, "large", viewer_id)

    assert rules.read_link(payload) == (media_id, "large", viewer_id)
    assert rules.read_link([media_id.hex, "original", viewer_id.hex]) is None
    assert rules.read_link(None) is None
    assert rules.read_link({"media": media_id.hex}) is None
