"""What must hold of any ticket at any time, whatever people did to it."""

from itertools import pairwise

from app.reviews import queries as reviews
from app.sla import queries as sla
from app.sla.clocks import PAUSED_KINDS
from app.sla.rules import PROMISES, ClockKind
from app.tickets import access, queries, workflow
from app.tickets.states import ALIVE, HELD, OPEN, UNHELD, Action, Relation, State

STAFF = ("repairer", "repairer2", "manager", "rival", "community", "community2", "street", "grid")
SAID = "情况说明"


def legal(before, after):
    """Tell whether the table (or a correction) leads from one state to the other."""
    steps = {(source, row.to) for row in workflow.TABLE for source in row.sources if row.to}
    corrected = after in (State.SUBMITTED, State.DISPATCHED)
    return before is after or (before, after) in steps or corrected


def check(world, ticket):
    """Check what must hold of any ticket at any time."""
    alive = ticket.state in ALIVE
    assert (ticket.closed_at is None) == (alive or ticket.state is State.MERGED)
    assert (ticket.close_reason is None) == (ticket.closed_at is None)
    assert not {one.hex for one in (ticket.lead_id,) if one} & set(ticket.barred.split())
    assert not set(ticket.co_ids) & set(ticket.barred.split())
    assert (ticket.next_due_at < queries.FAR) == (alive and not ticket.parts)
    assert ticket.tier <= ticket.ceiling_tier
    assert ticket.returns <= 2
    for name in STAFF:
        actor = world.actor(name)
        if access.is_accused(actor, ticket):
            assert access.relations(actor, ticket) <= {Relation.REPORTER, Relation.FILER}


RUNS = {
    ClockKind.ACCEPT: {State.SUBMITTED, State.DISPATCHED},
    ClockKind.RESPOND: {State.SUBMITTED, State.DISPATCHED, State.ACCEPTED},
    ClockKind.RESOLVE: OPEN,
}
"""In which states the newest round of each clock runs."""


def check_clocks(ticket):
    """Check that the clocks' rows and the ticket's due times tell one story."""
    newest = {one.kind: one for one in sla.clocks(ticket.id)}
    due = {kind: getattr(ticket, f"{kind.value}_due_at") for kind in PROMISES}
    assert {kind: newest[kind].due_at for kind in PROMISES} == due
    running = {kind for kind, one in newest.items() if one.running}
    assert running & set(PROMISES) == {
        kind for kind, states in RUNS.items() if ticket.state in states and not ticket.parts
    } - ({ClockKind.RESOLVE} if ticket.long_term else set())
    for kind in (ClockKind.TIER, ClockKind.ANSWER):
        owed = newest[kind].due_at if kind in running else None
        assert getattr(ticket, f"{kind.value}_due_at") == owed
    paused = ticket.state is State.SUSPENDED
    assert [one.paused for one in newest.values() if one.paused] == [True] * paused * len(
        running & PAUSED_KINDS
    )
    if running and not paused:
        assert ticket.next_due_at == min(newest[kind].due_at for kind in running)
    if paused:
        assert ticket.resume_at is not None
        assert ticket.look_at <= ticket.resume_at
    if ticket.state is State.RESOLVED:
        assert ticket.next_due_at == ticket.confirm_due_at


def check_breaches(ticket, steps):
    """Check that each broken promise stands once, and nobody's promise broke without a row."""
    rows = {(row.kind, row.round): row for row in sla.breaches(ticket.id)}
    noted = [(s.facts["clock"], s.facts["round"]) for s in steps if s.action is Action.BREACH]
    assert len(noted) == len(set(noted))
    assert len(rows) == ticket.breaches
    assert set(noted) <= set(rows)
    for one in sla.clocks(ticket.id):
        if one.late:
            assert (one.kind, one.round) in rows


def check_holdings(ticket):
    """Check that whoever holds the ticket has an open row, and nobody else."""
    rows = queries.holdings_of(ticket.id)
    standing = [row for row in rows if row.to_at is None]
    held = ticket.state in ALIVE and ticket.lead_id is not None
    assert [(one.organisation_id, one.project_id) for one in standing if one.role == "lead"] == (
        [(ticket.lead_id, ticket.project_id)] if held else []
    )
    helping = sorted(one.organisation_id.hex for one in standing if one.role != "lead")
    assert helping == (sorted(ticket.co_ids) if held else [])
    leads = [row for row in rows if row.role == "lead"]
    assert [row.first_handler for row in leads] == [True, *[False] * len(leads)][: len(leads)] or (
        not leads[0].first_handler and leads[0].why == "当场解决"
    )
    for before, after in pairwise(leads):
        assert before.from_at <= before.to_at <= after.from_at
    for row in rows:
        assert SAID not in row.why


def check_duties(world, ticket):
    """Check who else answers for a ticket: who had it first, who may contest a hand-over."""
    held = ticket.state in ALIVE and any(
        one.role == "lead" for one in queries.holdings_of(ticket.id)
    )
    assert ticket.first_id is not None or not held or ticket.self_handled or ticket.barred
    if ticket.first_called_at is not None:
        assert ticket.first_id is not None
        assert ticket.accepted_at is None or ticket.state not in HELD
    assert (ticket.handed_from_id is None) == (ticket.contest_until is None)
    assert ticket.handed_from_id != ticket.lead_id or ticket.lead_id is None
    if ticket.review_kind == "contest":
        assert ticket.handed_from_id is not None
        assert ticket.state in OPEN
    waiting = {one.kind for one in reviews.open_for("ticket", ticket.id)}
    assert waiting == ({ticket.review_kind} if ticket.review_kind else set())
    for name in STAFF:
        found = access.relations(world.actor(name), ticket)
        if Relation.FIRST_HANDLER in found:
            assert ticket.state in UNHELD


SECRETS = (SAID, "住301的老人", "周桂芳", "10020000000")


def check_silence(ticket, steps):
    """Check that what is kept for ever holds no word, name or number of anybody."""
    kept = "".join(f"{step.changes}{step.facts}" for step in steps) + str(ticket.why)
    assert [one for one in SECRETS if one in kept] == []
