"""(d) Routing: who gets it, in microseconds, with warm caches.

``choose`` is the pure decision; ``resolve`` also looks up everybody it might go
to (from memory; one statement more where it matters who is on duty now).
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from app.catalog import queries as catalog
from app.kernel import clock
from app.kernel.db import db, session
from app.routing import queries, rules, service
from app.routing.rules import Case
from app.territory import queries as territory
from bench.world import World, app_on

CATEGORIES = (("WPE-LIGHT", "a firm's, by rule"), ("SEC-PATROL", "accuses the firm"))
URGENT = "WPE-PIPE"


@dataclass(frozen=True, slots=True)
class Took:
    """One thing and its median time in µs."""

    what: str
    us: float


def measure(world: World, url: str, folder: Path, *, times: int) -> list[Took]:
    """Time choose and resolve, and a point found in the grids."""
    app = app_on(url, folder)
    home = world.buildings[len(world.buildings) // 2]
    found = []
    with app.app_context(), clock.frozen(datetime.now(UTC)) as now:
        spot = territory.spot_of_place(home.id)
        for code, what in CATEGORIES:
            case = Case(spot=spot, category=catalog.category(code, at=now), at=now)
            laws, candidates = queries.rules_of(spot.district_id), queries.candidates(case)
            found.append(
                Took(
                    f"choose, pure ({what})",
                    _us(partial(rules.choose, case, laws, candidates), times),
                )
            )
            found.append(
                Took(f"resolve, warm ({what})", _us(partial(service.resolve, case), times))
            )
        urgent = Case(spot=spot, category=catalog.category(URGENT, at=now), at=now)
        found.append(
            Took(
                "resolve, warm (urgent: one statement for who is on duty)",
                _us(lambda: service.resolve(urgent), times // 5),
            )
        )
        place = (home.lat + 0.0001, home.lon + 0.0001, "gcj02")
        found.append(Took("point → grid, warm", _us(lambda: territory.spot_at(*place), times)))
        session.remove()
        db.engine.dispose()
    return found


def _us(act: Callable[[], object], times: int) -> float:
    for _ in range(20):
        act()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e6
