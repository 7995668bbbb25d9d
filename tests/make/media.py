"""Sample files, made in code: honest ones, broken ones and hostile ones."""

import io
import secrets
import struct
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin
from sqlalchemy import text

from app.kernel.actor import Actor
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.storage import FolderStorage
from app.kernel.work import unit_of_work
from app.media import rules
from app.media.models import Media
from app.media.rules import MediaKind

CANARY = "CANARY-7f3a"
SCRIPT = b"<script>alert('CANARY-7f3a')</script>"
RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 180, 30), (30, 30, 220), (255, 255, 255)


def person(name: str = "王小明") -> Actor:
    """Make a resident without grants."""
    return Actor(person_id=new_id(), name=name)


def upload(
    owner: Actor,
    *,
    at: datetime,
    kind: MediaKind = MediaKind.PHOTO,
    folder: Path | None = None,
) -> Media:
    """Write the row of an upload, and its files if a ``folder`` is given, without decoding."""
    assert owner.person_id is not None
    media = Media(
        owner_id=owner.person_id,
        kind=kind,
        stem=secrets.token_hex(16),
        sha256="0" * 64,
        size=10,
        created_at=at,
    )
    with unit_of_work():
        session.add(media)
    if folder is not None:
        for variant in rules.VARIANTS[kind]:
            FolderStorage(folder).put(rules.key(media.stem, variant), b"bytes")
    return media


def explained(where: str) -> str:
    """Ask the database how it would find media rows, were the table not tiny."""
    how = "EXPLAIN QUERY PLAN"
    if db.engine.dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        how = "EXPLAIN"
    plan = session.execute(text(f"{how} SELECT * FROM media WHERE {where}"))  # noqa: S608
    return "\n".join(str(tuple(row)) for row in plan)


def corners(width: int = 400, height: int = 300) -> Image.Image:
    """Draw a picture that shows which way is up: red, green, blue and white quarters."""
    image = Image.new("RGB", (width, height), WHITE)
    half = (width // 2, height // 2)
    image.paste(RED, (0, 0, *half))
    image.paste(GREEN, (half[0], 0, width, half[1]))
    image.paste(BLUE, (0, half[1], half[0], height))
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Save a picture to bytes."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> bytes:
    """Write EXIF with GPS, a camera, an owner and an orientation."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = f"Phone {CANARY}"
    tags[0x8298] = f"Owner {CANARY}"
    gps = tags.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (30.0, 15.0, 42.42), "E", (120.0, 9.0, 13.13)
    return tags.tobytes()


def jpeg(image: Image.Image | None = None, orientation: int = 1) -> bytes:
    """Make a phone's JPEG: EXIF with GPS, XMP, an ICC text and a comment."""
    return saved(
        image or corners(),
        "JPEG",
        quality=92,
        exif=exif(orientation),
        xmp=f"<x:xmpmeta>{CANARY} 30.2618</x:xmpmeta>".encode(),
        comment=SCRIPT,
        icc_profile=srgb_profile(),
    )


def srgb_profile() -> bytes:
    """Make a colour profile that carries a readable text."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile + f"sRGB {CANARY}".encode()


def png(image: Image.Image | None = None) -> bytes:
    """Make a PNG with text chunks and EXIF."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Comment", f"{CANARY} {SCRIPT.decode()}")
    texts.add_itxt("XML:com.adobe.xmp", f"<x>{CANARY}</x>")
    return saved(image or corners(), "PNG", pnginfo=texts, exif=exif())


def webp() -> bytes:
    """Make a WebP with EXIF and XMP."""
    return saved(corners(), "WEBP", quality=90, exif=exif(), xmp=f"<x>{CANARY}</x>".encode())


def heic(image: Image.Image | None = None, orientation: int = 1) -> bytes:
    """Make a HEIC as iPhones do, with EXIF and XMP."""
    heif = pillow_heif.from_pillow(image or corners())
    out = io.BytesIO()
    heif.save(out, quality=90, exif=exif(orientation), xmp=f"<x>{CANARY}</x>".encode())
    return out.getvalue()


