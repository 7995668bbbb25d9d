"""Settings of the systems around us: whole or not at all, and safe in production."""

import base64

import pytest

from config import Settings, SettingsError

KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
PLATFORM = {"PLATFORM_URL": "http://127.0.0.1/", "PLATFORM_KEY_ID": "a", "PLATFORM_KEY": KEY}


def read(tmp_path, **given: str) -> Settings:
    return Settings.from_env({"SANDAN_ENV": "test", "SANDAN_DATA": str(tmp_path), **given})


def production(tmp_path, **given: str) -> Settings:
    secrets = {
        "SANDAN_SECRET_KEY": "s" * 32,
        "SANDAN_FIELD_KEYS": f"k1:{KEY}",
        "SANDAN_INDEX_KEY": KEY,
        "SANDAN_CHAIN_KEY": KEY,
        "DATABASE_URL": "sqlite://",
    }
    return Settings.from_env({**secrets, "SANDAN_DATA": str(tmp_path), **given})


def test_nothing_around_us_is_set_up_by_default(tmp_path):
    settings = read(tmp_path)

    assert (settings.wechat, settings.sms, settings.wecom, settings.platform) == (None,) * 4


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"WECHAT_APPID": "wx1"}, "WECHAT_SECRET"),
        ({"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "WECHAT_PUSH_KEY": "x"}, "WECHAT_PUSH_KEY"),
        ({"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "WECHAT_STATE": "x"}, "WECHAT_STATE"),
        ({"SMS_URL": "http://127.0.0.1/"}, "SMS_KEY"),
        ({"WECOM_CORP_ID": "ww1"}, "WECOM_SECRET"),
        ({"PLATFORM_URL": "http://127.0.0.1/"}, "PLATFORM_KEY_ID"),
        ({"PLATFORM_URL": "http://127.0.0.1/", "PLATFORM_KEY_ID": "a"}, "PLATFORM_KEY"),
        ({**PLATFORM, "PLATFORM_SHARES": "photos,everything"}, "PLATFORM_SHARES"),
    ],
)
def test_half_a_setup_is_refused_by_name(tmp_path, given, missing):
    with pytest.raises(SettingsError, match=missing):
        read(tmp_path, **given)


@pytest.mark.parametrize(
    "given",
    [
        {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "WECHAT_API_URL": "http://127.0.0.1:1/"},
        {"SMS_URL": "http://127.0.0.1/", "SMS_KEY": "k"},
        {"WECOM_ROBOT_URL": "http://127.0.0.1/send?key=k"},
        PLATFORM,
    ],
)
def test_production_sends_nothing_in_the_clear(tmp_path, given):
    with pytest.raises(SettingsError, match="https"):
        production(tmp_path, **given)


def test_production_takes_no_push_whose_body_nothing_proves(tmp_path):
    given = {"WECHAT_APPID": "wx1", "WECHAT_SECRET": "s", "WECHAT_PUSH_TOKEN": "t"}
    with pytest.raises(SettingsError, match="WECHAT_PUSH_KEY"):
        production(tmp_path, **given)

    whole = production(tmp_path, **given, WECHAT_PUSH_KEY="k" * 43)

    assert whole.wechat is not None
    assert read(tmp_path, **given).wechat is not None


def test_keys_do_not_show_in_a_log_line(tmp_path):
    settings = read(
        tmp_path,
        WECHAT_APPID="wx1",
        WECHAT_SECRET="canary-1",
        WECHAT_PUSH_TOKEN="canary-2",
        SMS_URL="http://127.0.0.1/",
        SMS_KEY="canary-3",
    )

    assert "canary" not in repr((settings.wechat, settings.sms))
