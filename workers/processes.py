"""Keep a handful of processes alive: start, start again when one dies, stop together."""

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

_log = structlog.get_logger("sandan.worker")

GRACE_S = 30.0
LONGEST_PAUSE_S = 10.0
STEADY_S = 60.0
LOOK_S = 0.2


@dataclass(slots=True)
class Member:
    """One process of the crew and its history."""

    command: Sequence[str]
    process: subprocess.Popen[bytes]
    began: float
    deaths: int = 0
    again_at: float | None = None


def supervise(
    commands: Sequence[Sequence[str]], stopping: threading.Event, *, grace_s: float = GRACE_S
) -> None:
    """Run ``commands`` until ``stopping`` is set, then end them, by force after ``grace_s``."""
    crew = [Member(command, _spawn(command), time.monotonic()) for command in commands]
    try:
        while not stopping.wait(LOOK_S):
            for member in crew:
                _look_after(member)
    finally:
        _end([member.process for member in crew], grace_s)


def _spawn(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command)  # noqa: S603 (our own command line)


def _look_after(member: Member) -> None:
    now = time.monotonic()
    if member.process.poll() is None:
        return
    if member.again_at is None:
        steady = now - member.began >= STEADY_S
        member.deaths = 1 if steady else member.deaths + 1
        pause = min(2.0 ** (member.deaths - 1) / 2, LONGEST_PAUSE_S)
        member.again_at = now + pause
        _log.error("process_died", role=member.command[-1], status=member.process.returncode)
    if now >= member.again_at:
        member.process, member.began = _spawn(member.command), now
        member.again_at = None


def _end(processes: Sequence[subprocess.Popen[bytes]], grace_s: float) -> None:
    until = time.monotonic() + grace_s
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
