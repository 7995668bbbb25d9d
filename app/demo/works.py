"""In the handler's hands: taken or sent back, visited, worked on, reported.

Apart from ``lives`` because a reopened ticket and a rework come back to it.
"""

from datetime import datetime, timedelta

from app.demo import acts, answers
from app.demo.story import Life, Story
from app.tickets.states import QuoteState, State

RETURN_STANDS = 0.65
SIMPLE = frozenset({"ENV-CORRIDOR", "PRK-EBIKE", "ENV-SORT", "HLP-CONVEN", "PRK-CHAOS", "NBR-PET"})
"""What a grid worker passing by can settle."""
NUDGE_AGAIN = timedelta(hours=24)


def taken(story: Story) -> Life:
    """Be accepted; before that now and then be settled on the spot, sent back or moved."""
    ticket = story.ticket
    if ticket.state is State.DISPATCHED and ticket.category_code in SIMPLE and story.chance(0.03):
        yield story.office(20, 120)
        if acts.self_handle(story):
            return
    if story.chance(story.manner.returns):
        yield from _sent_back(story)
    elif story.chance(0.012):
        yield story.toward(ticket.accept_due_at, 0.4)
        acts.transfer(story)
    yield from _awaited(story, ticket.accept_due_at, 0.34, pressed=0.5)
    if story.chance(0.08):
        acts.assign(story)
        yield story.office(5, 60)
    acts.accept(story)


def _sent_back(story: Story) -> Life:
    ticket = story.ticket
    yield story.toward(ticket.accept_due_at, 0.45)
    first = ticket.lead_id
    acts.ask_return(story)
    yield story.office(20, 300)
    stands = story.chance(RETURN_STANDS)
    acts.decide(story, approved=stands)
    if not stands:
        return
    yield story.toward(ticket.accept_due_at, 0.3)
    acts.dispatch(story, besides=first, outside=story.chance(0.5))
    if not ticket.ruled and ticket.returns < 2 and story.chance(0.2):
        yield from _sent_back(story)


def _awaited(story: Story, due: datetime | None, usual: float, *, pressed: float) -> Life:
    """Wait for the handler; who is late is now and then pressed for."""
    moment = story.aim(due, usual)
    late = due is not None and story.at < due < moment
    if due is not None and late and story.report.filer is None and story.chance(pressed):
        yield story.until(due + timedelta(minutes=story.rng.uniform(10, 180)))
        last = story.ticket.last_nudged_at
        if last is None or story.at - last > NUDGE_AGAIN:
            answers.nudge(story)
    yield story.until(moment)


def visited(story: Story) -> Life:
    """Be come to see about, on an appointment where it is somebody's home."""
    ticket = story.ticket
    at_home = ticket.dwelling_id is not None
    if ticket.urgency in ("P2", "P3") and story.chance(0.55 if at_home else 0.1):
        yield from _appointed(story)
    else:
        yield from _awaited(story, ticket.respond_due_at, 0.36, pressed=0.1)
    acts.start(story)
    asks = story.report.filer is None
    if at_home and asks and story.view.in_home and story.chance(0.6):
        yield story.after(10, 60)
        if acts.quote(story):
            yield story.after(5, 600)
            acts.agree(story, agreed=story.chance(0.88))


def _appointed(story: Story) -> Life:
    yield story.office(5, 90)
    begins = acts.appoint(story)
    yield story.until(begins + timedelta(minutes=story.rng.randint(-10, 50)))
    if story.at > begins and story.chance(0.06):
        yield story.after(125, 185)
        by_resident = story.report.filer is None and story.chance(0.5)
        acts.no_show(story, as_resident=by_resident)
        yield story.office(60, 1400)


def worked(story: Story) -> Life:
    """Be worked on, until the handler reports a result."""
    ticket = story.ticket
    if ticket.lead_id is None:
        yield from _given_to_somebody(story)
    for _ in range(story.rng.choices((0, 1, 2), weights=(5, 4, 1))[0]):
        yield story.toward(ticket.resolve_due_at, 0.2)
        acts.progress(story, public=story.chance(0.8))
    if story.chance(0.05):
        yield from _helped(story)
    yield from _awaited(story, ticket.resolve_due_at, 0.5, pressed=0.4)
    if ticket.quote_state is not QuoteState.ASKED:
        acts.resolve(story)


def _given_to_somebody(story: Story) -> Life:
    """Find a handler for what was settled on the spot and did not hold."""
    yield story.office(30, 300)
    acts.transfer(story)
    yield story.toward(story.ticket.accept_due_at, 0.4)
    acts.accept(story)
    yield story.office(60, 400)
    acts.start(story)


def _helped(story: Story) -> Life:
    yield story.office(20, 200)
    organisation = acts.assist(story)
    if organisation is not None:
        yield story.office(120, 900)
        acts.assist_done(story, organisation)
