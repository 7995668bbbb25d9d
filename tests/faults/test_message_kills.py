"""Messages through a failing endpoint while their carriers are killed: each ends somewhere.

200 messages and 5 kills by default, 5,000 and 50 under ``deep``; repeats only where marked.
A mark has a reason: an answer that left it open, or the death of a carrier. The controls
are carriers that settle before they send, that take up unmarked, and that doubt everything.
"""

import random
import time

import pytest

from app.notifications import channels
from tests.faults import ledger, mail
from tests.faults.crew import Crew, open_crew, wait_for
from tests.faults.luck import MANY_KILLS, seed
from tests.faults.mail import Mail
from tests.make.outside import outside

FEW, MANY = (200, 5), (5_000, min(50, MANY_KILLS))
CARRIERS = 2


@pytest.fixture(autouse=True)
def planned(town):
    before = channels.current()
    mail.plan_ways()
    yield
    channels.install(before)


def storm(crew: Crew, town, box: Mail, url: str, many: int, kills: int, *, bug: str = "") -> list:
    """Owe messages in batches, in each killing a carrier as it sends or soon after."""
    events: list = []
    carriers = [crew.hatch("messenger", bug=bug, url=url) for _ in range(CARRIERS)]
    for number in range(kills):
        events += mail.owe(town, many // kills, first=len(events))
        assert wait_for(lambda: set(carriers) & box.busy, every=0.0005)
        victim = next(iter(set(carriers) & box.busy), carriers[0])
        if number % 2:
            time.sleep(ledger.somewhat(0.1))
        crew.kill(victim)
        box.busy.discard(victim)
        carriers.remove(victim)
        carriers.append(crew.hatch("messenger", bug=bug, url=url))
    assert wait_for(lambda: mail.unsettled() == 0, seconds=60 + many / 10, every=0.2)
    return events


@pytest.mark.parametrize(("many", "kills"), [FEW, pytest.param(*MANY, marks=pytest.mark.deep)])
def test_every_message_ends_somewhere_and_none_comes_twice_unmarked(
    nest, town, tmp_path, report, many, kills
):
    lucky = seed()
    box = Mail(luck=random.Random(lucky))  # noqa: S311
    with open_crew(nest, tmp_path / "sink") as crew, outside(box.answer) as there:
        events = storm(crew, town, box, there.url, many, kills)

    ended = mail.tally(box, events)
    report(f"seed {lucky}: {many} messages, {kills} kills: {dict(ended)}")
    assert mail.misdeeds(box, events) == []
    assert len(mail.unexplained(box, events)) <= kills
    assert ended["sent"] > many / 2
    assert ended["fell_back"]


def test_control_settling_before_sending_loses_messages(nest, town, tmp_path):
    box = Mail()
    with open_crew(nest, tmp_path / "sink") as crew, outside(box.answer) as there:
        events = storm(crew, town, box, there.url, 120, 12, bug="settle_first")

    assert any("never came" in one for one in mail.misdeeds(box, events))


def test_control_taking_up_unmarked_doubles_in_silence(nest, town, tmp_path):
    box = Mail(slow_s=0.05)
    with open_crew(nest, tmp_path / "sink") as crew, outside(box.answer) as there:
        events = storm(crew, town, box, there.url, 60, 6, bug="take_over_unmarked")

    assert any("twice unmarked" in one for one in mail.misdeeds(box, events))


def test_control_doubting_everything_marks_without_reason(nest, town, tmp_path):
    box = Mail(luck=random.Random(7))  # noqa: S311
    with open_crew(nest, tmp_path / "sink") as crew, outside(box.answer) as there:
        events = storm(crew, town, box, there.url, 200, 2, bug="doubt_everything")

    assert len(mail.unexplained(box, events)) > 2
