"""What the district's platform is handed, and how both sides sign: pure.

``document`` is what is said of a ticket without any person in it; ``with_people`` adds
what the platform was granted by a setting; ``write`` gives the bytes that are signed.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

PACKAGE, ANSWER = "sandan.package", "sandan.answer"
"""What a body is; it keeps one side's words from being played back to the other."""
VERSION = 1

KEY_ID, TIMESTAMP, SIGNATURE = "X-Sandan-Key-Id", "X-Sandan-Timestamp", "X-Sandan-Signature"
FRESH = timedelta(minutes=5)
"""How far the clock of the one who signs may be off, and how late a signature may come."""

MAX_PHOTOS = 6
MAX_PHOTO_BYTES = 4 * 1024 * 1024
"""Of all photos together; what does not fit is named, not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo of a ticket: what is known of it and, if it travels, its bytes."""

    id: UUID
    stem: str = field(repr=False)
    size: int
    at: datetime | None
    purpose: str | None


def chosen(photos: Sequence[Photo]) -> tuple[Photo, ...]:
    """Choose the photos that travel: the newest first, as many as fit."""
    taken: list[Photo] = []
    room = MAX_PHOTO_BYTES
    for one in reversed(photos):
        if len(taken) < MAX_PHOTOS and one.size <= room:
            taken.append(one)
            room -= one.size
    return tuple(reversed(taken))


def write(document: Mapping[str, Any], photos: Iterable[tuple[Photo, bytes]]) -> bytes:
    """Write the package as it is signed and sent: JSON in UTF-8."""
    pictures = [
        {
            "id": str(one.id),
            "at": said(one.at),
            "with": one.purpose,
            "type": "image/jpeg",
            "sha256": hashlib.sha256(data).hexdigest(),
            "data": base64.b64encode(data).decode(),
        }
        for one, data in photos
    ]
    whole = {**document, "photos": pictures}
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def said(at: datetime | None) -> str | None:
    """Write a moment as the package does."""
    return at.isoformat(timespec="seconds") if at else None


def signature(key: bytes, timestamp: str, raw: bytes) -> str:
    """Sign a body: HMAC-SHA256 over the timestamp, a dot and the raw bytes, in hex."""
    return hmac.new(key, timestamp.encode() + b"." + raw, hashlib.sha256).hexdigest()


def is_signed(key: bytes, timestamp: str, raw: bytes, given: str) -> bool:
    """Compare a signature in a time that tells nothing about it."""
    return hmac.compare_digest(signature(key, timestamp, raw).encode(), given.encode())


def is_fresh(timestamp: str, now: datetime) -> bool:
    """Tell whether a timestamp (seconds since 1970, in digits) lies close to now."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= FRESH.total_seconds()
