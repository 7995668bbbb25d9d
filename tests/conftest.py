"""Shared fixtures: settings, a fresh database per test, the app, the clock.

Every database test gets its own copy of a template database and real commits.
``--database sqlite`` (default) copies a file; ``--database postgresql`` clones
a database on TEST_DATABASE_URL, the usual local port, or a server from a wheel.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask

import miniprogram_api
from app import cli, rooms
from app.factory import create_app
from app.identity.rules import LoginMethod
from app.identity.service.sessions import open_session
from app.kernel import clock, stamps
from app.kernel.db import db, session
from app.kernel.storage import FolderStorage
from app.kernel.work import unit_of_work
from app.media import store
from config import Settings
from tests.databases import Database, open_database
from tests.make.phone import Phone
from tests.make.world import World
from tests.make.world import world as make_world

assert rooms.MODELS

MONDAY = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
"""Monday 16 November 2026, 10:00 in Shanghai: an ordinary working hour."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite")


@pytest.fixture(scope="session")
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """The database server of this run, with a template made once."""
    with open_database(
        request.config.getoption("--database"), tmp_path_factory.mktemp("database")
    ) as opened:
        yield opened


@pytest.fixture(scope="session")
def settings(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a test run: own data folder, own random keys."""
    return Settings.from_env(
        {
            "SANDAN_ENV": "test",
            "SANDAN_DATA": str(tmp_path_factory.mktemp("data")),
            "DATABASE_URL": database.url,
        }
    )


@pytest.fixture(scope="session")
def bare_app(settings: Settings, database: Database) -> Flask:
    """The whole application over the run's database, without a worker."""
    app = create_app(settings, (miniprogram_api.door, cli.register))
    database.make_template(app)
    store.install(FolderStorage(settings.media_dir))
    return app


@pytest.fixture
def app(bare_app: Flask, database: Database) -> Iterator[Flask]:
    """The application over a fresh copy of the template, context pushed."""
    with bare_app.app_context():
        db.engine.dispose()
        database.reset()
        stamps.forget_all()
        yield bare_app
        session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def made_world(bare_app: Flask, database: Database) -> World:
    """The small world, made once through the services and kept as a template."""
    with bare_app.app_context():
        db.engine.dispose()
        database.reset()
        stamps.forget_all()
        made = make_world(MONDAY)
        session.remove()
        db.engine.dispose()
        database.keep("world")
    return made


@pytest.fixture
def world(bare_app: Flask, database: Database, made_world: World) -> Iterator[World]:
    """A fresh copy of the small world, the clock held at ``MONDAY``, context pushed."""
    with bare_app.app_context(), clock.frozen(MONDAY):
        db.engine.dispose()
        database.reset("world")
        stamps.forget_all()
        yield made_world
        session.remove()
        db.engine.dispose()


@pytest.fixture
def monday() -> Iterator[datetime]:
    """The clock held at Monday 16 November 2026, 10:00 in Shanghai."""
    with clock.frozen(MONDAY) as moment:
        yield moment


@pytest.fixture
def samples() -> Path:
    """The folder of sample files."""
    return Path(__file__).parent / "samples"


@pytest.fixture
def client_for(bare_app: Flask, world: World) -> Callable[[str], Phone]:
    """Log a person of the world in on a phone of their own."""

    def log_in(name: str) -> Phone:
        with unit_of_work():
            opened = open_session(world.people[name], LoginMethod.WECHAT, clock.now())
        assert opened is not None
        return Phone(bare_app.test_client(), opened.token)

    return log_in
