"""Draw the signs that hang on houses: big words, a code for WeChat, a code for any phone.

Everything is black on white in mode "1" at 300 dpi, so that codes keep hard
edges and files stay small. The words are ours or names of places; no picture
of anybody's is decoded here (see `codes`).
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import segno
from PIL import Image, ImageDraw, ImageFont

from app.media.codes import SIDE

DPI = 300
FONT = Path(__file__).parent / "font" / "NotoSansCJKsc-Bold-GB2312.otf"
WHITE, BLACK = 1, 0
_PIECES = re.compile(r"[0-9A-Za-z-]+[^\x00-\x7f]?|.", re.DOTALL)
QUIET = 4
"""Modules of white around a code; scanners need them."""

HEADING = "扫一扫，报修、反映问题"
WECHAT_HINT = "微信扫这里"
WEB_HINT = "其他手机扫这里"
ONLY_WEB_HINT = "用手机扫这里"
BY_HAND = "扫不了？打开网页或小程序，输入编号"
DANGER = "着火、漏气、有人受伤：先打 119、110、120"


class Paper(NamedTuple):
    """A sheet of paper: pixels at 300 dpi and points (1/72 inch)."""

    pixels: tuple[int, int]
    points: tuple[float, float]


PAPERS = {
    "a4": Paper((2480, 3508), (595.28, 841.89)),
    "a6": Paper((1240, 1748), (297.64, 419.53)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What one sign says. ``bits`` is WeChat's code as `codes` made it, if there is one."""

    name: str
    scene: str
    url: str
    phones: tuple[tuple[str, str], ...] = ()
    bits: bytes | None = None


def draw(sign: Sign, size: str) -> Image.Image:
    """Draw a sign on paper of ``size`` (``a4`` or ``a6``)."""
    page = _Page(size)
    page.words(HEADING, at=150, height=196, lines=1)
    page.bar(at=420, height=8)
    page.words(sign.name, at=462, height=230, lines=4, least=110, room=560)
    _codes(page, sign)
    page.words(page.first_that_fits(_by_hand(sign.url), BY_HAND), at=2190, height=104, lines=1)
    page.words(grouped(sign.scene), at=2330, height=210, lines=1)
    page.bar(at=2620, height=8)
    for index, (what, phone) in enumerate(sign.phones[:2]):
        page.words(f"{what}  {phone}", at=2680 + index * 190, height=150, lines=1, least=90)
    page.band(DANGER, at=3130, height=250, letters=112)
    return page.image


def _by_hand(url: str) -> str:
    """Say where the number is typed by whoever cannot scan."""
    address = url.partition("?")[0].partition("://")[2]
    return f"扫不了？网页打开 {address} 输入编号"


def grouped(scene: str) -> str:
    """Write a scene for reading aloud and typing: two groups of five."""
    half = (len(scene) + 1) // 2
    return f"{scene[:half]}  {scene[half:]}".strip()


def png(image: Image.Image) -> bytes:
    """Write one sign as a picture."""
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True, dpi=(DPI, DPI))
    return out.getvalue()


def _codes(page: "_Page", sign: Sign) -> None:
    """Put WeChat's code left and ours right, or ours alone in the middle."""
    top, hints = 1080, 1985
    if sign.bits is None:
        page.paste(_web_code(sign.url, page.scaled(880)), middle=1240, at=top)
        page.words(ONLY_WEB_HINT, at=hints, height=130, lines=1)
        return
    bits = Image.frombytes("1", (SIDE, SIDE), sign.bits)
    side = page.scaled(880)
    page.paste(bits.resize((side, side), Image.Resampling.NEAREST), middle=660, at=top)
    page.paste(_web_code(sign.url, side), middle=1820, at=top)
    page.words(WECHAT_HINT, at=hints, height=130, lines=1, middle=660, room_across=1080)
    page.words(WEB_HINT, at=hints, height=130, lines=1, middle=1820, room_across=1080)


def _web_code(url: str, room: int) -> Image.Image:
    """Draw the QR code of an address with whole pixels for each module, at most ``room`` wide."""
    matrix = segno.make(url, error="q", micro=False).matrix
    side = len(matrix) + 2 * QUIET
    flat = Image.new("1", (side, side), WHITE)
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                flat.putpixel((x + QUIET, y + QUIET), BLACK)
    times = room // side
    if times < 1:
        raise ValueError("the address is too long for a code on this paper")
    return flat.resize((side * times, side * times), Image.Resampling.NEAREST)


