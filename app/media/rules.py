"""What a file is, judged by its first bytes; how much is taken. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from app.kernel.errors import Invalid, TooLarge, Unsupported


class MediaKind(StrEnum):
    """What people send."""

    PHOTO = "photo"
    VOICE = "voice"


MEBIBYTE = 1024 * 1024
MAX_BYTES = {MediaKind.PHOTO: 10 * MEBIBYTE, MediaKind.VOICE: 3 * MEBIBYTE}

MAX_PHOTOS_A_STEP = 9
MAX_VOICES_A_STEP = 1
MAX_UNATTACHED = 40
MAX_A_DAY = 200

LINK_SECONDS = 600
ORPHAN_AFTER = timedelta(hours=24)
FILE_GRACE = timedelta(hours=1)
"""How long a file may wait for its row: far longer than intake takes."""

EXTENSIONS = {"large": "jpg", "thumb": "jpg", "voice": "mp3"}
CONTENT_TYPES = {"large": "image/jpeg", "thumb": "image/jpeg", "voice": "audio/mpeg"}
VARIANTS = {MediaKind.PHOTO: ("large", "thumb"), MediaKind.VOICE: ("voice",)}

PREFIX = "media/"
SHARDS = tuple(f"{number:02x}" for number in range(256))
SHARD_ROUNDS = 24

TAKEN = (
    "只能传照片（JPG、PNG、WebP、HEIC）或录音（MP3、M4A、AAC、AMR、WAV、OGG），"
    "请重新拍照或录音后再传。"
)


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What the first bytes say a file is."""

    kind: MediaKind
    file_format: str


def sniff(data: bytes) -> Sniffed:
    """Tell what ``data`` is from its content alone; no name is ever asked.

    Raises:
        Invalid: there is nothing in it (code ``empty_file``).
        Unsupported: not a kind that is taken (code ``unsupported_media``).

    """
    if not data:
        raise Invalid("文件是空的，请重新拍照或录音后再传。", code="empty_file")
    head = data[:64]
    if photo := _photo_format(head):
        return Sniffed(MediaKind.PHOTO, photo)
    if voice := _voice_format(head):
        return Sniffed(MediaKind.VOICE, voice)
    raise unsupported()


def unsupported() -> Unsupported:
    """Make the refusal of a kind of file that is not taken."""
    return Unsupported(TAKEN, code="unsupported_media")


HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"heif"})
VOICE_BRANDS = frozenset(
    b"M4A ,M4B ,mp41,mp42,isom,iso2,iso4,iso5,iso6,dash,3gp4,3gp5,3gp6,qt  ".split(b",")
)


def _photo_format(head: bytes) -> str | None:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS:
        return None if b"avif" in head else "heic"
    return None


def _voice_format(head: bytes) -> str | None:
    if head[4:8] == b"ftyp":
        return "m4a" if head[8:12] in VOICE_BRANDS else None
    if head[:4] == b"RIFF":
        return "wav" if head[8:12] == b"WAVE" else None
    for mark, name in ((b"ID3", "mp3"), (b"#!AMR", "amr"), (b"OggS", "ogg")):
        if head.startswith(mark):
            return name
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "webm"
    if len(head) > 1 and head[0] == 0xFF:
        if head[1] & 0xF6 == 0xF0:
            return "aac"
        if head[1] & 0xE6 == 0xE2:
            return "mp3"
    return None


def require_size(kind: MediaKind, size: int) -> None:
    """Refuse more bytes than a kind may have.

    Raises:
        TooLarge: code ``photo_too_large`` or ``voice_too_large``.

    """
    if size <= MAX_BYTES[kind]:
        return
    limit = MAX_BYTES[kind] // MEBIBYTE
    if kind is MediaKind.PHOTO:
        detail = f"照片不能超过 {limit} MB，请选“压缩”后的照片，或截图后再传。"
        raise TooLarge(detail, code="photo_too_large")
    detail = f"录音文件不能超过 {limit} MB，请录短一些，或用小程序里的录音按钮重录。"
    raise TooLarge(detail, code="voice_too_large")


def require_few(kinds: Iterable[MediaKind]) -> None:
    """Refuse more photos or voice notes than one step may carry.

    Raises:
        Invalid: code ``too_many_photos`` or ``too_many_voices``.

    """
    counted = list(kinds)
    if counted.count(MediaKind.PHOTO) > MAX_PHOTOS_A_STEP:
        detail = f"一次最多 {MAX_PHOTOS_A_STEP} 张照片，请去掉几张再提交。"
        raise Invalid(detail, code="too_many_photos")
    if counted.count(MediaKind.VOICE) > MAX_VOICES_A_STEP:
        raise Invalid("一次只能带一段录音，请留下一段再提交。", code="too_many_voices")


def key(stem: str, variant: str) -> str:
    """Name the stored file of a variant; a stem is 32 random hex digits."""
    return f"{PREFIX}{stem[:2]}/{stem}-{variant}.{EXTENSIONS[variant]}"


def stem_of(stored_key: str) -> str:
    """Read the stem back from a stored file's key."""
    return stored_key.rpartition("/")[2].partition("-")[0]


def shards_of_hour(hour: int) -> tuple[str, ...]:
    """Choose the folders that an hour's sweep looks through: all of them in a day."""
    return SHARDS[hour % SHARD_ROUNDS :: SHARD_ROUNDS]


def link_payload(media_id: UUID, variant: str, viewer_id: UUID) -> list[str]:
    """Lay out what a link's token says."""
    return [media_id.hex, variant, viewer_id.hex]


def read_link(payload: object) -> tuple[UUID, str, UUID] | None:
    """Read what :func:`link_payload` laid out, or None."""
    match payload:
        case [str(media), str(variant), str(viewer)] if variant in CONTENT_TYPES:
            return UUID(media), variant, UUID(viewer)
    return None


def read_check_link(payload: object) -> tuple[UUID, str] | None:
    """Read which file and variant a link for WeChat names, or None."""
    match payload:
        case [str(media), str(variant)] if variant in CONTENT_TYPES:
            return UUID(media), variant
    return None
