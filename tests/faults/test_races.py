"""Several people at the same ticket in the same moment: one of them, never two.

Over HTTP, each in a thread of its own with its own transaction. The controls
run the same races with verbs that read, then write (``careless``), and with
keys nobody looks at; each must come out wrong.
"""

from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from app.kernel.db import session
from app.kernel.http import limits, run
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.models import Ticket
from app.tickets.service import Target, Words
from app.tickets.states import Action, State
from tests.faults import careless
from tests.faults.collision import beside, inside
from tests.faults.contest import actions, later, race, reported, rounds, silent, statuses
from tests.faults.crowd import form
from tests.faults.inquest import unsound
from tests.make import tickets as make

REPAIRERS = ("repairer", "repairer2", "repairer3", "repairer4")
NEIGHBOURS = ("neighbour", "stranger", "old_resident", "head", "grid", "community")
SENDERS = 32


@pytest.fixture(scope="module")
def town(standing_town):
    """One town for all races: each looks at its own tickets only."""
    return standing_town


@pytest.fixture(autouse=True)
def _unlimited(bare_app, monkeypatch):
    """Let one person act more often in a minute than a person may."""
    monkeypatch.setitem(bare_app.extensions, limits._EXTENSION, None)


@rounds(50, 1000)
def test_of_four_who_accept_one_does(town, phone_of, report, many):
    phones = [phone_of(name) for name in REPAIRERS]
    ids = reported(town, many)

    outcomes = Counter(
        tuple(statuses(race([lambda p=p, i=i: p.post(f"/work/{i}/accept") for p in phones])))
        for i in ids
    )

    report(f"{many} tickets, four at each: {dict(outcomes)}")
    assert outcomes == {(200, 409, 409, 409): many}
    assert all(actions(ticket_id).count(Action.ACCEPT) == 1 for ticket_id in ids)
    assert unsound(ids) == []


def test_control_careless_accepts_have_several_winners(town, bare_app, report):
    people = [town.people[name] for name in REPAIRERS]
    ids = reported(town, 20)

    def winners(i):
        return sum(race([beside(bare_app, lambda p=p: careless.accept(i, p)) for p in people]))

    outcomes = Counter(winners(ticket_id) for ticket_id in ids)

    report(f"tickets by winners: {dict(outcomes)}")
    assert any(count > 1 for count in outcomes)


@rounds(10, 500)
def test_of_four_who_claim_from_the_pool_one_gets_it(town, phone_of, many):
    phones = [phone_of(name) for name in REPAIRERS]
    ids = reported(town, many, make.UNSURE)
    pool = Target(organisation_id=town.organisations["firm"], claimable=True)
    with unit_of_work():
        for ticket_id in ids:
            tickets.dispatch(town.actor("community"), ticket_id, pool, Words("谁有空谁去"))

    for i in ids:
        answers = race([lambda p=p, i=i: p.post(f"/work/{i}/claim") for p in phones])

        assert statuses(answers) == [200, 409, 409, 409]
        assert actions(i).count(Action.CLAIM) == 1
    assert unsound(ids) == []


def count_tickets() -> int:
    return session.execute(select(func.count()).select_from(Ticket)).scalar_one()


@rounds(3, 100)
def test_a_key_sent_by_32_at_once_makes_one_ticket(town, phone_of, report, many):
    phones = [phone_of("resident") for _ in range(SENDERS)]
    before, replays, made = count_tickets(), 0, []

    for _ in range(many):
        key = uuid4().hex
        answers = race(
            [lambda p=p, key=key: p.post("/tickets", form(town), key=key) for p in phones]
        )

        assert statuses(answers) == [201] * SENDERS
        assert len({answer.get_data() for answer in answers}) == 1
        made.append(UUID(answers[0].get_json()["id"]))
        replays += sum("Idempotency-Replayed" in answer.headers for answer in answers)
    more = count_tickets() - before
    report(f"{many} keys × {SENDERS}: {more} tickets, {replays} replays")
    assert more == len(set(made)) == many
    assert replays == many * (SENDERS - 1)
    assert unsound(made) == []


def test_control_without_keys_32_make_many_tickets(town, phone_of, report, monkeypatch):
    monkeypatch.setattr(run, "_key", lambda _declared: None)
    phones = [phone_of("resident") for _ in range(SENDERS)]
    key, before = uuid4().hex, count_tickets()

    answers = race([lambda p=p: p.post("/tickets", form(town), key=key) for p in phones])

    more = count_tickets() - before
    report(f"{SENDERS} sent one key: {more} tickets")
    assert statuses(answers) == [201] * SENDERS
    assert more == SENDERS


