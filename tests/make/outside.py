"""A small system around us, over real HTTP: it keeps what it is asked and answers as told."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Outside:
    """A server's address, what it was asked and how it answers."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Reply | None] = lambda _: (200, b"{}")
    """None hangs up without an answer."""


@contextmanager
def outside(answer: Callable[[Asked], Reply | None] | None = None) -> Iterator[Outside]:
    """Open a server on a free port."""
    there = Outside()
    if answer:
        there.answer = answer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.path, dict(self.headers), body)
            there.asked.append(asked)
            replied = there.answer(asked)
            if replied is None:
                self.close_connection = True
                return
            with suppress(ConnectionError):  # whoever asked may be dead by now
                self.send_response(replied[0])
                self.send_header("Content-Length", str(len(replied[1])))
                self.end_headers()
                self.wfile.write(replied[1])
                self.wfile.flush()

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    there.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
