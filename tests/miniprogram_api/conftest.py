"""Fixtures of the phone door's tests."""

from collections.abc import Iterator

import pytest
from flask import Flask

from app.kernel.errors import Invalid
from app.kernel.http import limits
from app.wechat import gateway
from app.wechat.gateway import DEV_APPID, WechatLogin
from config import Settings
from tests.miniprogram_api.conformity import Conformity


@pytest.fixture(autouse=True)
def uncounted(bare_app: Flask, settings: Settings) -> None:
    """Begin each test with rate limits that have counted nothing."""
    limits.install(bare_app, settings)


class Believing(gateway.NotConfigured):
    """A WeChat that knows a code's holder by the code itself."""

    def exchange(self, code: str) -> WechatLogin:
        return WechatLogin(appid=DEV_APPID, openid=code)

    def appid(self) -> str:
        return DEV_APPID

    def phone_number(self, code: str, openid: str) -> str:
        raise Invalid("没有拿到手机号，请再点一次授权按钮。", code="bad_phone_code")


@pytest.fixture
def wechat() -> Iterator[None]:
    """WeChat as the world's people use it: code ``dev-x`` is person ``x``."""
    gateway.install(Believing())
    yield
    gateway.install(gateway.NotConfigured())


@pytest.fixture(scope="session")
def conformity(bare_app: Flask) -> Iterator[Conformity]:
    """Holds every answer of these tests against the OpenAPI page."""
    watching = Conformity(bare_app)
    hooks = bare_app.after_request_funcs.setdefault(None, [])
    hooks.append(watching.look)
    yield watching
    hooks.remove(watching.look)


@pytest.fixture(autouse=True)
def no_lies(conformity: Conformity) -> Iterator[None]:
    """After each test: the page told the truth about every answer."""
    conformity.lies.clear()
    yield
    assert conformity.lies == []
