"""The systems around the product, and how the settings of each are read.

Read by ``config``; the product itself asks only that.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

PRODUCTION = "production"
SHARES = frozenset({"photos", "words", "door", "contact"})
"""What of people a package to the district's platform can hold."""


class SettingsError(ValueError):
    """A setting is missing or unsafe; the message names it, never its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wechat:
    """A mini-program as the WeChat platform knows it; ``push_key`` is its EncodingAESKey."""

    appid: str
    secret: str = field(repr=False)
    push_token: str = field(default="", repr=False)
    push_key: str = field(default="", repr=False)
    state: str = "formal"
    api_url: str = "https://api.weixin.qq.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sms:
    """The HTTP provider that sends short messages."""

    url: str
    key: str = field(repr=False)
    sign: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wecom:
    """An application of 企业微信 that writes to staff."""

    corp_id: str
    agent_id: int
    secret: str = field(repr=False)
    api_url: str = "https://qyapi.weixin.qq.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The district's command platform: where packages go, and the key both sides sign with.

    ``shares`` names what of people may go along (``PLATFORM_SHARES``); without it a package
    holds places, times, states and codes alone.
    """

    url: str
    key_id: str
    key: bytes = field(repr=False)
    shares: frozenset[str] = frozenset({"photos"})


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """Read a secret of at least 32 characters."""
    value = environ.get(name, "")
    if len(value) < 32:
        raise SettingsError(f"{name} must be set, at least 32 characters")
    return value


def read_key(environ: Mapping[str, str], name: str) -> bytes:
    """Read a key of 32 bytes."""
    return decoded(read_secret(environ, name), name)


def decoded(text: str, name: str) -> bytes:
    """Decode a key of 32 bytes from url-safe base64."""
    try:
        key = base64.urlsafe_b64decode(text)
    except ValueError as error:
        raise SettingsError(f"{name} must be 32 bytes in url-safe base64") from error
    if len(key) != 32:
        raise SettingsError(f"{name} must be 32 bytes in url-safe base64")
    return key


def read_number(environ: Mapping[str, str], name: str, default: int) -> int:
    """Read a whole number."""
    text = environ.get(name) or str(default)
    if not text.isdigit():
        raise SettingsError(f"{name} must be a whole number")
    return int(text)


def read_wechat(environ: Mapping[str, str], env: str) -> Wechat | None:
    """Read the mini-program, if there is one."""
    appid = environ.get("WECHAT_APPID", "")
    if not appid:
        return None
    push_key = environ.get("WECHAT_PUSH_KEY", "")
    if push_key and len(push_key) != 43:
        raise SettingsError("WECHAT_PUSH_KEY must be the 43 characters of the EncodingAESKey")
    push_token = environ.get("WECHAT_PUSH_TOKEN", "")
    if push_token and not push_key and env == PRODUCTION:
        # without the key no signature covers what a push says
        raise SettingsError("WECHAT_PUSH_KEY must be set when WECHAT_PUSH_TOKEN is")
    state = environ.get("WECHAT_STATE", "formal")
    if state not in ("formal", "trial", "developer"):
        raise SettingsError("WECHAT_STATE must be formal, trial or developer")
    return Wechat(
        appid=appid,
        secret=needed(environ, "WECHAT_SECRET", "WECHAT_APPID"),
        push_token=push_token,
        push_key=push_key,
        state=state,
        api_url=read_address(environ, "WECHAT_API_URL", env, "https://api.weixin.qq.com/"),
    )


def read_sms(environ: Mapping[str, str], env: str) -> Sms | None:
    """Read the provider of texts, if there is one."""
    url = read_address(environ, "SMS_URL", env, "")
    if not url:
        return None
    key = needed(environ, "SMS_KEY", "SMS_URL")
    return Sms(url=url, key=key, sign=environ.get("SMS_SIGN", ""))


def read_wecom(environ: Mapping[str, str], env: str) -> Wecom | None:
    """Read the application of 企业微信, if there is one."""
    corp_id = environ.get("WECOM_CORP_ID", "")
    if not corp_id:
        return None
    return Wecom(
        corp_id=corp_id,
        agent_id=read_number(environ, "WECOM_AGENT_ID", 0),
        secret=needed(environ, "WECOM_SECRET", "WECOM_CORP_ID"),
        api_url=read_address(environ, "WECOM_API_URL", env, "https://qyapi.weixin.qq.com/"),
    )


def read_platform(environ: Mapping[str, str], env: str) -> Platform | None:
    """Read the district's platform, if there is one."""
    url = read_address(environ, "PLATFORM_URL", env, "")
    if not url:
        return None
    return Platform(
        url=url,
        key_id=needed(environ, "PLATFORM_KEY_ID", "PLATFORM_URL"),
        key=read_key(environ, "PLATFORM_KEY"),
        shares=_shares(environ.get("PLATFORM_SHARES", "photos")),
    )


def _shares(text: str) -> frozenset[str]:
    named = frozenset(one.strip() for one in text.split(",") if one.strip())
    if not named <= SHARES:
        raise SettingsError(f"PLATFORM_SHARES must be some of {', '.join(sorted(SHARES))}")
    return named


def needed(environ: Mapping[str, str], name: str, because: str) -> str:
    """Read what cannot be missing once something else is set."""
    value = environ.get(name, "")
    if not value:
        raise SettingsError(f"{name} must be set when {because} is")
    return value


def read_address(environ: Mapping[str, str], name: str, env: str, default: str) -> str:
    """Read the address of another system; in production nothing travels in the clear."""
    url = environ.get(name, "") or default
    if url and env == PRODUCTION and not url.startswith("https://"):
        raise SettingsError(f"{name} must begin with https:// in production")
    return url