def test_two_bodies_under_one_key_at_once_make_one_ticket(town, phone_of):
    phones = [phone_of("resident") for _ in range(16)]
    key, before = uuid4().hex, count_tickets()

    answers = race(
        [
            lambda p=p, text=text: p.post("/tickets", form(town, text), key=key)
            for p, text in zip(phones, ["灯坏了", "门坏了"] * 8, strict=True)
        ]
    )

    assert statuses(answers) == [201] * 8 + [422] * 8
    refused = {answer.get_json()["code"] for answer in answers if answer.status_code == 422}
    assert refused == {"idempotency_key_reused"}
    assert count_tickets() == before + 1


def test_one_key_of_two_people_makes_two_tickets(town, phone_of):
    phones = [phone_of("resident"), phone_of("neighbour")] * 4
    key, before = uuid4().hex, count_tickets()

    answers = race([lambda p=p: p.post("/tickets", form(town), key=key) for p in phones])

    assert statuses(answers) == [201] * 8
    assert len({answer.get_json()["id"] for answer in answers}) == 2
    assert count_tickets() == before + 2


VERDICT = {"solved": "yes", "satisfaction": "satisfied", "text": "好了"}


@rounds(3, 50)
def test_of_sixteen_verdicts_at_once_one_counts(town, phone_of, many):
    phones = [phone_of("resident") for _ in range(16)]

    ids = silent(town, many)

    for i in ids:
        answers = race([lambda p=p, i=i: p.post(f"/tickets/{i}/rate", VERDICT) for p in phones])

        assert statuses(answers) == [200] + [409] * 15
        assert len(queries.verdicts_of(i)) == 1
    assert unsound(ids) == []


def test_control_careless_verdicts_count_twice(town, bare_app):
    resident = town.people["resident"]
    (i,) = silent(town, 1)

    race([beside(bare_app, lambda n=n: careless.rate(i, resident, n)) for n in range(16)])

    assert len(queries.verdicts_of(i)) > 1


@rounds(10, 500)
def test_two_tickets_cannot_be_merged_into_each_other(town, phone_of, many):
    one, other = phone_of("community"), phone_of("community2")
    ids = reported(town, 2 * many)

    for a, b in zip(ids[::2], ids[1::2], strict=True):
        answers = race(
            [
                lambda a=a, b=b: one.post(f"/work/{a}/merge", {"master": str(b)}),
                lambda a=a, b=b: other.post(f"/work/{b}/merge", {"master": str(a)}),
            ]
        )

        won, lost = statuses(answers)
        assert won == 200
        assert lost in (409, 422)
        assert [queries.get(a).state, queries.get(b).state].count(State.MERGED) == 1
    assert unsound(ids) == []


def test_control_careless_merges_swallow_both(town, bare_app):
    ids = reported(town, 20)
    swallowed = 0

    for a, b in zip(ids[::2], ids[1::2], strict=True):
        race(
            [
                beside(bare_app, lambda a=a, b=b: careless.merge(a, b)),
                beside(bare_app, lambda a=a, b=b: careless.merge(b, a)),
            ]
        )
        swallowed += queries.get(a).state is State.MERGED and queries.get(b).state is State.MERGED

    assert swallowed


@rounds(20, 1000)
def test_accepting_never_follows_a_transfer(town, phone_of, report, many):
    """Whichever is first: in the end the new firm has it, and nobody of the old one."""
    desk, repairer = phone_of("community"), phone_of("repairer")
    rival = town.organisations["rival_firm"]
    onward = {"organisation": str(rival), "text": "银杏里的灯归康泰"}
    accepted_first = 0

    ids = reported(town, many)

    for i in ids:
        moved, accepted = race(
            [
                lambda i=i: desk.post(f"/work/{i}/transfer", onward),
                lambda i=i: repairer.post(f"/work/{i}/accept"),
            ]
        )

        assert moved.status_code == 200
        # 403: it still reads the report, which it had first, and accepts it no more
        assert accepted.status_code in (200, 403, 404, 409)
        after = actions(i)[2:]
        in_time = accepted.status_code == 200
        assert after == [Action.ACCEPT, Action.TRANSFER][not in_time :]
        ticket = queries.get(i)
        assert (ticket.state, ticket.lead_id) == (State.DISPATCHED, rival)
        assert (ticket.assignee_id, ticket.accepted_at) == (None, None)
        held = [row.organisation_id for row in queries.holdings_of(i) if row.to_at is None]
        assert held == [rival]
        accepted_first += in_time
    report(f"{many} tickets, {accepted_first} accepted before the transfer")
    assert unsound(ids) == []


