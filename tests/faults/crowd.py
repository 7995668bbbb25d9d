"""Residents who report and do not give up: one key per report, repeated until acknowledged."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from itertools import cycle, islice
from uuid import UUID, uuid4

from app.identity.rules import LoginMethod
from app.identity.service.sessions import open_session
from app.kernel import clock
from app.kernel.db import db, session
from app.kernel.work import unit_of_work
from tests.make.world import World

REPORTERS = ("resident", "neighbour", "stranger", "old_resident", "head", "grid")
CATEGORY = "WPE-LIGHT"
PASSING = frozenset({409, 429, 503})
"""Refusals that say "later": nothing was taken, the same key may be sent again."""


@dataclass(frozen=True, slots=True)
class Ack:
    """What the server promised: a ticket for a key."""

    key: str
    ticket_id: UUID
    replayed: bool
    seconds: float
    """From the first try to the answer."""


@dataclass
class Tally:
    """What all of them saw."""

    acks: list[Ack] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    """Keys given up after a failure: there may be one ticket or none."""
    refused: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    """Reports sent whose answer never came."""

    @property
    def replays(self) -> int:
        """Count the answers repeated to a key whose first answer was lost."""
        return sum(ack.replayed for ack in self.acks)

    @property
    def slowest(self) -> float:
        return max((ack.seconds for ack in self.acks), default=0.0)


def form(world: World, text: str = "楼道灯不亮") -> dict[str, object]:
    """Fill in a report of a light that the rules dispatch at once."""
    return {
        "category": CATEGORY,
        "place": {"scene": world.scenes["building"]},
        "text": text,
        "contact": {"name": "周桂芳", "phone": "10020000000"},
    }


def log_in(person_ids: Sequence[UUID]) -> list[str]:
    """Open a session for each; tokens."""
    at = clock.now()
    tokens = []
    with unit_of_work():
        for person_id in person_ids:
            opened = open_session(person_id, LoginMethod.WECHAT, at)
            assert opened is not None
            tokens.append(opened.token)
    return tokens


def post(line: HTTPConnection, path: str, token: str, key: str, body: object) -> HTTPResponse:
    """Send one unsafe request."""
    line.request(
        "POST",
        "/mp/v1" + path,
        body=json.dumps(body),
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        },
    )
    return line.getresponse()


def hands_off() -> None:
    """Let go of the database, so that the server is alone with it."""
    session.remove()
    db.engine.dispose()


class Resident(threading.Thread):
    """One of them."""

    def __init__(self, crowd: "Crowd", token: str, seed: int) -> None:
        super().__init__(daemon=True)
        self._crowd = crowd
        self._token = token
        self._luck = random.Random(seed)  # noqa: S311
        self._line = HTTPConnection("127.0.0.1", crowd.port, timeout=crowd.patience_s)

    def run(self) -> None:
        try:
            while not self._crowd.enough():
                self._report()
                time.sleep(self._crowd.pace_s)
        except Exception as error:
            self._crowd.trouble.append(error)
        finally:
            self._line.close()

    def _report(self) -> None:
        key, began = uuid4().hex, time.monotonic()
        while True:
            self._get_through()
            try:
                answer, body = self._send(key)
            except (OSError, HTTPException):
                self._line.close()
                with self._crowd.lock:
                    self._crowd.tally.broken += 1
                if self._gives_up(key):
                    return
                continue
            if answer.status == 201:
                self._note(key, answer, body, time.monotonic() - began)
                return
            with self._crowd.lock:
                self._crowd.tally.refused[answer.status] += 1
            assert answer.status in PASSING or self._crowd.forgiving, body.decode()
            if self._gives_up(key):
                return
            time.sleep(self._luck.uniform(0.02, 0.1))

    def _get_through(self) -> None:
        """Ring until somebody picks up; nothing is sent before."""
        while self._line.sock is None:
            try:
                self._line.connect()
            except OSError:
                time.sleep(self._luck.uniform(0.05, 0.1))

    def _send(self, key: str) -> tuple[HTTPResponse, bytes]:
        body = form(self._crowd.world, f"楼道灯不亮 {key}")
        answer = post(self._line, "/tickets", self._token, key, body)
        return answer, answer.read()

    def _note(self, key: str, answer: HTTPResponse, body: bytes, seconds: float) -> None:
        ticket_id = UUID(json.loads(body)["id"])
        replayed = answer.headers.get("Idempotency-Replayed") == "true"
        with self._crowd.lock:
            self._crowd.tally.acks.append(Ack(key, ticket_id, replayed, seconds))

    def _gives_up(self, key: str) -> bool:
        tired = self._luck.random() < self._crowd.gives_up
        if tired:
            with self._crowd.lock:
                self._crowd.tally.abandoned.append(key)
        return tired


class Crowd:
    """Residents at one server, and what they saw.

    Each report carries its key in its words, so that two tickets of one key are
    seen whatever the server remembers of keys.
    """

    def __init__(
        self,
        port: int,
        world: World,
        *,
        pace_s: float,
        gives_up: float,
        forgiving: bool,
        patience_s: float,
    ) -> None:
        self.port = port
        self.world = world
        self.pace_s = pace_s
        self.gives_up = gives_up
        self.forgiving = forgiving
        self.patience_s = patience_s
        self.lock = threading.Lock()
        self.tally = Tally()
        self.trouble: list[Exception] = []
        self._going = threading.Event()
        self._going.set()

    def acked(self) -> int:
        with self.lock:
            return len(self.tally.acks)

    def wait_for(self, more: int, seconds: float = 60) -> None:
        """Wait until so many more are acknowledged."""
        target, until = self.acked() + more, time.monotonic() + seconds
        while self.acked() < target:
            assert not self.trouble, self.trouble
            assert time.monotonic() < until, f"nobody is answered: {self.tally}"
            time.sleep(0.005)

    def enough(self) -> bool:
        return not self._going.is_set()

    def go_home(self) -> None:
        """Let each finish the report in hand."""
        self._going.clear()


@contextmanager
def gathered(
    world: World,
    port: int,
    seed: int,
    *,
    size: int = len(REPORTERS),
    pace_s: float = 0.0,
    gives_up: float = 0.0,
    forgiving: bool = False,
    patience_s: float = 15,
) -> Iterator[Crowd]:
    """Have a crowd report until the block ends, then let each finish.

    ``pace_s`` is each one's pause between two reports, ``gives_up`` the chance of
    abandoning a report at each failure;
    ``forgiving`` ones bear answers that no good server gives.
    """
    names = islice(cycle(REPORTERS), size)
    tokens = log_in([world.people[name] for name in names])
    hands_off()
    crowd = Crowd(
        port,
        world,
        pace_s=pace_s,
        gives_up=gives_up,
        forgiving=forgiving,
        patience_s=patience_s,
    )
    people = [Resident(crowd, token, seed + index) for index, token in enumerate(tokens)]
    for one in people:
        one.start()
    try:
        yield crowd
    finally:
        crowd.go_home()
        for one in people:
            one.join(120)
    assert not crowd.trouble, crowd.trouble
    assert not any(one.is_alive() for one in people)
