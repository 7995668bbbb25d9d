"""Everything turnable, in one frozen dataclass.

Settings are read once, in ``from_env``, and handed in from there on; nothing
else in the house looks at the environment. Outside production the secrets are
made on first use and kept in the data folder, so that a fresh clone runs
without a key; in production each must be given.
"""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from around import (
    PRODUCTION,
    SHARES,
    Platform,
    SettingsError,
    Sms,
    Wechat,
    Wecom,
    decoded,
    read_address,
    read_key,
    read_number,
    read_platform,
    read_secret,
    read_sms,
    read_wechat,
    read_wecom,
)

__all__ = [
    "DEMO",
    "DEMO_APPID",
    "LISTENERS",
    "MODES",
    "PRODUCTION",
    "ROOT",
    "SHARES",
    "TEST",
    "Platform",
    "Settings",
    "SettingsError",
    "Sms",
    "Wechat",
    "Wecom",
]

ROOT = Path(__file__).resolve().parent

DEMO = "demo"
TEST = "test"
MODES = (PRODUCTION, DEMO, TEST)


DEMO_APPID = "dev"
"""The mini-program of the demo; nothing real is called so."""

LISTENERS = 2 * (os.cpu_count() or 1) + 1
"""Threads of a web process that take requests in; few of them work at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a running product was told."""

    env: str = PRODUCTION
    secret_key: str
    field_keys: tuple[tuple[str, bytes], ...]
    index_key: bytes
    chain_key: bytes
    data_dir: Path
    database_url: str
    redis_url: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    web_workers: int = 2
    web_threads: int = LISTENERS
    web_at_once: int = 2
    embedded_worker: bool = False
    trusted_proxies: int = 0
    max_body_bytes: int = 12 * 1024 * 1024
    rate_limits: bool = True
    log_level: str = "INFO"
    public_url: str = ""
    wechat: Wechat | None = None
    sms: Sms | None = None
    wecom: Wecom | None = None
    wecom_robot_url: str = field(default="", repr=False)
    """The webhook of a group robot of 企业微信; the key is part of it."""
    platform: Platform | None = None

    @property
    def is_production(self) -> bool:
        """Tell whether this is the real thing."""
        return self.env == PRODUCTION

    @property
    def fakes_wechat(self) -> bool:
        """Tell whether the fake WeChat of the demo answers for WeChat."""
        return self.env == DEMO and self.wechat is not None and self.wechat.appid == DEMO_APPID

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the database is the embedded file."""
        return self.database_url.startswith("sqlite")

    @property
    def media_dir(self) -> Path:
        """Name the folder that keeps photos and voice."""
        return self.data_dir / "media"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings, refusing what is unsafe.

        Raises:
            SettingsError: a value is missing, malformed or unsafe in production.

        """
        env = environ.get("SANDAN_ENV", PRODUCTION)
        if env not in MODES:
            raise SettingsError(f"SANDAN_ENV must be one of {', '.join(MODES)}")
        data_dir = Path(environ.get("SANDAN_DATA", ROOT / "var")).resolve()
        kept = dict(environ) if env == PRODUCTION else {**_kept_secrets(data_dir), **environ}
        return cls(
            env=env,
            secret_key=read_secret(kept, "SANDAN_SECRET_KEY"),
            field_keys=_field_keys(read_secret(kept, "SANDAN_FIELD_KEYS")),
            index_key=read_key(kept, "SANDAN_INDEX_KEY"),
            chain_key=read_key(kept, "SANDAN_CHAIN_KEY"),
            data_dir=data_dir,
            database_url=_database_url(environ.get("DATABASE_URL"), env, data_dir),
            redis_url=environ.get("REDIS_URL") or None,
            host=environ.get("HOST", "127.0.0.1"),
            port=read_number(environ, "PORT", 8000),
            web_workers=read_number(environ, "WEB_WORKERS", 2),
            web_threads=read_number(environ, "WEB_THREADS", LISTENERS),
            web_at_once=read_number(environ, "WEB_AT_ONCE", 2),
            embedded_worker=environ.get("SANDAN_EMBEDDED_WORKER", "") == "1",
            trusted_proxies=read_number(environ, "TRUSTED_PROXIES", 0),
            rate_limits=environ.get("SANDAN_RATE_LIMITS", "1") != "0",
            log_level=environ.get("LOG_LEVEL", "INFO"),
            public_url=environ.get("PUBLIC_URL", ""),
            wechat=_fake_wechat(kept, environ) if env == DEMO else read_wechat(environ, env),
            sms=read_sms(environ, env),
            wecom=read_wecom(environ, env),
            wecom_robot_url=read_address(environ, "WECOM_ROBOT_URL", env, ""),
            platform=read_platform(environ, env),
        )


def _kept_secrets(data_dir: Path) -> dict[str, str]:
    """Read the secrets of a demo or test folder, making on first use what is missing."""
    path = data_dir / "secrets.json"
    kept = _read_secrets(path)
    if kept.keys() >= _MADE.keys():
        return kept
    data_dir.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start together agree
        kept = {name: make() for name, make in _MADE.items()} | _read_secrets(path)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(kept), encoding="utf-8")
        draft.replace(path)
    return kept


def _read_secrets(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return kept


def _random_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


_MADE: Mapping[str, Callable[[], str]] = {
    "SANDAN_SECRET_KEY": lambda: secrets.token_urlsafe(32),
    "SANDAN_FIELD_KEYS": lambda: f"k1:{_random_key()}",
    "SANDAN_INDEX_KEY": _random_key,
    "SANDAN_CHAIN_KEY": _random_key,
    "WECHAT_FAKE_SECRET": lambda: secrets.token_hex(16),
    "WECHAT_FAKE_PUSH_TOKEN": lambda: secrets.token_hex(16),
    # An EncodingAESKey is 32 bytes in base64 without its last sign.
    "WECHAT_FAKE_PUSH_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode()[:43],
}


def _field_keys(text: str) -> tuple[tuple[str, bytes], ...]:
    """Read ``id:base64,id:base64``; the first encrypts, every one decrypts."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    keys = tuple((name, decoded(key, "SANDAN_FIELD_KEYS")) for name, _, key in pairs)
    if not keys or any(not name for name, _ in keys) or len({n for n, _ in keys}) != len(keys):
        raise SettingsError("SANDAN_FIELD_KEYS must be id:key pairs with different ids")
    return keys


def _database_url(given: str | None, env: str, data_dir: Path) -> str:
    if not given:
        if env == PRODUCTION:
            raise SettingsError("DATABASE_URL must be set in production")
        return f"sqlite:///{data_dir / 'sandan.db'}"
    for prefix in ("postgres://", "postgresql://"):
        if given.startswith(prefix):
            return "postgresql+psycopg://" + given.removeprefix(prefix)
    return given


def _fake_wechat(kept: Mapping[str, str], environ: Mapping[str, str]) -> Wechat | None:
    """Point a demo at the fake WeChat on the port after its own, unless it was given a real one."""
    given = read_wechat(environ, DEMO)
    if given is not None and given.appid != DEMO_APPID:
        return given
    return Wechat(
        appid=DEMO_APPID,
        secret=kept["WECHAT_FAKE_SECRET"],
        push_token=kept["WECHAT_FAKE_PUSH_TOKEN"],
        push_key=kept["WECHAT_FAKE_PUSH_KEY"],
        state="developer",
        api_url=f"http://127.0.0.1:{read_number(environ, 'PORT', 8000) + 1}/",
    )
