"""Re-encode a voice note, inside a decoding child.

Only decoded samples reach the new file, so tags, covers and whatever else the
old one carried are gone; its length is counted in samples, not believed.
"""

import io
from collections.abc import Iterator

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from app.media.child import BROKEN, Refused, Repainted, serve

MAX_SECONDS = 60.0
TOLERANCE_SECONDS = 1.0  # recorders stop late and codecs pad
MIN_SECONDS = 0.3
MAX_BAD_PACKETS = 10  # a recording cut short mostly has one

RATE = 24_000
BIT_RATE = 48_000
NO_TAGS = {"id3v2_version": "0", "write_id3v1": "0", "write_xing": "0", "fflags": "+bitexact"}
"""Even the muxer's own name stays out of what is kept."""

TOO_LONG = "too_long"
VIDEO = "video"

DEMUXERS = {
    "mp3": "mp3",
    "m4a": "mov",
    "aac": "aac",
    "amr": "amr",
    "wav": "wav",
    "ogg": "ogg",
    "webm": "matroska",
}
CODECS = frozenset({"mp3", "mp3float", "aac", "opus", "libopus", "vorbis", "amrnb", "amrwb"}) | {
    "libopencore_amrnb",
    "libopencore_amrwb",
    "pcm_s16le",
    "pcm_s24le",
    "pcm_f32le",
    "pcm_u8",
}


def repaint(file_format: str, data: bytes) -> Repainted:
    """Make the one variant of a voice note: one channel of MP3, which every phone plays.

    Raises:
        Refused: too long, no sound to speak of, a moving picture, or broken.

    """
    try:
        with av.open(io.BytesIO(data), "r", format=DEMUXERS[file_format]) as source:
            voice, seconds = _encoded(source, _sound(source))
    except av.FFmpegError as error:
        raise Refused(BROKEN) from error
    if seconds < MIN_SECONDS:
        raise Refused(BROKEN)
    return Repainted(variants={"voice": voice}, facts={"seconds": round(seconds, 2)})


def _sound(source: InputContainer) -> AudioStream:
    if any(not s.disposition & Disposition.attached_pic for s in source.streams.video):
        raise Refused(VIDEO)
    if not source.streams.audio:
        raise Refused(BROKEN)
    stream = source.streams.audio[0]
    if stream.codec_context.name not in CODECS:
        raise Refused(BROKEN)
    stream.codec_context.thread_count = 1
    return stream


def _encoded(source: InputContainer, stream: AudioStream) -> tuple[bytes, float]:
    out = io.BytesIO()
    seconds = 0.0
    with av.open(out, "w", format="mp3", options=NO_TAGS) as target:
        voice = target.add_stream("libmp3lame", rate=RATE, layout="mono")
        voice.bit_rate = BIT_RATE
        for frame in _frames(source, stream):
            seconds += frame.samples / frame.sample_rate
            if seconds > MAX_SECONDS + TOLERANCE_SECONDS:
                raise Refused(TOO_LONG)
            frame.pts = None
            target.mux(voice.encode(frame))
        if not seconds:
            raise Refused(BROKEN)
        target.mux(voice.encode(None))
    return out.getvalue(), seconds


def _frames(source: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    bad = 0
    for packet in source.demux(stream):
        try:
            yield from packet.decode()
        except av.InvalidDataError:
            bad += 1
            if bad > MAX_BAD_PACKETS:
                raise


def main() -> None:
    """Serve one voice note."""
    av.logging.set_level(None)
    serve(repaint)
