"""The watcher and the people it watches, at one ticket in the same moment.

Whoever is first, the history tells a story that can have happened: what was late
climbed once or was ended in time, and no clock stands otherwise than its steps say.
The controls run the same races with a watcher that reads, thinks and then writes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.http import limits
from app.kernel.work import unit_of_work
from app.sla import queries as sla
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.states import Action, CloseReason, State
from tests.faults import careless
from tests.faults.climbs import (
    PROMISES,
    RESULT,
    forgotten,
    in_hand,
    looks_again,
    misdeeds,
    unclimbed,
)
from tests.faults.collision import beside, inside
from tests.faults.contest import actions, later, race, reported, rounds, silent, statuses
from tests.make import tickets as make
from workers import jobs

BURST = "EMG-BURST"  # to be accepted within 10 minutes, responded to within 30
WORDS = {"text": "又不亮了"}
TOGETHER = 10


@pytest.fixture(scope="module")
def town(standing_town):
    """One town for all races: each looks at its own tickets only."""
    return standing_town


@pytest.fixture(autouse=True)
def _unlimited(bare_app, monkeypatch):
    """Let one person act more often in a minute than a person may."""
    monkeypatch.setitem(bare_app.extensions, limits._EXTENSION, None)


def unaccepted(town):
    """A burst pipe that should have been accepted five minutes ago; all else is in time."""
    with clock.frozen(clock.now() - timedelta(minutes=15)):
        return reported(town, 1, BURST)[0]


def unresolved(town):
    return in_hand(town, days=2, hours=1)


def untouched(town):
    return forgotten(town, 1)[0]


def closed(town):
    """A light whose end nobody answered for."""
    (ticket_id,) = silent(town, 1)
    with unit_of_work():
        assert tickets.auto_close(ticket_id)
    return ticket_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An act that ends what is late: who does it, to which tickets, and their steps."""

    late: Callable[..., UUID]
    who: str
    path: str
    says: dict[str, str]
    before: tuple[Action, ...] = ()
    action: Action
    broken: int = 1
    photo: bool = False

    def body(self, town, turn):
        """Write what is sent; photos come in over the days, for a day takes 200 of a person."""
        with clock.frozen(clock.now() - timedelta(days=30 - turn // 100)):
            media = [str(make.photo(town, self.who))] if self.photo else []
        return self.says | ({"media": media} if media else {})


ENDINGS = (
    Ending(late=unaccepted, who="repairer", path="/work/{}/accept", says={}, action=Action.ACCEPT),
    Ending(
        late=unresolved,
        who="repairer",
        path="/work/{}/resolve",
        says=RESULT,
        before=(Action.ACCEPT, Action.START),
        action=Action.RESOLVE,
        photo=True,
    ),
    Ending(
        late=untouched,
        who="resident",
        path="/tickets/{}/withdraw",
        says=WORDS,
        before=(Action.LIFT_CEILING,),
        action=Action.WITHDRAW,
        broken=PROMISES,
    ),
)


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.action.value)
@rounds(10, 500)
def test_what_ends_a_late_clock_and_what_climbs_for_it_never_mix(
    town, bare_app, phone_of, report, ending, many
):
    """Either it climbed and then was done, or it was done and nothing climbs any more."""
    phone, ids, climbed = phone_of(ending.who), [], 0

    for turn in range(many):
        i, body = ending.late(town), ending.body(town, turn)
        looked, answer = race(
            [
                later(inside(bare_app, lambda i=i: escalation.look(i))),
                later(lambda i=i, body=body: phone.post(ending.path.format(i), body)),
            ]
        )

        assert answer.status_code == 200
        rise = [Action.BREACH] * ending.broken + [Action.ESCALATE] if looked else []
        assert actions(i)[2:] == [*ending.before, *rise, ending.action]
        assert len(sla.breaches(i)) == ending.broken
        assert queries.get(i).tier_due_at is None
        assert not looks_again(i)
        ids.append(i)
        climbed += looked
    report(f"{many} tickets, {climbed} climbed before the act")
    assert misdeeds(ids) == []


def test_control_a_careless_watcher_climbs_after_the_end(town, bare_app, phone_of):
    phone, ids = phone_of("resident"), forgotten(town, 10)

    for i in ids:
        race(
            [
                beside(bare_app, lambda i=i: careless.look(i)),
                later(lambda i=i: phone.post(f"/tickets/{i}/withdraw", WORDS)),
            ]
        )

    assert any("climbed after its end" in flaw for flaw in misdeeds(ids))


def test_control_a_careless_watcher_climbs_for_what_was_just_accepted(town, bare_app, phone_of):
    phone, ids = phone_of("repairer"), [unaccepted(town) for _ in range(10)]

    for i in ids:
        race(
            [
                beside(bare_app, lambda i=i: careless.look(i)),
                later(lambda i=i: phone.post(f"/work/{i}/accept")),
            ]
        )

    assert any(actions(i)[2:] == [Action.ACCEPT, Action.ESCALATE] for i in ids)


@pytest.fixture
def complaints(monkeypatch):
    """What the watchers could not look at: nothing may hide in a log."""
    heard = []

    class Log:
        def warning(self, event, **told):
            heard.append((event, told))

        error = warning

    monkeypatch.setattr(jobs, "_log", Log())
    return heard


@pytest.mark.parametrize("watchers", [2, 4])
@rounds(20, 500)
def test_watchers_at_once_let_each_ticket_climb_once(town, bare_app, complaints, many, watchers):
    watch = beside(bare_app, lambda: jobs.watch(clock.now()))
    ids = []

    for _ in range(0, many, TOGETHER):
        batch = forgotten(town, TOGETHER)
        race([watch] * watchers)
        assert unclimbed(batch) == []
        ids += batch

    assert misdeeds(ids) == []
    assert {len(sla.breaches(i)) for i in ids} == {PROMISES}
    assert complaints == []


def test_control_careless_watchers_let_a_ticket_climb_twice(town, bare_app):
    ids = forgotten(town, 3)

    for i in ids:
        race([beside(bare_app, lambda i=i: careless.look(i))] * 2)

    assert len(unclimbed(ids)) == len(ids)
    assert any("climbed 2 times" in flaw for flaw in misdeeds(ids))


@rounds(10, 500)
def test_of_two_who_reopen_one_does(town, phone_of, many):
    phones = [phone_of("resident"), phone_of("resident")]
    ids = []

    for _ in range(many):
        i = closed(town)
        answers = race(
            [later(lambda p=p, i=i: p.post(f"/tickets/{i}/reopen", WORDS)) for p in phones]
        )

        assert statuses(answers) == [200, 409]
        assert actions(i)[3:] == [Action.AUTO_CLOSE, Action.REOPEN]
        ids.append(i)
    assert misdeeds(ids) == []


def test_control_careless_reopenings_are_two(town, bare_app):
    i = closed(town)
    reopen = beside(bare_app, lambda: careless.step(i, State.CLOSED, Action.REOPEN, closed_at=None))

    assert race([reopen, reopen]) == [True, True]
    assert actions(i).count(Action.REOPEN) == 2


@rounds(10, 500)
def test_what_is_to_be_redone_is_not_closed_by_silence(town, bare_app, phone_of, report, many):
    phone, ids, silenced = phone_of("resident"), [], 0

    for _ in range(many):
        (i,) = silent(town, 1)
        ended, answer = race(
            [
                later(inside(bare_app, lambda i=i: tickets.auto_close(i))),
                later(lambda i=i: phone.post(f"/tickets/{i}/rework", WORDS)),
            ]
        )

        assert answer.status_code == (409 if ended else 200)
        assert actions(i)[3:] == [Action.AUTO_CLOSE if ended else Action.REWORK]
        assert queries.get(i).state is (State.CLOSED if ended else State.IN_PROGRESS)
        ids.append(i)
        silenced += ended
    report(f"{many} tickets, {silenced} ended by silence")
    assert misdeeds(ids) == []


def test_control_a_careless_silence_closes_what_is_redone(town, bare_app, phone_of):
    phone, ids = phone_of("resident"), silent(town, 10)
    end = {"closed_at": clock.now(), "close_reason": CloseReason.NO_ANSWER}
    both = 0

    for i in ids:
        ended, answer = race(
            [
                beside(
                    bare_app,
                    lambda i=i: careless.step(i, State.RESOLVED, Action.AUTO_CLOSE, **end),
                ),
                later(lambda i=i: phone.post(f"/tickets/{i}/rework", WORDS)),
            ]
        )
        both += ended and answer.status_code == 200

    assert both
