"""Printed signs: what is drawn can be scanned, read, and is never cut off."""

import io
import random

import pytest
import segno
import zxingcpp
from PIL import Image

from app.media import child, codes, decoding, pdf, signs
from app.media.signs import PAPERS, Sign

URL = "https://sandan.example.cn/m/?s=ABCDEFGHJK"
PHONES = (("物业电话", "100 1234 5678"), ("社区电话", "100 8765 4321"))


def wechat_picture(text: str = "s=ABCDEFGHJK", kind: str = "png") -> bytes:
    """A picture as WeChat sends it, except that any scanner reads it."""
    out = io.BytesIO()
    segno.make(text, error="h", micro=False).save(out, kind="png", scale=20)
    if kind == "jpeg":
        other = io.BytesIO()
        Image.open(out).convert("RGB").save(other, "JPEG", quality=80)
        return other.getvalue()
    return out.getvalue()


def bits(**more: str) -> bytes:
    made = decoding.repaint(decoding.CODES, more.get("kind", "png"), wechat_picture(**more))
    return made.variants["bits"]


def sign(name: str = "桂花苑3幢", **more: object) -> Sign:
    given = {"scene": "ABCDEFGHJK", "url": URL, "phones": PHONES, **more}
    return Sign(name=name, **given)


def scanned(image: Image.Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(image.convert("L"))}


def ink(image: Image.Image, box: tuple[int, int, int, int]) -> int:
    return image.crop(box).convert("L").point(lambda shade: 255 - shade).histogram()[255]


@pytest.mark.parametrize("size", PAPERS)
@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_both_codes_of_a_sign_can_be_scanned(size, kind):
    drawn = signs.draw(sign(bits=bits(kind=kind)), size)

    assert scanned(drawn) == {URL, "s=ABCDEFGHJK"}


@pytest.mark.parametrize("size", PAPERS)
def test_a_sign_without_wechats_code_has_the_web_code_alone(size):
    assert scanned(signs.draw(sign(), size)) == {URL}


def test_a_spoilt_code_would_not_be_read():
    drawn = signs.draw(sign(), "a6")
    spoilt = Image.eval(drawn.convert("L"), lambda shade: shade)
    noise = random.Random(7)  # noqa: S311
    for _ in range(9000):
        x, y = noise.randrange(spoilt.width), noise.randrange(spoilt.height)
        spoilt.paste(noise.choice([0, 255]), (x, y, x + 24, y + 24))

    assert scanned(spoilt) == set()


@pytest.mark.parametrize("size", PAPERS)
@pytest.mark.parametrize(
    "name",
    [
        "桂",
        "桂花苑3幢",
        "望荷街道社会主义新农村建设安置示范小区东苑北区128幢3单元1802室 消防设施 XHS-2026-000123",
        "长" * 300,
        "A" * 120,
    ],
)
def test_nothing_runs_over_the_edge_of_the_paper(size, name):
    drawn = signs.draw(sign(name, phones=(("小区物业二十四小时值班电话", "100 1234 5678"),)), size)
    wide, high = drawn.size
    edge = wide // 30

    sides = [(0, 0, edge, high), (wide - edge, 0, wide, high)]
    ends = [(0, 0, wide, edge), (0, high - edge, wide, high)]
    assert [ink(drawn, box) for box in sides + ends] == [0, 0, 0, 0]
    assert drawn.mode == "1"
    assert scanned(drawn) == {URL}


@pytest.mark.parametrize("size", PAPERS)
def test_the_shortest_and_the_longest_name_leave_the_codes_alone(size):
    page = PAPERS[size].pixels
    between = tuple(int(part * page[0] / 2480) for part in (0, 1030, 2480, 1075))

    assert ink(signs.draw(sign("长" * 300), size), between) == 0


@pytest.mark.parametrize("letter", ["𠮷", "龘", "\u2ffb"])
def test_a_letter_outside_the_font_is_drawn_as_a_box(letter):
    with_it, without = signs.draw(sign(f"{letter}苑"), "a4"), signs.draw(sign("苑"), "a4")
    name = (0, 440, 2480, 1030)

    assert ink(with_it, name) > ink(without, name) + 500
    assert scanned(with_it) == {URL}


def test_the_smallest_words_on_a6_are_three_and_a_half_millimetres_high(monkeypatch):
    letters, fitted = [], signs._fitted

    def heard(*given):
        found = fitted(*given)
        letters.append(found[0])
        return found

    monkeypatch.setattr(signs, "_fitted", heard)
    signs.draw(sign("望荷街道集中安置示范小区二期东苑北区128幢3单元1802室", bits=bits()), "a6")

    assert len(letters) == 9
    assert min(letters) >= 3.5 / 25.4 * signs.DPI


def test_the_number_is_written_in_two_groups():
    assert signs.grouped("ABCDEFGHJK").split() == ["ABCDE", "FGHJK"]


@pytest.mark.parametrize(
    "data",
    [b"\x89PNG\r\n\x1a\nnothing", b"", wechat_picture()[:200]],
)
def test_what_is_no_code_picture_is_refused_by_the_child(data):
    with pytest.raises(child.Refused):
        decoding.repaint(decoding.CODES, "png", data)


@pytest.mark.parametrize(
    ("size", "why"),
    [((3000, 3000), child.TOO_BIG), ((400, 300), child.BROKEN), ((400, 400), child.BROKEN)],
)
def test_a_picture_that_cannot_be_a_code_is_refused(size, why):
    out = io.BytesIO()
    Image.new("L", size, 255).save(out, "PNG")

    with pytest.raises(child.Refused, match=why):
        decoding.repaint(decoding.CODES, "png", out.getvalue())


def test_bits_have_the_size_that_is_expected():
    assert len(bits()) == codes.BYTES


@pytest.mark.parametrize("size", PAPERS)
def test_a_pdf_holds_every_page_at_its_size_and_stays_small(size):
    sheets = [sign(f"桂花苑{number}幢", bits=bits()) for number in range(1, 4)]

    written = pdf.write((signs.draw(one, size), PAPERS[size].points) for one in sheets)

    wide, high = PAPERS[size].points
    assert written.count(b"/Type/Page/") == 3
    assert written.count(b"/MediaBox[0 0 %.2f %.2f]" % (wide, high)) == 3
    assert len(written) < 3 * 60_000
    for number, start in enumerate(table(written), 1):
        assert written[start:].startswith(b"%d 0 obj" % number)


def table(written: bytes) -> list[int]:
    """Read the offsets that the cross-reference table gives."""
    at = int(written.rpartition(b"startxref\n")[2].split()[0])
    assert written[at:].startswith(b"xref")
    return [int(line[:10]) for line in written[at:].splitlines() if line.endswith(b" n ")]


@pytest.mark.parametrize("size", PAPERS)
def test_an_address_too_long_to_type_is_left_out(size):
    page = signs._Page(size)
    long = f"https://{'a' * 60}.example.cn/m/?s=ABCDEFGHJK"

    assert "sandan.example.cn/m/" in page.first_that_fits(signs._by_hand(URL), signs.BY_HAND)
    assert page.first_that_fits(signs._by_hand(long), signs.BY_HAND) == signs.BY_HAND
