"""Random lives: whatever people do in whatever order, the invariants hold.

A rule-based machine lets people of the small world try random acts on one
ticket at random times. Refusals are fine; broken invariants are not.
"""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.escalation import service as escalation
from app.kernel import clock
from app.kernel.db import session
from app.kernel.errors import SandanError
from app.kernel.work import unit_of_work
from app.ratings import service as ratings
from app.tickets import access, history, queries, workflow
from app.tickets import service as tickets
from app.tickets.service import Part, Target, Where, Words
from app.tickets.states import Action, ResultKind
from tests.make import invariants
from tests.make import tickets as make

PEOPLE = (*invariants.STAFF, "resident", "neighbour")
SAID = Words(invariants.SAID)


def act(world, action, actor, ticket_id, other_id):
    """Do one act with plausible input; ``other_id`` is a report of the same thing."""
    firm = Target(organisation_id=world.organisations["firm"])
    rival = Target(organisation_id=world.organisations["rival_firm"])
    helper = rival.organisation_id
    tomorrow = clock.now() + timedelta(days=1)
    elsewhere = Where(scene=world.scenes["building2"])
    parts = [Part(category=make.LIGHT, text="灯"), Part(category=make.UNSURE, text="别的")]
    verbs = {
        Action.DISPATCH: lambda: tickets.dispatch(actor, ticket_id, firm, SAID),
        Action.ASK_DECLINE: lambda: tickets.ask_decline(actor, ticket_id, "concluded", SAID),
        Action.ACCEPT: lambda: tickets.accept(actor, ticket_id),
        Action.CLAIM: lambda: tickets.claim(actor, ticket_id),
        Action.ASK_RETURN: lambda: tickets.ask_return(actor, ticket_id, "other_party", SAID),
        Action.RETURN: lambda: tickets.decide(actor, ticket_id, approved=True, words=SAID),
        Action.REFUSE_REVIEW: lambda: tickets.decide(actor, ticket_id, approved=False, words=SAID),
        Action.START: lambda: tickets.start(actor, ticket_id, SAID),
        Action.PROGRESS: lambda: tickets.progress(actor, ticket_id, SAID, public=True),
        Action.TRANSFER: lambda: tickets.transfer(actor, ticket_id, rival, SAID),
        Action.RECLASSIFY: lambda: tickets.reclassify(actor, ticket_id, "SUG-OTHER", SAID),
        Action.SELF_HANDLE: lambda: tickets.self_handle(actor, ticket_id, SAID),
        Action.RESOLVE: lambda: tickets.resolve(actor, ticket_id, ResultKind.EXPLAINED, SAID),
        Action.VERDICT: lambda: ratings.rate(actor, ticket_id, "partly", "satisfied", SAID),
        Action.FOLLOW_UP: lambda: ratings.follow_up(actor, ticket_id, "no", None, SAID),
        Action.REWORK: lambda: tickets.rework(actor, ticket_id, SAID),
        Action.REOPEN: lambda: tickets.reopen(actor, ticket_id, SAID),
        Action.NUDGE: lambda: tickets.nudge(actor, ticket_id, SAID),
        Action.WITHDRAW: lambda: tickets.withdraw(actor, ticket_id, SAID),
        Action.SUPPLEMENT: lambda: tickets.supplement(actor, ticket_id, SAID),
        Action.AUTO_CLOSE: lambda: tickets.auto_close(ticket_id),
        Action.RELOCATE: lambda: tickets.relocate(actor, ticket_id, elsewhere, SAID),
        Action.MERGE: lambda: tickets.merge(actor, ticket_id, other_id, SAID),
        Action.ABSORB: lambda: tickets.merge(actor, other_id, ticket_id, SAID),
        Action.SPLIT: lambda: tickets.split(actor, ticket_id, parts),
        Action.JOIN: lambda: tickets.join(actor, ticket_id),
        Action.ASSIST: lambda: tickets.assist(actor, ticket_id, helper, tomorrow, SAID),
        Action.ASSIST_DONE: lambda: tickets.assist_done(actor, ticket_id, SAID),
        Action.QUOTE: lambda: tickets.quote(actor, ticket_id, "paid", 500, SAID),
        Action.AGREE: lambda: tickets.agree(actor, ticket_id, agreed=True, words=SAID),
        Action.BRIEF: lambda: tickets.brief(actor, ticket_id, SAID),
        **waiting(actor, ticket_id),
        **above(actor, ticket_id, helper, tomorrow),
        **between_firms(world, actor, ticket_id),
    }
    return verbs[action]()


