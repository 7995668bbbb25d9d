"""What follows a result: the resident's word, a call, silence; or it is done again."""

from datetime import timedelta

from app.demo import acts, answers
from app.demo.story import Life, Story
from app.demo.works import worked
from app.tickets.states import State

SPEAKS, IS_RUNG, FILED_IS_RUNG = 0.62, 0.72, 0.55
"""Up to which throw a resident answers, or is rung; filed for another: is rung."""
GIVES_UP = 0.25
"""How readily somebody closes as unsolved instead of having it done again."""
MOST_REWORKS = 3
BACK_AGAIN = 0.015


def answered(story: Story) -> Life:
    """Be confirmed, sent back, or left to silence."""
    while story.is_resolved:
        drawn = story.rng.random()
        asks = story.report.filer is None
        if asks and drawn < SPEAKS:
            yield from _judged(story)
        elif drawn < (IS_RUNG if asks else FILED_IS_RUNG):
            yield from _rung(story)
        else:
            yield from _silent(story)
    closed = story.ticket.state is State.CLOSED and story.report.filer is None
    if closed and story.chance(BACK_AGAIN):
        yield story.after(2 * 1440, 20 * 1440)
        answers.reopen(story)
        yield from worked(story)
        while story.is_resolved:
            yield from _silent(story)


def _rung(story: Story) -> Life:
    yield story.office(600, 3000)
    held = story.chance(1 - story.manner.slips)
    if not answers.follow_up(story, "yes" if held else "partly", _liked(story, held)):
        yield from _silent(story)


def _silent(story: Story) -> Life:
    """Let the time to answer run out; some complaints are then called about first."""
    due = story.ticket.confirm_due_at
    assert due is not None  # noqa: S101  (a resolved ticket has one)
    yield story.until(due + timedelta(minutes=story.rng.randint(1, 14)))
    answers.auto_close(story)
    if story.is_resolved:
        yield from _rung(story)


def _judged(story: Story) -> Life:
    yield story.office(20, 2400)
    held = story.chance(1 - story.manner.slips)
    if held:
        partly = story.chance(0.08)
        answers.verdict(story, "partly" if partly else "yes", _liked(story, not partly))
        return
    if story.ticket.reworks >= MOST_REWORKS or story.chance(GIVES_UP):
        answers.verdict(story, "no", "dissatisfied")
        return
    yield from _redone(story)


def _liked(story: Story, held: bool) -> str:
    """Draw how satisfied somebody is: late work and a partial result cost it."""
    ticket = story.ticket
    due, done = ticket.resolve_due_at, ticket.resolved_at
    late = due is not None and done is not None and done > due
    charm = story.manner.charm - (0.25 if late else 0.0) - (0.0 if held else 0.4)
    drawn = story.rng.random()
    if drawn < charm:
        return "satisfied"
    return "mostly_satisfied" if drawn < charm + 0.3 else "dissatisfied"


def _redone(story: Story) -> Life:
    again = story.ticket.reworks > 0
    answers.rework(story)
    if again:
        yield story.office(30, 300)
        acts.decide(story, approved=story.chance(0.75))
    if not story.is_resolved:
        yield from worked(story)
