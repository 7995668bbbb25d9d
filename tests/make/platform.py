"""The district's platform: takes signed packages on a port of its own, and answers."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

from app.escalation import exchange
from app.escalation import queries as packages
from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from config import Platform
from tests.make import tickets as make
from tests.make.world import World
from workers import jobs

KEY_ID = "district-1"
KEY = bytes(range(32))


@dataclass
class District:
    """What the platform was handed, in order, and what it says next."""

    url: str = ""
    status: int = 200
    says: bytes = b'{"reference": "QP-2026-0001"}'
    taken: list[dict[str, Any]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    forged: int = 0

    def keep(self, headers: Any, raw: bytes) -> None:
        """Check the signature in words of our own, then keep the package."""
        signed = headers["X-Sandan-Timestamp"].encode() + b"." + raw
        expected = hmac.new(KEY, signed, hashlib.sha256).hexdigest()
        if (headers["X-Sandan-Key-Id"], headers["X-Sandan-Signature"]) != (KEY_ID, expected):
            self.forged += 1
            return
        self.raw.append(raw)
        self.taken.append(json.loads(raw))


@contextmanager
def standing(*, shares: str = "photos", status: int = 200) -> Iterator[District]:
    """Let a platform stand and be the one in use."""
    district = District(status=status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            district.keep(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(district.status)
            self.end_headers()
            self.wfile.write(district.says)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    district.url = f"http://127.0.0.1:{server.server_port}/packages"
    try:
        with set_up(district.url, shares):
            yield district
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def set_up(url: str = "http://127.0.0.1:9/", shares: str = "photos") -> Iterator[None]:
    """Tell the product of a platform at ``url``."""
    granted = frozenset(one for one in shares.split(",") if one)
    exchange.install(Platform(url=url, key_id=KEY_ID, key=KEY, shares=granted))
    try:
        yield
    finally:
        exchange.install(None)


def answer_body(package_id: UUID, number: str, **changes: Any) -> bytes:
    """Write an answer of the platform."""
    body = {
        "kind": "sandan.answer",
        "id": "A-1",
        "package": str(package_id),
        "ticket": number,
        "text": "已协调水务集团，三日内换管。",
    }
    return json.dumps({**body, **changes}, ensure_ascii=False).encode()


def headers(raw: bytes, at: datetime, *, key: bytes = KEY, key_id: str = KEY_ID) -> dict[str, str]:
    """Sign a body as the platform does."""
    timestamp = str(int(at.timestamp()))
    signed = hmac.new(key, timestamp.encode() + b"." + raw, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Sandan-Key-Id": key_id,
        "X-Sandan-Timestamp": timestamp,
        "X-Sandan-Signature": signed,
    }


def picture(package: dict[str, Any], position: int = 0) -> bytes:
    """Take a photo out of a package."""
    return base64.b64decode(package["photos"][position]["data"])


def at_district(world: World, *, photo: bool = False, **changes: Any) -> tuple[UUID, UUID]:
    """Have a ticket that nobody accepts climb to the district; its id and its package's."""
    given = {"media": [make.photo(world, "resident")]} if photo else {}
    ticket_id = make.submitted(world, **given, **changes)
    for _ in range(2):
        with unit_of_work():
            tickets.lift_ceiling(world.actor("street"), ticket_id, Words("由区里协调"))
    return ticket_id, climbed(ticket_id)


def climbed(ticket_id: UUID) -> UUID:
    """Let time pass until a ticket has come to the district; its package's id."""
    moment = queries.get(ticket_id).accept_due_at + timedelta(seconds=1)
    for _ in range(3):
        with clock.frozen(moment):
            jobs.watch(clock.now())
        session.expire_all()
        moment = (queries.get(ticket_id).tier_due_at or moment) + timedelta(seconds=1)
    (row,) = packages.packages_of(ticket_id)
    return row.id
