"""Who gets a case, by the categories' defaults and by rules."""

from datetime import date, time, timedelta

import pytest

from app.routing.rules import Busy, Mode, People, choose, decide
from tests.make import routing as make


def test_a_corridor_light_goes_to_the_firm_by_itself():
    case = make.case("WPE-LIGHT")

    decision = decide(case, (), make.candidates())

    assert decision.mode is Mode.AUTO
    assert decision.dispatch_now
    assert decision.lead_id == make.FIRM.id
    assert decision.project_id == make.FIRM.project_id
    assert decision.desk_level == "community"
    assert decision.respondent_id is None
    assert decision.why == (
        "属于桂花苑 2幢，“楼道灯不亮”由安居物业负责，按这类事项的规定自动派单。",
    )


def test_a_rule_is_named_in_the_reason():
    rule = make.rule("楼道照明", category_code="WPE-LIGHT")

    decision = decide(make.case("WPE-LIGHT"), [rule], make.candidates())

    assert decision.rule_id == rule.id
    assert decision.why == (
        "属于桂花苑 2幢，“楼道灯不亮”由安居物业负责，按规则“楼道照明”自动派单。",
    )


def test_the_reason_never_names_the_dwelling_or_the_unit():
    case = make.case("WPE-HOMEPLMB")

    decision = decide(case, (), make.candidates(), People(duty=(make.LIN,)))

    assert "单元" not in "".join(decision.why)
    assert make.LIN.name not in "".join(decision.why)


@pytest.mark.parametrize(
    ("code", "lead", "desk"),
    [
        ("HLP-LEGAL", make.COMMUNITY, "community"),
        ("NBR-DISPUTE", make.COMMUNITY, "community"),
        ("SUG-UNSURE", make.COMMUNITY, "community"),
        ("PUB-STREETLIGHT", make.STREET, "street"),
        ("GOV-ELECT", make.STREET, "street"),
    ],
)
def test_what_the_public_side_leads_waits_at_its_desk(code, lead, desk):
    decision = decide(make.case(code), (), make.candidates())

    assert (decision.mode, decision.dispatch_now) == (Mode.MANUAL, False)
    assert (decision.lead_id, decision.desk_level) == (lead.id, desk)


@pytest.mark.parametrize(
    ("code", "respondent", "lead", "desk"),
    [
        ("SVC-ATTITUDE", make.FIRM, make.COMMUNITY, "community"),
        ("SVC-HANDOVER", make.FIRM, make.STREET, "street"),
        ("FIN-INCOME", make.COMMITTEE, make.COMMUNITY, "community"),
        ("GOV-COMMDUTY", make.COMMITTEE, make.STREET, "street"),
        ("GOV-COMMSTAFF", make.COMMUNITY, make.STREET, "street"),
        ("GOV-STREET", make.STREET, make.DISTRICT, "district"),
    ],
)
def test_whoever_is_accused_by_the_category_is_respondent_and_nothing_else(
    code, respondent, lead, desk
):
    decision = decide(make.case(code), (), make.candidates())

    assert decision.respondent_id == respondent.id
    assert respondent.id in decision.barred_ids
    assert (decision.lead_id, decision.desk_level) == (lead.id, desk)
    assert respondent.id not in decision.co_ids
    assert not decision.dispatch_now


def test_a_ticked_complaint_about_the_firm_takes_the_repair_away_from_it():
    case = make.case("WPE-LIGHT", accuse="property")
    rule = make.rule("楼道照明", category_code="WPE-LIGHT")

    decision = decide(case, [rule], make.candidates(firms=(make.FIRM, make.RIVAL)))

    assert decision.lead_id == make.COMMUNITY.id
    assert decision.barred_ids == {make.FIRM.id, make.RIVAL.id}
    assert not decision.dispatch_now
    assert any("楼道照明" in said and "不能承办" in said for said in decision.why)


def test_a_ticked_complaint_about_the_community_moves_the_desk_to_the_street():
    case = make.case("WPE-LIGHT", accuse="community")

    decision = decide(case, (), make.candidates())

    assert decision.respondent_id == make.COMMUNITY.id
    assert decision.desk_level == "street"
    assert decision.lead_id == make.FIRM.id


def test_an_accused_community_does_not_stand_in_for_a_missing_firm():
    case = make.case("WPE-LIGHT", accuse="community")

    decision = decide(case, (), make.candidates(firms=()))

    assert decision.lead_id == make.STREET.id


def test_an_accused_facility_firm_does_not_lead_either():
    case = make.case("LFT-FAULT", accuse="property")
    firm = make.org("电梯物业")

    decision = decide(case, (), make.candidates(answerer=firm))

    assert firm.id in decision.barred_ids
    assert decision.lead_id == make.COMMUNITY.id


