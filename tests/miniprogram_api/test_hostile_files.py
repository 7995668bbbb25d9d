"""Files that are not what they should be: refused in words, with memory flat."""

from io import BytesIO
from uuid import uuid4

import psutil
import pytest

from tests.make import media
from tests.make.answers import clear, refused
from tests.make.phone import PREFIX

MEBIBYTE = 1024 * 1024
NAMELESS = (
    b"--x\r\nContent-Disposition: form-data\r\n\r\nwords\r\n"
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nwords\r\n'
    b'--x\r\nContent-Disposition: form-data; filename="a.jpg"\r\n\r\nwords\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\nx\r\n--x--\r\n'
)


@pytest.fixture
def phone(client_for):
    return client_for("resident")


ROOM = 150 * MEBIBYTE


def memory() -> int:
    """How much memory this process holds, in bytes."""
    return psutil.Process().memory_info().rss


@pytest.fixture
def flat():
    """That memory does not grow by what a bomb would unfold to."""
    before = memory()
    yield
    assert memory() - before < ROOM


def test_memory_that_grows_is_seen():
    before = memory()

    held = b"x" * (ROOM + 50 * MEBIBYTE)

    assert memory() - before > ROOM
    assert held


@pytest.mark.parametrize(
    ("data", "name", "status", "code"),
    [
        (media.bomb, "a.png", 413, "too_many_pixels"),
        (media.truncated, "a.jpg", 422, "broken_photo"),
        (media.gif, "a.jpg", 415, "unsupported_media"),
        (media.html, "a.png", 415, "unsupported_media"),
        (media.svg, "a.jpg", 415, "unsupported_media"),
        (media.video, "a.mp4", 415, "unsupported_media"),
        (lambda: b"", "a.jpg", 422, "empty_file"),
        (lambda: b"\xff\xd8\xff", "a.jpg", 422, "broken_photo"),
        (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "a.png", 422, "broken_photo"),
        (lambda: b"ID3" + b"\0" * 500, "a.mp3", 422, "broken_voice"),
        (lambda: b"\xff\xd8\xff" + b"\0" * (10 * MEBIBYTE), "a.jpg", 413, "photo_too_large"),
        (lambda: b"\0" * (20 * MEBIBYTE), "a.jpg", 413, "too_large"),
        (lambda: media.voice("mp3", 61), "a.mp3", 413, "voice_too_long"),
    ],
    ids=[
        "bomb",
        "truncated",
        "gif",
        "html",
        "svg",
        "video",
        "empty",
        "three bytes",
        "no chunks",
        "no sound",
        "10 MB",
        "20 MB",
        "61 s",
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(phone, flat, data, name, status, code):
    refused(phone.upload(data(), name), status, code)


def upload(phone, data, **more):
    return phone.client.post(
        PREFIX + "/media",
        data=data,
        headers={"Authorization": f"Bearer {phone.token}", "Idempotency-Key": uuid4().hex},
        **more,
    )


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"file": "words"},
        {"photo": (BytesIO(b"x"), "a.jpg")},
        {"file": (BytesIO(b""), "")},
        {"file": (BytesIO(b"x"), "a.jpg"), "owner_id": "1"},
    ],
    ids=["nothing", "text", "other name", "no file", "more"],
)
def test_a_form_without_its_one_file_is_refused(phone, form):
    clear(upload(phone, form))


def test_two_files_are_one_too_many(phone):
    two = [(BytesIO(media.jpeg()), "a.jpg"), (BytesIO(media.jpeg()), "b.jpg")]

    refused(upload(phone, {"file": two}), 422, "one_file")


def test_hundreds_of_parts_are_refused(phone):
    clear(upload(phone, {f"file{n}": (BytesIO(b"x"), "a.jpg") for n in range(200)}))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=file", "multipart/form-data; boundary=x"),
        (b"--y\r\n\r\n--y--", "multipart/form-data; boundary=x"),
        (b"--x--", "multipart/form-data"),
        (NAMELESS, "multipart/form-data; boundary=x"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b'{"file": "x"}', "application/json"),
    ],
    ids=["empty", "begun", "no end", "other boundary", "no boundary", "nameless", "bare", "json"],
)
def test_a_broken_form_is_refused(phone, raw, kind):
    clear(upload(phone, raw, content_type=kind))


@pytest.mark.parametrize("name", ["../../x.jpg", "\x00.jpg", "文" * 5000 + ".jpg", "", "a\r\nX: y"])
def test_the_name_of_a_file_is_not_even_asked(phone, name):
    answer = upload(phone, {"file": (BytesIO(media.jpeg()), name)})

    assert answer.status_code in (201, 400, 422)
    if answer.status_code != 201:
        clear(answer)


def test_a_hundred_bad_files_leave_memory_flat(phone, flat):
    bad = media.html()

    for _ in range(50):
        assert phone.upload(bad).status_code == 415
    assert phone.upload(bad).status_code == 415
