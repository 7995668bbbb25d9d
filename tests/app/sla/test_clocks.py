"""The fold: what acts do to clocks, for every order of acts."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sla import ops, rules
from app.sla.calendars import Calendars
from app.sla.clocks import PAUSED_KINDS, due_of, fold, latest, used_of, warn_of
from app.sla.rules import PROMISES, ClockKind
from tests.make.moments import TICK, histories, lengths, ops_at, tokens
from tests.make.sla import published, shanghai, terms

ACCEPT, RESPOND, RESOLVE = PROMISES
TIER, ANSWER = ClockKind.TIER, ClockKind.ANSWER
MONDAY = shanghai("2026-11-16 10:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TEN_HOURS = "10h"
EDITIONS = {1: published(), 2: Calendars()}


def folded(acts):
    """Fold a history from its beginning."""
    told = ()
    for act in acts:
        told = fold(told, act.ops, act.at, EDITIONS.__getitem__)
    return told


def after(told, at, *acts):
    return fold(told, acts, at, EDITIONS.__getitem__)


def begun(*kinds, token=TEN_HOURS, at=MONDAY, told=(), edition=1):
    """Clocks of these kinds, started together."""
    starts = [
        ops.start(kind, token, calendar="workday", policy_version=1, edition=edition, since=at)
        for kind in kinds
    ]
    return after(told, at, *starts)


def stages(acts):
    """All clocks as they stood after each act."""
    return [folded(acts[: n + 1]) for n in range(len(acts))]


def by_round(told):
    return {(clock.kind, clock.round): clock for clock in told}


def own(clock):
    return clock.started_at, clock.token, clock.percent, clock.amendments


# ---- laws of every history --------------------------------------------------------------------


@settings(deadline=None)
@given(histories())
def test_folding_all_ops_of_an_act_is_folding_them_one_by_one(acts):
    told = ()
    for act in acts:
        for op in act.ops:
            told = after(told, act.at, op)

    assert told == folded(acts)


@settings(deadline=None)
@given(histories())
def test_nothing_but_ops_moves_a_clock(acts):
    told = folded(acts)

    assert after(told, acts[-1].at + 400 * DAY) == told


@settings(deadline=None)
@given(histories())
def test_rounds_count_up_and_one_of_a_kind_runs(acts):
    for told in stages(acts):
        for kind in ClockKind:
            rounds = [clock.round for clock in told if clock.kind is kind]
            assert rounds == list(range(1, len(rounds) + 1))
        running = Counter(clock.kind for clock in told if clock.running)
        assert set(running.values()) <= {1}
        assert all(latest(told)[kind].running for kind in running)


@settings(deadline=None)
@given(histories())
def test_what_has_ended_never_changes_again(acts):
    for before, told in pairwise(map(by_round, stages(acts))):
        assert before.keys() <= told.keys()
        assert all(told[key] == clock for key, clock in before.items() if not clock.running)


@settings(deadline=None)
@given(histories())
def test_a_due_time_follows_from_what_the_clock_itself_keeps(acts):
    for clock in folded(acts):
        known = EDITIONS[clock.edition]
        assert clock.due_at == due_of(*own(clock), known)
        assert clock.warn_at == warn_of(clock, known)
        assert clock.started_at <= clock.warn_at <= clock.due_at


@settings(deadline=None)
@given(histories())
def test_ends_and_new_rounds_move_no_due_time_but_of_what_stood_still(acts):
    for act, (before, told) in zip(acts[1:], pairwise(map(by_round, stages(acts))), strict=True):
        done = {op["do"] for op in act.ops}
        moved = {key for key, clock in before.items() if clock.due_at != told[key].due_at}
        if done <= {"meet", "stop", "start", "resume"}:
            assert all(before[key].paused for key in moved)


@settings(deadline=None)
@given(histories())
def test_breaks_are_of_the_work_alone_and_never_overlap(acts):
    for told in stages(acts):
        for clock in told:
            assert clock.kind in PAUSED_KINDS or (clock.pauses == () and not clock.paused)
            assert clock.running or not clock.paused
            edges = [moment for one in clock.pauses for moment in one]
            assert edges == sorted(edges)


@settings(deadline=None)
@given(histories())
def test_an_ended_clock_knows_how_long_it_ran_without_its_breaks(acts):
    for clock in folded(acts):
        assert (clock.used is None) is clock.running
        if not clock.running:
            unit = rules.Token.parse(clock.token).unit
            known = EDITIONS[clock.edition]
            assert clock.used == used_of(clock, clock.ended_at, known) >= timedelta(0)
            assert clock.used <= rules.time_used(clock.started_at, clock.ended_at, unit, known)


@settings(deadline=None)
@given(histories(), lengths)
def test_ops_leave_out_of_play_what_they_do_not_name(acts, gap):
    told, at = folded(acts), acts[-1].at + gap + TICK

    ended = after(told, at, ops.stop(ACCEPT), ops.extend(ACCEPT, "9h"))
    paused = after(told, at, ops.pause(at + DAY))

    assert [c for c in ended if c.kind is not ACCEPT] == [c for c in told if c.kind is not ACCEPT]
    for before, clock in zip(told, paused, strict=True):
        stands = clock.running and clock.kind in PAUSED_KINDS
        assert clock == before if not stands else clock.paused


@settings(deadline=None)
@given(
    histories(),
    lengths,
    st.sampled_from([1, 2]),
    st.dictionaries(st.sampled_from(ClockKind), tokens.map(str)),
)
def test_a_recount_leaves_alone_what_is_due_by_either_count_or_has_ended(
    acts, gap, edition, given_terms
):
    told, at = folded(acts), acts[-1].at + gap + TICK

    counted = after(told, at, ops.recount(edition, given_terms, 9))

    for before, clock in zip(told, counted, strict=True):
        token = given_terms.get(before.kind, before.token)
        due = due_of(before.started_at, token, before.percent, before.amendments, EDITIONS[edition])
        if before.running and before.due_at > at and due > at:
            assert (clock.edition, clock.token, clock.due_at) == (edition, token, due)
            assert clock.amendments == before.amendments
        else:
            assert clock == before


@settings(deadline=None)
@given(st.data())
def test_ops_of_no_clocks_do_nothing_unless_they_start_one(data):
    op = data.draw(ops_at(MONDAY, (1, 2)))

    assert (after((), MONDAY, op) != ()) is (op["do"] == "start")


# ---- breaks -----------------------------------------------------------------------------------


ENDS = [ops.resume(), ops.meet(RESOLVE), ops.stop(RESOLVE)]


@settings(deadline=None)
@given(lengths, lengths, lengths, st.sampled_from(ENDS))
def test_a_break_ends_with_the_act_and_at_its_planned_day_at_the_latest(ran, planned, came, end):
    begin = MONDAY + ran
    until, at = begin + planned, begin + came
    paused = after(begun(RESOLVE, token="60d"), begin, ops.pause(until))

    [clock] = after(paused, at, end)

    assert clock.pauses == ((begin, min(until, at)),)
    assert not clock.paused
    assert clock.due_at == MONDAY + 60 * DAY + (min(until, at) - begin)


@settings(deadline=None)
@given(lengths, lengths, lengths)
def test_a_second_break_during_the_first_takes_its_place(planned, came, longer):
    until, at = MONDAY + planned, MONDAY + came
    paused = after(begun(RESOLVE, token="60d"), MONDAY, ops.pause(until))

    [clock] = after(paused, at, ops.pause(at + longer))

    assert clock.pauses == ((MONDAY, min(until, at)), (at, at + longer))
    assert clock.due_at == MONDAY + 60 * DAY + (min(until, at) - MONDAY) + longer


def test_only_the_work_stands_still():
    told = after(begun(*ClockKind), MONDAY + HOUR, ops.pause(MONDAY + DAY))

    assert {clock.kind for clock in told if clock.paused} == {RESOLVE, TIER}
    moved = {clock.kind: clock.due_at - MONDAY for clock in told}
    assert {kind for kind in moved if moved[kind] == 10 * HOUR} == {ACCEPT, RESPOND, ANSWER}
    assert moved[RESOLVE] == moved[TIER] == 33 * HOUR


# ---- ends -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PROMISES)
def test_the_tier_has_done_its_part_with_the_last_late_promise(kind):
    others = [one for one in PROMISES if one is not kind]
    at = MONDAY + 11 * HOUR
    told = begun(TIER, at=at, told=begun(*PROMISES))

    some = latest(after(told, at + HOUR, ops.meet(*others)))
    last = latest(after(tuple(some.values()), at + 2 * HOUR, ops.meet(kind)))

    assert some[TIER].running
    assert last[TIER].met_at == last[kind].met_at == at + 2 * HOUR


def test_the_tier_does_not_wait_for_promises_that_are_not_late():
    at = MONDAY + 11 * HOUR
    told = begun(TIER, at=at, told=begun(RESOLVE, token="9d", told=begun(ACCEPT)))

    met = latest(after(told, at + HOUR, ops.meet(ACCEPT)))

    assert met[TIER].met_at == at + HOUR
    assert met[RESOLVE].running


def test_an_answer_does_not_end_the_tier():
    told = begun(TIER, ANSWER)

    met = latest(after(told, MONDAY + HOUR, ops.meet(ANSWER)))

    assert met[ANSWER].met_at == MONDAY + HOUR
    assert met[TIER].running


def test_naming_none_stops_all():
    told = after(begun(*ClockKind), MONDAY + HOUR, ops.stop())

    assert {(clock.stopped_at, clock.met_at) for clock in told} == {(MONDAY + HOUR, None)}


def test_a_clock_is_late_only_after_its_due_moment():
    told = begun(RESOLVE)
    due = MONDAY + 10 * HOUR

    ends = [after(told, due + ticks * TICK, ops.meet(RESOLVE))[0].late for ticks in (-1, 0, 1)]

    assert ends == [False, False, True]
    assert not told[0].late


# ---- what ops say -----------------------------------------------------------------------------


def test_the_first_ops_of_a_ticket_start_what_was_promised():
    made = rules.promise(terms(), MONDAY, published(), resolve_start=MONDAY - DAY)

    told = fold((), ops.starts(made), MONDAY, lambda _edition: published())

    assert [clock.kind for clock in told] == list(PROMISES)
    for clock in told:
        assert clock.started_at == made.start_of(clock.kind)
        assert clock.due_at == made.due_at(clock.kind)
        unit = made.terms.token(clock.kind).unit
        assert clock.warn_at == rules.warn_at(clock.started_at, clock.due_at, unit, published())


def test_a_recount_may_bring_other_terms_to_one_kind():
    told = begun(RESPOND, RESOLVE)

    counted = latest(after(told, MONDAY + HOUR, ops.recount(2, {RESOLVE: "20h"}, 7)))

    assert (counted[RESOLVE].due_at, counted[RESOLVE].policy_version) == (MONDAY + 20 * HOUR, 7)
    assert (counted[RESPOND].due_at, counted[RESPOND].policy_version) == (MONDAY + 10 * HOUR, 1)
    assert {clock.edition for clock in counted.values()} == {2}


def test_an_op_nobody_knows_is_refused():
    with pytest.raises(LookupError):
        after(begun(RESOLVE), MONDAY, {"do": "forget"})
