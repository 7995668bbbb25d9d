"""The acts of residents, and of who rings them back: each through the services, now."""

from app.demo import casting
from app.demo.story import Story
from app.kernel.actor import Actor
from app.ratings import service as ratings
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.tickets.service import Words
from app.tickets.states import State


def verdict(story: Story, solved: str, satisfaction: str) -> None:
    """Say whether it is solved."""
    text = story.voice.verdict(satisfaction) if story.chance(0.7) else ""
    ratings.rate(casting.reporter(story), story.ticket.id, solved, satisfaction, Words(text))
    close_along(story)


def rework(story: Story) -> None:
    """Say that it is not solved; from the second time on somebody has to agree."""
    tickets.rework(casting.reporter(story), story.ticket.id, Words(story.voice.rework()))


def reopen(story: Story) -> None:
    """Say that the trouble is back."""
    tickets.reopen(casting.reporter(story), story.ticket.id, Words(story.voice.rework()))


def nudge(story: Story) -> None:
    """Press."""
    tickets.nudge(casting.reporter(story), story.ticket.id, Words(story.voice.common("nudges")))


def supplement(story: Story) -> None:
    """Add something."""
    words = Words(story.voice.common("supplements"))
    asker = story.actor(story.report.filer or story.report.who)
    tickets.supplement(asker, story.ticket.id, words)


def withdraw(story: Story) -> None:
    """Take it back."""
    words = Words(story.voice.common("withdrawals"))
    tickets.withdraw(casting.reporter(story), story.ticket.id, words)
    close_along(story)


def join(story: Story) -> Actor | None:
    """Let a neighbour join."""
    actor = casting.neighbour(story)
    if actor is not None:
        tickets.join(actor, story.ticket.id)
    return actor


def side_with(story: Story, actor: Actor, solved: str, satisfaction: str) -> None:
    """Let who joined give a verdict of their own."""
    text = story.voice.verdict(satisfaction) if story.chance(0.4) else ""
    ratings.rate(actor, story.ticket.id, solved, satisfaction, Words(text))


def follow_up(story: Story, solved: str, satisfaction: str) -> bool:
    """Ring the resident and enter the answer, if somebody may."""
    actor = casting.caller(story)
    if actor is None:
        return False
    words = Words(story.voice.on_the_phone(solved))
    ratings.follow_up(actor, story.ticket.id, solved, satisfaction, words)
    close_along(story)
    return True


def auto_close(story: Story) -> None:
    """Let silence close it."""
    tickets.auto_close(story.ticket.id)
    close_along(story)


def close_along(story: Story) -> None:
    """End what hangs on a ticket that has ended, as the listener would a moment later."""
    ticket = story.ticket
    if ticket.state not in (State.CLOSED, State.WITHDRAWN):
        return
    if ticket.followers or ticket.parent_id:
        tickets.close_along(
            TicketMoved(
                ticket_id=ticket.id,
                step_id=ticket.id,
                seq=ticket.chain_length,
                action="",
                state=ticket.state.value,
            )
        )
