"""Turn a code picture of WeChat's into black and white, inside a decoding child.

What comes back is no file but bare bits (rows of whole bytes, 1 is white), so
that whoever draws a sign with it needs no decoder.
"""

import io

from PIL import Image

from app.media.child import BROKEN, TOO_BIG, Refused, Repainted, serve
from app.media.photos import PILLOW_NAMES, flat, prepare

SIDE = 960
"""Pixels: 8 cm at 300 dpi, more than the largest sign shows."""
BYTES = SIDE * SIDE // 8
MAX_SIDE = 2000
LEAST_SIDE = 100
DARK = 128


def repaint(file_format: str, data: bytes) -> Repainted:
    """Make the bits of a code picture.

    Raises:
        Refused: not a picture of a code: too large, too small, not square, or all of one shade.

    """
    with Image.open(io.BytesIO(data), formats=(PILLOW_NAMES[file_format],)) as image:
        if max(image.size) > MAX_SIDE:
            raise Refused(TOO_BIG)
        if min(image.size) < LEAST_SIDE or image.width != image.height:
            raise Refused(BROKEN)
        image.load()
        grey = flat(image).convert("L").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    bits = grey.point(lambda shade: 255 if shade >= DARK else 0).convert(
        "1", dither=Image.Dither.NONE
    )
    if bits.getextrema() != (0, 255):
        raise Refused(BROKEN)
    return Repainted(variants={"bits": bits.tobytes()}, facts={"side": SIDE})


def main() -> None:
    """Serve one picture."""
    prepare()
    serve(repaint)
