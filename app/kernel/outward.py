"""Ask other systems over HTTP: bounded in time and size, with nothing secret in what fails.

No transaction may be open. An address can carry keys and a body personal data,
so an error names the host alone, and what the library said is not chained to it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

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
    if in_unit():
        raise RuntimeError("nothing is asked of the outside inside a unit of work")
    host = urlsplit(url).hostname or "?"
    until = time.monotonic() + timeout_s
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.request(
                method,
                url,
                params=params,
                data=body,
                headers=headers,
                timeout=(min(CONNECT_S, timeout_s), timeout_s),
                allow_redirects=False,
                stream=True,
            )
            taken = _take(response, host, until)
            return Answer(response.status_code, _kind(response), taken)
    except (requests.ConnectTimeout, requests.exceptions.SSLError):
        raise NoAnswer(host, "no connection", maybe_arrived=False) from None
    except requests.RequestException as error:
        arrived = not _was_refused(error)
        raise NoAnswer(host, type(error).__name__, maybe_arrived=arrived) from None


def _take(response: requests.Response, host: str, until: float) -> bytes:
    taken = bytearray()
    for chunk in response.iter_content(_CHUNK):
        taken += chunk
        if len(taken) > MAX_BYTES:
            raise NoAnswer(host, "answer too large", maybe_arrived=True)
        if time.monotonic() > until:
            raise NoAnswer(host, "answer too slow", maybe_arrived=True)
    return bytes(taken)


def _kind(response: requests.Response) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _was_refused(error: requests.RequestException) -> bool:
    """Tell whether the connection was never made, so that nothing can have arrived."""
    return "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
