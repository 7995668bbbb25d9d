"""A pause and whatever comes in the same moment: the result told, the handler, the watcher.

One of them, whichever is first, and the clocks stand as the steps say.
"""

from collections import Counter
from datetime import timedelta

import pytest

from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.http import limits
from app.kernel.work import unit_of_work
from app.sla import ops
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action, State
from tests.faults import careless
from tests.faults.climbs import RESULT, in_hand, looks_again, misdeeds
from tests.faults.collision import beside, inside
from tests.faults.contest import actions, later, race, rounds
from tests.make import tickets as make

APPROVED = {"approved": True, "text": "同意"}
REASON = next(iter(tickets.SUSPEND_REASONS))
WORDS = {"text": "配件到了"}


@pytest.fixture(scope="module")
def town(standing_town):
    """One town for all races: each looks at its own tickets only."""
    return standing_town


@pytest.fixture(autouse=True)
def _unlimited(bare_app, monkeypatch):
    """Let one person act more often in a minute than a person may."""
    monkeypatch.setitem(bare_app.extensions, limits._EXTENSION, None)


def in_days(many):
    return clock.now() + timedelta(days=many)


def ask_pause(town, ticket_id, until):
    return tickets.ask_suspend(town.actor("repairer"), ticket_id, REASON, until, Words("等配件"))


def with_photo(town, who, turn):
    """Write a result with a photo; they come in over the days, for a day takes 200 of a person."""
    with clock.frozen(clock.now() - timedelta(days=30 - turn // 100)):
        return RESULT | {"media": [str(make.photo(town, who))]}


def paused(town):
    """A light whose pause ended yesterday; the time to resolve it has not."""
    asked = clock.now() - timedelta(days=2)
    ticket_id = in_hand(town, days=2)
    with clock.frozen(asked), unit_of_work():
        ask_pause(town, ticket_id, asked + timedelta(days=1))
    with clock.frozen(asked), unit_of_work():
        tickets.decide(town.actor("community"), ticket_id, approved=True, words=Words("同意"))
    return ticket_id


@rounds(10, 500)
def test_a_pause_is_asked_for_or_the_result_told(town, phone_of, report, many):
    """Both by the handler, from two devices."""
    asker, teller = phone_of("repairer"), phone_of("repairer2")
    ids, told, body = [], 0, None

    for turn in range(many):
        i, body = in_hand(town, hours=1), body or with_photo(town, "repairer2", turn)
        pause = {"reason": REASON, "until": in_days(1).isoformat(), "text": "等配件"}
        asked, resolved = race(
            [
                later(lambda i=i, p=pause: asker.post(f"/work/{i}/suspend", p)),
                later(lambda i=i, b=body: teller.post(f"/work/{i}/resolve", b)),
            ]
        )

        won = resolved.status_code == 200
        assert (asked.status_code, resolved.status_code) == ((409, 200) if won else (200, 422))
        assert actions(i)[4:] == [Action.RESOLVE if won else Action.ASK_SUSPEND]
        ids.append(i)
        told += won
        body = None if won else body  # what was refused keeps its photo for the next
    report(f"{many} tickets, {told} resolved before a pause was asked for")
    assert misdeeds(ids) == []


@rounds(10, 500)
def test_while_a_pause_is_decided_nothing_is_resolved(town, phone_of, report, many):
    """With the question open or the work at rest: the pause comes in either order."""
    desk, handler = phone_of("community"), phone_of("repairer")
    ids, answered, body = [], Counter(), with_photo(town, "repairer", 0)

    for _ in range(many):
        i = in_hand(town, hours=1)
        with unit_of_work():
            ask_pause(town, i, in_days(1))
        approved, resolved = race(
            [
                later(lambda i=i: desk.post(f"/work/{i}/review", APPROVED)),
                later(lambda i=i: handler.post(f"/work/{i}/resolve", body)),
            ]
        )

        assert approved.status_code == 200
        assert actions(i)[4:] == [Action.ASK_SUSPEND, Action.SUSPEND]
        assert queries.get(i).state is State.SUSPENDED
        ids.append(i)
        answered[resolved.get_json()["code"]] += 1
    report(f"{many} tickets, results refused as {dict(answered)}")
    assert set(answered) <= {"review_open", "wrong_state"}
    assert misdeeds(ids) == []


def test_control_a_careless_pause_rests_what_is_resolved(town, bare_app):
    i = in_hand(town, hours=1)

    both = race(
        [
            beside(bare_app, lambda: careless.step(i, State.IN_PROGRESS, Action.SUSPEND)),
            beside(bare_app, lambda: careless.step(i, State.IN_PROGRESS, Action.RESOLVE)),
        ]
    )

    assert both == [True, True]
    assert set(actions(i)[4:]) == {Action.SUSPEND, Action.RESOLVE}


@rounds(10, 500)
def test_a_pause_ends_once(town, bare_app, phone_of, report, many):
    """By the handler who goes on or by the watcher when its day has come."""
    phone, ids, by_watcher = phone_of("repairer"), [], 0

    for _ in range(many):
        i = paused(town)
        looked, answer = race(
            [
                later(inside(bare_app, lambda i=i: escalation.look(i))),
                later(lambda i=i: phone.post(f"/work/{i}/resume", WORDS)),
            ]
        )

        assert answer.status_code == (409 if looked else 200)
        assert actions(i)[4:] == [Action.ASK_SUSPEND, Action.SUSPEND, Action.RESUME]
        assert queries.get(i).state is State.IN_PROGRESS
        assert not looks_again(i)
        ids.append(i)
        by_watcher += looked
    report(f"{many} pauses, {by_watcher} ended by the watcher")
    assert misdeeds(ids) == []


def test_control_a_careless_watcher_ends_a_pause_twice(town, bare_app):
    i = paused(town)
    resume = beside(
        bare_app,
        lambda: careless.step(i, State.SUSPENDED, Action.RESUME, clocks=[ops.resume()]),
    )

    assert race([resume, resume]) == [True, True]
    assert actions(i).count(Action.RESUME) == 2
