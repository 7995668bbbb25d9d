"""Workers to start and to kill (tests/faults/fixtures.py)."""

from tests.faults.fixtures import nest, prefix, redis_url, sink

__all__ = ["nest", "prefix", "redis_url", "sink"]
