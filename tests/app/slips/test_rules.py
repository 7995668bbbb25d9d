"""Wrong tries shut a slip, now and then and in the end for good."""

from datetime import UTC, datetime, timedelta

from app.slips import rules

AT = datetime(2026, 11, 16, 2, tzinfo=UTC)


def test_every_fifth_wrong_try_shuts_and_the_twentieth_voids():
    tries, shut, void = 0, [], []
    for _ in range(rules.TRIES_IN_ALL):
        after = rules.after_wrong(tries, AT)
        tries = after.tries
        shut += [tries] * (after.locked_until is not None)
        void += [tries] * after.is_void

    assert shut == [5, 10, 15, 20]
    assert void == [20]


def test_a_shut_slip_opens_again_at_its_time():
    shut = rules.after_wrong(4, AT).locked_until

    assert rules.is_locked(shut, AT + rules.LOCK - timedelta(seconds=1))
    assert not rules.is_locked(shut, AT + rules.LOCK)
    assert not rules.is_locked(None, AT)
