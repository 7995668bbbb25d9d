"""Kill -9 of the watcher in the middle of its tick: every late ticket climbs, and once.

A few kills by default, 50 under ``deep``; the control is a watcher that notes and
climbs in two commits, which the same inquest must find out.
"""

import time

import pytest

from app.escalation import queries
from app.kernel import clock
from app.kernel.db import session
from tests.faults import ledger
from tests.faults.climbs import forgotten, misdeeds, unclimbed
from tests.faults.crew import Crew, open_crew, wait_for
from tests.faults.luck import MANY_KILLS

FEW, MANY = 3, min(50, MANY_KILLS)
BATCH = 25


def still_due() -> int:
    """Count the tickets a watcher has to look at, as far as two batches go."""
    session.rollback()
    counted = len(queries.due(clock.now(), 2 * BATCH))
    session.rollback()
    return counted


def storm(crew: Crew, town, kills: int, *, bug: str | None = None) -> tuple[list, int]:
    """Kill the watcher again and again while it climbs; name the tickets and the hits in time."""
    ids, hits = [], 0
    for _ in range(kills):
        ids += forgotten(town, BATCH)
        before = still_due()
        watcher = crew.hatch("watcher", bug=bug)
        assert wait_for(lambda before=before: still_due() < before, every=0.002)
        time.sleep(ledger.somewhat(0.05))
        crew.kill(watcher)
        hits += still_due() > 0
    crew.hatch("watcher", bug=bug)
    assert wait_for(lambda: still_due() == 0, seconds=60)
    return ids, hits


@pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.deep)])
def test_a_killed_watcher_is_taken_up_where_it_was(nest, town, tmp_path, report, kills):
    with open_crew(nest, tmp_path / "sink") as crew:
        ids, hits = storm(crew, town, kills)

    report(f"{kills} kills, {hits} in mid-tick, {len(ids)} tickets")
    assert unclimbed(ids) == []
    assert misdeeds(ids) == []
    assert hits >= kills / 2


def test_control_a_watcher_of_two_commits_loses_a_climb(nest, town, tmp_path):
    with open_crew(nest, tmp_path / "sink") as crew:
        ids, _ = storm(crew, town, 2 * FEW, bug="climb_apart")

    assert 0 < len(unclimbed(ids)) <= 2 * FEW + 1  # the last is killed when nothing is due
