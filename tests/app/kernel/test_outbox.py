"""The outbox: recorded with the change, fanned out once, leased, fenced, given up visibly."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text

from app.kernel import clock, outbox, work
from app.kernel.db import db, session
from app.kernel.errors import NotFound, RuleBroken
from app.kernel.outbox import Lane, Outcome, leases
from app.kernel.work import unit_of_work
from tests.make.outbox import (
    Happened,
    Unheard,
    claim_one,
    deliveries,
    heard_by,
    leave_a_mark,
    leave_a_mark_outside,
    listener,
    marks,
    record,
)

pytestmark = pytest.mark.usefixtures("app")


def later(seconds: float):
    return clock.frozen(clock.now() + timedelta(seconds=seconds))


def fail(event: Happened) -> None:
    leave_a_mark(event)
    raise RuntimeError("张三 13800000000")


class TestRecording:
    def test_an_event_outside_a_unit_is_refused(self):
        with pytest.raises(RuntimeError, match="inside a unit"):
            outbox.record(Happened(number=1))

    def test_an_event_of_a_failed_unit_was_never_told(self):
        def break_off():
            with unit_of_work():
                outbox.record(Happened(number=1))
                session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()

        assert not outbox.is_owed(Lane.SHORT)

    def test_the_bell_rings_once_after_the_commit(self, monkeypatch):
        rung = []
        monkeypatch.setattr(work, "after_commit", [lambda: rung.append(outbox.is_owed(Lane.SHORT))])

        record(3)

        assert rung == [True]

    def test_nothing_rings_without_news_or_for_a_later_day(self, monkeypatch):
        rung = []
        monkeypatch.setattr(work, "after_commit", [lambda: rung.append(True)])

        with unit_of_work():
            session.execute(text("SELECT 1"))
        record(due=clock.now() + timedelta(days=1))

        assert rung == []


class TestUntold:
    def test_a_past_told_afterwards_is_no_news(self, monkeypatch):
        rung = []
        monkeypatch.setattr(work, "after_commit", [lambda: rung.append(True)])

        with outbox.untold():
            record(3)

        assert outbox.fan_out(heard_by(listener())).events == 0
        assert rung == []

    def test_what_comes_later_is_news_again(self):
        with pytest.raises(ZeroDivisionError), outbox.untold():
            raise ZeroDivisionError

        record(1)

        assert outbox.fan_out(heard_by(listener())).events == 1

    def test_even_then_events_belong_into_a_unit(self):
        with outbox.untold(), pytest.raises(RuntimeError, match="inside a unit"):
            outbox.record(Happened(number=1))


class TestFanOut:
    def test_each_listener_is_owed_each_event_once(self):
        wired = heard_by(listener(name="a"), listener(name="b", queue=Lane.LONG))
        record(3)

        first = outbox.fan_out(wired)
        second = outbox.fan_out(wired)

        assert (first.events, first.lanes) == (3, {Lane.SHORT, Lane.LONG})
        assert (second.events, second.lanes) == (0, frozenset())
        assert sorted(row.listener for row in deliveries()) == ["a"] * 3 + ["b"] * 3

    def test_a_fan_out_that_was_cut_off_does_not_double(self):
        wired = heard_by(listener())
        record(2)
        outbox.fan_out(wired)
        with unit_of_work():
            session.execute(text("UPDATE outbox_event SET fanned_at = NULL"))

        outbox.fan_out(wired)

        assert len(deliveries()) == 2

    def test_an_event_nobody_hears_is_done_with(self):
        with unit_of_work():
            outbox.record(Unheard())

        fanned = outbox.fan_out(heard_by(listener()))

        assert (fanned.events, deliveries()) == (1, [])
        assert not outbox.is_owed(Lane.SHORT)

    def test_who_does_not_want_an_event_is_owed_nothing(self):
        def even(event):
            return event.number % 2 == 0

        wired = heard_by(listener(name="all"), listener(name="even", wants=even))
        record(3)

        fanned = outbox.fan_out(wired)

        assert fanned.events == 3
        assert sorted(row.listener for row in deliveries()) == ["all"] * 3 + ["even"] * 2

    def test_what_cannot_be_asked_about_is_delivered_to_fail_where_it_is_seen(self):
        def broken(event):
            raise LookupError

        record(2)

        outbox.fan_out(heard_by(listener(wants=broken)))

        assert len(deliveries()) == 2

    def test_it_goes_in_batches(self):
        record(5)
        wired = heard_by(listener())

        counts = [outbox.fan_out(wired, limit=2).events for _ in range(4)]

        assert counts == [2, 2, 1, 0]

    def test_two_at_once_make_each_delivery_once(self, app):
        wired = heard_by(listener())
        record(300)
        side_by_side(app, 4, lambda: [outbox.fan_out(wired, limit=20) for _ in range(10)])

        while outbox.fan_out(wired).events:
            pass

        assert len(deliveries()) == 300

    def test_two_listeners_of_one_name_are_refused(self):
        with pytest.raises(ValueError, match="two listeners"):
            heard_by(listener(), listener())


class TestClaiming:
    def test_a_row_has_one_holder_until_the_lease_ends(self):
        record()
        outbox.fan_out(heard_by(listener()))

        first = claim_one(lease_s=60)

        assert first is not None
        assert claim_one() is None
        assert claim_one(tried=True) is None
        with later(61):
            second = claim_one(tried=True)
        assert second is not None
        assert (second.id, second.attempts) == (first.id, 2)
        assert second.claimed_by != first.claimed_by

    def test_only_due_rows_of_the_lane_are_claimed_oldest_first(self):
        now = clock.now()
        [late] = record(first=1, due=now + timedelta(hours=1))
        [second] = record(first=2, due=now - timedelta(minutes=1))
        [first] = record(first=3, due=now - timedelta(minutes=2))
        outbox.fan_out(heard_by(listener(), listener(name="slow", queue=Lane.LONG)))

        due_now = outbox.claim(Lane.SHORT, limit=10, lease_s=60)
        with later(3601):
            due_later = outbox.claim(Lane.SHORT, limit=10, lease_s=60)

        assert [lease.event_id for lease in due_now] == [first.event_id, second.event_id]
        assert [lease.event_id for lease in due_later] == [late.event_id]

    def test_many_claimers_never_share_a_row(self, app):
        record(400)
        wired = heard_by(listener())
        while outbox.fan_out(wired).events:
            pass
        taken = []

        def claim_all():
            while rows := outbox.claim(Lane.SHORT, limit=7, lease_s=60):
                taken.extend(row.id for row in rows)

        side_by_side(app, 6, claim_all)

        assert len(taken) == len(set(taken)) == 400

    def test_a_lease_given_back_counts_for_nothing(self):
        record(2)
        outbox.fan_out(heard_by(listener()))
        held = outbox.claim(Lane.SHORT, limit=2, lease_s=60)

        outbox.release(held[1:])

        again = outbox.claim(Lane.SHORT, limit=2, lease_s=60)
        assert [(lease.id, lease.attempts) for lease in again] == [(held[1].id, 1)]

    def test_the_claim_walks_the_index_of_open_rows(self):
        record(30)
        outbox.fan_out(heard_by(listener()))
        if db.engine.dialect.name == "postgresql":
            session.execute(text("SET LOCAL enable_seqscan = off"))
        ready = (
            select(leases.D.id)
            .where(leases.is_open(), leases.D.queue == Lane.SHORT)
            .where(leases.D.tried.is_(False), leases.D.due_at <= clock.now())
            .order_by(leases.D.due_at, leases.D.id)
            .limit(5)
        )

        plan = explain(ready)

        assert "ix_outbox_delivery_open" in plan
        assert "sort" not in plan.lower()
        assert "temp b-tree" not in plan.lower()


class TestDelivering:
    @pytest.mark.parametrize("inside", [True, False])
    def test_effect_and_row_end_together(self, inside):
        handle = leave_a_mark if inside else leave_a_mark_outside
        wired = heard_by(listener(handle, work=inside))
        [event] = record()
        outbox.fan_out(wired)

        outcome = outbox.deliver(claim_one(), wired)

        assert outcome is Outcome.DONE
        assert marks() == {event.event_id: 1}
        assert deliveries()[0].done_at is not None
        assert not outbox.is_owed(Lane.SHORT)

    def test_a_listener_without_a_unit_has_no_transaction_open(self):
        seen = []
        wired = heard_by(listener(lambda _: seen.append(session().in_transaction()), work=False))
        record()
        outbox.fan_out(wired)

        outbox.deliver(claim_one(), wired)

        assert seen == [False]

    def test_the_event_arrives_as_it_was_recorded(self):
        seen = []
        wired = heard_by(listener(seen.append))
        [event] = record(first=41)
        outbox.fan_out(wired)

        outbox.deliver(claim_one(), wired)

        assert seen == [event]
        assert (seen[0].event_id, seen[0].occurred_at) == (event.event_id, event.occurred_at)

    def test_a_failure_leaves_no_effect_and_waits(self):
        wired = heard_by(listener(fail, first_wait_s=100))
        record()
        outbox.fan_out(wired)

        outcome = outbox.deliver(claim_one(), wired)

        assert outcome is Outcome.AGAIN
        assert marks() == {}
        assert not outbox.is_owed(Lane.SHORT)
        with later(74):
            assert not outbox.is_owed(Lane.SHORT)
        with later(126):
            assert outbox.is_owed(Lane.SHORT)

    def test_the_last_failure_is_a_dead_letter_without_personal_data(self):
        wired = heard_by(listener(fail, max_attempts=3, first_wait_s=1))
        record()
        outbox.fan_out(wired)

        outcomes = [outbox.deliver(claim_one(), wired)]
        for hours in (2, 4):
            with later(hours * 3600):
                outcomes.append(outbox.deliver(claim_one(tried=True), wired))

        assert outcomes == [Outcome.AGAIN, Outcome.AGAIN, Outcome.DEAD]
        [dead] = outbox.dead_letters().items
        assert dead.error.startswith("RuntimeError: test_outbox.py:")
        assert "张三" not in dead.error
        assert "138" not in dead.error

    def test_a_refusal_of_ours_is_known_by_its_code(self):
        def refuse(event):
            raise RuleBroken("不行", code="not_today")

        wired = heard_by(listener(refuse))
        record()
        outbox.fan_out(wired)

        outbox.deliver(claim_one(), wired)

        assert deliveries()[0].error == "RuleBroken: not_today"

    @pytest.mark.parametrize("leave", [SystemExit, outbox.TimeUp])
    def test_a_listener_that_leaves_or_overruns_has_failed(self, leave):
        def go(event):
            leave_a_mark(event)
            raise leave

        wired = heard_by(listener(go))
        record()
        outbox.fan_out(wired)

        assert outbox.deliver(claim_one(), wired) is Outcome.AGAIN
        assert marks() == {}

    def test_a_row_whose_worker_always_dies_is_given_up(self):
        wired = heard_by(listener(max_attempts=2))
        record()
        outbox.fan_out(wired)
        claim_one()
        with later(100):
            claim_one(tried=True)
        with later(200):
            third = claim_one(tried=True)

            outcome = outbox.deliver(third, wired)

        assert outcome is Outcome.DEAD
        assert marks() == {}
        assert outbox.dead_letters().items[0].error.startswith("WorkerDied")

    def test_a_row_of_a_listener_that_is_gone_waits_and_dies_visibly(self):
        record()
        outbox.fan_out(heard_by(listener()))

        outcome = outbox.deliver(claim_one(), {})

        assert outcome is Outcome.AGAIN
        assert deliveries()[0].error.startswith("LookupError")

    def test_poison_dies_alone_while_a_hundred_good_ones_pass(self):
        def handle(event):
            if event.number == 13:
                raise ValueError
            leave_a_mark(event)

        wired = heard_by(listener(handle, max_attempts=2, first_wait_s=0.01))
        record(101)
        outbox.fan_out(wired)

        with later(0) as start:
            pass
        for step in range(4):
            with clock.frozen(start + timedelta(seconds=step)):
                run_all(wired)

        assert len(marks()) == 100
        assert [row.attempts for row in outbox.dead_letters().items] == [2]


class TestFencing:
    def test_a_late_finish_changes_nothing(self):
        wired = heard_by(listener())
        [event] = record()
        outbox.fan_out(wired)
        slow = claim_one(lease_s=60)
        with later(61):
            outbox.deliver(claim_one(tried=True), wired)

        outcome = outbox.deliver(slow, wired)

        assert outcome is Outcome.LOST
        assert marks() == {event.event_id: 1}

    def test_control_without_the_fence_the_effect_is_doubled(self, monkeypatch):
        monkeypatch.setattr(leases, "_fence", lambda lease: (leases.D.id == lease.id,))
        wired = heard_by(listener())
        [event] = record()
        outbox.fan_out(wired)
        slow = claim_one(lease_s=60)
        with later(61):
            outbox.deliver(claim_one(tried=True), wired)

        outbox.deliver(slow, wired)

        assert marks() == {event.event_id: 2}

    def test_a_late_failure_does_not_touch_the_new_holder(self):
        wired = heard_by(listener(fail))
        record()
        outbox.fan_out(wired)
        slow = claim_one(lease_s=60)
        with later(61):
            held = claim_one(tried=True)

            outcome = outbox.deliver(slow, wired)

        assert outcome is Outcome.LOST
        assert deliveries()[0].claimed_by == held.claimed_by

    def test_a_sender_whose_lease_went_does_not_send(self):
        sent = []
        wired = heard_by(listener(sent.append, work=False))
        record()
        outbox.fan_out(wired)
        slow = claim_one(lease_s=60)
        with later(61):
            claim_one(tried=True)

        outcome = outbox.deliver(slow, wired)

        assert (outcome, sent) == (Outcome.LOST, [])

    def test_a_running_delivery_is_not_taken_away_though_its_lease_ended(self, app):
        """The row lock (PostgreSQL) or the writer's turn (SQLite) outlives the lease."""
        inside, claimed = Barrier(2), []

        def slowly(event):
            inside.wait(5)
            if db.engine.dialect.name == "postgresql":
                inside.wait(5)
            leave_a_mark(event)

        wired = heard_by(listener(slowly))
        [event] = record()
        outbox.fan_out(wired)
        lease = claim_one(lease_s=-1)

        def rob():
            with app.app_context():
                inside.wait(5)
                claimed.extend(outbox.claim(Lane.SHORT, limit=1, lease_s=60, tried=True))
                if db.engine.dialect.name == "postgresql":
                    inside.wait(5)

        robber = Thread(target=rob)
        robber.start()
        outcome = outbox.deliver(lease, wired)
        robber.join(10)

        assert (outcome, claimed) == (Outcome.DONE, [])
        assert marks() == {event.event_id: 1}


