"""Served products need a world of this very day."""

from tests.faults.town import made_town, town

__all__ = ["made_town", "town"]
