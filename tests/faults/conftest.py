"""Workers and webs to start and to kill, a town to do it in, and what came of it."""

from tests.faults.fixtures import nest, prefix, redis_url, sink
from tests.faults.luck import pytest_terminal_summary, report
from tests.faults.town import made_town, phone_of, standing_town, town

__all__ = [
    "made_town",
    "nest",
    "phone_of",
    "prefix",
    "pytest_terminal_summary",
    "redis_url",
    "report",
    "sink",
    "standing_town",
    "town",
]
