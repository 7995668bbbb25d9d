"""Wrong tries shut a slip for a while, many of them for a day."""

from datetime import UTC, datetime, timedelta

from app.slips import rules

AT = datetime(2026, 11, 16, 2, tzinfo=UTC)


def test_every_fifth_wrong_try_shuts_and_from_the_twentieth_on_for_a_day():
    tries, shut = 0, []
    for _ in range(25):
        after = rules.after_wrong(tries, AT)
        tries = after.tries
        if after.locked_until is not None:
            shut.append((tries, after.locked_until - AT))

    short = [(count, rules.LOCK) for count in (5, 10, 15)]
    assert shut == [*short, (20, rules.LONG_LOCK), (25, rules.LONG_LOCK)]


def test_a_shut_slip_opens_again_at_its_time():
    shut = rules.after_wrong(4, AT).locked_until

    assert rules.is_locked(shut, AT + rules.LOCK - timedelta(seconds=1))
    assert not rules.is_locked(shut, AT + rules.LOCK)
    assert not rules.is_locked(None, AT)
