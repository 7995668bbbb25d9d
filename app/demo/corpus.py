"""What people say and write in the invented district, by leaf of the category tree.

One JSON file per group of leaves under ``data/corpus``; ``data/common.json``
holds what fits any leaf. Texts carry placeholders such as ``{building}``; a
loader fills them. Everything is read once and checked on load.
"""

import json
import random
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain
from string import Formatter
from typing import Any

from app.demo.layout import DATA
from app.tickets.states import ResultKind

HERE = ("compound", "building", "unit", "floor", "dwelling", "firm", "worker", "road")
DRAWN = ("days", "when", "count")
PLACEHOLDERS = frozenset((*HERE, *DRAWN))
"""What a text may ask for: of the place (numbers are bare), and what is drawn anew each time."""

VERDICTS = ("satisfied", "mostly_satisfied", "dissatisfied")
NEEDS_FIRM = re.compile(r"物业|保安|保洁|\{firm\}")
NEEDS_LIFT = re.compile(r"电梯")
FEWEST = {"reports": 4, "results": 3, "progress": 1, "returns": 1, "rework": 1}
OPENED, CLOSED = 0.35, 0.4
"""How often a report starts with a greeting, and ends with a word of its own."""

Words = tuple[str, ...]


class BadCorpus(ValueError):
    """The texts break their own rules; the message lists every place."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The texts of one leaf; ``results`` by kind of result, ``verdicts`` by satisfaction."""

    code: str
    reports: Words
    results: Mapping[str, Words]
    progress: Words
    returns: Words
    rework: Words
    verdicts: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Common:
    """The texts that fit any leaf; ``openers`` and ``closers`` by age.

    ``days``, ``when`` and ``count`` are what the placeholders of that name become.
    """

    days: Words
    when: Words
    count: Words
    openers: Mapping[str, Words]
    closers: Mapping[str, Words]
    supplements: Words
    nudges: Words
    contacts: Words
    internal: Words
    returns: Words
    rulings: Words
    pauses: Words
    extensions: Words
    declines: Words
    withdrawals: Words
    joins: Words
    merges: Words
    follow_ups: Words
    verdicts: Mapping[str, Words]


@dataclass(frozen=True, slots=True)
class Corpus:
    """All texts."""

    leaves: Mapping[str, Leaf]
    common: Common

    def texts(self) -> Iterator[str]:
        """Go through every text once."""
        for leaf in self.leaves.values():
            yield from _flat(leaf)
        yield from _flat(self.common)


@cache
def load() -> Corpus:
    """Read and check the texts.

    Raises:
        BadCorpus: a text is missing, doubled or carries an unknown placeholder.

    """
    leaves: dict[str, Leaf] = {}
    for path in sorted((DATA / "corpus").glob("*.json")):
        for code, parts in json.loads(path.read_text(encoding="utf-8")).items():
            if not code.startswith(f"{path.stem}-"):
                raise BadCorpus(f"{code} stands in the wrong file, {path.name}")
            leaves[code] = _read(Leaf, {"code": code, **parts})
    common = json.loads((DATA / "common.json").read_text(encoding="utf-8"))
    corpus = Corpus(leaves, _read(Common, common))
    wrong = [*chain.from_iterable(map(_missing, leaves.values())), *_unsound(corpus)]
    if wrong:
        raise BadCorpus("\n".join(wrong))
    return corpus


def asked_for(text: str) -> frozenset[str]:
    """Name the placeholders ``text`` carries."""
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put ``values`` into the placeholders of ``text``.

    Raises:
        KeyError: a placeholder has no value.

    """
    return text.format_map(values)


def particulars(rng: random.Random, common: Common, **here: object) -> dict[str, str]:
    """Gather the values of one telling: what is known of the place, and what is drawn.

    Raises:
        KeyError: ``here`` names something that is no placeholder of a place.

    """
    for name in here.keys() - set(HERE):
        raise KeyError(name)
    values = {name: str(value) for name, value in here.items() if value not in (None, "")}
    return values | {name: rng.choice(getattr(common, name)) for name in DRAWN}


def fitting(
    texts: Collection[str], values: Mapping[str, str], *, firm: bool = True, lift: bool = True
) -> Words:
    """Choose the texts that can be said here.

    Without a firm nobody speaks of its guards, without lifts nobody of a lift,
    and every placeholder needs a value.
    """
    return tuple(
        text
        for text in texts
        if asked_for(text) <= values.keys()
        and (firm or not NEEDS_FIRM.search(text))
        and (lift or not NEEDS_LIFT.search(text))
    )


def spoken(rng: random.Random, text: str, age: str, common: Common) -> str:
    """Say ``text`` as a person of ``age`` might: now and then with a greeting or a last word.

    Not for emergencies: nobody begins those with a greeting.
    """
    opener = rng.choice(common.openers[age]) if rng.random() < OPENED else ""
    closer = rng.choice(common.closers[age]) if rng.random() < CLOSED else ""
    return f"{opener}{text.rstrip('。') if closer else text}{closer}"


def _read(kind: Callable[..., Any], parts: Mapping[str, Any]) -> Any:
    """Build a frozen record, refusing missing and unknown parts."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if names != parts.keys():
        odd = ", ".join(sorted(names ^ parts.keys()))
        raise BadCorpus(f"{parts.get('code', 'common')}: missing or unknown parts: {odd}")
    return kind(**{name: _frozen(value) for name, value in parts.items()})


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _frozen(inner) for name, inner in value.items()}
    return tuple(value) if isinstance(value, list) else value


def _missing(leaf: Leaf) -> Iterator[str]:
    for name, fewest in FEWEST.items():
        value = getattr(leaf, name)
        count = sum(map(len, value.values())) if isinstance(value, dict) else len(value)
        if count < fewest:
            yield f"{leaf.code}: {name}: {count} texts, at least {fewest} wanted"
    for kind in leaf.results.keys() - {kind.value for kind in ResultKind}:
        yield f"{leaf.code}: results: unknown kind {kind}"
    for name in leaf.verdicts.keys() - set(VERDICTS):
        yield f"{leaf.code}: verdicts: unknown word {name}"
    for name in {"satisfied", "dissatisfied"} - leaf.verdicts.keys():
        yield f"{leaf.code}: verdicts: {name} is missing"


def _unsound(corpus: Corpus) -> Iterator[str]:
    seen: set[str] = set()
    for text in corpus.texts():
        if text in seen:
            yield f"twice: {text}"
        seen.add(text)
        if not text.strip() or text != text.strip():
            yield f"blank around: {text!r}"
        for name in asked_for(text) - PLACEHOLDERS:
            yield f"unknown placeholder {name!r}: {text}"


def _flat(part: Leaf | Common) -> Iterator[str]:
    for field in fields(part):
        value = getattr(part, field.name)
        if isinstance(value, dict):
            yield from chain.from_iterable(value.values())
        elif field.name != "code":
            yield from value
