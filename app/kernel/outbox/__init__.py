"""The queue of record: what is owed stands in the database, nowhere else.

``record(event)`` writes an event in the caller's unit of work. ``fan_out``
makes one delivery row per (event, listener); ``claim`` leases rows; ``deliver``
runs a listener and finishes its row in one commit. Whoever runs these (a thread,
an RQ job) is only an engine: losing it costs delay, never work.
"""

from app.kernel.outbox.events import Event, topics
from app.kernel.outbox.leases import (
    Lease,
    LeaseLost,
    Outcome,
    TimeUp,
    claim,
    deliver,
    describe,
    release,
)
from app.kernel.outbox.models import Lane, OutboxDelivery, OutboxEvent, TimetableTick
from app.kernel.outbox.queries import Backlog, backlog, dead_letters, is_owed, is_ready
from app.kernel.outbox.rules import Listener, Listeners, Subscription, listen
from app.kernel.outbox.service import Fanned, fan_out, purge, record, requeue, untold
from app.kernel.outbox.ticks import claim_tick, fail_tick, finish_tick, open_slots, purge_ticks

__all__ = [
    "Backlog",
    "Event",
    "Fanned",
    "Lane",
    "Lease",
    "LeaseLost",
    "Listener",
    "Listeners",
    "OutboxDelivery",
    "OutboxEvent",
    "Outcome",
    "Subscription",
    "TimeUp",
    "TimetableTick",
    "backlog",
    "claim",
    "claim_tick",
    "dead_letters",
    "deliver",
    "describe",
    "fail_tick",
    "fan_out",
    "finish_tick",
    "is_owed",
    "is_ready",
    "listen",
    "open_slots",
    "purge",
    "purge_ticks",
    "record",
    "release",
    "requeue",
    "topics",
    "untold",
]