def test_control_careless_accepts_follow_a_transfer(town, bare_app):
    repairer, rival = town.people["repairer"], town.organisations["rival_firm"]
    mixed = 0

    for i in reported(town, 20):
        race(
            [
                beside(bare_app, lambda i=i: careless.transfer(i, rival)),
                beside(bare_app, lambda i=i: careless.accept(i, repairer, slowly=True)),
            ]
        )
        ticket = queries.get(i)
        mixed += ticket.lead_id == rival and ticket.assignee_id == repairer

    assert mixed


@rounds(10, 500)
def test_silence_verdict_and_rework_at_once_end_in_one(town, bare_app, phone_of, report, many):
    talker, doubter = phone_of("resident"), phone_of("resident")
    winners: Counter[str] = Counter()

    ids = silent(town, many)

    for i in ids:
        closed, verdict, rework = race(
            [
                later(inside(bare_app, lambda i=i: tickets.auto_close(i))),
                later(lambda i=i: talker.post(f"/tickets/{i}/rate", VERDICT)),
                later(lambda i=i: doubter.post(f"/tickets/{i}/rework", {"text": "没好"})),
            ]
        )

        said = {"verdict": verdict.status_code, "rework": rework.status_code}
        assert set(said.values()) <= {200, 409}
        won = {"silence": closed} | {name: status == 200 for name, status in said.items()}
        assert sum(won.values()) == 1, won
        assert len(actions(i)) == 4
        winners.update(name for name, is_it in won.items() if is_it)
    report(f"{many} tickets, ended by {dict(winners)}")
    assert unsound(ids) == []


def test_control_careless_ends_are_two(town, bare_app):
    resident = town.people["resident"]
    both = 0

    for i in silent(town, 10):
        both += all(
            race(
                [
                    beside(bare_app, lambda i=i: careless.auto_close(i)),
                    beside(bare_app, lambda i=i: careless.rate(i, resident, 0)),
                ]
            )
        )

    assert both


@rounds(10, 500)
def test_silence_never_closes_what_was_just_reopened(town, bare_app, phone_of, many):
    phone = phone_of("resident")

    ids = silent(town, many)

    for i in ids:
        first, second, reopened = race(
            [
                inside(bare_app, lambda i=i: tickets.auto_close(i)),
                inside(bare_app, lambda i=i: tickets.auto_close(i)),
                lambda i=i: phone.post(f"/tickets/{i}/reopen", {"text": "又坏了"}).status_code,
            ]
        )

        assert [first, second].count(True) == 1
        assert reopened in (200, 409)
        expected = [Action.AUTO_CLOSE, Action.REOPEN] if reopened == 200 else [Action.AUTO_CLOSE]
        assert actions(i)[3:] == expected
        assert queries.get(i).state is (State.IN_PROGRESS if reopened == 200 else State.CLOSED)
    assert unsound(ids) == []


@rounds(5, 200)
def test_two_deciders_at_once_decide_once(town, phone_of, many):
    yes, no = phone_of("community"), phone_of("community2")
    ids = reported(town, many)
    with unit_of_work():
        for ticket_id in ids:
            asked = Words("这栋楼不归我们管")
            reason = next(iter(tickets.RETURN_REASONS))
            tickets.ask_return(town.actor("repairer"), ticket_id, reason, asked)

    for i in ids:
        answers = race(
            [
                lambda i=i: yes.post(f"/work/{i}/review", {"approved": True, "text": "同意"}),
                lambda i=i: no.post(f"/work/{i}/review", {"approved": False, "text": "归你们"}),
            ]
        )

        won, lost = statuses(answers)
        assert won == 200
        assert lost in (409, 422)
        decided = [one for one in actions(i) if one in (Action.RETURN, Action.REFUSE_REVIEW)]
        assert len(decided) == 1
    assert unsound(ids) == []


@rounds(5, 100)
def test_neighbours_who_join_at_once_are_all_counted(town, phone_of, many):
    phones = [phone_of(name) for name in NEIGHBOURS] + [phone_of(NEIGHBOURS[0])]

    ids = reported(town, many)

    for i in ids:
        answers = race([lambda p=p, i=i: p.post(f"/tickets/{i}/join") for p in phones])

        assert statuses(answers) == [200] * len(phones)
        assert queries.get(i).followers == len(NEIGHBOURS)
    assert unsound(ids) == []


def test_control_careless_joins_are_miscounted(town, bare_app):
    (i,) = reported(town, 1)

    race([beside(bare_app, lambda: careless.join(i)) for _ in NEIGHBOURS])

    assert queries.get(i).followers < len(NEIGHBOURS)
