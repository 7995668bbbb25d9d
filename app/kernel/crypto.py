"""Secrets at rest: field encryption with key rotation, blind index, signatures.

AES-256-GCM from ``cryptography``. A sealed value reads ``<key id>:<base64>``,
so each row names its key: the first key of the ring seals, every key opens,
and rotation is re-sealing rows whose key is not the first. The ring is
installed once by the factory; the keys never stand in the database.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import Text, TypeDecorator
from sqlalchemy.engine import Dialect

NONCE = 12


class Unreadable(Exception):
    """A sealed value does not open: wrong key, or tampered with."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one running product."""

    field_keys: Sequence[tuple[str, bytes]]
    index_key: bytes
    chain_key: bytes
    secret_key: str


_installed: list[Keyring] = []


def install(keyring: Keyring) -> None:
    """Make ``keyring`` the one in use."""
    _installed[:] = [keyring]


def _ring() -> Keyring:
    if not _installed:
        raise RuntimeError("no keyring installed; the factory does that")
    return _installed[0]


def seal(text: str) -> str:
    """Encrypt ``text`` with the first key of the ring."""
    key_id, key = _ring().field_keys[0]
    nonce = secrets.token_bytes(NONCE)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), key_id.encode())
    return f"{key_id}:{base64.b64encode(nonce + sealed).decode()}"


def open_sealed(value: str) -> str:
    """Decrypt what :func:`seal` made.

    Raises:
        Unreadable: no key of the ring opens it.

    """
    key_id, _, body = value.partition(":")
    key = dict(_ring().field_keys).get(key_id)
    if key is None:
        raise Unreadable(f"no key {key_id!r} in the ring")
    try:
        raw = base64.b64decode(body)
        return AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], key_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise Unreadable("a sealed value does not open") from error


def newest_key() -> str:
    """Name the key that seals new values."""
    return _ring().field_keys[0][0]


def is_stale(value: str) -> bool:
    """Tell whether ``value`` was sealed with an older key (rotation is due)."""
    return value.partition(":")[0] != newest_key()


def blind_index(kind: str, value: str) -> str:
    """Make the lookup key of a sealed value; equal values of a kind agree."""
    return _hmac(_ring().index_key, f"{kind}\0{value}".encode())


def fingerprint(value: str) -> str:
    """Hash a token that opens something, for storing (64 hex digits)."""
    return hashlib.sha256(value.encode()).hexdigest()


def chain_link(previous: str, canonical: str) -> str:
    """Sign one step of a history chain with the key kept outside the database."""
    return _hmac(_ring().chain_key, f"{previous}\0{canonical}".encode())


def commitment(salt: str, text: str) -> str:
    """Commit to a personal text that may be erased later."""
    return hashlib.sha256(f"{salt}\0{text}".encode()).hexdigest()


def sign_token(purpose: str, payload: object) -> str:
    """Sign a small JSON payload for a link; see :func:`read_token`."""
    return str(URLSafeTimedSerializer(_ring().secret_key, salt=purpose).dumps(payload))


def read_token(purpose: str, token: str, *, max_age: int) -> object | None:
    """Read a signed payload no older than ``max_age`` seconds, or None."""
    serializer = URLSafeTimedSerializer(_ring().secret_key, salt=purpose)
    try:
        payload: object = serializer.loads(token, max_age=max_age)
    except BadData:
        return None
    return payload


def _hmac(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()


class Sealed(TypeDecorator[str]):
    """A text column that is encrypted in the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Encrypt on the way in."""
        return None if value is None else seal(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Decrypt on the way out."""
        return None if value is None else open_sealed(value)
