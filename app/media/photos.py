"""Repaint a photo, inside a decoding child.

The pixels are painted on a fresh canvas, so whatever else the file carried
(EXIF with its GPS, XMP, comments, profiles, a web page glued to the tail) has
no way into what is kept.
"""

import io
import warnings

import pillow_heif
from PIL import Image, ImageCms, UnidentifiedImageError

from app.media.child import BROKEN, TOO_BIG, Refused, Repainted, serve

MAX_PIXELS = 50_000_000
MAX_SIDE = 10_000
LARGE_SIDE = 2048
THUMB_SIDE = 320

ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
PILLOW_NAMES = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "heic": "HEIF"}


def repaint(file_format: str, data: bytes) -> Repainted:
    """Make the large variant and the thumbnail of a photo.

    Raises:
        Refused: too many pixels, judged from the header, or nothing to see.

    """
    with Image.open(io.BytesIO(data), formats=(PILLOW_NAMES[file_format],)) as image:
        if max(image.size) > MAX_SIDE or image.width * image.height > MAX_PIXELS:
            raise Refused(TOO_BIG)
        turn = UPRIGHT.get(_orientation(image))
        large = flat(_small(image))
    if turn is not None:
        large = large.transpose(turn)
    thumb = large.copy()
    thumb.thumbnail((THUMB_SIDE, THUMB_SIDE), reducing_gap=2.0)
    return Repainted(
        variants={"large": _jpeg(large, 85), "thumb": _jpeg(thumb, 80)},
        facts={"width": large.width, "height": large.height},
    )


def _orientation(image: Image.Image) -> int:
    """Read which way is up; broken EXIF means the picture stays as it lies."""
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _small(image: Image.Image) -> Image.Image:
    """Shrink early, while the picture still has its own, mostly thinner, mode."""
    image.draft("RGB", (LARGE_SIDE, LARGE_SIDE))
    image.load()
    profile = image.info.get("icc_profile")
    if image.mode == "1":
        image = image.convert("L")
    elif image.mode == "P" or (image.mode in {"L", "RGB"} and image.has_transparency_data):
        # Palette indices and key colours cannot be averaged.
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.thumbnail((LARGE_SIDE, LARGE_SIDE), reducing_gap=2.0)
    if image.mode == "RGB" and profile and b"sRGB" not in profile:
        return _in_srgb(image, profile)
    return image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Turn wide-gamut colours (iPhone) into plain ones, as the profile is not kept."""
    try:
        turned = ImageCms.profileToProfile(
            image, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return image
    return turned or image


def flat(image: Image.Image) -> Image.Image:
    """Paint the picture on a fresh white canvas."""
    if image.mode.startswith("I"):
        # Sixteen bits a pixel: a plain conversion would clip nearly all of it to white.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    canvas = Image.new("RGB", image.size, "white")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"}:
        visible = image.convert("RGBA")
        canvas.paste(visible, mask=visible.getchannel("A"))
    else:
        canvas.paste(image.convert("RGB"))
    return canvas


def _jpeg(canvas: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    canvas.save(out, "JPEG", quality=quality, progressive=True)
    return out.getvalue()


def prepare() -> None:
    """Teach Pillow HEIC, and to take its own alarm about pixel bombs seriously."""
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 1
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    # Other warnings are about EXIF and multi-picture trailers that many phones get wrong.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _guarded(file_format: str, data: bytes) -> Repainted:
    try:
        return repaint(file_format, data)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as alarm:
        raise Refused(TOO_BIG) from alarm
    except UnidentifiedImageError as error:
        raise Refused(BROKEN) from error


def main() -> None:
    """Serve one photo."""
    prepare()
    serve(_guarded)
