"""Where the files lie: the storage that `rooms.furnish` installs, all variants or none."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from app.kernel.errors import NotFound, Unavailable
from app.kernel.storage import Storage
from app.media import rules

_installed: list[Storage] = []


def install(storage: Storage) -> None:
    """Make ``storage`` the one in use."""
    _installed[:] = [storage]


def current() -> Storage:
    """Hand out the storage in use."""
    if not _installed:
        raise RuntimeError("no media storage installed; rooms.furnish does that")
    return _installed[0]


def put(stem: str, variants: Mapping[str, bytes]) -> None:
    """Keep every variant, or none.

    Raises:
        Unavailable: the storage is full, read-only or away.

    """
    try:
        for variant, data in variants.items():
            current().put(rules.key(stem, variant), data)
    except Unavailable:
        erase(stem, variants)
        raise


def copy(stem: str, to: str, variants: Iterable[str]) -> None:
    """Keep every variant under another stem too, or none.

    Raises:
        NotFound: a file is not there.
        Unavailable: the storage is full, read-only or away.

    """
    wanted = list(variants)
    try:
        for variant in wanted:
            current().copy(rules.key(stem, variant), rules.key(to, variant))
    except (NotFound, Unavailable):
        erase(to, wanted)
        raise


def get(stem: str, variant: str) -> bytes:
    """Fetch one variant.

    Raises:
        NotFound: the file is not there.
        Unavailable: the storage does not answer.

    """
    return current().get(rules.key(stem, variant))


def erase(stem: str, variants: Iterable[str]) -> bool:
    """Delete every variant that is there; tell whether all are gone."""
    gone = [erase_file(rules.key(stem, variant)) for variant in variants]
    return all(gone)


def erase_file(key: str) -> bool:
    """Delete one file; tell whether it is gone. One stubborn file never stops a sweep."""
    try:
        current().delete(key)
    except Unavailable:
        return False
    return True


def older_than(shard: str, moment: datetime) -> Iterator[str]:
    """List the keys in one of the 256 folders that were last written before ``moment``."""
    for key, _ in current().list(f"{rules.PREFIX}{shard}/", older_than=moment):
        yield key
