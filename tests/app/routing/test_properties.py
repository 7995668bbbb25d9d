"""What holds for any rules and any case."""

import time as stopwatch
from datetime import time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.routing.rules import Flaw, People, choose, conflicts, decide
from tests.make import routing as make

LEVELS = ("district", "street", "community", "compound", "building")
DUTY = (make.LIN, make.CHEN, make.ZHOU)
TICKED = st.sampled_from([None, "property", "community", "street", "committee"])
MOMENTS = st.timedeltas(timedelta(days=-8), timedelta(days=8)).map(lambda d: make.AT + d)
SUBSETS = st.frozensets(st.sampled_from([one.id for one in make.EVERYBODY]), max_size=3)


@st.composite
def rules(draw, position=0):
    target = draw(
        st.sampled_from(
            ["property", "community", "street", "district", "owners_committee", "organisation"]
        )
    )
    extra = {}
    if target == "organisation":
        extra["organisation_id"] = draw(
            st.sampled_from([o.id for o in make.EVERYBODY]) | st.just(make.uid("ended"))
        )
    if draw(st.booleans()):
        extra["category_code"] = draw(st.sampled_from(sorted(make.categories())))
    if draw(st.booleans()):
        extra["group_code"] = draw(st.sampled_from(["WPE", "SVC", "EMG", "GOV"]))
    if draw(st.booleans()):
        extra["kind"] = draw(st.sampled_from(["repair", "complaint", "help"]))
    if draw(st.booleans()):
        extra["node_id"] = make.uid(draw(st.sampled_from(LEVELS)))
    if draw(st.booleans()):
        extra["weekdays"] = draw(st.frozensets(st.integers(1, 7), max_size=4))
    if draw(st.booleans()):
        begin, end = draw(st.permutations([time(0), time(8), time(18), time(22, 30)]))[:2]
        extra |= {"from_time": begin, "to_time": end}
    return make.rule(
        f"规则{draw(st.integers(0, 10**6))}",
        target,
        draw(st.sampled_from(["manual", "auto", "claim", "rotate"])),
        assignee_id=draw(st.none() | st.just(make.LIN.person_id)),
        cap=draw(st.none() | st.integers(1, 3)),
        **extra,
    )


@st.composite
def situations(draw):
    spot = make.spot(
        management_mode=draw(st.sampled_from([None, "professional", "none", "self_managed"])),
        compound_id=draw(st.sampled_from([None, make.uid("compound")])),
    )
    desks = {k: v for k, v in make.DESKS.items() if draw(st.booleans())}
    found = make.candidates(
        firms=draw(st.sampled_from([(), (make.FIRM,), (make.RIVAL, make.FIRM)])),
        desks=desks,
        committee=draw(st.sampled_from([None, make.COMMITTEE])),
        answerer=draw(st.sampled_from([None, make.LIFTS, make.POWER, make.FIRM, make.COMMUNITY])),
    )
    case = make.case(
        draw(st.sampled_from(sorted(make.categories()))),
        spot=spot,
        at=draw(MOMENTS),
        accuse=draw(TICKED),
        exclude=draw(SUBSETS),
        tier=draw(st.none() | st.integers(1, 4)),
        urgency=draw(st.sampled_from([None, "P0", "P1", "P3"])),
        load={one.person_id: draw(st.integers(0, 3)) for one in DUTY},
    )
    people = People(
        duty=DUTY[: draw(st.integers(0, 3))],
        members=frozenset({make.LIN.person_id}),
        barred=draw(st.frozensets(st.sampled_from([one.person_id for one in DUTY]), max_size=2)),
    )
    return case, found, people


@given(situations(), st.lists(rules(), max_size=6))
@settings(max_examples=400, deadline=None)
def test_the_accused_never_holds_a_case_and_there_is_always_a_reason(situation, some_rules):
    case, found, people = situation

    decision = decide(case, some_rules, found, people)

    accused_kinds = {
        "property": {one.id for one in found.firms},
        "owners_committee": {found.committee.id} if found.committee else set(),
    } | {level: {desk.id} for level, desk in found.desks.items()}
    accused = set().union(*(accused_kinds.get(party, set()) for party in case.accused))
    assert accused <= decision.barred_ids
    held_by = {decision.lead_id, *decision.co_ids}
    assert not held_by & (decision.barred_ids | case.exclude)
    assert decision.assignee_id not in people.barred
    desk = found.desks.get(decision.desk_level)
    assert desk is None or desk.id not in decision.barred_ids
    assert decision.why
    assert all(said.endswith("。") for said in decision.why)
    if decision.assignee_id:
        assert decision.lead_id
    if case.urgent and decision.lead_id:
        assert decision.dispatch_now
    assert decision == decide(case, some_rules, found, people)


@given(st.lists(rules(), min_size=2, max_size=6, unique_by=lambda r: r.id), situations())
@settings(max_examples=200, deadline=None)
def test_a_rule_said_to_be_shadowed_is_used_only_where_the_other_cannot_be(some_rules, situation):
    case, found, _people = situation
    shadowed = {
        one.rule_id: one.because_of
        for one in conflicts(some_rules, make.world(at=make.AT - timedelta(days=9)))
        if one.because_of
    }

    used = choose(case, some_rules, found).rule

    if used is not None and used.id in shadowed:
        by_name = {rule.id: rule.name for rule in some_rules}
        said = "".join(choose(case, some_rules, found).why)
        assert f"规则“{by_name[shadowed[used.id]]}”" in said


@given(st.lists(rules(), max_size=5))
@settings(max_examples=100, deadline=None)
def test_reporting_flaws_never_fails(some_rules):
    for finding in conflicts(some_rules, make.world()):
        assert finding.flaw in Flaw
        assert finding.words.endswith("。")


def test_choosing_among_fifty_rules_takes_microseconds():
    fifty = [
        make.rule(
            f"规则{n}",
            node_id=make.uid(f"elsewhere {n}"),
            kind="repair",
            from_time=time(8),
            to_time=time(20),
        )
        for n in range(49)
    ]
    fifty.append(make.rule("末条", category_code="WPE-LIGHT"))
    case, found = make.case(), make.candidates()
    runs = 300

    best = min(_seconds(case, fifty, found, runs) for _ in range(5)) / runs

    assert choose(case, fifty, found).rule == fifty[-1]
    assert best < 250e-6  # about 30 µs on an idle core; the bench watches the figure


def _seconds(case, some_rules, found, runs):
    begin = stopwatch.perf_counter()
    for _ in range(runs):
        decide(case, some_rules, found)
    return stopwatch.perf_counter() - begin
