"""Rules in the database: changing them, history, who gets a case, in few statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time, timedelta

import pytest
from sqlalchemy import event

from app.catalog import queries as catalog
from app.identity import service as identity
from app.identity.queries import ContactView
from app.identity.service import NewProject
from app.kernel import clock, stamps
from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.db import db, session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.routing import queries, service
from app.routing.rules import Case, Flaw, Mode
from app.territory import queries as territory
from tests.make import catalog as make_catalog
from tests.make import routing as make
from tests.make import territory as make_territory

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def place(app, monday) -> make.Place:
    make_catalog.loaded_catalogue()
    return make.staffed_town()


def case(place: make.Place, code: str = "WPE-LIGHT", where=None, **extra) -> Case:
    spot = territory.spot_of_place(where or place.town.dwelling)
    view = catalog.category(code, district_id=spot.district_id, at=clock.now())
    return Case(spot=spot, category=view, at=clock.now(), **extra)


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn, cursor, statement, *rest):
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def test_a_corridor_light_reported_in_a_served_compound_goes_to_its_firm(place):
    decision = service.resolve(case(place))

    assert (decision.lead_id, decision.mode, decision.dispatch_now) == (
        place.firm,
        Mode.AUTO,
        True,
    )
    assert decision.project_id is not None
    assert decision.why == (
        "属于桂花苑 3幢，“楼道灯不亮”由安居物业负责，按这类事项的规定自动派单。",
    )


def test_an_urgent_case_finds_who_is_on_duty(place):
    decision = service.resolve(case(place, "WPE-PIPE"))

    assert decision.assignee_id == place.lin
    assert [name for name, _phone in decision.call_list] == ["林强", "陈刚", "安居物业"]


def test_the_accused_are_found_and_kept_out(place):
    with unit_of_work():
        identity.open_project(
            SYSTEM, NewProject(organisation_id=place.rival, compound_id=place.town.compound)
        )

    complaint = service.resolve(case(place, "SVC-ATTITUDE"))
    committee = service.resolve(case(place, "FIN-INCOME"))

    assert complaint.barred_ids == {place.firm, place.rival}
    assert service.barred(case(place, "SVC-ATTITUDE")) == {place.firm, place.rival}
    assert complaint.lead_id == place.community
    assert committee.respondent_id == place.committee
    assert place.committee not in committee.co_ids


def test_a_complaint_without_a_building_reaches_every_firm_of_the_compound(place):
    with unit_of_work():
        identity.open_project(
            SYSTEM,
            NewProject(
                organisation_id=place.rival,
                compound_id=place.town.compound,
                building_ids=[place.town.building],
            ),
        )

    decision = service.resolve(case(place, "SVC-ATTITUDE", place.town.compound))

    assert decision.barred_ids == {place.firm, place.rival}


def test_a_compound_without_a_firm_gets_the_community_and_its_list(place):
    with unit_of_work():
        identity.set_fallback_contacts(
            SYSTEM,
            place.town.compound,
            [ContactView("老周", "10000000060", "水电维修")],
        )
        identity.close_project(SYSTEM, project_of(place), at=clock.now() + timedelta(seconds=1))

    with clock.frozen(clock.now() + timedelta(minutes=1)):
        decision = service.resolve(case(place, "BLD-HOMEMINOR"))

    assert decision.lead_id == place.community
    assert decision.call_list == (("老周（水电维修）", "10000000060"),)
    assert "费用自理" in "".join(decision.why)


def project_of(place):
    return service.resolve(case(place)).project_id


def test_a_rule_counts_from_the_next_case_on(place):
    before = service.resolve(case(place))

    rule = make.added(place, "灯归街道", "street", "manual", category_code="WPE-LIGHT")

    after = service.resolve(case(place))
    assert before.rule_id is None
    assert (after.rule_id, after.lead_id, after.dispatch_now) == (rule.id, place.street, False)
    assert service.explain(case(place)) == after


def test_a_rule_may_hold_for_a_grid_only(place):
    square = make_territory.box(0, 0, 1, 1)
    grid = make_territory.grid(place.town.community, "G01", square)
    rule = make.added(place, node_id=grid.id)
    spot = territory.spot_at(*make_territory.at(0.5, 0.5), "gcj02")
    view = catalog.category("WPE-LIGHT", at=clock.now())

    inside = service.resolve(Case(spot=spot, category=view, at=clock.now()))

    assert rule.node_level == "grid"
    assert spot.grid_id == grid.id
    assert inside.rule_id is None  # nobody serves the open street as its firm
    assert "规则“楼道照明”" in inside.why[0]


def test_with_warm_caches_resolving_takes_at_most_one_statement(place):
    make.added(place, "轮流", mode="rotate", group_code="BLD")
    usual, urgent, turns = case(place), case(place, "WPE-PIPE"), case(place, "BLD-DOOR")
    service.resolve(usual)
    stamps.version(queries.STAMP)

    counts = []
    for one in (usual, urgent, turns):
        with statements() as seen:
            service.resolve(one)
        counts.append(len(seen))

    assert counts == [0, 1, 1]


def test_a_change_closes_the_old_version_and_opens_the_next(place, monday):
    old = make.added(place, category_code="WPE-LIGHT")
    later = monday + timedelta(hours=1)

    with clock.frozen(later), unit_of_work():
        new = service.change_rule(
            place.editor, old.id, make.draft("改名", "street", category_code="WPE-LIGHT")
        )

    session.expire_all()
    assert [row.id for row in queries.versions(old.line_id)] == [old.id, new.id]
    assert (old.valid_to, old.retired_at, old.retired_by_id) == (
        later,
        later,
        place.editor.person_id,
    )
    assert [rule.name for rule in queries.rules_of(place.town.district)] == ["改名"]
    assert [rule.name for rule in queries.rules_at(place.town.district, monday)] == ["楼道照明"]
    assert [rule.name for rule in queries.rules_at(place.town.district, later)] == ["改名"]
    with pytest.raises(Conflict), unit_of_work():
        service.change_rule(place.editor, old.id, make.draft())


def test_a_retired_rule_counts_no_more_and_stays_on_record(place):
    rule = make.added(place)
    other = make.added(place, "其他", "street", group_code="LFT")

    with unit_of_work():
        service.retire_rule(place.editor, rule.id, why="试行结束")

    session.expire_all()
    assert [row.id for row in queries.rows(place.town.district)] == [other.id]
    assert queries.rule(rule.id).retired_why == "试行结束"
    assert service.resolve(case(place)).rule_id is None
    with pytest.raises(Conflict), unit_of_work():
        service.retire_rule(place.editor, rule.id, why="再次")
    with pytest.raises(Invalid), unit_of_work():
        service.retire_rule(place.editor, other.id, why=" ")
    with pytest.raises(NotFound), unit_of_work():
        service.retire_rule(place.editor, new_id(), why="没有")


def test_reordering_changes_which_rule_wins_and_versions_only_what_moved(place):
    first = make.added(place, "甲", "community", category_code="WPE-LIGHT")
    second = make.added(place, "乙", "street", category_code="WPE-LIGHT")
    third = make.added(place, "丙", group_code="LFT")

    with unit_of_work():
        rows = service.reorder(
            place.editor, place.town.district, [second.id, first.id, third.id], why="街道优先"
        )

    assert [row.name for row in rows] == ["乙", "甲", "丙"]
    assert [row.line_id for row in rows] == [second.line_id, first.line_id, third.line_id]
    assert rows[2].id == third.id
    assert rows[0].id != second.id
    assert service.resolve(case(place)).lead_id == place.street
    with pytest.raises(Conflict), unit_of_work():
        service.reorder(place.editor, place.town.district, [second.id, first.id], why="旧")


def test_only_who_holds_the_right_where_the_rule_reaches_may_change_it(place):
    grant = Grant("admin", frozenset({Permission.ROUTING_EDIT}), place.town.community, "community")
    of_community = Actor(place.lin, "社区", (grant,))
    nobody = Actor(place.chen, "无权")
    whole = make.added(place)
    town = place.town

    with unit_of_work():
        own = service.add_rule(of_community, town.district, make.draft(node_id=town.building))

    assert own.node_level == "building"
    for act in (
        lambda: service.add_rule(of_community, town.district, make.draft()),
        lambda: service.add_rule(of_community, town.district, make.draft(node_id=town.neighbour)),
        lambda: service.change_rule(of_community, whole.id, make.draft(node_id=town.building)),
        lambda: service.retire_rule(of_community, whole.id, why="不要"),
        lambda: service.reorder(of_community, town.district, [own.id, whole.id], why="换"),
        lambda: service.add_rule(nobody, town.district, make.draft(node_id=town.building)),
    ):
        with pytest.raises(Forbidden), unit_of_work():
            act()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": " "}, "bad_rule"),
        ({"why": ""}, "bad_rule"),
        ({"organisation_id": new_id()}, "bad_rule"),
        ({"target": "organisation"}, "bad_rule"),
        ({"cap": 3}, "bad_rule"),
        ({"assignee_id": new_id()}, "bad_rule"),
        ({"facility_kind": "spaceship"}, "bad_rule"),
        ({"weekdays": frozenset({0})}, "bad_rule"),
        ({"from_time": time(8)}, "bad_rule"),
        ({"from_time": time(8), "to_time": time(8)}, "bad_rule"),
        ({"valid_to": make.AT}, "bad_rule"),
        ({"node_id": new_id()}, "unknown_place"),
        ({"category_code": "WPE-NONE"}, "unknown_category"),
        ({"group_code": "NONE"}, "unknown_category"),
        ({"category_code": "WPE-LIGHT", "kind": "complaint"}, "unknown_category"),
        ({"serving_id": new_id()}, "unknown_organisation"),
        ({"target": "organisation", "organisation_id": new_id()}, "unknown_organisation"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_with_a_reason(place, wrong, code):
    with pytest.raises(Invalid) as refusal:
        make.added(place, **wrong)

    assert refusal.value.code == code
    assert queries.rows(place.town.district) == []


def test_a_rule_that_only_gives_complaints_to_the_accused_is_refused(place):
    for target in (
        {"target": "property"},
        {"target": "organisation", "organisation_id": place.firm},
    ):
        with pytest.raises(RuleBroken) as refusal:
            make.added(place, category_code="SVC-ATTITUDE", **target)
        assert refusal.value.code == "accused_would_lead"


def test_a_person_named_by_a_rule_must_belong_there(place):
    to_firm = {"target": "organisation", "organisation_id": place.firm}
    rule = make.added(place, category_code="WPE-LIGHT", assignee_id=place.chen, **to_firm)

    decision = service.resolve(case(place))

    assert (decision.rule_id, decision.assignee_id) == (rule.id, place.chen)
    with pytest.raises(Invalid) as refusal:
        make.added(place, assignee_id=place.editor.person_id, **to_firm)
    assert refusal.value.code == "unknown_person"


def test_a_person_of_the_accused_who_is_on_duty_elsewhere_is_not_chosen(place):
    with unit_of_work():
        for person in (place.lin, place.chen):
            identity.join(SYSTEM, person, place.street)
        identity.join(SYSTEM, place.lin, place.community)

    decision = service.resolve(case(place, "WPE-PIPE", accuse="community"))

    assert decision.lead_id == place.firm
    assert decision.assignee_id == place.chen


def test_flaws_are_reported_and_the_rules_keep_standing(place):
    first = make.added(place, "甲", "organisation", organisation_id=place.rival)
    second = make.added(place, "乙", "street")
    third = make.added(place, "丙", node_id=place.town.compound)
    with unit_of_work():
        identity.close_organisation(SYSTEM, place.rival, at=clock.now() + timedelta(seconds=1))

    with clock.frozen(clock.now() + timedelta(minutes=1)):
        found = queries.findings(place.town.district)
        still = [rule.id for rule in queries.rules_of(place.town.district)]

    assert {(one.flaw, one.rule_id, one.because_of) for one in found} == {
        (Flaw.ENDED_ORGANISATION, first.id, None),
        (Flaw.NEVER_REACHED, third.id, second.id),
    }
    assert still == [first.id, second.id, third.id]


def test_a_dry_run_says_what_would_change_and_changes_nothing(place):
    proposed = [make.rule("灯归街道", "street", district_id=place.town.district)]
    cases = [case(place), case(place, "SVC-ATTITUDE"), case(place, "PUB-STREETLIGHT")]

    found = service.compare(cases, queries.rules_of(place.town.district), proposed)

    assert [one.index for one in found] == [0, 1, 2]
    assert found[0].after.lead.id == place.street
    assert service.resolve(cases[0]).lead_id == place.firm
