"""An app with the test door, over the fresh database of each test."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.kernel.db import db
from config import Settings
from tests.make import door


@pytest.fixture
def web_settings(settings: Settings) -> Settings:
    """Settings of the test door; tests may override the fixture."""
    return replace(settings, rate_limits=False)


@pytest.fixture
def open_web(app: Flask) -> Iterator[Callable[[Settings], Flask]]:
    """Make apps with the test door; their connections are closed at the end."""
    opened: list[Flask] = []

    def build(settings: Settings) -> Flask:
        opened.append(door.build(settings))
        return opened[-1]

    yield build
    for one in opened:
        with one.app_context():
            db.engine.dispose()


@pytest.fixture
def web(open_web: Callable[[Settings], Flask], web_settings: Settings) -> Flask:
    """The app with the test door."""
    return open_web(web_settings)


@pytest.fixture
def client(web: Flask) -> FlaskClient:
    """A client of the test door."""
    return web.test_client()
