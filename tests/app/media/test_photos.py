"""What comes back from the photo child: upright pixels and nothing else."""

import io
import math

import pytest
from PIL import Image

from app.media import decoding
from app.media.child import Refused, Repainted
from tests.make import media as make

TRACES = (
    b"CANARY",
    b"Exif",
    b"http://ns.adobe.com",
    b"ICC_PROFILE",
    b"xmpmeta",
    b"<script",
    b"PK\3\4",
)


def repainted(data: bytes, file_format: str = "jpeg") -> Repainted:
    return decoding.repaint(decoding.PHOTOS, file_format, data)


def opened(made: Repainted, variant: str = "large") -> Image.Image:
    image = Image.open(io.BytesIO(made.variants[variant]))
    image.load()
    return image


def traces(data: bytes) -> list[bytes]:
    return [trace for trace in TRACES if trace in data]


def is_near(image: Image.Image, place: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    at = (int(image.width * place[0]), int(image.height * place[1]))
    return math.dist(image.convert("RGB").getpixel(at), colour) < 60


def is_upright(image: Image.Image) -> bool:
    return (
        is_near(image, (0.25, 0.25), make.RED)
        and is_near(image, (0.75, 0.25), make.GREEN)
        and is_near(image, (0.25, 0.75), make.BLUE)
        and is_near(image, (0.75, 0.75), make.WHITE)
    )


@pytest.mark.parametrize("file_format", make.PHOTOS)
def test_no_trace_of_metadata_survives(file_format):
    data = make.PHOTOS[file_format]()
    assert traces(data), "the sample must carry what is looked for"

    made = repainted(data, file_format)

    for variant in made.variants.values():
        assert traces(variant) == []
        assert dict(Image.open(io.BytesIO(variant)).getexif()) == {}
        assert segments(variant) == {0xE0}


def segments(data: bytes) -> set[int]:
    """List the application and comment segments of a JPEG."""
    found, at = set(), 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        if data[at + 1] >= 0xE0:
            found.add(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return found


def test_control_a_plain_save_would_keep_the_traces():
    image = Image.open(io.BytesIO(make.jpeg()))

    kept = make.saved(image, "JPEG", exif=image.info["exif"])

    assert b"CANARY" in kept
    assert b"<script" in kept
    assert segments(kept) > {0xE0}


def test_a_page_and_an_archive_behind_the_picture_are_cut_off():
    data = make.polyglot()
    assert b"PK\3\4" in data

    made = repainted(data)

    assert [traces(variant) for variant in made.variants.values()] == [[], []]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_comes_out_upright(orientation):
    lying = make.corners().transpose(LAY[orientation]) if orientation > 1 else make.corners()

    made = repainted(make.jpeg(lying, orientation))

    assert is_upright(opened(made))
    assert is_upright(opened(made, "thumb"))
    assert made.facts == {"width": 400, "height": 300}


LAY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_control_the_upright_check_sees_a_lying_picture():
    lying = make.corners().transpose(Image.Transpose.ROTATE_90)

    assert not is_upright(lying)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_heic_turned_by_its_box_is_turned_once(orientation):
    lying = make.corners().transpose(LAY[orientation]) if orientation > 1 else make.corners()

    made = repainted(make.heic(lying, orientation), "heic")

    assert is_upright(opened(made))


@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (make.cmyk(), "jpeg"),
        (make.two_pictures(), "jpeg"),
        (make.broken_exif(), "jpeg"),
        (make.strange_profile(), "jpeg"),
        (make.palette(), "png"),
        (make.animated("PNG"), "png"),
        (make.animated("WEBP"), "webp"),
        (make.webp(), "webp"),
        (make.heic(), "heic"),
    ],
    ids=["cmyk", "mpo", "exif", "icc", "palette", "apng", "awebp", "webp", "heic"],
)
def test_odd_but_honest_photos_are_taken(data, file_format):
    made = repainted(data, file_format)

    assert is_upright(opened(made))
    assert opened(made).format == opened(made, "thumb").format == "JPEG"


def test_sixteen_bits_a_pixel_keep_dark_and_light_apart():
    made = repainted(make.sixteen_bit(), "png")

    image = opened(made)
    assert is_near(image, (0.25, 0.5), (47, 47, 47))
    assert is_near(image, (0.75, 0.5), (203, 203, 203))


def test_see_through_becomes_white():
    made = repainted(make.transparent(), "png")

    assert is_near(opened(made), (0.5, 0.5), make.WHITE)


def test_wide_colours_are_turned_into_plain_ones():
    made = repainted(make.wide_gamut())

    red, green, _ = opened(made).convert("RGB").getpixel((100, 75))
    assert green > red, "the profile of this sample calls red green"


@pytest.mark.parametrize(
    ("size", "large", "thumb"),
    [
        ((4000, 3000), (2048, 1536), (320, 240)),
        ((3000, 4000), (1536, 2048), (240, 320)),
        ((640, 480), (640, 480), (320, 240)),
        ((1, 1), (1, 1), (1, 1)),
        ((10_000, 2), (2048, 1), (320, 1)),
    ],
)
def test_the_variants_have_their_sizes(size, large, thumb):
    data = make.saved(Image.new("RGB", size, "grey"), "JPEG")

    made = repainted(data)

    assert opened(made).size == large
    assert opened(made, "thumb").size == thumb
    assert (made.facts["width"], made.facts["height"]) == large


@pytest.mark.parametrize(
    ("data", "file_format"),
    [
        (make.truncated(), "jpeg"),
        (make.png()[:200], "png"),
        (make.webp()[:100], "webp"),
        (make.heic()[:900], "heic"),
        (b"\xff\xd8\xff" + make.html(), "jpeg"),
        (b"\x89PNG\r\n\x1a\n", "png"),
        (make.gif(), "jpeg"),
    ],
)
def test_a_broken_photo_is_refused(data, file_format):
    with pytest.raises(Refused, match="broken"):
        repainted(data, file_format)


@pytest.mark.parametrize(
    "size", [(10_001, 1), (1, 10_001), (8_000, 6_251)], ids=["wide", "high", "many"]
)
def test_the_pixel_caps_are_exact(size):
    data = make.saved(Image.new("L", size), "PNG")

    with pytest.raises(Refused, match="too_big"):
        repainted(data, "png")


def test_fifty_million_pixels_still_fit():
    data = make.saved(Image.new("L", (8_000, 6_250)), "PNG")

    made = repainted(data, "png")

    assert made.facts == {"width": 2048, "height": 1600}
