"""Demo codes open nothing unless settings and database both say demo."""

import dataclasses

import pytest

from app.kernel import marks
from app.kernel.errors import Unauthenticated, Unavailable
from app.kernel.work import unit_of_work
from app.wechat import gateway
from app.wechat.gateway import DevCodes, NotConfigured, WechatLogin
from config import DEMO, PRODUCTION, TEST, SettingsError

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def demo(settings):
    return dataclasses.replace(settings, env=DEMO)


def mark():
    with unit_of_work():
        marks.mark_demo()


def test_a_demo_code_is_its_own_openid_in_a_marked_demo(demo):
    mark()

    assert DevCodes(demo).exchange("dev-grid") == WechatLogin("dev", "dev-grid")


def test_a_demo_code_is_refused_without_the_mark(demo):
    with pytest.raises(Unavailable) as refusal:
        DevCodes(demo).exchange("dev-grid")

    assert refusal.value.code == "wechat_not_configured"


@pytest.mark.parametrize("env", [PRODUCTION, TEST])
def test_a_demo_code_is_refused_outside_demo_mode_even_with_the_mark(settings, env):
    mark()
    other = dataclasses.replace(settings, env=env)

    with pytest.raises(Unavailable):
        gateway.for_settings(other).exchange("dev-grid")
    with pytest.raises(ValueError, match="demo mode only"):
        DevCodes(other)


def test_demo_mode_chooses_demo_codes(demo):
    assert isinstance(gateway.for_settings(demo), DevCodes)


@pytest.mark.parametrize("code", ["", "dev-", "grid", "dev-Grid", "dev-" + "x" * 41, "dev-a\n"])
def test_what_is_no_demo_code_is_refused(demo, code):
    mark()

    with pytest.raises(Unauthenticated) as refusal:
        DevCodes(demo).exchange(code)

    assert refusal.value.code == "bad_code"


def test_the_installed_gateway_answers(demo):
    mark()
    gateway.install(DevCodes(demo))
    try:
        assert gateway.exchange("dev-head").openid == "dev-head"
    finally:
        gateway.install(NotConfigured())
    with pytest.raises(Unavailable):
        gateway.exchange("dev-head")


def test_an_openid_does_not_show_in_a_log_line():
    assert "o-secret" not in repr(WechatLogin("app", "o-secret", "u-secret"))


def test_production_refuses_a_marked_database(settings):
    production = dataclasses.replace(settings, env=PRODUCTION)
    marks.refuse_marked_in_production(production)
    mark()

    with pytest.raises(SettingsError, match="demo"):
        marks.refuse_marked_in_production(production)
    marks.refuse_marked_in_production(dataclasses.replace(settings, env=DEMO))
