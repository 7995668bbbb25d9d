"""Write pages of black and white as PDF, one after the other, holding only one at a time.

Pillow would keep every page in memory, eight megabytes each.
"""

import io
import zlib
from collections.abc import Iterable

from PIL import Image

Page = tuple[Image.Image, tuple[float, float]]
"""A picture in mode "1" and its size in points."""


def write(pages: Iterable[Page]) -> bytes:
    """Write pages one after the other."""
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    starts: dict[int, int] = {}
    kids: list[int] = []
    for index, (image, points) in enumerate(pages):
        first = 3 + index * 3
        kids.append(first)
        for number, body in zip(range(first, first + 3), _page(first, image, points), strict=True):
            _put(out, starts, number, body)
    _put(out, starts, 1, b"<</Type/Catalog/Pages 2 0 R>>")
    listed = b" ".join(b"%d 0 R" % kid for kid in kids)
    _put(out, starts, 2, b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), listed))
    _end(out, starts)
    return out.getvalue()


def _page(first: int, image: Image.Image, points: tuple[float, float]) -> tuple[bytes, ...]:
    """Make the page, its one drawing act and its picture."""
    wide, high = points
    bits = zlib.compress(image.tobytes(), 9)
    act = b"q %.2f 0 0 %.2f 0 0 cm /I Do Q" % (wide, high)
    page = (
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.2f %.2f]/Contents %d 0 R"
        b"/Resources<</XObject<</I %d 0 R>>>>>>"
    ) % (wide, high, first + 1, first + 2)
    picture = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray"
        b"/BitsPerComponent 1/Filter/FlateDecode/Length %d>>"
    ) % (image.width, image.height, len(bits))
    return (
        page,
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(act), act),
        picture + b"\nstream\n" + bits + b"\nendstream",
    )


def _put(out: io.BytesIO, starts: dict[int, int], number: int, body: bytes) -> None:
    starts[number] = out.tell()
    out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))


def _end(out: io.BytesIO, starts: dict[int, int]) -> None:
    at, count = out.tell(), len(starts) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    for number in range(1, count):
        out.write(b"%010d 00000 n \n" % starts[number])
    out.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, at))
