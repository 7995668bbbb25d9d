"""The lives that end where the demo begins: scripted, so that every queue has something in it.

``data/staged.json`` names who reports what and how long ago each act was, counted
back from the moment of loading. What would fall into the night is told for the
evening before; where the last act stands, the ticket waits for whoever looks.
"""

import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from app.demo import acts, answers, lives
from app.demo.layout import DATA
from app.demo.season import Report, where_of
from app.demo.story import Life, Setting, Story
from app.demo.tongue import Voice
from app.demo.town import Town
from app.kernel.clock import SHANGHAI
from app.tickets.states import State

OPENS, CLOSES = 8, 20
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def staged_lives(setting: Setting, now: datetime, seed: int, first: int) -> Iterator[Life]:
    """Prepare the scripted lives; their reports are numbered from ``first`` on."""
    for serial, script in enumerate(scripts(), start=first):
        rng = random.Random(f"{seed}/staged/{serial - first}")  # noqa: S311 - no secret
        report = _report(setting.town, script, serial, now)
        voice = Voice(setting.town.world, report, rng)
        story = Story(setting, report, rng, voice, report.at - timedelta(days=1))
        setting.stories[serial] = story
        yield _told(story, script["acts"], now)


@cache
def scripts() -> Sequence[Mapping[str, Any]]:
    """Read the scripts."""
    found: list[Mapping[str, Any]] = json.loads((DATA / "staged.json").read_text(encoding="utf-8"))
    return found


def _report(town: Town, script: Mapping[str, Any], serial: int, now: datetime) -> Report:
    who = _who(town, script["who"])
    home = town.person_of[who].home
    assert home is not None  # noqa: S101  (scripts name residents)
    where = where_of(script["code"])
    lived_in = {code for one in town.world.ground.compounds for code in one.grids}
    community = town.world.compound(home.compound).community
    streets = (
        grid.code
        for grid in town.world.ground.grids
        if grid.community == community and grid.code not in lived_in
    )
    return Report(
        serial=serial,
        at=moment(script["acts"][0].split()[0], now),
        code=script["code"],
        who=who,
        where=where,
        compound=home.compound,
        grid=next(streets) if where == "street" else None,
        filer=script.get("filer"),
        channel=script.get("channel", "mini_program"),
    )


def _who(town: Town, said: str) -> str:
    """Read a key, or ``compound:n``: its n-th settled resident who is nobody special.

    ``compound/building:n`` asks for one of that building, settled or not.
    """
    place, _, index = said.partition(":")
    if not index:
        return said
    compound, _, building = place.partition("/")
    living = [one for one in town.neighbours(compound) if one.home is not None]
    if building:
        found = [one for one in living if one.home and str(one.home.building) == building]
    else:
        found = [one for one in living if one.login is None and one.key in town.confirmed]
    plain = [one for one in found if one.login is None] or found
    return plain[int(index) % len(plain)].key


def moment(ago: str, now: datetime) -> datetime:
    """Read ``2d3h`` before ``now``; the night is folded into the half hour before it, in order."""
    parts = {UNITS[unit]: int(amount) for amount, unit in re.findall(r"(\d+)([dhm])", ago)}
    local = (now - timedelta(**parts)).astimezone(SHANGHAI)
    evening = local.replace(hour=CLOSES - 1, minute=30, second=0, microsecond=0)
    if local.hour < OPENS:
        evening -= timedelta(days=1)
    elif local < evening:
        return local
    return evening + (local - evening) / 25


def _told(story: Story, script: list[str], now: datetime) -> Life:
    for line in script:
        ago, name, *words = line.split()
        yield story.until(moment(ago, now))
        _ACTS[name](story, *words)


def _dispatch(story: Story) -> None:
    """Dispatch what no rule has dispatched."""
    if story.ticket.state is State.SUBMITTED:
        acts.dispatch(story)


def _merge(story: Story) -> None:
    """Put it into the script right before, unless the night has put that one after it."""
    master = story.setting.stories.get(story.report.serial - 1)
    if master is not None and master.told is not None:
        acts.merge_into(story, master)


def _approve(story: Story) -> None:
    acts.decide(story, approved=True)


_ACTS: Mapping[str, Callable[..., Any]] = {
    "submit": acts.submit,
    "brief": acts.brief,
    "dispatch": _dispatch,
    "merge": _merge,
    "approve": _approve,
    "split": lives.split_in_parts,
    "accept": acts.accept,
    "start": acts.start,
    "appoint": acts.appoint,
    "offer": acts.offer,
    "progress": acts.progress,
    "assist": acts.assist,
    "ask_return": acts.ask_return,
    "ask_decline": acts.ask_decline,
    "resolve": acts.resolve,
    "verdict": answers.verdict,
    "rework": answers.rework,
    "nudge": answers.nudge,
    "withdraw": answers.withdraw,
}
