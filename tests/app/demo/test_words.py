"""The demo says what it has to say in templates that the fake WeChat knows."""

from dataclasses import replace

import pytest

from app.cli import demo
from app.demo import words
from app.kernel import marks
from app.kernel.work import unit_of_work
from app.notifications import queries
from app.notifications.rules import fitting
from app.notifications.rules.telling import ASKED_AT, OF_STAFF, TOLD, Audience
from app.notifications.rules.ways import Way
from app.wechat.answers import Template
from app.wechat.fake.state import CONTENT, TEMPLATES
from config import DEMO, DEMO_APPID, Wechat
from tests.conftest import MONDAY

THE_FAKES = {
    key: Template(id=key, title=title, content=CONTENT) for key, title in TEMPLATES.items()
}


@pytest.fixture
def told(app, monday):
    with unit_of_work():
        return words.tell()


@pytest.fixture
def in_demo_mode(app, settings, monkeypatch):
    def of(appid):
        wechat = Wechat(appid=appid, secret="s")
        monkeypatch.setitem(app.extensions, "settings", replace(settings, env=DEMO, wechat=wechat))
        with unit_of_work():
            marks.mark_demo()

    return of


def test_every_row_fits_its_template(told):
    rows = queries.in_force(MONDAY)

    assert len(rows) == told
    assert {row.template_id for row in rows} == set(TEMPLATES)
    assert {row.kind: faults for row in rows if (faults := fitting.faults(row, THE_FAKES))} == {}


def test_all_that_is_pushed_about_a_ticket_has_its_row(told):
    pushed = {
        (one.kind, one.audience)
        for tellings in TOLD.values()
        for one in tellings
        if one.push and one.audience is not Audience.ACCUSED
    }
    assert len(pushed) > 20

    for kind, audience in pushed:
        said = queries.wording_for(kind, audience, Way.WECHAT, MONDAY)
        assert said is not None, (kind, audience)
        assert (said.template_id == words.WORK) == (audience in OF_STAFF)


@pytest.mark.parametrize("moment", sorted(ASKED_AT))
def test_there_is_something_to_ask_for_at_every_moment(told, moment):
    asked = queries.asks(moment, MONDAY)

    assert asked
    assert (words.WORK in asked) == (moment == "work")


def test_told_twice_it_stays_as_it_is(told):
    with unit_of_work():
        assert words.tell() == 0


def test_a_demo_that_was_loaded_before_gets_the_words_when_it_is_served(in_demo_mode, app, monday):
    in_demo_mode(DEMO_APPID)

    demo.prepare()

    assert queries.in_force(MONDAY)


def test_a_demo_with_a_real_mini_program_is_left_alone(in_demo_mode, app, monday):
    in_demo_mode("wx1")

    demo.prepare()

    assert queries.in_force(MONDAY) == []