def test_an_accusation_without_a_known_firm_still_says_why():
    decision = decide(make.case("SVC-ATTITUDE"), (), make.candidates(firms=()))

    assert decision.respondent_id is None
    assert decision.lead_id == make.COMMUNITY.id
    assert "没有登记对应的单位" in decision.why[0]


@pytest.mark.parametrize("mode", ["manual", "claim", "rotate"])
def test_an_urgent_case_goes_to_whoever_is_on_duty_whatever_the_rule_says(mode):
    rule = make.rule("抢修", mode=mode)
    people = People(duty=(make.LIN, make.CHEN))

    decision = decide(make.case("WPE-PIPE"), [rule], make.candidates(), people)

    assert (decision.mode, decision.dispatch_now) == (Mode.AUTO, True)
    assert decision.assignee_id == make.LIN.person_id
    assert decision.call_list[:2] == (("林", make.LIN.phone), ("陈", make.CHEN.phone))


def test_an_urgent_case_with_nobody_on_duty_goes_to_the_firm_and_its_phone():
    decision = decide(make.case("WPE-PIPE"), (), make.candidates())

    assert decision.dispatch_now
    assert decision.assignee_id is None
    assert decision.call_list == (("安居物业", "10000000010"),)
    assert "值班表上现在没有人" in decision.why[-1]


def test_raised_urgency_counts_like_the_categorys_own():
    case = make.case("ENV-CORRIDOR", urgency="P1")

    decision = decide(case, [make.rule(mode="manual")], make.candidates())

    assert (decision.mode, decision.dispatch_now) == (Mode.AUTO, True)


def test_a_p0_reaches_firm_and_community_at_once_and_names_who_else_to_ring():
    decision = decide(make.case("EMG-GAS"), (), make.candidates())

    assert decision.lead_id == make.FIRM.id
    assert decision.co_ids == (make.COMMUNITY.id,)
    assert decision.parties_without_accounts == ("utility", "fire")
    assert ("清河社区", "10000000001") in decision.call_list


def test_an_urgent_accusing_case_goes_out_at_once_but_not_to_the_accused():
    decision = decide(make.case("SVC-ABANDON"), (), make.candidates())

    assert decision.dispatch_now
    assert decision.lead_id == make.STREET.id


def test_a_utility_is_reached_through_whoever_comes_along():
    gas = decide(make.case("WPE-GAS"), (), make.candidates())
    telecom = decide(make.case("WPE-TELECOM"), (), make.candidates())

    assert (gas.lead_id, gas.parties_without_accounts) == (make.FIRM.id, ("utility",))
    assert (telecom.lead_id, telecom.dispatch_now) == (make.COMMUNITY.id, False)
    assert telecom.parties_without_accounts == ("utility",)


def test_joint_enforcement_begins_with_the_firm_and_rises_to_the_community():
    view = make.category("NBR-PET", default_party=make.category("ENV-RENOWASTE").co_parties[0])

    first = decide(make.case(category=view), (), make.candidates())
    second = decide(make.case(category=view, tier=2), (), make.candidates())

    assert first.lead_id == make.FIRM.id
    assert second.lead_id == make.COMMUNITY.id
    assert "joint_enforcement" in first.parties_without_accounts


@pytest.mark.parametrize("mode", ["none", "self_managed"])
def test_a_compound_without_a_firm_falls_to_the_community_with_a_list_to_ring(mode):
    case = make.case("BLD-HOMEMINOR", spot=make.spot(management_mode=mode))
    people = People(fallback=(("水电应急", "10000000040"),))

    decision = decide(case, (), make.candidates(firms=()), people)

    assert decision.lead_id == make.COMMUNITY.id
    assert decision.call_list == (("水电应急", "10000000040"),)
    assert "费用自理" in decision.why[0]


def test_a_self_managed_compound_keeps_its_lift_firm_for_rules_only():
    case = make.case("LFT-FAULT", spot=make.spot(management_mode="self_managed"))
    named = make.rule("电梯", target="organisation", organisation_id=make.FIRM.id)

    by_default = decide(case, (), make.candidates())
    by_rule = decide(case, [named], make.candidates())

    assert by_default.lead_id == make.COMMUNITY.id
    assert (by_rule.lead_id, by_rule.project_id) == (make.FIRM.id, make.FIRM.project_id)


def test_street_furniture_belongs_to_nobodys_firm():
    hole = make.case("PUB-MANHOLE", spot=make.on_the_street())
    light = make.case("PUB-STREETLIGHT", spot=make.on_the_street())
    outside = make.candidates(firms=(), committee=None)

    assert decide(hole, (), outside).lead_id == make.COMMUNITY.id
    assert decide(hole, (), outside).dispatch_now
    assert "不在任何小区内" in decide(hole, (), outside).why[0]
    assert decide(light, (), outside).lead_id == make.STREET.id


