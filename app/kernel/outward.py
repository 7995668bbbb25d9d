"""Ask other systems over HTTP: bounded in time and size, with nothing secret in what fails.

No transaction may be open. An address can carry keys and a body personal data,
so an error names the host alone, and what the library said is not chained to it.

The time-outs of a library count from one byte to the next, so a peer that drips
its headers or its body holds a thread for ever. Here each request has a total: a
watchdog shuts its connection down when the time is over. (Looking up a name is
the resolver's own matter and bounded by its settings.)
"""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPException
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from app.kernel.work import in_unit

TIMEOUT_S = 5.0
CONNECT_S = 3.0
MAX_BYTES = 1024 * 1024
_CHUNK = 16 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status says; ``kind`` is its media type."""

    status: int
    kind: str
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """Read the body as JSON.

        Raises:
            ValueError: it is none.

        """
        return json.loads(self.body)


class NoAnswer(Exception):
    """Nothing usable came back; ``maybe_arrived`` if the other side may have acted."""

    def __init__(self, host: str, why: str, *, maybe_arrived: bool) -> None:
        self.host = host
        self.why = why
        self.maybe_arrived = maybe_arrived
        super().__init__(f"{host}: {why}")


class _Watch:
    """The time of one request: it holds the connections and shuts them when time is up."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.connected = False
        self._held: list[socket.socket] = []
        self._lock = threading.Lock()

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    def hold(self, raw: socket.socket) -> None:
        # A second handle on the same connection: TLS takes the first one over before
        # anybody can see the new one, and a handshake can drip as well.
        with self._lock:
            self._held.append(socket.socket(fileno=os.dup(raw.fileno())))

    def shut(self) -> None:
        with self._lock:
            for held in self._held:
                try:
                    held.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the other side was faster

    def let_go(self) -> None:
        with self._lock:
            for held in self._held:
                held.close()
            self._held.clear()


_watch: ContextVar[_Watch | None] = ContextVar("outward_watch", default=None)


@contextmanager
def _watched(seconds: float) -> Iterator[_Watch]:
    watch = _Watch(seconds)
    token = _watch.set(watch)
    timer = threading.Timer(seconds, watch.shut)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()
        _watch.reset(token)
        watch.let_go()


class _Plain(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _hold(made)
        return made

    def connect(self) -> None:
        super().connect()
        _note_connected()


class _Tls(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        _hold(made)
        return made

    def connect(self) -> None:
        super().connect()
        _note_connected()


def _hold(made: socket.socket) -> None:
    watch = _watch.get()
    if watch is not None:
        watch.hold(made)


def _note_connected() -> None:
    watch = _watch.get()
    if watch is not None:
        watch.connected = True


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}


class Outside(requests.Session):
    """A session whose every request ends within ``total_s``, and whose errors tell nothing.

    For libraries that bring their own client. A connection serves one request: one
    kept open may be closed by the other side just as we write, and then nobody can
    tell whether the request arrived.
    """

    def __init__(self, total_s: float = TIMEOUT_S) -> None:
        super().__init__()
        self.total_s = total_s
        self.trust_env = False
        self.headers["Connection"] = "close"
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Adapter())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request and take its whole answer, without following redirects.

        Raises:
            NoAnswer: no connection, too slow, or larger than ``MAX_BYTES``.
            RuntimeError: a transaction is open.

        """
        if in_unit():
            raise RuntimeError("nothing is asked of the outside inside a unit of work")
        timeout = (min(CONNECT_S, self.total_s), self.total_s)
        kwargs |= {"stream": True, "allow_redirects": False, "timeout": timeout}
        why = ""
        with _watched(self.total_s) as watch:
            try:
                response = super().send(request, **kwargs)
                taken = _take(response, watch)
            except (
                requests.RequestException,
                HTTPError,
                HTTPException,
                OSError,
                ValueError,
            ) as error:
                why = type(error).__name__
            else:
                why = "answer too large" if len(taken) > MAX_BYTES else ""
            # An answer cut off by the watchdog can look like one that has ended.
            why = "answer too slow" if watch.connected and watch.is_over else why
        if why:
            # Raised here, outside of what caught it: the library's error names the
            # whole address, and would hang on as the context of ours.
            host = urlsplit(request.url or "").hostname or "?"
            raise NoAnswer(str(host), why, maybe_arrived=watch.connected)
        response._content = taken
        response._content_consumed = True  # type: ignore[attr-defined]
        return response


def ask(
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """Send one request and take the whole answer within ``timeout_s`` seconds; no redirects.

    Raises:
        NoAnswer: no connection, too slow, or larger than ``MAX_BYTES``.
        RuntimeError: a transaction is open.

    """
    with Outside(timeout_s) as session:
        response = session.request(method, url, params=params, data=body, headers=headers)
    return Answer(response.status_code, _kind(response), response.content)


def _take(response: requests.Response, watch: _Watch) -> bytes:
    taken = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK):
            taken += chunk
            if len(taken) > MAX_BYTES or watch.is_over:
                break
    finally:
        response.close()
    return bytes(taken)


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
