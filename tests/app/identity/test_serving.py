"""Which firm serves a spot: specificity and dates, without a database."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.identity import serving
from app.identity.rules import OrgKind
from app.identity.serving import OrganisationView, ProjectView, Registry, ScopeView

NOW = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
PAST = NOW - timedelta(days=300)
COMPOUND, ONE, TWO = uuid4(), uuid4(), uuid4()


def scope(**part):
    return ScopeView(valid_from=part.pop("valid_from", PAST), **part)


def contract(*scopes, **extra):
    extra.setdefault("valid_from", PAST)
    return ProjectView(
        id=uuid4(), organisation_id=uuid4(), compound_id=COMPOUND, scopes=scopes, **extra
    )


def registry(*projects, **dates):
    firms = {
        project.organisation_id: OrganisationView(
            id=project.organisation_id,
            kind=OrgKind.PROPERTY_FIRM,
            name=f"公司{number}",
            short_name=f"公司{number}",
            place_id=None,
            duty_phone="12345",
            has_accounts=True,
            valid_from=PAST,
            **dates,
        )
        for number, project in enumerate(projects)
    }
    return Registry(firms, {}, {COMPOUND: projects}, {})


def served(table, building=None, kind=None, at=NOW):
    found = serving.firms(table, COMPOUND, building, kind, at)
    return [(view.project_id, view.scope) for view in found]


def test_the_facility_comes_before_the_building_and_the_building_before_the_whole():
    whole, building = contract(), contract(scope(building_id=ONE))
    lifts, lifts_here = (
        contract(scope(facility_kind="lift")),
        contract(scope(facility_kind="lift", building_id=ONE)),
    )

    found = served(registry(whole, building, lifts, lifts_here), ONE, "lift")

    assert found == [
        (lifts_here.id, "facility"),
        (lifts.id, "facility"),
        (building.id, "building"),
        (whole.id, "compound"),
    ]


def test_a_scope_elsewhere_serves_nothing_here():
    other_building, pumps = contract(scope(building_id=TWO)), contract(scope(facility_kind="pump"))

    assert served(registry(other_building, pumps), ONE, "lift") == []
    assert served(registry(other_building, pumps)) == []


def test_several_scopes_of_a_contract_add_up_and_the_closest_counts():
    both = contract(scope(building_id=ONE), scope(building_id=TWO), scope(facility_kind="lift"))

    assert served(registry(both), TWO) == [(both.id, "building")]
    assert served(registry(both), TWO, "lift") == [(both.id, "facility")]
    assert served(registry(both), None, "lift") == [(both.id, "facility")]


def test_of_two_alike_the_older_contract_comes_first():
    young, old = contract(valid_from=PAST + timedelta(days=9)), contract()

    assert [one for one, _ in served(registry(young, old))] == [old.id, young.id]


def test_a_contract_whose_scopes_have_ended_serves_nothing():
    ended = contract(scope(building_id=ONE, valid_to=NOW))

    assert served(registry(ended), ONE) == []
    assert served(registry(ended), ONE, at=NOW - timedelta(seconds=1)) == [(ended.id, "building")]


def test_a_closed_firm_serves_nothing_whatever_its_contract_says():
    running = contract()

    assert served(registry(running, valid_to=NOW)) == []


@given(
    begins=st.integers(-10, 10),
    lasts=st.one_of(st.none(), st.integers(1, 10)),
    asked=st.integers(-20, 20),
)
def test_a_contract_serves_exactly_between_its_dates(begins, lasts, asked):
    begin, at = NOW + timedelta(hours=begins), NOW + timedelta(hours=asked)
    end = None if lasts is None else begin + timedelta(hours=lasts)
    running = contract(valid_from=begin, valid_to=end)

    found = served(registry(running), at=at)

    assert bool(found) is (begin <= at and (end is None or at < end))


def test_a_project_rings_its_own_phone_before_the_firms():
    own, firms = contract(duty_phone="10011112222"), contract()

    found = serving.firms(registry(own, firms), COMPOUND, None, None, NOW)

    assert {view.project_id: view.duty_phone for view in found} == {
        own.id: "10011112222",
        firms.id: "12345",
    }


def test_a_firms_phone_does_not_show_in_a_log_line():
    found = serving.firms(registry(contract(duty_phone="10011112222")), COMPOUND, None, None, NOW)

    assert "10011112222" not in repr(found)
