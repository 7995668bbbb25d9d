"""The ways out, each behind one small protocol; whoever composes a process installs them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.notifications.rules.settling import Outcome
from app.notifications.rules.ways import Way


@dataclass(frozen=True, slots=True)
class Reach:
    """Where one person can be reached; ``account`` is their name in 企业微信."""

    openid: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    account: str = ""
    is_staff: bool = False


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is handed to a channel; ``key`` is the same each time a message is tried."""

    key: str
    reach: Reach = field(repr=False)
    title: str = field(repr=False)
    text: str = field(repr=False)
    page: str = ""
    template_id: str = ""
    data: Mapping[str, str] = field(default_factory=dict, repr=False)


class Channel(Protocol):
    """One way out."""

    def reaches(self, reach: Reach) -> bool:
        """Tell whether this person can be told this way at all."""
        ...

    def send(self, parcel: Parcel) -> Outcome:
        """Send, with no transaction open; whatever goes wrong is an outcome, not an error."""
        ...


class Group(Protocol):
    """A group of staff that somebody speaks to."""

    def say(self, words: str) -> Outcome:
        """Say a line, with no transaction open; whatever goes wrong is an outcome."""
        ...


@dataclass(frozen=True, slots=True)
class Outfit:
    """The channels of an installation, the mini-program, and whether its pushes come in."""

    ways: Mapping[Way, Channel] = field(default_factory=dict)
    appid: str = ""
    pushed: bool = False
    group: Group | None = None


_installed: list[Outfit] = []


def install(outfit: Outfit) -> None:
    """Make ``outfit`` the one in use."""
    _installed[:] = [outfit]


def current() -> Outfit:
    """Hand out the channels in use; without any, the inbox is all there is."""
    return _installed[0] if _installed else Outfit()


def usable(reach: Reach) -> frozenset[Way]:
    """Name the ways by which a person can be told."""
    return frozenset(way for way, one in current().ways.items() if one.reaches(reach))