def bomb(side: int = 13_000) -> bytes:
    """Write a one-bit PNG of ``side`` squared: about 20 KB that unfold into 800 MB."""
    row = b"\0" + b"\0" * ((side + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND")


def _chunk(name: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def polyglot() -> bytes:
    """Glue a web page and a ZIP archive to a JPEG whose comment is a script."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("evil.html", SCRIPT)
    return jpeg() + b"<html>" + SCRIPT + b"</html>" + archive.getvalue()


def truncated() -> bytes:
    """Cut a JPEG off in the middle of its pixels."""
    whole = saved(Image.effect_noise((600, 400), 80).convert("RGB"), "JPEG", quality=90)
    return whole[: len(whole) // 2]


def gif() -> bytes:
    """Make a GIF."""
    return saved(corners().convert("P"), "GIF")


def html() -> bytes:
    """Make a web page."""
    return b"<!doctype html><html><body>" + SCRIPT + b"</body></html>"


def svg() -> bytes:
    """Make a drawing with a script in it."""
    return b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"


def cmyk() -> bytes:
    """Make a JPEG in print colours."""
    return saved(corners().convert("CMYK"), "JPEG", quality=92)


def sixteen_bit() -> bytes:
    """Make a grey PNG of 16 bits a pixel: the left half dark, the right half light."""
    row = struct.pack("<200H", *[12_000] * 100, *[52_000] * 100)
    return saved(Image.frombytes("I;16", (200, 100), row * 100), "PNG")


def animated(kind: str) -> bytes:
    """Make an animated WebP or PNG whose first frame is the corners."""
    other = Image.new("RGB", (400, 300), "black")
    return saved(corners(), kind, save_all=True, append_images=[other], duration=200, lossless=True)


def two_pictures() -> bytes:
    """Make a JPEG with a second picture behind it, as many phones do (MPO)."""
    return saved(corners(), "MPO", save_all=True, append_images=[corners().resize((80, 60))])


def transparent() -> bytes:
    """Make a PNG that is see-through all over: it must come out white, not black."""
    return saved(Image.new("RGBA", (60, 60), (0, 0, 0, 0)), "PNG")


def palette() -> bytes:
    """Make a PNG with a palette."""
    return saved(corners().quantize(16), "PNG")


def strange_profile() -> bytes:
    """Make a JPEG whose colour profile is no profile."""
    return saved(corners(), "JPEG", quality=92, icc_profile=b"no profile at all")


def wide_gamut() -> bytes:
    """Make a JPEG whose profile says that what looks red is green."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile = profile.replace(b"sRGB", b"Wide")
    places = {}
    for number in range(int.from_bytes(profile[128:132], "big")):
        at = 132 + 12 * number
        places[bytes(profile[at : at + 4])] = at + 4
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = (
        profile[green : green + 8],
        profile[red : red + 8],
    )
    return saved(corners(), "JPEG", quality=95, icc_profile=bytes(profile))


def broken_exif() -> bytes:
    """Make a JPEG whose EXIF is garbage."""
    return saved(corners(), "JPEG", quality=92, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage")


TITLE = f"title {CANARY}"

VOICES: dict[str, tuple[str, str, int]] = {
    "mp3": ("mp3", "libmp3lame", 16_000),
    "m4a": ("ipod", "aac", 16_000),
    "aac": ("adts", "aac", 16_000),
    "amr": ("amr", "libopencore_amrnb", 8_000),
    "wav": ("wav", "pcm_s16le", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
}


def voice(file_format: str = "mp3", seconds: float = 2.0) -> bytes:
    """Record a hum of ``seconds``, with tags, in one of the formats of ``VOICES``."""
    muxer, codec, rate = VOICES[file_format]
    out = io.BytesIO()
    with av.open(out, "w", format=muxer) as target:
        target.metadata.update(title=TITLE, artist=TITLE, comment=SCRIPT.decode())
        stream = target.add_stream(codec, rate=rate, layout="mono")
        sample = _hum(rate)
        for number, frame in enumerate(_frames(sample, rate, seconds)):
            frame.pts = number * frame.samples
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def voice_with_cover() -> bytes:
    """Record an MP3 whose ID3 tag carries a cover picture with GPS."""
    picture = b"\0image/jpeg\0\3\0" + jpeg()
    frame = b"APIC" + len(picture).to_bytes(4, "big") + b"\0\0" + picture
    size = len(frame)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\3\0\0" + syncsafe + frame + voice("mp3")


def _hum(rate: int) -> bytes:
    period = rate // 200
    wave = [8000 if place < period // 2 else -8000 for place in range(period)]
    return struct.pack(f"<{period}h", *wave)


def _frames(sample: bytes, rate: int, seconds: float):
    size = rate // 50
    data = (sample * (size * 2 // len(sample) + 1))[: size * 2]
    for _ in range(round(seconds * 50)):
        frame = av.AudioFrame(format="s16", layout="mono", samples=size)
        frame.planes[0].update(data.ljust(frame.planes[0].buffer_size, b"\0"))
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        yield frame


def video() -> bytes:
    """Record half a second of film, in the box that voice notes come in too."""
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        stream = target.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = corners(64, 48)
        for _ in range(5):
            target.mux(stream.encode(av.VideoFrame.from_image(picture)))
        target.mux(stream.encode(None))
    return out.getvalue()


PHOTOS: dict[str, Callable[[], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "heic": heic,
}
