"""The table of the ticket's life: whole, closed, and read by everybody."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.tickets import guards, workflow
from app.tickets.states import (
    ALIVE,
    OPEN,
    Action,
    CloseReason,
    QuoteState,
    Relation,
    State,
)

NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)


@dataclass
class Plain:
    """A ticket's columns as guards see them."""

    state: State = State.SUBMITTED
    returns: int = 0
    ruled: bool = False
    reworks: int = 0
    nudges: int = 0
    last_nudged_at: datetime | None = None
    accept_due_at: datetime | None = NOW + timedelta(hours=1)
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    close_reason: CloseReason | None = None
    quote_state: QuoteState = QuoteState.NONE
    parts: int = 0
    followers: int = 0
    confirm_due_at: datetime | None = None
    claimable: bool = False
    assignee_id: object = None
    review_kind: str | None = None
    lead_id: object = None
    merged_into_id: object = None
    respondent_id: object = None
    urgency: str = "P2"
    resolve_due_at: datetime | None = NOW + timedelta(days=3)
    answer_due_at: datetime | None = None
    extensions: int = 0
    excluded: str | None = None
    breaches: int = 0
    tier: int = 1
    ceiling_tier: int = 3
    long_term: bool = False
    handed_from_id: object = None
    contest_until: datetime | None = None


def test_every_act_but_submitting_has_one_row():
    rows = [row.action for row in workflow.TABLE]

    assert sorted(rows) == sorted(set(Action) - {Action.SUBMIT})


def test_every_living_state_can_be_left():
    left = {source for row in workflow.TABLE if row.to is not None for source in row.sources}

    assert left >= ALIVE


def test_every_state_can_be_reached():
    reached = {row.to for row in workflow.TABLE} | {State.SUBMITTED}

    assert reached >= set(State)


def test_only_the_resident_the_caller_or_silence_closes_a_resolved_ticket():
    closing = {
        row.action: row.who
        for row in workflow.TABLE
        if row.to is State.CLOSED and State.RESOLVED in row.sources
    }

    assert closing == {
        Action.VERDICT: {Relation.REPORTER, Relation.SLIP_HOLDER},
        Action.FOLLOW_UP: {Relation.CALLER},
        Action.AUTO_CLOSE: {Relation.SYSTEM},
    }


@pytest.mark.parametrize(
    "action",
    [
        Action.DECLINE,
        Action.RETURN,
        Action.GRANT_REWORK,
        Action.SUSPEND,
        Action.EXTEND,
        Action.EXCLUDE,
        Action.LONG_TERM,
    ],
)
def test_what_changes_the_numbers_needs_a_second_person(action):
    row = workflow.transition(action)

    assert row.who == {Relation.REVIEWER}
    assert row.guard(Plain(review_kind=None), NOW)[0] == "no_review"


@pytest.mark.parametrize("relation", list(Relation))
@pytest.mark.parametrize("state", list(State))
def test_the_buttons_are_exactly_the_acts_that_are_not_refused(state, relation):
    ticket = Plain(state=state)

    shown = {row.action for row in workflow.actions_for(ticket, frozenset({relation}), NOW)}

    allowed = {
        row.action
        for row in workflow.TABLE
        if row.button
        and relation in row.who
        and state in row.sources
        and row.guard(ticket, NOW) is None
    }
    assert shown == allowed


def test_a_stranger_is_told_that_the_act_is_not_theirs_before_anything_else():
    refused = workflow.refusal(Plain(state=State.CLOSED), Action.ACCEPT, frozenset(), NOW)

    assert refused[0] == "not_your_act"


def test_the_wrong_state_is_said_before_a_guard_is_asked():
    ticket = Plain(state=State.CLOSED, review_kind="return")

    refused = workflow.refusal(ticket, Action.ACCEPT, frozenset({Relation.LEAD}), NOW)

    assert refused[0] == "wrong_state"


@pytest.mark.parametrize(
    ("returns", "ruled", "refused"),
    [(0, False, False), (1, False, False), (2, False, True), (0, True, True)],
)
def test_two_returns_and_none_after_a_ruling(returns, ruled, refused):
    ticket = Plain(state=State.DISPATCHED, returns=returns, ruled=ruled)

    assert bool(guards.may_return(ticket, NOW)) is refused


def test_nudging_waits_for_the_accept_time():
    early = Plain(state=State.DISPATCHED)
    late = Plain(state=State.DISPATCHED, accept_due_at=NOW - timedelta(seconds=1))

    assert guards.nudge_allowed(early, NOW)[0] == "nudge_too_early"
    assert guards.nudge_allowed(late, NOW) is None


def test_nudging_is_once_in_a_day():
    base = Plain(state=State.IN_PROGRESS, accepted_at=NOW, nudges=1)

    base.last_nudged_at = NOW - timedelta(hours=24) + timedelta(seconds=1)
    assert guards.nudge_allowed(base, NOW)[0] == "nudged_lately"
    base.last_nudged_at = NOW - timedelta(hours=24)
    assert guards.nudge_allowed(base, NOW) is None


