"""Who says what: the corpus's texts, put into the mouth of one report's people."""

import random
from collections.abc import Sequence
from copy import copy
from functools import cache

from app.demo import corpus
from app.demo.corpus import Corpus, Leaf
from app.demo.layout import Compound
from app.demo.people import Person
from app.demo.season import Report
from app.demo.world import World
from app.identity.rules import Role
from app.tickets.states import ResultKind

RESULTS = {
    ResultKind.FIXED: 1.0,
    ResultKind.PARTLY: 0.35,
    ResultKind.EXPLAINED: 0.4,
    ResultKind.CANNOT: 0.2,
}
"""How readily a result of a kind is drawn, before looking at how well it answers."""


ON_THE_PHONE = {
    "yes": ("好了", "电话里说弄好了，没有别的意见。", "本人说问题已经解决，谢谢师傅。"),
    "partly": ("一半", "本人说好了大半，剩下的再看看。", "电话里说比原来强，还差一点没到位。"),
    "no": ("没弄好", "电话里说还是老样子。"),
}
"""A word by which a text of the corpus is known to fit, and texts of our own."""


@cache
def _pairs(text: str) -> frozenset[str]:
    """Cut a text into what two texts about one thing share: pairs of neighbouring letters."""
    plain = "".join(letter for letter in text if letter.isalnum())
    return frozenset(plain[i : i + 2] for i in range(len(plain) - 1)) | frozenset(plain)


def _near(said: str, answer: str) -> float:
    shared = _pairs(said) & _pairs(answer)
    return sum(1.0 if len(part) > 1 else 0.15 for part in shared)


class Voice:
    """The texts of one report: what the resident says and what those say who answer."""

    def __init__(self, world: World, report: Report, rng: random.Random) -> None:
        self._rng = rng
        self._corpus: Corpus = corpus.load()
        self._leaf: Leaf = self._corpus.leaves[report.code]
        self._compound: Compound = world.compound(report.compound)
        self._person = next(one for one in world.people if one.key == report.who)
        building = _building(self._person, report)
        firms = world.firms_of(report.compound, building)
        self._has_firm = bool(firms)
        firm = world.organisation(firms[0]).short_name if firms else None
        here = _here(self._compound, self._person, report)
        community = next(
            one for one in world.ground.communities if one.code == self._compound.community
        )
        here |= {"firm": firm, "road": f"{community.name[:2]}路"}
        if firms:
            here["worker"] = _some_worker(world, firms[0], rng)
        self._values = corpus.particulars(rng, self._corpus.common, **here)
        self.raw = ""

    def report(self, *, urgent: bool) -> str:
        """Say what is wrong, as a person of this age would."""
        self.raw = self._rng.choice(self._fitting(self._leaf.reports))
        text = self._fill(self.raw, "")
        if urgent:
            return text
        return corpus.spoken(self._rng, text, self._person.age, self._corpus.common)

    def result(self, worker: str) -> tuple[ResultKind, str]:
        """Choose a result that answers what was reported."""
        offered = [
            (ResultKind(kind), text)
            for kind, texts in self._leaf.results.items()
            for text in self._fitting(texts, worker)
        ]
        weights = [(0.4 + _near(self.raw, text)) ** 2 * RESULTS[kind] for kind, text in offered]
        kind, text = self._rng.choices(offered, weights=weights)[0]
        return kind, self._fill(text, worker)

    def progress(self, worker: str) -> str:
        """Tell how the work goes."""
        return self._answer(self._leaf.progress, worker)

    def returned(self) -> str:
        """Say why it is not ours."""
        return self._answer((*self._leaf.returns, self._corpus.common.returns[0]))

    def rework(self) -> str:
        """Say that it is not solved."""
        return self._answer(self._leaf.rework)

    def verdict(self, satisfaction: str) -> str:
        """Judge in words; many people leave it empty."""
        own = self._leaf.verdicts.get(satisfaction, ())
        return self._answer((*own, *self._corpus.common.verdicts[satisfaction]))

    def common(self, name: str, worker: str = "") -> str:
        """Say something that fits any matter, e.g. ``nudges`` or ``supplements``."""
        texts: Sequence[str] = getattr(self._corpus.common, name)
        return self._fill(self._rng.choice(self._fitting(texts, worker)), worker)

    def on_the_phone(self, solved: str) -> str:
        """Tell what the resident said when they were rung."""
        mark, *own = ON_THE_PHONE[solved]
        kept = [one for one in self._corpus.common.follow_ups if mark in one]
        return self._fill(self._rng.choice([*own, *kept]), "")

    def about(self, leaf: str, raw: str) -> "Voice":
        """Speak of a part of the matter, which belongs to another leaf."""
        part = copy(self)
        part._leaf, part.raw = self._corpus.leaves[leaf], raw
        return part

    def _answer(self, texts: Sequence[str], worker: str = "") -> str:
        offered = self._fitting(texts, worker)
        weights = [0.5 + _near(self.raw, text) for text in offered]
        return self._fill(self._rng.choices(offered, weights=weights)[0], worker)

    def _fitting(self, texts: Sequence[str], worker: str = "") -> Sequence[str]:
        values = self._values | ({"worker": worker} if worker else {})
        lift = self._compound.lift
        found = corpus.fitting(texts, values, firm=self._has_firm, lift=lift)
        return found or corpus.fitting(texts, self._wide(), firm=True, lift=True) or texts

    def _fill(self, text: str, worker: str) -> str:
        return corpus.fill(text, self._wide() | ({"worker": worker} if worker else {}))

    def _wide(self) -> dict[str, str]:
        """Name something for every placeholder, for texts that nearly fit."""
        spare = {"building": "1", "unit": "1", "floor": "1", "dwelling": "101"}
        return spare | {"firm": "社区", "worker": "师傅"} | dict(self._values)


def _some_worker(world: World, firm: str, rng: random.Random) -> str:
    """Name somebody residents know by sight."""
    hands = [
        person.name[:1]
        for person in world.people
        for post in person.posts
        if (post.role, post.at) == (Role.REPAIRER, firm)
    ]
    return f"{rng.choice(hands)}师傅"


def _building(person: Person, report: Report) -> int | None:
    home = person.home
    at_home = home is not None and home.compound == report.compound and report.where != "street"
    return home.building if home and at_home else None


def _here(compound: Compound, person: Person, report: Report) -> dict[str, object]:
    """Name the place as far as it is known where the report is made."""
    here: dict[str, object] = {"compound": compound.name}
    home = person.home
    if home is not None and home.compound == report.compound and report.where != "street":
        here |= {"building": home.building, "unit": home.unit}
        here |= {"floor": home.floor, "dwelling": home.dwelling}
    return here
