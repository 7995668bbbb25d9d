"""Kill -9 of workers in the middle of their work: nothing lost, no inner effect twice.

Few kills by default, 300 under ``deep``; each claim has a control with a
seeded bug which the same test must find.
"""

import time
from pathlib import Path

import pytest

from tests.faults import ledger
from tests.faults.crew import Crew, open_crew, wait_for
from tests.faults.luck import MANY_KILLS

FEW, MANY = 5, MANY_KILLS
BATCH = 17
counts = pytest.mark.parametrize("kills", [FEW, pytest.param(MANY, marks=pytest.mark.deep)])
executors = pytest.mark.parametrize("executor", ["embedded", "rq"])


def storm(
    crew: Crew,
    sink: Path,
    role: str,
    kills: int,
    *,
    children: bool = True,
    bug: str | None = None,
) -> list:
    """Keep two workers busy and kill one in its work again and again; name what is owed."""
    owed = ledger.owe(2 * BATCH)
    workers = [crew.hatch(role, bug=bug), crew.hatch(role, bug=bug)]

    def somebody_works() -> bool:
        if ledger.is_settled():  # an orphan may have eaten it all
            owed.extend(ledger.owe(BATCH))
        return bool(ledger.at_work(sink, workers))

    for _ in range(kills):
        owed += ledger.owe(BATCH)
        ledger.quiet(sink, workers)
        assert wait_for(somebody_works, every=0.002)
        time.sleep(ledger.somewhat(0.03))
        hit = ledger.at_work(sink, workers)[0]
        crew.kill(hit, children=children)
        workers.remove(hit)
        workers.append(crew.hatch(role, bug=bug))
    return owed


def role_of(crew: Crew, executor: str) -> str:
    if executor == "embedded":
        return "embedded"
    crew.hatch("keeper")
    return "short"


@executors
@counts
def test_killed_workers_lose_nothing_and_double_nothing(
    nest, sink, redis_url, prefix, executor, kills
):
    with open_crew(nest, sink, redis_url=redis_url, prefix=prefix) as crew:
        owed = storm(crew, sink, role_of(crew, executor), kills)
        settled = wait_for(ledger.is_settled, seconds=30 + kills)

    assert settled
    assert ledger.inside_counts() == dict.fromkeys(owed, 1)
    sent = ledger.outside_counts(sink)
    assert set(sent) == set(owed)
    assert sent.total() - len(owed) <= kills
    assert ledger.interrupted() >= kills / 2


@counts
def test_an_orphaned_child_cannot_double_an_effect(nest, sink, redis_url, prefix, kills):
    """Only the RQ parent dies; its child works on while others take over.

    How often is sent is not counted here: a crowd of orphans may overrun this test's short leases.
    """
    with open_crew(nest, sink, redis_url=redis_url, prefix=prefix) as crew:
        owed = storm(crew, sink, role_of(crew, "rq"), kills, children=False)
        settled = wait_for(ledger.is_settled, seconds=30 + kills)

    assert settled
    assert ledger.inside_counts() == dict.fromkeys(owed, 1)
    assert set(ledger.outside_counts(sink)) == set(owed)


@executors
def test_control_finishing_before_the_effect_loses_work(nest, sink, redis_url, prefix, executor):
    with open_crew(nest, sink, redis_url=redis_url, prefix=prefix) as crew:
        owed = storm(crew, sink, role_of(crew, executor), FEW, bug="finish_first")
        settled = wait_for(ledger.is_settled, seconds=30)

    assert settled
    lost = set(owed) - set(ledger.inside_counts())
    unsent = set(owed) - set(ledger.outside_counts(sink))
    assert lost | unsent
