"""The door for time and queues: it drains the outbox and keeps the timetable.

Two engines run the same turn (``drain.turn``): a thread in the served process
(``embedded``), or RQ workers (``rqueue``) when there is a Redis.
"""

from workers.bells import bell
from workers.embedded import EmbeddedWorker, start

__all__ = ["EmbeddedWorker", "bell", "start"]
