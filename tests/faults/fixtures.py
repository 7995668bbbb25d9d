"""Fixtures of the tests that need workers: a nest, a Redis, a name, a ledger."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from config import Settings
from tests import servers
from tests.faults import ledger
from tests.faults.crew import open_nest


@pytest.fixture(scope="session")
def nest(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Where workers hatch; loaded once."""
    with open_nest(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A shared Redis; use it with ``prefix`` only."""
    with servers.open_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
def prefix(redis_url: str) -> Iterator[str]:
    """The name of this test's queues and keys, deleted afterwards."""
    name = servers.new_prefix()
    yield name
    servers.forget(redis_url, name)


@pytest.fixture
def sink(app: Flask, tmp_path: Path) -> Path:
    """The outer ledger; the inner one is made beside it."""
    ledger.make_table()
    return tmp_path / "sink"
