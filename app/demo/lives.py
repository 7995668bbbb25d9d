"""How lives go: generators that say when the next act is and then do it.

Reported → at the desk → in hand (``works``) → answered (``endings``) is the common
road; every branch of it is a throw of the life's own dice, so that one life never
changes another's.
"""

import random
from dataclasses import replace
from datetime import timedelta

from app.demo import acts, answers
from app.demo.endings import answered
from app.demo.season import Report
from app.demo.story import Life, Setting, Story
from app.demo.tongue import Voice
from app.demo.works import taken, visited, worked
from app.kernel.actor import Actor
from app.tickets.states import OPEN, CloseReason, State

UNSURE = {
    "嗡嗡": "NBR-NOISE",
    "怪味": "ENV-SMOKE",
    "掉": "SEC-SAFETYHAZ",
    "漏水": "WPE-PIPE",
    "外墙": "BLD-LEAK",
}
"""What "I cannot say what it is" turns out to be, by a word of the report."""

PARTS = {
    "ENV-GARBAGE": (
        ("ENV-GARBAGE", "垃圾桶满出来，请加一趟清运"),
        ("PUB-ROAD", "桶旁边的地砖松了，请一起修平"),
    ),
    "PRK-CHAOS": (
        ("PRK-CHAOS", "门口两辆车挡住通道，请联系挪车"),
        ("PUB-GATE", "道闸抬杆太慢，早上排队，请检修"),
    ),
    "ENV-CORRIDOR": (
        ("ENV-CORRIDOR", "楼道里的旧家具请清走"),
        ("WPE-LIGHT", "清走以后发现这一层的灯也不亮"),
    ),
}
"""Matters that now and then are two, and how they are told apart."""

WITHDRAWN_EARLY, WITHDRAWN_LATE = 0.015, 0.012
DECLINED, DECLINE_STANDS = 0.03, 0.7
ON_THE_SPOT = 0.05


def report_life(setting: Setting, report: Report, seed: str) -> Life:
    """Tell the life of one report from its submission on."""
    rng = random.Random(seed)  # noqa: S311 - an invented life, no secret
    voice = Voice(setting.town.world, report, rng)
    story = Story(setting, report, rng, voice, report.at)
    setting.stories[report.serial] = story
    return _told(story)


def _told(story: Story) -> Life:
    yield story.until(story.report.at)
    acts.submit(story)
    yield from _early(story)
    if story.over:
        return
    if story.ticket.state is State.SUBMITTED:
        yield from _at_desk(story)
    yield from onward(story)


def onward(story: Story) -> Life:
    """Go the rest of the way from wherever the ticket stands."""
    if story.ticket.state in OPEN and not story.over:
        yield from _in_hand(story)
    if story.is_resolved:
        yield from answered(story)


def _early(story: Story) -> Life:
    """Let a twin be merged, a neighbour join, somebody add a word or think again."""
    if story.report.twin is not None:
        yield from _merged(story)
    elif story.chance(0.05):
        yield story.after(20, 900)
        answers.supplement(story)
    if story.over or story.report.filer is not None:
        return
    if story.chance(WITHDRAWN_EARLY):
        yield story.after(10, 200)
        if not story.ticket.followers:
            answers.withdraw(story)


def _merged(story: Story) -> Life:
    twin = story.report.twin
    master = story.setting.stories.get(twin) if twin is not None else None
    yield story.office(15, 120)
    ticket = story.ticket
    if master is None or master.told is None:
        return
    first = master.ticket
    same = (first.compound_id, first.category_code) == (ticket.compound_id, ticket.category_code)
    plain = not first.review_kind and not ticket.review_kind and not ticket.accusing
    if master.over or not same or not plain or first.accusing or first.merged_into_id:
        return
    acts.merge_into(story, master)


# At the desk


def _at_desk(story: Story) -> Life:
    ticket = story.ticket
    if ticket.category_code == "SUG-UNSURE":
        yield story.toward(ticket.accept_due_at, 0.25)
        acts.reclassify(story, _sorted_out(story))
        if ticket.state is not State.SUBMITTED:
            return
    if ticket.respondent_id is not None and story.chance(0.7):
        yield story.toward(ticket.accept_due_at, 0.2)
        acts.brief(story)
    if story.chance(DECLINED):
        yield from _declined(story)
        if story.over:
            return
    if not ticket.accusing and story.chance(ON_THE_SPOT):
        yield story.office(20, 200)
        if acts.self_handle(story):
            return
    yield story.toward(ticket.accept_due_at, 0.35)
    acts.dispatch(story)


def _sorted_out(story: Story) -> str:
    return next((code for word, code in UNSURE.items() if word in story.voice.raw), "SUG-OTHER")


def _declined(story: Story) -> Life:
    yield story.toward(story.ticket.accept_due_at, 0.3)
    acts.ask_decline(story)
    yield story.office(20, 260)
    acts.decide(story, approved=story.chance(DECLINE_STANDS))


# In the handler's hands


def _in_hand(story: Story) -> Life:
    yield from taken(story)
    if story.over:
        return
    if story.chance(0.06):
        yield story.office(5, 90)
        yield from _with_neighbours(story)
    if story.chance(WITHDRAWN_LATE) and story.report.filer is None:
        yield story.office(30, 400)
        if not story.ticket.followers:
            answers.withdraw(story)
            return
    if story.chance(0.04) and story.ticket.category_code in PARTS:
        yield story.office(20, 200)
        split_in_parts(story)
        return
    yield from visited(story)
    yield from worked(story)


def _with_neighbours(story: Story) -> Life:
    """Let a neighbour join; after the end they have a word of their own."""
    ticket = story.ticket
    private = ticket.accusing or ticket.sensitive or ticket.dwelling_id is not None
    if private or story.view.in_home:
        return
    joined = answers.join(story)
    if joined is not None and story.chance(0.5):
        story.setting.enter(_sided(story, joined, story.rng.random()))
    yield story.after(1, 5)


def _sided(story: Story, actor: Actor, drawn: float) -> Life:
    moment = story.at + timedelta(days=3 + 6 * drawn)
    yield moment
    due = story.ticket.confirm_due_at
    if story.ticket.state in (State.RESOLVED, State.CLOSED) and due is not None and moment < due:
        solved = "yes" if story.ticket.close_reason in (None, CloseReason.SOLVED) else "partly"
        satisfied = "satisfied" if drawn < 0.5 else "mostly_satisfied"
        answers.side_with(story, actor, solved, satisfied)


def split_in_parts(story: Story) -> None:
    """Let the desk make several tickets of it, each with a life of its own."""
    parts = PARTS[story.ticket.category_code]
    for child, (code, text) in zip(acts.split(story, parts), parts, strict=True):
        part = replace(story, told=child, voice=story.voice.about(code, text))
        part.rng = random.Random(story.rng.random())  # noqa: S311 - as above
        story.setting.enter(_part(part))


def _part(story: Story) -> Life:
    yield story.after(5, 60)
    if story.ticket.state is State.SUBMITTED:
        acts.dispatch(story)
    yield from onward(story)
