"""The alarm interrupts, and leaves other alarms as they were."""

import signal
import time

import pytest

from app.kernel.outbox import TimeUp
from workers.limits import alarm


def test_it_interrupts_what_takes_too_long():
    began = time.monotonic()

    with pytest.raises(TimeUp), alarm(0.05):
        time.sleep(5)

    assert time.monotonic() - began < 1


def test_it_leaves_what_is_quick_alone():
    with alarm(0.05):
        pass

    time.sleep(0.1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_no_except_exception_holds_it():
    def stubborn():
        while True:
            try:
                time.sleep(5)
            except Exception:  # noqa: S112
                continue

    with pytest.raises(TimeUp), alarm(0.05):
        stubborn()


def test_an_outer_alarm_goes_on_with_what_was_left():
    def one_inside_the_other():
        with pytest.raises(TimeUp, match=r"0\.1"), alarm(0.1):
            time.sleep(5)
        time.sleep(5)

    began = time.monotonic()
    with pytest.raises(TimeUp, match=r"0\.3"), alarm(0.3):
        one_inside_the_other()

    assert 0.25 < time.monotonic() - began < 1
