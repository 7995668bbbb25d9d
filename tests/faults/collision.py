"""Many at once: acts that start together, each in a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from flask import Flask

from app.kernel.work import unit_of_work

T = TypeVar("T")


def collide(acts: Sequence[Callable[[], T]]) -> list[T]:
    """Start every act at the same moment; their answers in order."""
    line = threading.Barrier(len(acts))
    answers: dict[int, T] = {}
    trouble: list[BaseException] = []

    def go(index: int, act: Callable[[], T]) -> None:
        try:
            line.wait(30)
            answers[index] = act()
        except BaseException as error:
            trouble.append(error)

    threads = [threading.Thread(target=go, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    if trouble:
        raise trouble[0]
    return [answers[index] for index in range(len(acts))]


def inside(app: Flask, act: Callable[[], T]) -> Callable[[], T]:
    """Let an act of a service run in a thread, in a unit of its own."""

    def run() -> T:
        with app.app_context(), unit_of_work():
            return act()

    return run


def beside(app: Flask, act: Callable[[], T]) -> Callable[[], T]:
    """Let an act that opens its own units run in a thread."""

    def run() -> T:
        with app.app_context():
            return act()

    return run
