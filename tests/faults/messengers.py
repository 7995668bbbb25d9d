"""Workers that carry messages, for the nest: real channels, short leases, three seeded bugs."""

import os
import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta

from flask import Flask

from app.kernel.outbox import Listener, listen
from app.notifications import channels
from app.notifications.channels import Outfit
from app.notifications.channels.texts import SmsChannel
from app.notifications.channels.wecom import WecomChannel
from app.notifications.events import MessageDue
from app.notifications.models import Message
from app.notifications.rules import settling
from app.notifications.rules.settling import Attempt, Outcome, Result
from app.notifications.rules.ways import Way
from app.notifications.service import delivering
from app.sms import gateway as sms
from app.sms.gateway import HttpProvider
from config import Sms, Wecom
from workers.drain import Wiring
from workers.embedded import EmbeddedWorker

LEASE_S = 1.0
PAUSE_S = 0.1
JUDGE = settling.judge


def settle_first(event: MessageDue) -> None:
    """The seeded bug: say that it is sent, then (where a kill would show it) send."""
    taken = delivering.claim(event.message_id)
    if taken is not None:
        delivering.settle(taken, Outcome(Result.SENT))
        time.sleep(PAUSE_S)
        taken.channel.send(taken.parcel)


def take_over_unmarked(row: Message, now: object) -> bool:
    """The seeded bug: take up what a dead worker had in hand as if it had never been tried."""
    return row.claimed_until is None or row.claimed_until < now


def doubt_everything(
    attempt: Attempt, outcome: Outcome, now: datetime, luck: float
) -> settling.Verdict:
    """The seeded bug: hold whatever failed for something that may have arrived."""
    return JUDGE(attempt, replace(outcome, maybe_sent=True), now, luck)


def carry(app: Flask, url: str, bug: str) -> None:
    """Carry messages until killed, giving one's own pid as sign."""
    delivering.LEASE = timedelta(seconds=LEASE_S)
    settling._FIRST_WAIT = timedelta(seconds=0.05)
    if bug == "take_over_unmarked":
        delivering._take_over = take_over_unmarked
    if bug == "doubt_everything":
        settling.judge = doubt_everything
    pid = os.getpid()
    sms.install(HttpProvider(Sms(url=url, key="k", sign=str(pid))))
    wecom = WecomChannel(Wecom(corp_id="c", agent_id=pid, secret="s", api_url=url))
    channels.install(Outfit(ways={Way.WECOM: wecom, Way.SMS: SmsChannel()}))
    handle = settle_first if bug == "settle_first" else delivering.deliver
    listener = Listener(
        name="notifications.deliver",
        handle=handle,
        work=False,
        timeout_s=1,
        max_attempts=1000,
        first_wait_s=0.2,
    )
    heard = listen([(MessageDue, listener)])
    wiring = Wiring(listeners=heard, timetable=(), batch=5, lease_s=LEASE_S, budget_s=5)
    EmbeddedWorker(app, wiring, look_s=0.05).begin()
    threading.Event().wait()