def waiting(actor, ticket_id):
    """Offer the acts that move clocks with a second person's leave."""
    until = clock.now() + timedelta(days=4)
    return {
        Action.ASK_SUSPEND: lambda: tickets.ask_suspend(actor, ticket_id, "parts", until, SAID),
        Action.RESUME: lambda: tickets.resume(actor, ticket_id, SAID),
        Action.ASK_EXTEND: lambda: tickets.ask_extend(actor, ticket_id, "complex", 3, SAID),
        Action.ASK_EXCLUDE: lambda: tickets.ask_exclude(actor, ticket_id, "force_majeure", SAID),
        Action.ASK_LONG_TERM: lambda: tickets.ask_long_term(actor, ticket_id, SAID),
    }


def above(actor, ticket_id, helper, tomorrow):
    """Offer the acts of higher tiers, and those that call upon them."""
    return {
        Action.ESCALATE: lambda: escalation.escalate(actor, ticket_id, SAID),
        Action.ASK_ESCALATE: lambda: escalation.call_upon(actor, ticket_id, SAID),
        Action.LIFT_CEILING: lambda: tickets.lift_ceiling(actor, ticket_id, SAID),
        Action.SUPERVISE: lambda: tickets.supervise(actor, ticket_id, "supervise", SAID),
        Action.ANSWER: lambda: tickets.answer(actor, ticket_id, SAID),
        Action.WHISTLE: lambda: tickets.whistle(actor, ticket_id, helper, tomorrow, SAID),
        Action.REPORT_IN: lambda: tickets.report_in(actor, ticket_id, helper, SAID),
    }


def between_firms(world, actor, ticket_id):
    """Offer the hand-over of firms (to whichever does not lead) and the quarrel about it."""
    firm, rival = (world.organisations[one] for one in ("firm", "rival_firm"))
    coming = firm if queries.get(ticket_id).lead_id == rival else rival
    desk = world.organisations["community_desk"]
    return {
        Action.HAND_OVER: lambda: tickets.hand_over(ticket_id, coming, None),
        Action.CONTEST: lambda: tickets.contest(actor, ticket_id, SAID),
        Action.GIVE_BACK: lambda: tickets.decide(
            actor, ticket_id, approved=True, words=SAID, organisation_id=desk
        ),
    }


ACTIONS = (
    Action.DISPATCH,
    Action.ASK_DECLINE,
    Action.ACCEPT,
    Action.CLAIM,
    Action.ASK_RETURN,
    Action.RETURN,
    Action.REFUSE_REVIEW,
    Action.START,
    Action.PROGRESS,
    Action.TRANSFER,
    Action.RECLASSIFY,
    Action.SELF_HANDLE,
    Action.RESOLVE,
    Action.VERDICT,
    Action.FOLLOW_UP,
    Action.REWORK,
    Action.REOPEN,
    Action.NUDGE,
    Action.WITHDRAW,
    Action.SUPPLEMENT,
    Action.AUTO_CLOSE,
    Action.RELOCATE,
    Action.MERGE,
    Action.ABSORB,
    Action.SPLIT,
    Action.JOIN,
    Action.ASSIST,
    Action.ASSIST_DONE,
    Action.QUOTE,
    Action.AGREE,
    Action.BRIEF,
    Action.ASK_SUSPEND,
    Action.RESUME,
    Action.ASK_EXTEND,
    Action.ASK_EXCLUDE,
    Action.ASK_LONG_TERM,
    Action.ESCALATE,
    Action.ASK_ESCALATE,
    Action.LIFT_CEILING,
    Action.SUPERVISE,
    Action.ANSWER,
    Action.WHISTLE,
    Action.REPORT_IN,
    Action.HAND_OVER,
    Action.CONTEST,
    Action.GIVE_BACK,
)
RARE = frozenset({Action.MERGE, Action.SPLIT, Action.WITHDRAW})
"""Acts that end most of the story: tried, but not at every turn."""


