"""Files by key: whole or not at all, never outside the folder."""

import errno
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.kernel import storage
from app.kernel.errors import NotFound, Unavailable
from app.kernel.storage import FolderStorage


@pytest.fixture
def kept(tmp_path):
    return FolderStorage(tmp_path / "store")


def age(tmp_path, key, **ago):
    then = (datetime.now(UTC) - timedelta(**ago)).timestamp()
    os.utime(tmp_path / "store" / key, (then, then))


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_put_can_be_got(kept):
    kept.put("photos/ab/1.jpg", b"light")

    assert kept.get("photos/ab/1.jpg") == b"light"
    assert kept.exists("photos/ab/1.jpg")


def test_the_last_put_counts(kept):
    kept.put("a", b"1")
    kept.put("a", b"2")

    assert kept.get("a") == b"2"


def test_what_is_not_there_is_not_found(kept):
    kept.put("a/b", b"1")

    for key in ("nothing", "a", "a/b/c"):
        with pytest.raises(NotFound):
            kept.get(key)
        assert not kept.exists(key)


def test_a_copy_stays_when_the_first_goes(kept):
    kept.put("a/1.jpg", b"light")
    kept.copy("a/1.jpg", "b/2.jpg")
    kept.put("a/1.jpg", b"dark")

    kept.delete("a/1.jpg")

    assert kept.get("b/2.jpg") == b"light"


def test_a_copy_counts_as_just_kept(kept, tmp_path):
    kept.put("a", b"1")
    age(tmp_path, "a", days=2)

    kept.copy("a", "b")

    assert list(kept.list("b", older_than=datetime.now(UTC) - timedelta(hours=1))) == []


def test_where_no_links_can_be_made_the_bytes_are_copied(kept, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    kept.put("a", b"1")
    monkeypatch.setattr(storage.os, "link", refuse)

    kept.copy("a", "b")

    assert kept.get("b") == b"1"


def test_what_is_not_there_is_not_copied(kept):
    with pytest.raises(NotFound):
        kept.copy("nothing", "b")


def test_deleting_twice_is_harmless(kept):
    kept.put("a", b"1")

    kept.delete("a")
    kept.delete("a")

    assert not kept.exists("a")


@pytest.mark.parametrize(
    "key",
    [
        *("", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", ".hidden", "a/.draft-1"),
        *("a\\b", "a\x00b", "a\nb", "照片", "~root", "a/", "a b", "x" * 200, "a/b/c/d/e/f/g"),
        "-rf",
    ],
)
def test_a_key_that_could_lead_out_is_refused(kept, tmp_path, key):
    for act in (lambda: kept.put(key, b""), lambda: kept.get(key), lambda: kept.delete(key)):
        with pytest.raises(ValueError, match="unsafe"):
            act()

    assert names(tmp_path) == []


def test_keys_are_listed_by_prefix_and_age(kept, tmp_path):
    for key in ("photos/1", "photos/2", "voice/1"):
        kept.put(key, b"x")
    age(tmp_path, "photos/1", hours=2)
    age(tmp_path, "voice/1", hours=2)

    before = datetime.now(UTC) - timedelta(hours=1)
    assert [key for key, _ in kept.list("photos/")] == ["photos/1", "photos/2"]
    assert [key for key, _ in kept.list("photos/", older_than=before)] == ["photos/1"]
    assert list(FolderStorage(tmp_path / "nowhere").list()) == []


def test_a_full_disk_leaves_neither_file_nor_draft(kept, tmp_path, monkeypatch):
    kept.put("a", b"old")

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(Unavailable):
        kept.put("a", b"new")
    with pytest.raises(Unavailable):
        kept.put("b", b"new")

    assert kept.get("a") == b"old"
    assert names(tmp_path) == ["a"]


def test_a_really_full_disk_is_unavailable_too():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    with pytest.raises(Unavailable):
        FolderStorage(Path("/dev/full")).put("a", b"x")


def test_drafts_left_by_a_crash_are_swept_and_never_listed(kept, tmp_path):
    kept.put("photos/1", b"x")
    (tmp_path / "store/photos/.draft-old").write_bytes(b"half")
    (tmp_path / "store/photos/.draft-new").write_bytes(b"half")
    age(tmp_path, "photos/.draft-old", hours=2)

    swept = kept.sweep_drafts(older_than=datetime.now(UTC) - timedelta(hours=1))

    assert swept == 1
    assert [key for key, _ in kept.list()] == ["photos/1"]
    assert names(tmp_path) == [".draft-new", "1"]
