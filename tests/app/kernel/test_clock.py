"""The only clock: it stands still when held, and in a demo it may run ahead."""

from datetime import UTC, datetime, timedelta

import pytest

from app.kernel import clock


@pytest.fixture
def ahead(tmp_path):
    """A file that a demo's clock follows, for one test."""
    path = tmp_path / "clock"
    clock.follow(path)
    yield path
    clock._ahead_of.clear()


def seconds_ahead():
    return round((clock.now() - datetime.now(UTC)).total_seconds())


def test_without_a_file_it_tells_the_real_time(ahead):
    assert seconds_ahead() == 0


def test_it_runs_ahead_and_adds_up(ahead):
    clock.move_on(ahead, timedelta(hours=2))
    moved = clock.move_on(ahead, timedelta(minutes=30))

    assert seconds_ahead() == 9000
    assert round((moved - datetime.now(UTC)).total_seconds()) == 9000


def test_it_never_goes_back(ahead):
    clock.move_on(ahead, timedelta(hours=2))

    with pytest.raises(ValueError, match="forward"):
        clock.move_on(ahead, -timedelta(seconds=1))
    assert seconds_ahead() == 7200


def test_a_held_clock_stands_whatever_the_file_says(ahead):
    clock.move_on(ahead, timedelta(days=3))
    moment = datetime(2026, 11, 16, tzinfo=UTC)

    with clock.frozen(moment):
        assert clock.now() == moment


def test_nobody_follows_a_file_by_himself(tmp_path):
    (tmp_path / "clock").write_text("86400", encoding="ascii")

    assert seconds_ahead() == 0
