"""(a) A full submit over HTTP, as a ratio to the floor taken in the same minutes."""

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from bench import http
from bench.floor import CLIENTS, Floor, middle
from bench.world import World

TEXT = "二楼到三楼的灯不亮，老人上下楼看不见"
CATEGORY = "WPE-LIGHT"
WARM_UP_S = 3.0


@dataclass(slots=True)
class Measured:
    """Rates a second, round by round."""

    floor: list[float] = field(default_factory=list)
    product: list[float] = field(default_factory=list)
    p50: float = 0.0
    p95: float = 0.0
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """Divide the product's median by the floor's."""
        return middle(self.product) / middle(self.floor)


def measure(
    world: World, url: str, folder: Path, floor: Floor, *, rounds: int, seconds: float, drains: bool
) -> Measured:
    """Let floor and product take turns, so that whatever else runs hits both."""
    found = Measured()
    whole = http.Round()
    with http.served(url, folder, drains=drains) as port:
        makers = [reporter(world, port, n) for n in range(CLIENTS)]
        http.storm(makers, WARM_UP_S)
        for _ in range(rounds):
            found.floor.append(floor.round(seconds))
            one = http.storm(makers, seconds)
            found.product.append(one.rate)
            whole.taken += one.taken
            for name, count in one.failures.items():
                found.failures[name] = found.failures.get(name, 0) + count
    found.p50, found.p95 = whole.percentile(50), whole.percentile(95)
    return found


def reporter(world: World, port: int, number: int) -> "http.Maker":
    """Make a resident who reports a dark stairwell again and again, each time elsewhere."""

    def make() -> http.Act:
        names = [name for name in world.tokens if name.startswith("resident")]
        client = http.Client(port, world.tokens[names[number % len(names)]])
        chance = random.Random(number)

        def act() -> str | None:
            status, answer = client.ask(
                "POST", "/tickets", report(chance.choice(world.buildings).scene)
            )
            return None if status == 201 else f"{status} {answer[:120]!r}"

        return act

    return make


def report(scene: str) -> bytes:
    """Write the body of a report."""
    body = {
        "category": CATEGORY,
        "place": {"scene": scene},
        "text": TEXT,
        "contact": "10020000000",
    }
    return json.dumps(body, ensure_ascii=False).encode()