class TestDeadLetters:
    def bury(self, count: int) -> None:
        wired = heard_by(listener(fail, max_attempts=1))
        record(count)
        outbox.fan_out(wired)
        run_all(wired)

    def test_they_are_listed_in_pages(self):
        self.bury(5)

        first = outbox.dead_letters(limit=3)
        second = outbox.dead_letters(limit=3, cursor=first.next_cursor)

        assert (len(first.items), len(second.items)) == (3, 2)
        assert second.next_cursor is None
        assert len({row.id for row in (*first.items, *second.items)}) == 5

    def test_one_requeued_runs_again_with_all_its_attempts(self):
        self.bury(2)
        first, second = [(row.id, row.event_id) for row in outbox.dead_letters().items]
        wired = heard_by(listener(max_attempts=1))

        with unit_of_work():
            outbox.requeue(first[0])
        run_all(wired)

        assert [(row.id, row.event_id) for row in outbox.dead_letters().items] == [second]
        assert marks() == {first[1]: 1}

    def test_only_a_dead_letter_is_requeued(self):
        record()
        outbox.fan_out(heard_by(listener()))

        for delivery_id in (deliveries()[0].id, uuid4()):
            with pytest.raises(NotFound), unit_of_work():
                outbox.requeue(delivery_id)


def test_the_backlog_is_counted_by_what_it_waits_for():
    now = clock.now()
    wired = heard_by(listener(fail, max_attempts=1))
    record(1)
    outbox.fan_out(wired)
    run_all(wired)
    record(2, due=now - timedelta(minutes=5))
    record(3, due=now + timedelta(hours=1))
    outbox.fan_out(wired)
    claim_one()
    record(4)

    counted = outbox.backlog()

    assert (counted.unfanned, counted.ready, counted.later) == (4, 1, 3)
    assert (counted.claimed, counted.dead) == (1, 1)
    assert counted.oldest_due_at == now - timedelta(minutes=5)