def test_a_facility_with_its_own_party_beats_the_firm_for_what_is_broken():
    lift = make.spot(facility_kind="lift", warranty_until=date(2027, 3, 1))
    with_lifts = make.candidates(answerer=make.LIFTS)

    broken = decide(make.case("LFT-FAULT", spot=lift), (), with_lifts)
    dirty = decide(make.case("ENV-CLEAN", spot=lift), (), with_lifts)

    assert broken.lead_id == make.LIFTS.id
    assert broken.co_ids == (make.FIRM.id,)
    assert "设施在保修期内，保修到2027年3月1日。" in broken.why
    assert dirty.lead_id == make.FIRM.id


def test_a_facility_party_without_account_is_named_but_does_not_lead():
    lamp = make.spot(facility_kind="lamp", warranty_until=date(2026, 11, 15))
    case = make.case("PUB-STREETLIGHT", spot=lamp)

    decision = decide(case, (), make.candidates(answerer=make.POWER))

    assert decision.lead_id == make.STREET.id
    assert any("城东供电所" in said for said in decision.why)
    assert not any("保修" in said for said in decision.why)


def test_a_rule_may_send_to_an_organisation_without_accounts():
    rule = make.rule("供电", "organisation", "rotate", organisation_id=make.POWER.id)

    decision = decide(make.case("WPE-LIGHT"), [rule], make.candidates())

    assert (decision.lead_id, decision.lead_has_accounts) == (make.POWER.id, False)
    assert decision.mode is Mode.AUTO
    assert decision.call_list == (("城东供电所", "10000000020"),)


def test_the_first_rule_that_holds_wins_and_later_ones_do_not_count():
    first = make.rule("先", "community", "claim", category_code="WPE-LIGHT")
    second = make.rule("后", "street", "manual")

    decision = decide(make.case("WPE-LIGHT"), [first, second], make.candidates())

    assert (decision.rule_id, decision.lead_id) == (first.id, make.COMMUNITY.id)
    assert (decision.mode, decision.assignee_id) == (Mode.CLAIM, None)


def test_a_rule_to_an_ended_organisation_is_passed_over_and_said_so():
    ended = make.rule("旧", "organisation", organisation_id=make.uid("已注销"))
    spare = make.rule("备用", "street")

    decision = decide(make.case("WPE-LIGHT"), [ended, spare], make.candidates())

    assert (decision.rule_id, decision.lead_id) == (spare.id, make.STREET.id)
    assert "规则“旧”指定的单位已停用" in decision.why[0]


def test_a_manual_rule_leaves_the_lead_as_a_proposal():
    rule = make.rule("先看", "property", "manual")

    decision = decide(make.case("WPE-LIGHT"), [rule], make.candidates())

    assert (decision.lead_id, decision.dispatch_now) == (make.FIRM.id, False)
    assert decision.why[-1].endswith("按规则“先看”等清河社区派单。")


@pytest.mark.parametrize(
    "condition",
    [
        {"category_code": "WPE-WATER"},
        {"group_code": "LFT"},
        {"kind": "complaint"},
        {"urgency": "P3"},
        {"facility_kind": "lift"},
        {"node_id": make.uid("another compound")},
        {"weekdays": frozenset({6, 7})},
        {"from_time": time(18), "to_time": time(8)},
        {"serving_id": make.RIVAL.id},
        {"district_id": make.uid("another district")},
        {"valid_from": make.AT + timedelta(seconds=1)},
        {"valid_to": make.AT},
    ],
)
def test_each_condition_can_keep_a_rule_from_holding(condition):
    rule = make.rule("街道", "street", **condition)

    decision = decide(make.case("WPE-LIGHT"), [rule], make.candidates())

    assert decision.rule_id is None


def test_a_rule_holds_when_all_its_conditions_do():
    rule = make.rule(
        "全",
        "street",
        category_code="WPE-LIGHT",
        group_code="WPE",
        kind="repair",
        urgency="P2",
        facility_kind="lamp",
        node_id=make.uid("grid"),
        weekdays=frozenset({1}),
        from_time=time(9),
        to_time=time(12),
        serving_id=make.FIRM.id,
        valid_from=make.AT,
    )
    case = make.case("WPE-LIGHT", spot=make.spot(facility_kind="lamp"))

    assert decide(case, [rule], make.candidates()).rule_id == rule.id


