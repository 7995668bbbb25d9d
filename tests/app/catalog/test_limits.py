"""The numbers of a district: bounded, with history, the nearer word before the wider."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app.catalog import limits, queries, setting
from app.catalog.limits import BOUNDS, USUAL, Setting
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid, NotFound
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from tests.conftest import MONDAY

WHY = "区里规定"
HERE, ELSEWHERE = new_id(), new_id()


def put(key, value, **more):
    with unit_of_work():
        return setting.set_limit(SYSTEM, key, value, why=WHY, **more)


def held(world, later=timedelta(0)):
    return queries.limits(world.places["district"], clock.now() + later)


def test_what_nobody_set_is_what_is_usual(world):
    assert held(world) == USUAL


def test_a_districts_own_number_goes_before_the_one_for_everywhere(world):
    put("nudges", "3", district_id=world.places["district"])
    put("nudges", "9")

    assert (held(world).nudges, queries.limits(None, clock.now()).nudges) == (3, 9)


def test_a_number_taken_back_lets_the_wider_hold(world):
    put("nudges", "3", district_id=world.places["district"])
    with clock.frozen(MONDAY + timedelta(hours=1)):
        put("nudges", None, district_id=world.places["district"])

        assert held(world).nudges == USUAL.nudges


def test_a_number_of_next_month_holds_from_then_on_and_the_past_stays(world):
    put("pause_days", "30", valid_from=MONDAY + timedelta(days=30))

    days = [held(world, timedelta(days=n)).pause_days for n in (0, 29, 30, 400)]

    assert days == [60, 60, 30, 30]


def test_a_row_refuses_every_change(world):
    put("nudges", "3")

    with pytest.raises(DatabaseError), unit_of_work():
        session.execute(text("DELETE FROM district_setting"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pause_days", "0"),
        ("pause_days", "9999"),
        ("pause_days", "-1"),
        ("pause_days", "60.5"),
        ("pause_days", "٣"),
        ("review_due", "soon"),
        ("review_due", "90wd"),
        ("review_due_p0", "2h"),
        ("due_soon_percent", "100"),
        ("nobody_knows", "1"),
    ],
)
def test_what_is_out_of_bounds_is_refused(world, key, value):
    with pytest.raises(Invalid, match="bad_setting"):
        put(key, value)

    assert queries.setting_rows() == []


def test_a_start_in_the_past_or_before_what_stands_is_refused(world):
    put("nudges", "3", valid_from=MONDAY + timedelta(days=9))

    for start in (MONDAY - timedelta(days=1), None):
        with pytest.raises(Invalid, match="bad_setting"):
            put("nudges", "4", valid_from=start)
    with pytest.raises(NotFound):
        put("nudges", "4", district_id=world.places["street"])


def test_only_an_editor_sets_a_number(world):
    district = world.places["district"]

    for name in ("district", "street", "resident"):
        with pytest.raises(Forbidden), unit_of_work():
            setting.set_limit(world.actor(name), "nudges", "3", why=WHY, district_id=district)
    with unit_of_work():
        setting.set_limit(world.actor("admin"), "nudges", "3", why=WHY, district_id=district)

    assert held(world).nudges == 3


def test_what_is_usual_lies_within_its_bounds():
    for key in BOUNDS:
        value = getattr(USUAL, key)

        assert limits.read_value(key, str(value)) == value
    assert set(BOUNDS) == set(USUAL.__dataclass_fields__)


SETTINGS = st.builds(
    Setting,
    key=st.sampled_from(["nudges", "extensions"]),
    value=st.none() | st.integers(1, 5),
    district_id=st.sampled_from([None, HERE, ELSEWHERE]),
    valid_from=st.integers(0, 9).map(lambda n: MONDAY + timedelta(days=n)),
)


@given(st.lists(SETTINGS, max_size=10), st.integers(0, 10))
def test_what_comes_later_or_elsewhere_never_counts(rows, days):
    at = MONDAY + timedelta(days=days)
    counting = [one for one in rows if one.valid_from <= at and one.district_id in (None, HERE)]

    assert limits.in_force(rows, HERE, at) == limits.in_force(counting, HERE, at)


@given(st.lists(SETTINGS, max_size=10))
def test_the_last_own_word_holds(rows):
    last = Setting(key="nudges", value=7, district_id=HERE, valid_from=MONDAY + timedelta(days=9))

    assert limits.in_force([*rows, last], HERE, MONDAY + timedelta(days=10)).nudges == 7
