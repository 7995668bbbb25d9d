"""``flask demo``: only in demo mode, only into an empty database."""

from dataclasses import replace

import pytest

from app.cli import demo
from app.identity import queries as identity
from app.identity import service as identity_service
from app.kernel import marks
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work
from config import DEMO

pytestmark = pytest.mark.usefixtures("app", "monday")


@pytest.fixture
def run(app):
    def invoke(*words):
        return app.test_cli_runner().invoke(demo.demo_commands, list(words))

    return invoke


@pytest.fixture
def in_demo_mode(app, settings, monkeypatch):
    monkeypatch.setitem(app.extensions, "settings", replace(settings, env=DEMO))


def test_the_demo_loads_in_demo_mode_only(run):
    told = run("load")

    assert told.exit_code == 1
    assert "SANDAN_ENV=demo" in told.output
    assert not identity.has_persons()


@pytest.mark.usefixtures("in_demo_mode")
def test_a_database_in_use_stays_as_it_is(run):
    with unit_of_work():
        identity_service.add_person(SYSTEM, name="周桂芳")

    told = run("load")

    assert told.exit_code == 1
    assert "已有数据" in told.output
    assert not marks.demo_marked()


def test_without_a_demo_there_are_no_accounts(run):
    assert "没有演示区" in run("accounts").output


def test_serving_leaves_a_database_in_use_alone():
    with unit_of_work():
        identity_service.add_person(SYSTEM, name="周桂芳")

    said = demo.prepare()

    assert said == ["数据库里已有数据，演示区只能装进空库。没有装入演示区。"]
    assert not session().in_transaction()
