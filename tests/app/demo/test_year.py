"""What the invented year is made of: pure, drawn from a seed, sayable everywhere."""

import random
from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo import corpus, season, staged
from app.demo.season import Census
from app.demo.tongue import Voice
from app.demo.world import SEED, build_world
from app.kernel.clock import SHANGHAI
from tests.conftest import MONDAY


def dice(seed):
    return random.Random(seed)  # noqa: S311 - invented, no secret


@pytest.fixture(scope="module")
def census():
    world = build_world(SEED)
    homes = {}
    for compound in world.ground.compounds:
        homes[compound.key] = [
            one for one in world.people if one.home and one.home.compound == compound.key
        ]
    return Census(
        world=world,
        neighbours=homes,
        verified=frozenset(one.key for one in world.people if one.home),
        filers={key: [("dev-community", "phone")] for key in homes},
    )


@pytest.fixture(scope="module")
def year(census):
    return season.lay_out(census, MONDAY, dice(SEED), 1500)


def test_a_year_has_as_many_reports_as_asked_for_and_none_to_come(year):
    assert len(year) == 1500
    assert all(report.at < MONDAY for report in year)
    assert year[0].at < MONDAY - timedelta(days=300)
    assert [report.at for report in year] == sorted(report.at for report in year)


def test_the_same_seed_draws_the_same_year(census, year):
    again = season.lay_out(census, MONDAY, dice(SEED), 1500)
    other = season.lay_out(census, MONDAY, dice(SEED + 1), 1500)

    assert again == year
    assert other != year


def test_every_matter_of_the_seasons_is_a_leaf_with_texts():
    assert season._table()["leaves"].keys() == corpus.load().leaves.keys()


def test_heating_fails_in_winter_and_floods_come_in_summer(year):
    months = {
        code: {report.at.astimezone(SHANGHAI).month for report in year if report.code == code}
        for code in ("WPE-HEAT", "EMG-FLOOD", "WPE-LIGHT")
    }

    assert months["WPE-HEAT"] <= {10, 11, 12, 1, 2, 3}
    assert months["EMG-FLOOD"] <= {4, 5, 6, 7, 8, 9, 10}
    assert len(months["WPE-LIGHT"]) == 12


def test_the_dark_corridor_is_what_people_report_most_often(year):
    counted = Counter(report.code for report in year)

    assert "WPE-LIGHT" in [code for code, _ in counted.most_common(3)]


def test_nobody_complains_of_a_firm_or_a_lift_that_is_not_there(census, year):
    world = census.world
    for report in year:
        compound = world.compound(report.compound)
        if report.where == "lift":
            assert compound.lift
        if report.code.startswith("SVC"):
            assert world.firms_of(report.compound)


def test_whoever_reports_can_say_it_and_be_answered(census, year):
    for report in year:
        rng = dice(report.serial)
        voice = Voice(census.world, report, rng)

        said = voice.report(urgent=False)
        kind, answer = voice.result("陆师傅")
        told = [
            said,
            answer,
            voice.progress("陆师傅"),
            voice.returned(),
            voice.rework(),
            voice.verdict("satisfied"),
            voice.verdict("mostly_satisfied"),
            voice.verdict("dissatisfied"),
            voice.on_the_phone("partly"),
            *(voice.common(name) for name in ("nudges", "supplements", "withdrawals", "merges")),
        ]

        assert kind
        assert all(text.strip() and "{" not in text for text in told)


def test_an_answer_fits_what_was_said_more_often_than_not(census, year):
    light = next(report for report in year if report.code == "PUB-STREETLIGHT")
    answers = Counter()
    for seed in range(200):
        voice = Voice(census.world, light, dice(seed))
        voice.raw = "一根路灯杆被车撞歪了，斜着，灯还亮着，不知道会不会倒"
        answers[voice.result("")[1][:6]] += 1

    assert answers.most_common(1)[0][0] == "撞歪的灯杆拆"


@settings(max_examples=100, deadline=None)
@given(
    now=st.integers(0, 1_500_000),
    minutes=st.lists(st.integers(0, 60_000), min_size=2, max_size=6),
)
def test_staged_moments_keep_their_order_and_let_people_sleep(now, minutes):
    moment = MONDAY + timedelta(minutes=now)
    ago = sorted(minutes, reverse=True)

    found = [staged.moment(f"{one}m", moment) for one in ago]

    assert found == sorted(found)
    assert found[-1] <= moment
    assert all(8 <= one.astimezone(SHANGHAI).hour < 20 for one in found)


def test_everybody_named_in_a_script_lives_in_the_district(census):
    keys = {compound.key for compound in census.world.ground.compounds}
    logins = {one.login for one in census.world.people}

    for script in staged.scripts():
        place = script["who"].partition(":")[0].partition("/")[0]
        assert place in keys or script["who"] in logins
