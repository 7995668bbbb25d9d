"""What comes back from the voice child: sound of a counted length and nothing else."""

import io

import av
import pytest

from app.media import decoding
from app.media.child import Refused, Repainted
from tests.make import media as make

TRACES = (b"CANARY", b"<script", b"ID3", b"TAG", b"Lavf", b"Lavc")


def repainted(data: bytes, file_format: str) -> Repainted:
    return decoding.repaint(decoding.VOICES, file_format, data)


@pytest.mark.parametrize("file_format", make.VOICES)
def test_a_voice_note_becomes_plain_sound_without_tags(file_format):
    data = make.voice(file_format, seconds=2.0)

    made = repainted(data, file_format)

    kept = made.variants["voice"]
    assert [trace for trace in TRACES if trace in kept] == []
    assert made.facts["seconds"] == pytest.approx(2.0, abs=0.2)
    with av.open(io.BytesIO(kept), format="mp3") as sound:
        stream = sound.streams.audio[0]
        assert not sound.metadata
        assert stream.channels == 1
        heard = sum(frame.samples for frame in sound.decode(stream)) / stream.rate
    assert heard == pytest.approx(2.0, abs=0.2)


def test_control_the_sample_carries_the_tags_that_are_looked_for():
    data = make.voice("mp3", seconds=1.0)

    assert b"CANARY" in data
    assert b"ID3" in data


def test_a_cover_picture_is_left_behind():
    data = make.voice_with_cover()
    assert b"CANARY" in data

    made = repainted(data, "mp3")

    assert b"CANARY" not in made.variants["voice"]


@pytest.mark.parametrize("file_format", ["m4a", "amr"])
def test_sixty_seconds_are_taken(file_format):
    made = repainted(make.voice(file_format, seconds=60.0), file_format)

    assert made.facts["seconds"] == pytest.approx(60.0, abs=0.3)


@pytest.mark.parametrize("file_format", ["mp3", "amr"])
def test_more_than_sixty_seconds_are_too_long(file_format):
    with pytest.raises(Refused, match="too_long"):
        repainted(make.voice(file_format, seconds=62.0), file_format)


def test_the_length_is_counted_not_believed():
    data = bytearray(make.voice("wav", seconds=62.0))
    at = data.index(b"data") + 4
    data[at : at + 4] = (16_000).to_bytes(4, "little")
    short = repainted(bytes(data), "wav")

    data[at : at + 4] = (0xFFFFFFFF).to_bytes(4, "little")
    with pytest.raises(Refused, match="too_long"):
        repainted(bytes(data), "wav")

    assert short.facts["seconds"] == pytest.approx(0.5, abs=0.1)


def test_a_recording_cut_off_at_the_end_is_still_heard():
    data = make.voice("mp3", seconds=3.0)

    made = repainted(data[: len(data) * 2 // 3], "mp3")

    assert made.facts["seconds"] == pytest.approx(2.0, abs=0.4)


def test_a_film_is_no_voice_note():
    with pytest.raises(Refused, match="video"):
        repainted(make.video(), "m4a")


@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (make.voice("mp3", seconds=0.1), "mp3"),
        (make.voice("m4a", seconds=1.0)[:400], "m4a"),
        (b"ID3" + make.html(), "mp3"),
        (b"#!AMR\n", "amr"),
        (b"OggS" + bytes(200), "ogg"),
        (make.voice("wav", seconds=1.0)[:44], "wav"),
        (b"\x1a\x45\xdf\xa3" + bytes(500), "webm"),
    ],
    ids=["short", "half", "html", "amr", "ogg", "silent", "webm"],
)
def test_what_cannot_be_heard_is_refused(data, file_format):
    with pytest.raises(Refused, match="broken"):
        repainted(data, file_format)
