"""A folder of its own for the files of each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.kernel.storage import FolderStorage
from app.media import store


@pytest.fixture
def folder(app, tmp_path) -> Iterator[Path]:
    """The storage installed over a fresh folder, next to a fresh database."""
    before = list(store._installed)
    place = tmp_path / "files"
    store.install(FolderStorage(place))
    yield place
    store._installed[:] = before
