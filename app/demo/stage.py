"""The stage: every life's acts in the order of their time."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count

from app.demo.story import Life
from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import SandanError


class Stage:
    """Plays lives up to ``now``; whatever would come later stays as it is.

    ``careful``: an act that the house refuses ends its life and is remembered as a
    stumble; otherwise it ends the play, which is a tenth faster.
    """

    def __init__(self, now: datetime, *, careful: bool) -> None:
        self._now = now
        self._careful = careful
        self._next: list[tuple[datetime, int, Life]] = []
        self._serial = count()
        self.acts = 0
        self.stumbles: list[str] = []
        """Acts that the house refused. A sound demo has none."""

    def enter(self, life: Life) -> None:
        """Put a life on the stage; it waits for its first moment."""
        self._wait(life)

    def play(self, tell: Callable[[datetime, int], None]) -> None:
        """Play everything inside a unit of work; ``tell`` hears the time and how many acts."""
        while self._next and self._next[0][0] <= self._now:
            at, _, life = heapq.heappop(self._next)
            with clock.frozen(at):
                if self._careful:
                    self._act(life)
                else:
                    self._wait(life)
            self.acts += 1
            tell(at, self.acts)

    def _act(self, life: Life) -> None:
        """Do one act whole or not at all."""
        try:
            with session.begin_nested():
                self._wait(life)
        except SandanError as error:
            frames = []
            trace = error.__traceback__
            while trace is not None:
                frames.append(trace.tb_frame.f_code.co_name)
                trace = trace.tb_next
            self.stumbles.append(f"{error.code}: {' '.join(frames[2:9])}")

    def _wait(self, life: Life) -> None:
        at = next(life, None)
        if at is not None:
            heapq.heappush(self._next, (at, next(self._serial), life))