def test_a_night_window_belongs_to_the_day_it_begins():
    rule = make.rule(weekdays=frozenset({7}), from_time=time(22), to_time=time(6))
    monday_10 = make.AT

    def holds(hours: float) -> bool:
        case = make.case(at=monday_10 + timedelta(hours=hours))
        return decide(case, [rule], make.candidates()).rule_id == rule.id

    assert holds(-10)  # Monday 00:00 belongs to Sunday night
    assert holds(-4.5)
    assert not holds(-4)  # 06:00 is no longer in it
    assert not holds(13)  # Monday 23:00


def test_whoever_gave_it_back_does_not_get_it_again():
    case = make.case("WPE-LIGHT", exclude=frozenset({make.FIRM.id}))

    one_firm = decide(case, (), make.candidates())
    two_firms = decide(case, (), make.candidates(firms=(make.FIRM, make.RIVAL)))

    assert one_firm.lead_id == make.COMMUNITY.id
    assert two_firms.lead_id == make.RIVAL.id
    assert one_firm.desk_level == "community"


def test_rotation_takes_the_least_burdened_then_the_one_who_waited_longest():
    rule = make.rule(mode="rotate", cap=5)
    people = People(duty=(make.LIN, make.CHEN, make.ZHOU))
    load = {
        make.LIN.person_id: 3,
        make.CHEN.person_id: Busy(1, make.AT - timedelta(hours=1)),
        make.ZHOU.person_id: Busy(1, make.AT - timedelta(hours=2)),
    }

    decision = decide(make.case(load=load), [rule], make.candidates(), people)

    assert decision.assignee_id == make.ZHOU.person_id
    assert decision.mode is Mode.ROTATE


def test_rotation_asks_for_the_load_of_those_on_duty_once():
    asked = []
    people = People(duty=(make.LIN, make.CHEN))

    def load(who):
        asked.append(tuple(who))
        return {make.LIN.person_id: 1}

    decision = decide(make.case(load=load), [make.rule(mode="rotate")], make.candidates(), people)

    assert decision.assignee_id == make.CHEN.person_id
    assert asked == [(make.LIN.person_id, make.CHEN.person_id)]


def test_when_everybody_is_full_it_waits_in_the_pool():
    rule = make.rule(mode="rotate", cap=2)
    people = People(duty=(make.LIN,))

    decision = decide(make.case(load={make.LIN.person_id: 2}), [rule], make.candidates(), people)

    assert (decision.lead_id, decision.assignee_id) == (make.FIRM.id, None)
    assert decision.dispatch_now
    assert "满了（每人最多2件）" in decision.why[-1]


def test_when_nobody_is_on_duty_rotation_leaves_it_in_the_pool():
    decision = decide(make.case(), [make.rule(mode="rotate")], make.candidates())

    assert decision.assignee_id is None
    assert decision.why[-1] == "现在没有人值班，放入安居物业的待接单池。"


def test_a_person_on_duty_who_also_belongs_to_the_accused_is_passed_over():
    case = make.case("SVC-ABANDON")
    people = People(duty=(make.LIN, make.CHEN), barred=frozenset({make.LIN.person_id}))

    decision = decide(case, (), make.candidates(), people)

    assert decision.assignee_id == make.CHEN.person_id
    assert make.LIN.phone not in {phone for _name, phone in decision.call_list}


def test_a_rule_may_name_the_person_as_long_as_they_still_handle():
    rule = make.rule(assignee_id=make.LIN.person_id)
    there = People(members=frozenset({make.LIN.person_id}))

    assert choose(make.case(), [rule], make.candidates()).wanted_person == make.LIN.person_id
    assert decide(make.case(), [rule], make.candidates(), there).assignee_id == make.LIN.person_id
    assert decide(make.case(), [rule], make.candidates()).assignee_id is None


def test_without_anybody_it_waits_at_the_desk_and_says_so():
    nobody = make.candidates(firms=(), desks={}, committee=None)

    decision = decide(make.case("EMG-GAS"), (), nobody)

    assert (decision.lead_id, decision.dispatch_now) == (None, False)
    assert decision.desk_level == "community"
    assert "暂时没有能承办的单位" in decision.why[-2]


def test_the_desk_climbs_past_a_level_where_nobody_stands():
    without = make.candidates(desks={"street": make.STREET, "district": make.DISTRICT})

    decision = decide(make.case("HLP-LEGAL"), (), without)

    assert (decision.desk_level, decision.lead_id) == ("street", make.STREET.id)


def test_without_firm_and_desk_there_is_still_a_list_to_ring():
    nobody = make.candidates(firms=(), desks={}, committee=None)
    people = People(fallback=(("水电应急", "10000000040"),))

    decision = decide(make.case("WPE-PIPE"), (), nobody, people)

    assert decision.lead_id is None
    assert decision.call_list == (("水电应急", "10000000040"),)
