"""Asking other systems is bounded, and what fails tells nothing secret."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.kernel import outward
from app.kernel.outward import NoAnswer
from app.kernel.work import unit_of_work

SECRET = "canary-4711"
HERE = ip_address("127.0.0.1")


@contextmanager
def serving(answer) -> Iterator[str]:
    """Serve ``answer(handler)`` for every request on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def reply(status: int, body: bytes, **headers: str):
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def test_an_answer_comes_back_whatever_its_status():
    with serving(reply(503, b'{"a": 1}', **{"Content-Type": "application/json; charset=x"})) as url:
        answer = outward.ask("POST", url, body=b"{}")

    assert (answer.status, answer.kind, answer.json()) == (503, "application/json", {"a": 1})


def test_a_redirect_is_not_followed():
    with serving(reply(302, b"", Location="http://127.0.0.1:1/")) as url:
        assert outward.ask("POST", url).status == 302


def test_nobody_there_has_not_arrived_and_tells_no_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(NoAnswer) as failure:
        outward.ask("POST", f"http://127.0.0.1:{port}/x?secret={SECRET}", timeout_s=2)

    assert not failure.value.maybe_arrived
    assert SECRET not in f"{failure.value!r}"
    assert (failure.value.__cause__, failure.value.__context__) == (None, None)


def test_silence_ends_in_time_and_may_have_arrived():
    held = threading.Event()
    with serving(lambda _: held.wait(5)) as url:
        try:
            with pytest.raises(NoAnswer) as failure:
                outward.ask("POST", url, timeout_s=0.3)
        finally:
            held.set()

    assert failure.value.maybe_arrived


DRIPS = {
    "headers": b"HTTP/1.1 200 OK\r\nX-Long: ",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
    "body without a length": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
}


@contextmanager
def dripping(
    beginning: bytes, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, threading.Event]]:
    """Answer one caller a byte at a time, until told to stop (or they hang up)."""
    stop, gone = threading.Event(), threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        raw, _ = listener.accept()
        with tls.wrap_socket(raw, server_side=True) if tls else raw as caller, suppress(OSError):
            caller.recv(65536)
            caller.sendall(beginning)
            while not stop.wait(0.02):
                caller.sendall(b"x")
        if not stop.is_set():
            gone.set()

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", gone
    finally:
        stop.set()
        thread.join(5)
        listener.close()


@pytest.mark.parametrize("part", DRIPS)
def test_a_drip_is_hung_up_on_when_the_time_is_over(part):
    with dripping(DRIPS[part]) as (url, gone):
        with pytest.raises(NoAnswer, match="too slow") as failure:
            outward.ask("POST", f"{url}?secret={SECRET}", timeout_s=0.3)

        assert failure.value.maybe_arrived
        assert gone.wait(5), "the line is still open"
    assert failure.value.__context__ is None


@pytest.mark.parametrize("part", DRIPS)
def test_without_the_watchdog_a_drip_would_hold_on(part, monkeypatch):
    monkeypatch.setattr(outward._Watch, "shut", lambda _: None)
    ended = threading.Event()

    def ask(url: str) -> None:
        with suppress(NoAnswer):
            outward.ask("POST", url, timeout_s=0.1)
        ended.set()

    with dripping(DRIPS[part]) as (url, _):
        asker = threading.Thread(target=ask, args=(url,))
        asker.start()
        assert not ended.wait(1)
    asker.join(10)


def certificate(folder: Path) -> Path:
    """Make a key and a certificate of 127.0.0.1 that it signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(HERE)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "here.pem"
    path.write_bytes(key.private_bytes(pem, pkcs8, plain) + made.public_bytes(pem))
    return path


def test_a_drip_behind_tls_is_hung_up_on_and_may_have_arrived(tmp_path):
    path = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with dripping(DRIPS["body"], context) as (url, gone), outward.Outside(0.5) as session:
        session.verify = str(path)
        with pytest.raises(NoAnswer, match="too slow") as failure:
            session.post(url.replace("http:", "https:"), data=b"{}")

        assert failure.value.maybe_arrived
        assert gone.wait(5), "the line is still open"


def test_a_handshake_that_never_comes_is_hung_up_on():
    """A listener that speaks no TLS: nothing can have arrived."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(NoAnswer) as failure:
            outward.ask("POST", f"https://127.0.0.1:{port}/", timeout_s=0.3)

    assert not failure.value.maybe_arrived


def test_an_endless_answer_is_given_up():
    with (
        serving(reply(200, b"x" * (outward.MAX_BYTES + 1))) as url,
        pytest.raises(NoAnswer, match="too large"),
    ):
        outward.ask("POST", url)


@pytest.mark.usefixtures("app")
def test_nothing_is_asked_inside_a_transaction():
    with unit_of_work(), pytest.raises(RuntimeError, match="unit of work"):
        outward.ask("POST", "http://127.0.0.1:1/")
