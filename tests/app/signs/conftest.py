"""A place to keep files, an address to lead to, and a WeChat that answers as it is told."""

from collections.abc import Iterator

import pytest

from app.kernel.storage import FolderStorage
from app.media import store
from app.signs import address
from app.wechat import gateway
from app.wechat.real import Gateway
from config import Wechat
from tests.app.media.test_signs import wechat_picture

URL = "https://sandan.example.cn"


class Drawing(Gateway):
    """A gateway whose codes any scanner reads; ``faults`` are raised first, one a call."""

    def __init__(self) -> None:
        super().__init__(Wechat(appid="wx1", secret="s" * 32))
        self.asked: list[str] = []
        self.faults: list[Exception | None] = []
        self.always: Exception | None = None
        self.picture: bytes | None = None

    def place_code(self, scene: str, page: str) -> bytes:
        self.asked.append(scene)
        fault = self.faults.pop(0) if self.faults else self.always
        if fault is not None:
            raise fault
        return self.picture if self.picture is not None else wechat_picture(scene)


@pytest.fixture
def wechat(furnished) -> Iterator[Drawing]:
    before = list(gateway._installed)
    made = Drawing()
    gateway.install(made)
    yield made
    gateway._installed[:] = before


@pytest.fixture
def furnished(world, tmp_path) -> Iterator[None]:
    """Files in a folder of this test's own, and an address."""
    kept, leads = list(store._installed), list(address._installed)
    store.install(FolderStorage(tmp_path / "files"))
    address.install(URL)
    yield
    store._installed[:], address._installed[:] = kept, leads
