"""The small world as of this very day, for servers, which know only the real time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask

from app.identity import service as identity
from app.identity.rules import Role
from app.kernel import clock, stamps
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.work import unit_of_work
from tests.databases import Database
from tests.faults.crowd import log_in
from tests.make.phone import Phone
from tests.make.world import World
from tests.make.world import world as make_world

MORE_REPAIRERS = ("repairer3", "repairer4")


@pytest.fixture(scope="session")
def made_town(bare_app: Flask, database: Database) -> World:
    """The small world with two more repairers, made once and kept as a template.

    Once for all: folders that take this fixture in each have one of their own.
    """
    if database.url not in _made:
        _made[database.url] = _make(bare_app, database)
    return _made[database.url]


_made: dict[str, World] = {}


def _make(bare_app: Flask, database: Database) -> World:
    with bare_app.app_context():
        db.engine.dispose()
        database.reset()
        stamps.forget_all()
        made = make_world(clock.now())
        with clock.frozen(clock.now() - timedelta(days=59)), unit_of_work():
            for number, name in enumerate(MORE_REPAIRERS):
                person = identity.add_person(SYSTEM, name="彭大海", phone=f"1003000000{number}")
                firm = made.organisations["firm"]
                identity.appoint(SYSTEM, person.id, Role.REPAIRER, firm)
                made.people[name] = person.id
        session.remove()
        db.engine.dispose()
        database.keep("town")
    return made


@pytest.fixture
def town(bare_app: Flask, database: Database, made_town: World) -> Iterator[World]:
    """A fresh copy of the town at the real time, context pushed."""
    with _copied(bare_app, database):
        yield made_town


@pytest.fixture(scope="module")
def standing_town(bare_app: Flask, database: Database, made_town: World) -> Iterator[World]:
    """One copy for all tests of a module, which look at their own tickets only."""
    with _copied(bare_app, database):
        yield made_town


@contextmanager
def _copied(app: Flask, database: Database) -> Iterator[None]:
    with app.app_context():
        db.engine.dispose()
        database.reset("town")
        stamps.forget_all()
        yield
        session.remove()
        db.engine.dispose()


@pytest.fixture
def phone_of(bare_app: Flask, made_town: World) -> Callable[[str], Phone]:
    """Log a person of the town (take ``town`` or ``standing_town`` too) in on a phone."""

    def log_in_as(name: str) -> Phone:
        (token,) = log_in([made_town.people[name]])
        return Phone(bare_app.test_client(), token)

    return log_in_as