def test_nudging_ends_after_five():
    assert guards.nudge_allowed(Plain(nudges=5), NOW)[0] == "nudges_used_up"
    assert guards.nudge_allowed(Plain(nudges=4, accepted_at=NOW), NOW) is None


@pytest.mark.parametrize(
    ("closed", "reason", "code"),
    [
        (NOW - timedelta(days=30), CloseReason.SOLVED, None),
        (NOW - timedelta(days=30, seconds=1), CloseReason.SOLVED, "reopen_too_late"),
        (NOW, CloseReason.DECLINED, "not_reopenable"),
        (NOW, CloseReason.WITHDRAWN, "not_reopenable"),
        (None, None, "reopen_too_late"),
    ],
)
def test_reopening_has_thirty_days(closed, reason, code):
    refused = guards.reopen_allowed(Plain(closed_at=closed, close_reason=reason), NOW)

    assert (refused and refused[0]) == code


def test_an_unanswered_offer_stops_the_result():
    ticket = Plain(state=State.IN_PROGRESS, quote_state=QuoteState.ASKED)

    assert guards.may_resolve(ticket, NOW)[0] == "quote_open"
    assert guards.quote_asked(ticket, NOW) is None
    assert guards.quote_asked(Plain(), NOW)[0] == "no_quote"


def test_a_split_ticket_is_worked_on_in_its_parts():
    assert guards.whole(Plain(parts=2), NOW)[0] == "split"
    assert guards.may_resolve(Plain(parts=2), NOW)[0] == "split"


def test_a_pool_ticket_is_claimed_while_in_nobodys_hands():
    assert guards.claimable(Plain(claimable=True), NOW) is None
    assert guards.claimable(Plain(claimable=True, assignee_id=uuid4()), NOW)[0] == "not_claimable"
    assert guards.claimable(Plain(), NOW)[0] == "not_claimable"


def test_the_first_redo_is_free_and_the_next_is_asked_for():
    assert guards.first_rework(Plain(), NOW) is None
    assert guards.first_rework(Plain(reworks=1), NOW)[0] == "rework_needs_review"
    assert guards.later_rework(Plain(), NOW)[0] == "rework_free"
    assert guards.later_rework(Plain(reworks=1), NOW) is None


def test_one_question_to_a_second_person_at_a_time():
    asked = Plain(review_kind="return")

    assert guards.no_review_open(asked, NOW)[0] == "review_open"
    assert guards.review_open(asked, NOW) is None


def test_open_means_somebody_still_works_on_it():
    assert State.RESOLVED not in OPEN
    assert State.RESOLVED in ALIVE


def late(**changes):
    return Plain(resolve_due_at=NOW - timedelta(seconds=1), **changes)


@pytest.mark.parametrize(
    ("ticket", "code"),
    [
        (Plain(), None),
        (Plain(urgency="P0"), "never_paused"),
        (late(), "late_already"),
        (Plain(resolve_due_at=NOW), None),
        (Plain(review_kind="return"), "review_open"),
        (Plain(parts=2), "split"),
    ],
)
def test_a_pause_is_asked_in_time_and_never_for_an_emergency(ticket, code):
    refused = guards.may_suspend(ticket, NOW)

    assert (refused and refused[0]) == code


@pytest.mark.parametrize(
    ("ticket", "code"),
    [
        (Plain(), None),
        (Plain(extensions=1), None),
        (Plain(extensions=2), "extensions_used_up"),
        (late(), "late_already"),
        (Plain(resolve_due_at=None), "late_already"),
        (Plain(review_kind="return"), "review_open"),
    ],
)
def test_an_extension_is_asked_before_the_deadline_and_twice_at_most(ticket, code):
    refused = guards.may_extend(ticket, NOW)

    assert (refused and refused[0]) == code


@pytest.mark.parametrize(
    ("ticket", "code"),
    [
        (Plain(breaches=1), "not_late_enough"),
        (Plain(breaches=2), None),
        (Plain(breaches=2, tier=3), "at_ceiling"),
        (Plain(breaches=2, parts=2), "split"),
    ],
)
def test_a_resident_calls_upon_the_next_tier_after_two_broken_promises(ticket, code):
    refused = guards.may_call_upon(ticket, NOW)

    assert (refused and refused[0]) == code


def test_what_is_left_out_of_scores_or_carried_for_long_is_so_once():
    assert guards.may_exclude(Plain(), NOW) is None
    assert guards.may_exclude(Plain(excluded="force_majeure"), NOW)[0] == "excluded_already"
    assert guards.may_go_long(Plain(), NOW) is None
    assert guards.may_go_long(Plain(long_term=True), NOW)[0] == "long_term_already"


def test_a_ceiling_is_lifted_up_to_the_district():
    assert guards.below_the_top(Plain(ceiling_tier=3), NOW) is None
    assert guards.below_the_top(Plain(ceiling_tier=4), NOW)[0] == "at_the_top"


def test_an_answer_is_given_when_one_is_owed():
    assert guards.answer_owed(Plain(answer_due_at=NOW), NOW) is None
    assert guards.answer_owed(Plain(), NOW)[0] == "no_supervision"
