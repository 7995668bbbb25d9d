"""Rules that contradict, repeat, are never reached or point nowhere; the dry run."""

from datetime import time, timedelta

import pytest

from app.routing.rules import Flaw, compare, conflicts
from tests.make import routing as make


def flaws(rules, **world):
    return [
        (one.flaw, one.rule_id, one.because_of) for one in conflicts(rules, make.world(**world))
    ]


def test_good_rules_have_nothing_to_report():
    rules = [
        make.rule("灯", category_code="WPE-LIGHT"),
        make.rule("水电", "community", group_code="WPE"),
        make.rule("其他", "street"),
    ]

    assert flaws(rules) == []


def test_same_conditions_and_another_target_contradict():
    first = make.rule("甲", category_code="WPE-LIGHT")
    second = make.rule("乙", "community", category_code="WPE-LIGHT")

    found = conflicts([first, second], make.world())

    assert [(one.flaw, one.rule_id, one.because_of) for one in found] == [
        (Flaw.CONTRADICTS, second.id, first.id)
    ]
    assert "实际按“甲”执行" in found[0].words


def test_the_same_rule_twice_is_a_repetition():
    first = make.rule("甲", category_code="WPE-LIGHT")
    second = make.rule("乙", category_code="WPE-LIGHT")

    assert flaws([first, second]) == [(Flaw.REPEATS, second.id, first.id)]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ({"group_code": "WPE"}, {"category_code": "WPE-LIGHT"}),
        ({"kind": "repair"}, {"category_code": "WPE-LIGHT"}),
        ({"node_id": make.uid("street")}, {"node_id": make.uid("building")}),
        ({"weekdays": frozenset({1, 2, 3})}, {"weekdays": frozenset({2})}),
        (
            {"from_time": time(8), "to_time": time(20)},
            {"from_time": time(9), "to_time": time(18), "weekdays": frozenset({5})},
        ),
        ({"from_time": time(20), "to_time": time(8)}, {"from_time": time(22), "to_time": time(2)}),
        ({}, {"facility_kind": "lift", "serving_id": make.FIRM.id, "urgency": "P1"}),
        ({"valid_to": make.AT + timedelta(9)}, {"valid_to": make.AT + timedelta(8)}),
    ],
)
def test_a_later_rule_inside_an_earlier_one_is_never_reached_but_not_the_other_way(wide, narrow):
    broad, fine = make.rule("宽", **wide), make.rule("窄", "community", **narrow)

    assert flaws([broad, fine]) == [(Flaw.NEVER_REACHED, fine.id, broad.id)]
    assert flaws([fine, broad]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"group_code": "WPE"}, {"group_code": "LFT"}),
        ({"urgency": "P2"}, {"category_code": "WPE-LIGHT"}),
        ({"node_id": make.uid("building")}, {"node_id": make.uid("compound"), "urgency": "P2"}),
        ({"weekdays": frozenset({1})}, {"from_time": time(8), "to_time": time(20)}),
        ({"valid_from": make.AT + timedelta(1)}, {}),
        ({"valid_to": make.AT + timedelta(1)}, {}),
    ],
)
def test_rules_that_only_overlap_are_left_in_peace(one, other):
    assert flaws([make.rule("一", **one), make.rule("二", "community", **other)]) == []


def test_a_rule_that_points_nowhere_is_reported_and_shadows_nobody():
    ended = make.rule("旧", "organisation", organisation_id=make.uid("已注销"))
    behind = make.rule("新", "community")
    other_firm = make.rule("服务", serving_id=make.uid("已退出"), urgency="P2")
    gone = make.rule("地点", node_id=make.uid("已撤销"), urgency="P2")

    assert flaws([ended, behind]) == [(Flaw.ENDED_ORGANISATION, ended.id, None)]
    assert flaws([other_firm]) == [(Flaw.ENDED_FIRM, other_firm.id, None)]
    assert flaws([gone]) == [(Flaw.UNKNOWN_PLACE, gone.id, None)]


@pytest.mark.parametrize(
    "target",
    [
        {"target": "property"},
        {"target": "organisation", "organisation_id": make.FIRM.id},
    ],
)
def test_a_rule_that_would_give_a_complaint_to_the_accused_is_reported(target):
    rule = make.rule("投诉物业", category_code="SVC-ATTITUDE", **target)
    found = conflicts([rule], make.world())

    assert [(one.flaw, one.rule_id) for one in found] == [(Flaw.ACCUSED_BY_CATEGORY, rule.id)]
    assert "物业服务态度" in found[0].words


def test_a_rule_that_can_never_be_carried_out_shadows_nobody():
    dead = make.rule("死", category_code="SVC-ATTITUDE")
    behind = make.rule("后面", "community", category_code="SVC-ATTITUDE")

    assert flaws([dead, behind]) == [(Flaw.ACCUSED_BY_CATEGORY, dead.id, None)]


def test_a_category_nobody_knows_a_useless_mode_and_an_expired_rule_are_reported():
    unknown = make.rule("无此类", group_code="XXX")
    urgent = make.rule("急", mode="manual", category_code="EMG-GAS")
    old = make.rule("过期", valid_to=make.AT)

    assert flaws([unknown]) == [(Flaw.UNKNOWN_CATEGORY, unknown.id, None)]
    assert flaws([urgent]) == [(Flaw.MODE_OVERRIDDEN, urgent.id, None)]
    assert flaws([old]) == [(Flaw.EXPIRED, old.id, None)]


def test_a_dry_run_lists_only_what_would_go_elsewhere():
    cases = [
        (make.case("WPE-LIGHT"), make.candidates()),
        (make.case("ENV-CLEAN"), make.candidates()),
        (make.case("SVC-ATTITUDE"), make.candidates()),
    ]
    proposed = [
        make.rule("灯归社区", "community", category_code="WPE-LIGHT"),
        make.rule("全给物业", valid_from=make.AT + timedelta(days=1)),
    ]

    found = compare(cases, [], proposed)

    assert [(one.index, one.after.lead.name) for one in found] == [(0, "清河社区")]
    assert found[0].words == "原来由安居物业承办、自动派单，改后由清河社区承办、自动派单。"


def test_a_dry_run_of_the_same_rules_finds_nothing():
    rules = [make.rule("灯", category_code="WPE-LIGHT", mode="claim")]
    cases = [(make.case(code), make.candidates()) for code in make.categories()]

    assert compare(cases, rules, list(rules)) == []