def test_events_that_nobody_fans_out_make_the_queue_old():
    long_ago = clock.now() - timedelta(hours=1)
    record(due=clock.now() + timedelta(hours=1))
    nothing_waits = outbox.backlog().oldest_due_at
    with clock.frozen(long_ago):
        record()

    assert nothing_waits is None
    assert outbox.backlog().oldest_due_at == long_ago


def test_what_is_long_done_is_forgotten_and_nothing_else():
    wired = heard_by(listener(), listener(fail, name="failing", max_attempts=1))
    with clock.frozen(clock.now() - timedelta(days=40)):
        record(1)
        outbox.fan_out(heard_by(listener()))
        run_all(wired)
        [dead] = record(1)
        outbox.fan_out(wired)
        run_all(wired)
        [waiting] = record(1, due=clock.now() + timedelta(days=50))
        outbox.fan_out(wired)
    [fresh] = record(1)
    outbox.fan_out(heard_by(listener()))
    run_all(wired)

    with unit_of_work():
        forgotten = outbox.purge(clock.now() - timedelta(days=30))

    left = {row.event_id for row in deliveries()}
    assert forgotten == 1
    assert left == {dead.event_id, waiting.event_id, fresh.event_id}


def test_a_purge_goes_in_batches():
    wired = heard_by(listener())
    with clock.frozen(clock.now() - timedelta(days=40)):
        record(5)
        outbox.fan_out(wired)
        run_all(wired)

    counts = []
    for _ in range(4):
        with unit_of_work():
            counts.append(outbox.purge(clock.now(), limit=2))

    assert counts == [2, 2, 1, 0]
    assert session.scalar(select(func.count()).select_from(outbox.OutboxEvent)) == 0


def run_all(wired) -> None:
    """Run every due row once, fresh ones and tried ones."""
    for tried in (False, True):
        for lease in outbox.claim(Lane.SHORT, limit=1000, lease_s=60, tried=tried):
            outbox.deliver(lease, wired)


def side_by_side(app, count: int, work_of_one) -> None:
    """Run the same work in several threads at once, each with its own context."""
    start, errors = Barrier(count), []

    def run():
        with app.app_context():
            start.wait(5)
            try:
                work_of_one()
            except BaseException as error:
                errors.append(error)

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors


def explain(statement) -> str:
    how = "EXPLAIN " if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    compiled = statement.compile(db.engine, compile_kwargs={"render_postcompile": True})
    rows = session.connection().exec_driver_sql(how + str(compiled), _driver_values(compiled))
    plan = "\n".join(str(row) for row in rows)
    session.rollback()
    return plan


def _driver_values(compiled):
    values = compiled.construct_params()
    for name, process in compiled._bind_processors.items():
        values[name] = process(values[name])
    if compiled.positional:
        return tuple(values[name] for name in compiled.positiontup)
    return values
