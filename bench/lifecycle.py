"""(b) A whole life-cycle over HTTP: create → accept → (start) → resolve → search.

The rivals' four calls. Our workflow has a step between accepting and resolving
("已联系或到场，开始办理"), so one life-cycle here is five calls; the table says so.
Three people act: the resident, the firm's repairer, and the community's staff,
who look the ticket up by its number as one does with a caller on the phone.
"""

import json
import random
from pathlib import Path

from bench import http
from bench.floor import CLIENTS
from bench.world import COMMUNITIES, FIRMS, World

CATEGORY = "PRK-SPACE"
"""Goes to the firm by itself and asks for no photo at the end."""
CALLS = 5


def measure(world: World, url: str, folder: Path, *, seconds: float, drains: bool) -> http.Round:
    """Run life-cycles from eight clients for so long, after a warm-up."""
    with http.served(url, folder, drains=drains) as port:
        makers = [_handler(world, port, number) for number in range(CLIENTS)]
        http.storm(makers, min(3.0, seconds))
        return http.storm(makers, seconds)


def _handler(world: World, port: int, number: int) -> http.Maker:
    def make() -> http.Act:
        chance = random.Random(number)
        resident = http.Client(port, world.tokens[f"resident{number}"])
        repairers = [http.Client(port, world.tokens[f"repairer{n}"]) for n in range(FIRMS)]
        staff = [http.Client(port, world.tokens[f"staff{n}"]) for n in range(COMMUNITIES)]
        firms = dict(zip(world.firms, repairers, strict=True))
        communities = _communities(world, staff)

        def act() -> str | None:
            home = chance.choice(world.buildings)
            repairer, clerk = firms[home.firm_id], communities[home.community_id]
            body = {"category": CATEGORY, "place": {"scene": home.scene}, "text": "车位分配不公开"}
            status, answer = resident.ask("POST", "/tickets", json.dumps(body).encode())
            if status != 201:
                return f"create {status} {answer[:160]!r}"
            ticket = json.loads(answer)
            for verb, sent in (
                ("accept", {}),
                ("start", {"text": "已联系"}),
                ("resolve", {"result": "fixed", "text": "已公示分配办法"}),
            ):
                status, answer = repairer.ask(
                    "POST", f"/work/{ticket['id']}/{verb}", json.dumps(sent).encode()
                )
                if status != 200:
                    return f"{verb} {status} {answer[:160]!r}"
            digits = ticket["number"].replace(" ", "")
            status, answer = clerk.ask("GET", f"/work?queue=all&number={digits}")
            found = status == 200 and ticket["id"] in [o["id"] for o in json.loads(answer)["items"]]
            return None if found else f"search {status} {answer[:160]!r}"

        return act

    return make


def _communities(world: World, staff: list[http.Client]) -> dict[object, http.Client]:
    order = list(dict.fromkeys(one.community_id for one in world.buildings))
    return dict(zip(order, staff, strict=True))
