"""Kill -9 of the whole web process group while people report.

What was acknowledged stands, once, with its history and its news; what was not
is there whole or not at all. Few kills by default, 300 under ``deep``
(``FAULTS_KILLS`` for another number, ``FAULTS_SEED`` to repeat one's luck);
the controls plant the bugs that the same inquest must find.
"""

import random
import time

import pytest

from app.kernel import outbox
from tests.faults import ledger
from tests.faults.crew import wait_for
from tests.faults.crowd import Crowd, Tally, gathered
from tests.faults.inquest import Findings, examine
from tests.faults.luck import MANY_KILLS, seed
from tests.faults.web import Web, open_web

FEW_KILLS = 5
CONTROL_KILLS = 2
GIVES_UP = 0.1
LONGEST_LIFE_S = 1.5
counts = pytest.mark.parametrize(
    "kills", [FEW_KILLS, pytest.param(MANY_KILLS, marks=pytest.mark.deep)]
)


def storm(web: Web, crowd: Crowd, kills: int, luck: random.Random) -> None:
    """Kill the group and start it again, at random moments of its life.

    Of 300 lives each sees 65 acknowledgements on average, so that there are 20,000.
    """
    most = 20 if kills <= FEW_KILLS else 145
    for _ in range(kills):
        if luck.random() < 0.9:
            web.wait()
            crowd.wait_for(luck.randrange(1, most))
        time.sleep(luck.uniform(0, LONGEST_LIFE_S))
        web.kill()
        web.start()
    web.wait()
    crowd.wait_for(20)


def honest(settings, folder, town, kills) -> Tally:
    """Let people report to the product through a storm; what they saw."""
    chance = seed()
    with open_web(settings, folder) as web:
        web.start()
        web.wait()
        with gathered(town, web.port, chance, gives_up=GIVES_UP) as crowd:
            storm(web, crowd, kills, random.Random(chance))  # noqa: S311
        if kills > FEW_KILLS:
            # The embedded worker died with the web each time; its leases run out first.
            assert wait_for(ledger.is_settled, seconds=180, every=0.5)
            assert outbox.backlog().dead == 0
    return crowd.tally


def broken(settings, folder, town, kills, bug) -> Tally:
    """The same with a seeded bug: a larger crowd, and time for it to be in the open."""
    target, told = f"tests.faults.broken_web:{bug}", {"WEB_THREADS": "16", "WEB_AT_ONCE": "16"}
    with open_web(settings, folder, target=target, told=told) as web:
        web.start()
        with gathered(town, web.port, seed(), size=14, forgiving=True) as crowd:
            for _ in range(kills):
                web.wait()
                crowd.wait_for(10)
                time.sleep(0.8)
                web.kill()
                web.start()
            web.wait()
    return crowd.tally


def tell(report, kills: int, tally: Tally, found: Findings) -> None:
    refused = dict(tally.refused) or "none"
    report(
        f"{kills} kills, {len(tally.acks)} acks ({tally.replays} replayed), "
        f"{len(tally.abandoned)} abandoned, {tally.broken} lost answers, "
        f"refused: {refused}, slowest {tally.slowest:.1f} s: {found}"
    )


@counts
def test_what_was_acknowledged_stands_once_and_whole(settings, tmp_path, town, report, kills):
    tally = honest(settings, tmp_path, town, kills)
    found = examine(tally.acks)
    tell(report, kills, tally, found)

    assert found.sound, found
    assert len(tally.acks) >= 5 * kills
    assert tally.broken >= kills / 2
    assert not {status for status in tally.refused if status not in (409, 503)}


def test_controls_are_found_by_the_same_inquest(settings, tmp_path, town, report):
    tally = broken(settings, tmp_path, town, CONTROL_KILLS, "every")
    found = examine(tally.acks)
    tell(report, CONTROL_KILLS, tally, found)

    assert found.lost
    assert found.doubled
    assert found.stepless
    assert found.untold


@pytest.mark.deep
@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        ("acknowledge_first", "lost"),
        ("no_key", "doubled"),
        ("history_late", "stepless"),
        ("news_late", "untold"),
    ],
)
def test_control(settings, tmp_path, town, report, bug, kind):
    """Each bug by itself."""
    kills = 10
    tally = broken(settings, tmp_path, town, kills, bug)
    found = examine(tally.acks)
    tell(report, kills, tally, found)

    assert getattr(found, kind)