@lru_cache(maxsize=128)
def _font(pixels: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(FONT), pixels, layout_engine=ImageFont.Layout.BASIC)


class _Page:
    """A sheet that is laid out in the pixels of A4, whatever its size."""

    def __init__(self, size: str) -> None:
        self._pixels = PAPERS[size].pixels
        self._scale = self._pixels[0] / PAPERS["a4"].pixels[0]
        self.image = Image.new("1", self._pixels, WHITE)
        self._pen = ImageDraw.Draw(self.image)
        self._pen.fontmode = "1"

    def scaled(self, length: float) -> int:
        """Turn pixels of A4 into pixels of this sheet."""
        return int(length * self._scale)

    def first_that_fits(self, wanted: str, instead: str) -> str:
        """Choose ``wanted`` if it can stand in one line of letters that are still easily read."""
        return wanted if _width(wanted, self.scaled(84)) <= self.scaled(2200) else instead

    def words(
        self,
        text: str,
        *,
        at: int,
        height: int,
        lines: int,
        least: int = 60,
        room: int = 0,
        middle: int = 1240,
        room_across: int = 2200,
    ) -> None:
        """Write ``text`` centred, as large as fits; at the worst shorten it with ``…``."""
        across = self.scaled(room_across)
        within = (across, self.scaled(room) if room else self.scaled(height) * 2)
        letters, rows = _fitted(text, within, lines, self.scaled(height), self.scaled(least))
        step = _step(letters)
        top = self.scaled(at) + max(0, (self.scaled(room) - step * len(rows)) // 2)
        for row in rows:
            start = self.scaled(middle) - _width(row, letters) // 2
            self._pen.text((start, top), row, fill=BLACK, font=_font(letters), anchor="la")
            top += step

    def bar(self, *, at: int, height: int) -> None:
        """Draw a line across."""
        left, right, top = self.scaled(140), self.scaled(2340), self.scaled(at)
        self._pen.rectangle((left, top, right, top + max(2, self.scaled(height))), fill=BLACK)

    def band(self, text: str, *, at: int, height: int, letters: int) -> None:
        """Write white words on a black band."""
        left, right, top = self.scaled(140), self.scaled(2340), self.scaled(at)
        self._pen.rectangle((left, top, right, top + self.scaled(height)), fill=BLACK)
        within = (right - left - self.scaled(60), self.scaled(height))
        fitted, rows = _fitted(text, within, 1, self.scaled(letters), self.scaled(60))
        middle = ((left + right) // 2, top + self.scaled(height) // 2)
        self._pen.text(middle, rows[0], fill=WHITE, font=_font(fitted), anchor="mm")

    def paste(self, picture: Image.Image, *, middle: int, at: int) -> None:
        """Put a picture so that it is centred on ``middle``, in a field 880 high."""
        left = self.scaled(middle) - picture.width // 2
        top = self.scaled(at) + (self.scaled(880) - picture.height) // 2
        self.image.paste(picture, (left, top))


def _fitted(
    text: str, within: tuple[int, int], lines: int, most: int, least: int
) -> tuple[int, Sequence[str]]:
    """Choose the largest letters with which ``text`` stands in so many lines and so much room."""
    across, down = within
    for letters in range(most, least, -4):
        rows = _rows(text, across, letters)
        if len(rows) <= lines and len(rows) * _step(letters) <= down:
            return letters, rows
    rows = _rows(text, across, least)
    if len(rows) <= lines:
        return least, rows
    last = rows[lines - 1]
    while last and _width(last + "…", least) > across:
        last = last[:-1]
    return least, [*rows[: lines - 1], last + "…"]


def _rows(text: str, across: int, letters: int) -> list[str]:
    """Break a text between any two Chinese characters, and within a number only if it must."""
    rows, row = [], ""
    for piece in _PIECES.findall(text):
        for part in [piece] if _width(piece, letters) <= across else piece:
            if row and _width(row + part, letters) > across:
                rows.append(row.rstrip())
                row = ""
            row += part if row or not part.isspace() else ""
    return [*rows, row] if row or not rows else rows


def _step(letters: int) -> int:
    return int(letters * 1.2)


def _width(text: str, letters: int) -> int:
    return int(_font(letters).getlength(text))
