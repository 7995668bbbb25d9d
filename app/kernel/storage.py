"""Where files live: a folder now, a bucket behind the same protocol later.

Keys are relative names of our own making (``photos/ab/<id>.jpg``), never what a
client sent.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from app.kernel.errors import NotFound, Unavailable

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}")
_MAX_PARTS = 6
_DRAFT = ".draft-"
_FULL = "存放文件的地方暂时不可用，请稍后再试。"


class Storage(Protocol):
    """Bytes by key."""

    def put(self, key: str, content: bytes) -> None:
        """Keep ``content``, whole or not at all.

        Raises:
            Unavailable: it cannot be kept now (disk full, store away).

        """

    def get(self, key: str) -> bytes:
        """Hand back what was kept.

        Raises:
            NotFound: nothing is kept under ``key``.
            Unavailable: the store is away.

        """

    def copy(self, key: str, to: str) -> None:
        """Keep under ``to`` what is kept under ``key``, without carrying the bytes around.

        Raises:
            NotFound: nothing is kept under ``key``.
            Unavailable: it cannot be kept now.

        """

    def delete(self, key: str) -> None:
        """Forget ``key``; nothing happens if it is not there."""

    def exists(self, key: str) -> bool:
        """Tell whether something is kept under ``key``."""

    def list(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[tuple[str, datetime]]:
        """Walk over (key, kept at) of the keys that start with ``prefix``."""

    def sweep_drafts(self, *, older_than: datetime) -> int:
        """Forget what a crash left half-written; how many went."""


def checked_key(key: str) -> str:
    """Hand back a safe relative name.

    Raises:
        ValueError: it could lead out of the store.

    """
    parts = key.split("/")
    if len(parts) > _MAX_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(f"unsafe storage key {key!r}")
    return key


class FolderStorage:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, key: str, content: bytes) -> None:
        """Write beside, flush to disk, rename into place."""
        path = self._path(key)
        draft = path.with_name(_DRAFT + secrets.token_hex(8))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            self._sync_folder(path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise Unavailable(_FULL, code="storage_unavailable") from error

    def get(self, key: str) -> bytes:
        """Read the file."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise NotFound from error
        except OSError as error:
            raise Unavailable(_FULL, code="storage_unavailable") from error

    def copy(self, key: str, to: str) -> None:
        """Link the file under a second name; files are replaced, never written into.

        The file counts as just kept, under both names. The name itself is not
        flushed to disk: a copy can be made again.
        """
        path, other = self._path(key), self._path(to)
        try:
            other.parent.mkdir(parents=True, exist_ok=True)
            other.unlink(missing_ok=True)
            os.link(path, other)
            os.utime(other)
        except FileNotFoundError as error:
            raise NotFound from error
        except OSError:
            # A file system without links, or with too many of them.
            self.put(to, self.get(key))

    def delete(self, key: str) -> None:
        """Remove the file."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(_FULL, code="storage_unavailable") from error

    def exists(self, key: str) -> bool:
        """Tell whether the file is there."""
        return self._path(key).is_file()

    def list(
        self, prefix: str = "", *, older_than: datetime | None = None
    ) -> Iterator[tuple[str, datetime]]:
        """Walk over the files, folder by folder; unfinished drafts are left out.

        Only the folder that ``prefix`` names is entered.
        """
        within = prefix.rpartition("/")[0]
        for path, kept_at in self._files(self._path(within) if within else self._folder):
            key = path.relative_to(self._folder).as_posix()
            wanted = key.startswith(prefix) and not path.name.startswith(_DRAFT)
            if wanted and (older_than is None or kept_at < older_than):
                yield key, kept_at

    def sweep_drafts(self, *, older_than: datetime) -> int:
        """Remove drafts that a crash left behind; how many went."""
        abandoned = [
            path
            for path, kept_at in self._files(self._folder)
            if path.name.startswith(_DRAFT) and kept_at < older_than
        ]
        for path in abandoned:
            path.unlink(missing_ok=True)
        return len(abandoned)

    @staticmethod
    def _files(top: Path) -> Iterator[tuple[Path, datetime]]:
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                path = Path(folder, name)
                with contextlib.suppress(FileNotFoundError):
                    yield path, datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def _path(self, key: str) -> Path:
        return self._folder / checked_key(key)

    @staticmethod
    def _sync_folder(folder: Path) -> None:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