def machine(world, category):
    """Make the machine over a copy of the world; one new ticket for each life."""

    class Life(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            session.rollback()
            self.at = clock.now()
            self.ticket_id = make.submitted(world, category)
            self.other_id = make.submitted(world, category, by="neighbour")

        @rule(hours=st.integers(1, 200))
        def time_passes(self, hours):
            self.at += timedelta(hours=hours)

        @rule(action=st.sampled_from(ACTIONS), name=st.sampled_from(PEOPLE))
        def somebody_tries(self, action, name):
            session.rollback()
            with clock.frozen(self.at):
                self.at += timedelta(minutes=1)
                before = queries.get(self.ticket_id).state
                try:
                    with unit_of_work():
                        act(world, action, world.actor(name), self.ticket_id, self.other_id)
                except SandanError:
                    return
                after = queries.get(self.ticket_id).state
                assert invariants.legal(before, after), (before, action, after)

        @rule()
        def the_watcher_looks(self):
            session.rollback()
            with clock.frozen(self.at), unit_of_work():
                for ticket_id in (self.ticket_id, self.other_id):
                    escalation.look(ticket_id)
                    assert not escalation.look(ticket_id), "it looked twice"

        @rule()
        def nobody_accepts_in_time(self):
            due = queries.get(self.ticket_id).accept_due_at
            if due is not None:
                self.at = max(self.at, due + timedelta(minutes=1))
            self.the_watcher_looks()

        @rule(name=st.sampled_from(("manager", "rival", "community")))
        def the_firms_quarrel(self, name):
            if queries.get(self.ticket_id).contest_until is None:
                self.somebody_tries(Action.HAND_OVER, name)
            self.somebody_tries(Action.CONTEST, name)

        @rule(approved=st.booleans(), name=st.sampled_from(("community2", "street")))
        def a_second_person_answers(self, approved, name):
            if queries.get(self.ticket_id).review_kind:
                act = Action.RETURN if approved else Action.REFUSE_REVIEW
                self.somebody_tries(act, name)

        @rule(data=st.data())
        def a_button_is_pressed(self, data):
            session.rollback()
            with clock.frozen(self.at):
                ticket = queries.get(self.ticket_id)
                name = data.draw(st.sampled_from(PEOPLE))
                found = access.relations(world.actor(name), ticket)
                rows = workflow.actions_for(ticket, found, self.at)
                shown = [row.action for row in rows if row.action in ACTIONS]
                shown = [one for one in shown if one not in RARE] or shown
            if shown:
                self.somebody_tries(data.draw(st.sampled_from(shown)), name)

        @invariant()
        def the_history_is_sound(self):
            session.rollback()
            session.expire_all()
            for ticket_id in (self.ticket_id, self.other_id):
                ticket, steps = queries.get(ticket_id), queries.steps_of(ticket_id)
                assert history.flaws(ticket, steps) == []
                invariants.check(world, ticket)
                invariants.check_clocks(ticket)
                assert escalation.differences_of(ticket_id) == []
                invariants.check_breaches(ticket, steps)
                invariants.check_holdings(ticket)
                invariants.check_duties(world, ticket)
                invariants.check_silence(ticket, steps)

    return Life


@pytest.mark.parametrize("category", [make.LIGHT, make.GUARD, make.UNSURE])
def test_random_lives_keep_the_invariants(world, category):
    run_state_machine_as_test(
        machine(world, category),
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


@pytest.mark.deep
@pytest.mark.parametrize("category", [make.LIGHT, make.GUARD, make.UNSURE])
def test_very_many_random_lives_keep_the_invariants(world, category):
    run_state_machine_as_test(
        machine(world, category),
        settings=settings(
            max_examples=250,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


def test_a_life_that_forgets_a_step_is_caught(world, monkeypatch):
    honest = history._append

    def forgetful(ticket, action, actor, at, relation, changes, note):
        kept = {} if action is Action.ACCEPT else changes
        return honest(ticket, action, actor, at, relation, kept, note)

    monkeypatch.setattr(history, "_append", forgetful)
    ticket_id = make.accepted(world, make.submitted(world))

    found = history.flaws(queries.get(ticket_id), queries.steps_of(ticket_id))

    assert any("state is 'accepted'" in flaw for flaw in found)
