"""What a verdict means, when to ask again, and the words we look for ourselves (pure)."""

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What is looked at."""

    TEXT = "text"  # the words of a report
    WORDS = "words"  # the words of a later step
    PHOTO = "photo"
    VOICE = "voice"


class State(StrEnum):
    """How far a look has come; only PASSED and SHOWN may be read by other residents."""

    WAITING = "waiting"  # to be asked, at ``due_at``
    ASKED = "asked"  # asked; asked again at ``due_at`` if nothing came
    PASSED = "passed"
    HELD = "held"  # a person must look
    SHOWN = "shown"  # a person said yes
    HIDDEN = "hidden"  # a person said no


class Suggest(StrEnum):
    """What WeChat, or our own words, think of it; the worst comes last."""

    UNKNOWN = "unknown"
    PASS = "pass"  # noqa: S105
    REVIEW = "review"
    RISKY = "risky"


class Source(StrEnum):
    """Whose verdict it is."""

    WECHAT = "wechat"
    WORDS = "words"
    PERSON = "person"


PUBLISHABLE = frozenset({State.PASSED, State.SHOWN})
OPEN = frozenset({State.WAITING, State.ASKED})

ACTIVE = timedelta(hours=2)
"""WeChat looks only at what comes from somebody who was there within this time (wechat.md 2.7)."""
MEDIA_LOST_AFTER = timedelta(minutes=20)
"""With the timetable's five minutes a lost verdict is asked for again within half an hour."""
ANSWER_LOST_AFTER = timedelta(minutes=2)
MOST_ASKS = 4
CHUNK = 2500
FORUM, COMMENT = 3, 2
_FIRST_WAIT = timedelta(seconds=30)

WORDS_FILE = Path(__file__).with_name("words.txt")


@dataclass(frozen=True, slots=True)
class WordList:
    """The words we look for ourselves, and which edition they are of."""

    version: str
    words: frozenset[str]


def read_words(text: str) -> WordList:
    """Read an edition of the word list.

    Raises:
        ValueError: it does not say which edition it is, or holds no words.

    """
    lines = [line.strip() for line in text.splitlines()]
    head = next((line for line in lines if line.startswith("# version:")), "")
    version = head.removeprefix("# version:").strip()
    words = frozenset(normal(line) for line in lines if line and not line.startswith("#"))
    if not version or not words - {""}:
        raise ValueError("a word list names its version and holds words")
    return WordList(version, words - {""})


def normal(text: str) -> str:
    """Undo the tricks by which a word is written past a list: width, case, signs between."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def has_listed(text: str, words: Collection[str]) -> bool:
    """Tell whether a text holds a word of the list, however it is spaced."""
    plain = normal(text)
    return any(word in plain for word in words)


def chunks(text: str) -> Sequence[str]:
    """Cut a text into what WeChat takes at once."""
    return [text[start : start + CHUNK] for start in range(0, len(text), CHUNK)]


def worst(found: Iterable[tuple[Suggest, int]]) -> tuple[Suggest, int]:
    """Choose the verdict that counts among those of a text's parts."""
    order = list(Suggest)
    return max(found, key=lambda one: order.index(one[0]), default=(Suggest.UNKNOWN, 0))


def suggested(word: str) -> Suggest:
    """Read WeChat's word; one that nobody knows is unknown."""
    return Suggest(word) if word in list(Suggest) else Suggest.UNKNOWN


def state_of(suggest: Suggest) -> State:
    """Pass what passed; everything else waits for a person and is shown to nobody else."""
    return State.PASSED if suggest is Suggest.PASS else State.HELD


def without_openid(kind: Kind, *, flagged: bool, is_staff: bool) -> tuple[State, Suggest]:
    """Decide what WeChat cannot be asked about.

    The words of staff stand for their organisation and pass our own list; whatever else
    comes without a phone of WeChat's waits for a person.
    """
    if flagged:
        return State.HELD, Suggest.RISKY
    if is_staff and kind in (Kind.TEXT, Kind.WORDS):
        return State.PASSED, Suggest.PASS
    return State.HELD, Suggest.UNKNOWN


def may_ask(made_at: datetime, now: datetime) -> bool:
    """Tell whether WeChat still takes a question about what was sent at ``made_at``."""
    return now - made_at < ACTIVE


def wait(asks: int) -> timedelta:
    """Tell how long to wait after WeChat was busy for the ``asks``-th time."""
    return _FIRST_WAIT * int(4 ** max(asks - 1, 0))
